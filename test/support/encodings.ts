/** Ways in which a server or a library writes down a text that it was given. */

const bytesOf = (text: string) => [...Buffer.from(text)]
const hexOf = (byte: number) => byte.toString(16).padStart(2, '0')

export const ENCODINGS: Readonly<Record<string, (text: string) => string>> = {
  plain: (text) => text,
  'upper case': (text) => text.toUpperCase(),
  percent: (text) =>
    bytesOf(text)
      .map((byte) => `%${hexOf(byte)}`)
      .join(''),
  'percent twice': (text) =>
    bytesOf(text)
      .map((byte) => `%25${hexOf(byte)}`)
      .join(''),
  'escapes of JSON': (text) =>
    bytesOf(text)
      .map((byte) => `\\u00${hexOf(byte)}`)
      .join(''),
  'escapes of C': (text) =>
    bytesOf(text)
      .map((byte) => `\\x${hexOf(byte)}`)
      .join(''),
  'HTML decimal': (text) =>
    bytesOf(text)
      .map((byte) => `&#${byte};`)
      .join(''),
  'HTML hexadecimal': (text) =>
    bytesOf(text)
      .map((byte) => `&#x${hexOf(byte)};`)
      .join(''),
  base64: (text) => Buffer.from(text).toString('base64'),
  base64url: (text) => Buffer.from(`Bearer ${text}`).toString('base64url'),
  hexadecimal: (text) => Buffer.from(text).toString('hex'),
  wrapped: (text) => text.replace(/(.{6})/g, '$1\n'),
}
