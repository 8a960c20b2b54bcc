/**
 * Is this the bearer token of somebody? Verified by signature against the key set of this moment, with
 * issuer, audience and expiry. Says nothing of whether that somebody may do what is asked. A signature is
 * verified once per token and key; expiry every time.
 */
import { errors, jwtVerify } from 'jose'
import { audienceName, issuerName } from './issuer.ts'
import { signingAlgorithm } from './keys.ts'
import type { SigningKeys, VerifiedToken } from './keys.ts'

/** The token of an `Authorization` header: undefined without one, '' if it is not a bearer token. */
export function bearerOf(authorization: string | undefined): string | undefined {
  if (authorization === undefined) return undefined
  return /^Bearer +([\w.~+/=-]+) *$/i.exec(authorization)?.[1] ?? ''
}

/** Null for any token that does not hold, whatever the reason. */
export async function checkToken(
  token: string,
  keys: SigningKeys,
  now: number,
): Promise<VerifiedToken | null> {
  const { resolver, verified } = keys
  const known = verified.get(token)
  if (known !== undefined) return known.expiresAt > now ? known : null
  try {
    const { payload } = await jwtVerify(token, resolver, {
      algorithms: [signingAlgorithm],
      issuer: issuerName,
      audience: audienceName,
      requiredClaims: ['sub', 'iat', 'exp', 'jti'],
      currentDate: new Date(now),
    })
    const found = {
      user: payload.sub ?? '',
      serial: Number(payload.jti),
      expiresAt: (payload.exp ?? 0) * 1_000,
    }
    verified.set(token, found)
    return found
  } catch (error) {
    if (error instanceof errors.JOSEError) return null
    throw error
  }
}
