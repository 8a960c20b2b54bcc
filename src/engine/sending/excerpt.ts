/**
 * The beginning of a server's reply, as it is stored with a dead letter: bounded and redacted (Q9). Only the
 * beginning of the reply is looked at, so that the work does not grow with the length of the reply (Q21).
 */

/** The longest excerpt, in characters. */
const LONGEST = 256

/** Redaction looks at so many characters: some secrets there become shorter, and an excerpt can still be full. */
const WINDOW = 1024

const REDACTED = '[redacted]'

/**
 * Anything that looks like a bearer credential, a JWT or a named secret, also where the end of the window cuts
 * it off. The window bounds the time that any of them can take.
 */
const SECRETS: readonly RegExp[] = [
  /\bbearer\s+[\w.~+/=-]+/gi,
  /\beyJ[\w-]*(?:\.[\w-]+(?:\.[\w-]*)?|$)/g,
  /"(?:[\w-]*(?:token|secret|password|authorization))"\s*:\s*"(?:[^"\\]|\\.)*(?:"|\\?$)/gis,
]

export function excerptOf(body: string, token: string | null): string {
  const known = token === null ? body.slice(0, WINDOW) : withoutToken(body, token)
  const redacted = SECRETS.reduce((text, pattern) => text.replace(pattern, REDACTED), known)
  // The cut may have split a character, and storage takes well-formed text only.
  return redacted.slice(0, LONGEST).toWellFormed().replaceAll('\u0000', '\ufffd')
}

/** The beginning of the body, with every copy of the token redacted that begins there: also one that ends behind it. */
function withoutToken(body: string, token: string): string {
  let text = ''
  let from = 0
  while (text.length < WINDOW) {
    const room = WINDOW - text.length
    const ahead = body.slice(from, from + room + token.length)
    const found = ahead.indexOf(token)
    if (found === -1 || found >= room) return text + ahead.slice(0, room)
    text += ahead.slice(0, found) + REDACTED
    from += found + token.length
  }
  return text
}
