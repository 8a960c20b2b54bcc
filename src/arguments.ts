/** What the app hands over, checked at the door: misuse is a `TypeError` that names the call and the value. */
import type { OperationId, UserId } from './model.ts'
import type { OperationDraft } from './operations/define-operation.ts'

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

export function tokenOf(call: string, token: string): string {
  if (typeof token === 'string' && /^[\x20-\x7e]+$/.test(token)) return token
  if (typeof token === 'string' && token !== '') {
    throw new TypeError(`${call}: token has characters that no header can carry`)
  }
  throw new TypeError(
    `${call}: token must be a non-empty string, not ${token === '' ? "''" : `a ${typeof token}`}`,
  )
}

export function deadlineOf(call: string, deadlineMs: number): void {
  if (typeof deadlineMs === 'number' && deadlineMs >= 0) return
  throw new TypeError(`${call}: deadlineMs must be 0 or more, not ${show(deadlineMs)}`)
}

function show(value: unknown): string {
  return value === '' ? "''" : String(value)
}
