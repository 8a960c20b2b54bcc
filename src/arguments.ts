/** What the app hands over, checked at the door: misuse is a `TypeError` that names the call and the value. */
import type { OperationId, UserId } from './model.ts'
import type { OperationDraft } from './operations/define-operation.ts'
import { tokenTextOf } from './tokens/token-text.ts'

export function refuseMalformedDraft(draft: OperationDraft): OperationDraft {
  if (typeof draft !== 'object' || draft === null || typeof draft.kind !== 'string') {
    throw new TypeError('enqueue: expects what a defined operation makes, say addNote({ … })')
  }
  const { expiresInMs } = draft
  if (expiresInMs !== undefined && !(Number.isFinite(expiresInMs) && expiresInMs > 0)) {
    throw new TypeError(
      `enqueue: expiresInMs must be a number of milliseconds, more than 0, not ${String(expiresInMs)}`,
    )
  }
  return draft
}

export function userOf(call: string, user: string): UserId {
  if (typeof user === 'string' && user !== '') return user as UserId
  throw new TypeError(`${call}: user must be a non-empty string, not ${show(user)}`)
}

export function idOf(call: string, id: string): OperationId {
  if (typeof id === 'string' && id !== '') return id as OperationId
  throw new TypeError(`${call}: the id must be a non-empty string, not ${show(id)}`)
}

/** The token without the white space around it (T2). */
export function tokenOf(call: string, token: string): string {
  const text = tokenTextOf(token)
  if (text !== null) return text
  if (typeof token === 'string' && token.trim() !== '') {
    throw new TypeError(`${call}: token has characters that no header can carry`)
  }
  const given = typeof token === 'string' ? "''" : `a ${typeof token}`
  throw new TypeError(`${call}: token must be a non-empty string, not ${given}`)
}

export function deadlineOf(call: string, deadlineMs: number): void {
  if (typeof deadlineMs === 'number' && deadlineMs >= 0) return
  throw new TypeError(`${call}: deadlineMs must be 0 or more, not ${show(deadlineMs)}`)
}

function show(value: unknown): string {
  return value === '' ? "''" : String(value)
}
