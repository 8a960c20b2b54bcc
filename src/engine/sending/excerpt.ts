/** The beginning of a server's reply, as it may be stored with a dead letter: bounded and redacted (Q9). */

const LONGEST = 256

/** Anything that looks like a bearer credential, a JWT or a named secret. */
const SECRETS: readonly RegExp[] = [
  /\bbearer\s+[\w.~+/=-]+/gi,
  /\beyJ[\w-]*\.[\w-]+(\.[\w-]*)?/g,
  /("(?:[\w-]*(?:token|secret|password|authorization))"\s*:\s*)"[^"]*"/gi,
]

export function excerptOf(body: string, token: string | null): string {
  const known = token === null ? body : body.replaceAll(token, '[redacted]')
  const redacted = SECRETS.reduce((text, pattern) => text.replace(pattern, '[redacted]'), known)
  return redacted.slice(0, LONGEST)
}
