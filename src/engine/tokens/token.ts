/**
 * A token, and the facts that may be known of it. The secret itself leaves only through `reveal()`: printing, logging
 * or serializing a token shows its fingerprint.
 */
import { createHmac } from 'node:crypto'
import { inspect } from 'node:util'
import { decodeJwt } from 'jose'
import type { Json } from '../../journal/lines.ts'
import type { Instant } from '../../model.ts'
import { subjectOf } from './subject.ts'

const FINGERPRINT_LENGTH = 16

/** The first instant that a token may not name (T2). */
const YEAR_10000 = Date.UTC(10_000, 0)

/** The facts of a token, without its secret. */
export interface TokenFacts {
  /** Keyed with the database's own key: the same token has the same fingerprint there, and nowhere else. */
  readonly fingerprint: string
  readonly expiresAt: Instant | null
  readonly issuedAt: Instant | null
  /** Before this instant the server may refuse it (T9). */
  readonly notBefore: Instant | null
  /** The user that the subject claim names, if a claim is looked at. Null: the token names no user. */
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

/** A token of which only the facts are known, as in a replay. */
export function tokenWithoutSecret(facts: TokenFacts): Token {
  return new Token('', facts)
}

/** Reads the claims of a token; a token that is no JWT has none. */
export function readToken(secret: string, key: string, subjectClaim: string | null): Token {
  const claims = claimsOf(secret)
  return new Token(secret, {
    fingerprint: createHmac('sha256', key)
      .update(secret)
      .digest('base64url')
      .slice(0, FINGERPRINT_LENGTH),
    expiresAt: instantOf(claims.exp),
    issuedAt: instantOf(claims.iat),
    notBefore: instantOf(claims.nbf),
    subject: subjectClaim === null ? null : subjectOf(claims, subjectClaim),
  })
}

function claimsOf(secret: string): Readonly<Record<string, unknown>> {
  try {
    return decodeJwt(secret)
  } catch {
    return {}
  }
}

/** The instant of a claim, which counts seconds. Null: it is outside of the years 1970 to 9999 (T2). */
function instantOf(seconds: unknown): Instant | null {
  if (typeof seconds !== 'number') return null
  const ms = Math.round(seconds * 1000)
  return ms >= 0 && ms < YEAR_10000 ? ms : null
}
