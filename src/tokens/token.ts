/**
 * A token, and what may be known of it. The secret itself leaves only through `reveal()`: printing,
 * logging or serializing a token shows its fingerprint.
 */
import { createHmac } from 'node:crypto'
import { inspect } from 'node:util'
import { decodeJwt } from 'jose'
import type { Json } from '../journal/lines.ts'
import type { Instant } from '../model.ts'

const FINGERPRINT_LENGTH = 16

/** What is known of a token without its secret. */
export interface TokenFacts {
  /** Keyed with the database's own key: the same token has the same fingerprint there, and nowhere else. */
  readonly fingerprint: string
  readonly expiresAt: Instant | null
  readonly issuedAt: Instant | null
  /** What the subject claim says, if one is looked at. */
  readonly subject: string | null
}

export class Token {
  readonly facts: TokenFacts
  readonly #secret: string

  constructor(secret: string, facts: TokenFacts) {
    this.#secret = secret
    this.facts = facts
  }

  reveal(): string {
    return this.#secret
  }

  toString(): string {
    return `[token ${this.facts.fingerprint}]`
  }

  toJSON(): Json {
    return { ...this.facts }
  }

  [inspect.custom](): string {
    return this.toString()
  }
}

/** Reads what a token says of itself; one that is no JWT says nothing. */
export function readToken(secret: string, key: string, subjectClaim: string | null): Token {
  const claims = claimsOf(secret)
  const subject = subjectClaim === null ? undefined : claims[subjectClaim]
  return new Token(secret, {
    fingerprint: createHmac('sha256', key)
      .update(secret)
      .digest('base64url')
      .slice(0, FINGERPRINT_LENGTH),
    expiresAt: instantOf(claims.exp),
    issuedAt: instantOf(claims.iat),
    subject: typeof subject === 'string' ? subject : null,
  })
}

function claimsOf(secret: string): Readonly<Record<string, unknown>> {
  try {
    return decodeJwt(secret)
  } catch {
    return {}
  }
}

/** JWT times are in seconds. */
function instantOf(seconds: unknown): Instant | null {
  return typeof seconds === 'number' && Number.isFinite(seconds) ? Math.round(seconds * 1000) : null
}
