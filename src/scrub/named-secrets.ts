/**
 * Values in a text that stand behind the name of a secret, as forms, headers, XML and the printed objects of many
 * languages write them: `password=…`, `'apiKey': '…'`, `[token] => …`, `<secret>…</secret>`, `Bearer …`.
 *
 * A message may speak of a token (`invalid token: expired`). So a bare value behind a colon counts only if it looks
 * like no word, or if the text looks like a printed object.
 */
import type { Range } from './known-tokens.ts'

/** A name is written together (`apikey`) with all that is not a letter or a digit taken away. */
const PARTS: readonly string[] = [
  'accesskey',
  'apikey',
  'assertion',
  'authorization',
  'clave',
  'codeverifier',
  'contrasena',
  'contraseña',
  'cookie',
  'credential',
  'csrf',
  'encryptionkey',
  'geheim',
  'haslo',
  'hasło',
  'jeton',
  'jwt',
  'kennwort',
  'motdepasse',
  'passcode',
  'passphrase',
  'passwd',
  'password',
  'passwort',
  'privatekey',
  'secret',
  'senha',
  'sessid',
  'sessionid',
  'sessionkey',
  'signature',
  'signingkey',
  'token',
  'wachtwoord',
  'xsrf',
  'пароль',
  '密码',
  '密碼',
  'パスワード',
]

const WHOLES: ReadonlySet<string> = new Set([
  'auth',
  'bearer',
  'cvc',
  'cvv',
  'otp',
  'pass',
  'pin',
  'pwd',
  'session',
  'sid',
  'sig',
  'xauth',
])

/** Headers whose values have several words. */
const WHOLE_LINES: ReadonlySet<string> = new Set([
  'authorization',
  'cookie',
  'proxyauthorization',
  'setcookie',
])

const NAME = /[\p{L}\p{N}_$-]+/gu
const BEHIND_NAME = /(["'`\]]{0,2})\s{0,4}(=>|:=|=|:)\s{0,4}(?:string\(\d{1,6}\)\s{0,4})?[bu@]?/y
const XML_NAME = /<(?:[\w-]{1,32}:)?$/
const END_OF_TAG = /[^<>]{0,64}>/y
const VALUE_OF_FIELD = /["'][^<>]{0,64}?\bvalue\s{0,2}=\s{0,2}/y
const BARE = /[^\s,;&"'`<>)}\]]+/y
const SCHEME = /\b(?:basic|bearer|digest|negotiate|ntlm|api-?key)\s{1,4}/gi
const USER_INFO = /:\/\/[^\s/@"'<>]{1,256}@/g

/** True if a value of this name is a secret. */
export function isSecretName(name: string): boolean {
  const plain = name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '')
  return WHOLES.has(plain) || PARTS.some((part) => plain.includes(part))
}

export function namedSecrets(text: string): readonly Range[] {
  const found: Range[] = []
  for (const { 0: name, index } of text.matchAll(NAME)) {
    if (!isSecretName(name)) continue
    const range = valueBehind(text, name, index)
    if (range !== null) found.push(range)
  }
  for (const { 0: scheme, index } of text.matchAll(SCHEME)) {
    const start = index + scheme.length
    const end = endOf(BARE, text, start)
    const isParameter = text[end - 1] === '=' && /["']/.test(text[end] ?? '')
    const value = text.slice(start, end)
    if (!isParameter && (looksSecret(value) || value.length >= 20)) found.push([start, end])
  }
  for (const { 0: whole, index } of text.matchAll(USER_INFO)) {
    found.push([index + 3, index + whole.length - 1])
  }
  return found
}

function valueBehind(text: string, name: string, index: number): Range | null {
  const end = index + name.length
  const before = text.slice(Math.max(0, index - 34), index)
  if (XML_NAME.test(before)) {
    return elementBehind(text, end)
  }
  const field = endOf(VALUE_OF_FIELD, text, end)
  if (field !== end) return [field, endOfValue(text, field)]
  BEHIND_NAME.lastIndex = end
  const behind = BEHIND_NAME.exec(text)
  if (behind === null) return null
  const start = end + behind[0].length
  const plain = name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '')
  if (behind[2] === ':' && behind[1] === '' && WHOLE_LINES.has(plain)) {
    return [start, positionOf(text, '\n', start)]
  }
  const last = endOfValue(text, start)
  const isCertain = behind[1] !== '' || behind[2] !== ':'
  if (isCertain || isPrinted(text, index)) return [start, last]
  const value = text.slice(start, last)
  if (/^[[{]/.test(value)) return [start, last]
  const isQuoted = /^["'`]/.test(value)
  return (isQuoted ? value.length >= 6 : looksSecret(value)) ? [start, last] : null
}

/** What is in an element of XML. A message may name a place for a secret too: `Bearer <token>`. */
function elementBehind(text: string, end: number): Range | null {
  const start = endOf(END_OF_TAG, text, end)
  const last = positionOf(text, '<', start)
  const isUnfinished = last === text.length && /^[^\s"'`]{4,}$/.test(text.slice(start))
  const isElement = text[last + 1] === '/' || isUnfinished
  return start > end && isElement ? [start, last] : null
}

/** True if a bracket is open before this place: the text looks like a printed object. */
function isPrinted(text: string, index: number): boolean {
  let depth = 0
  for (let at = 0; at < index; at += 1) {
    const character = text[at] ?? ''
    if ('{[('.includes(character)) depth += 1
    else if ('}])'.includes(character)) depth -= 1
  }
  return depth > 0
}

/** No word of a message looks like this. */
function looksSecret(value: string): boolean {
  return (
    value.length >= 4 &&
    (/\d/.test(value) || /[a-z][A-Z]/.test(value) || /[!#$%*+=@^~]/.test(value))
  )
}

/** The end of a quoted value, of what is in brackets, or of a bare value. */
function endOfValue(text: string, start: number): number {
  const first = text[start] ?? ''
  if ('"\'`'.includes(first) && first !== '') return endOfQuoted(text, start)
  if ('[{('.includes(first) && first !== '') return endOfBrackets(text, start)
  const end = endOf(BARE, text, start)
  // What is put around a text: Some("…"), Optional("…").
  return /["'`]/.test(text[end] ?? '') && end > start ? endOfQuoted(text, end) : end
}

/** The quote that ends it stands before something that goes on with the object; a quote within it does not. */
function endOfQuoted(text: string, start: number): number {
  const quote = text[start] ?? ''
  for (let at = start + 1; at < text.length; at += 1) {
    if (text[at] !== quote) continue
    const rest = /^\s{0,4}(?:[,;}\])&>/]|$|\n)/.test(text.slice(at + 1, at + 7))
    if (rest || /^\s/.test(text.slice(at + 1, at + 2))) return at + 1
  }
  return text.length
}

function endOfBrackets(text: string, start: number): number {
  let depth = 0
  for (let at = start; at < text.length; at += 1) {
    const character = text[at] ?? ''
    if ('{[('.includes(character)) depth += 1
    else if ('}])'.includes(character)) depth -= 1
    if (depth === 0) return at + 1
  }
  return text.length
}

/** Where this pattern ends that begins here; here, if it does not. */
function endOf(pattern: RegExp, text: string, start: number): number {
  pattern.lastIndex = start
  return pattern.test(text) ? pattern.lastIndex : start
}

function positionOf(text: string, what: string, start: number): number {
  const at = text.indexOf(what, start)
  return at === -1 ? text.length : at
}
