/** Tokens that say something of themselves. Nobody checks their signature here. */

/** A JWT with these claims; instants are in milliseconds. */
export function jwt({
  exp,
  iat,
  nbf,
  ...claims
}: {
  readonly exp?: number
  readonly iat?: number
  readonly nbf?: number
  readonly [claim: string]: unknown
}): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const times = {
    ...(exp === undefined ? {} : { exp: exp / 1000 }),
    ...(iat === undefined ? {} : { iat: iat / 1000 }),
    ...(nbf === undefined ? {} : { nbf: nbf / 1000 }),
  }
  return `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ ...claims, ...times })}.c2lnbmVk`
}
