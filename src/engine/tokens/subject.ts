/** Reads the user that a token names in its subject claim, and tells whether that is the right user (T2). */
import { HoldfastError } from '../../errors.ts'
import type { UserId } from '../../model.ts'

type Claims = Readonly<Record<string, unknown>>

/** A token, as far as it names its user. */
interface Named {
  readonly facts: { readonly subject: string | null }
}

/**
 * The user that the claim names. `claim` is the name of a claim, or a path such as
 * `identity.external_id`; a claim whose very name is the whole text comes first. Null: no user is named.
 */
export function subjectOf(claims: Claims, claim: string): string | null {
  return textOf(own(claims, claim) ?? claim.split('.').reduce<unknown>(own, claims))
}

/** The error of a token that does not name its user. Null: it names the user, or no claim is looked at. */
export function mismatchOf(user: UserId, token: Named, claim: string | null): HoldfastError | null {
  if (claim === null || token.facts.subject === user) return null
  const message = `the token given for ${user} does not name this user in its claim ${claim}`
  return new HoldfastError('AUTH_USER_MISMATCH', message, { user, option: 'subjectClaim' })
}

function own(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  return Object.hasOwn(value, name) ? (value as Claims)[name] : undefined
}

/** A number counts as its decimal text. A number that JSON does not keep exactly names no user. */
function textOf(value: unknown): string | null {
  if (typeof value === 'string') return value
  return Number.isSafeInteger(value) ? String(value) : null
}
