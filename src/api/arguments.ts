/**
 * Checks the arguments of the app's calls. Misuse is a `TypeError` or `RangeError` that names the call and the value (E1,
 * Q21).
 */
import { deadlineOf as deadlineMsOf, lifetimeOf } from '../checks/numbers.ts'
import { show, showType } from '../checks/show.ts'
import { isName, nameOf, secretNameOf } from '../checks/texts.ts'
import { EVENT_NAMES, type EventName } from '../events.ts'
import type { OperationId, UserId } from '../model.ts'
import type { OperationDraft, RecordNeeds } from '../operations/define-operation.ts'
import { localIdsOf, type NeededRecords } from '../operations/record-use.ts'
import { tokenTextOf } from '../engine/tokens/token-text.ts'

const DRAFT: ReadonlySet<string> = new Set(['kind', 'payload', 'expiresInMs'])

/** A draft of the shape that `enqueue()` takes; `call` is the name of the call. */
export function refuseMalformedDraft(call: string, draft: OperationDraft): OperationDraft {
  if (typeof draft !== 'object' || draft === null || typeof draft.kind !== 'string') {
    throw new TypeError(`${call}: expects what a defined operation makes, say addNote({ … })`)
  }
  for (const name in draft) {
    // A misspelt option would be silently without effect.
    if (!DRAFT.has(name)) throw new TypeError(`${call}: a draft has no ${show(name)}`)
  }
  const { kind, expiresInMs } = draft
  if (!isName(kind)) nameOf(`${call}: kind`, kind)
  if (expiresInMs !== undefined) lifetimeOf(`${call}: expiresInMs`, expiresInMs)
  return draft
}

/** A token may have been given in the place of the user: neither is quoted (E6). */
export function userOf(call: string, user: unknown): UserId {
  return secretNameOf(`${call}: user`, user) as UserId
}

/** An owner that a filter names: a user, or null for the anonymous identity. */
export function ownerOf(call: string, user: unknown): UserId | null {
  return user === null ? null : userOf(call, user)
}

export function idOf(call: string, id: unknown): OperationId {
  return nameOf(`${call}: the id`, id) as OperationId
}

export function idsOf(call: string, option: string, ids: unknown): readonly OperationId[] {
  if (typeof ids === 'object' && ids !== null && Symbol.iterator in ids) {
    return Array.from(ids as Iterable<unknown>, (id) => idOf(call, id))
  }
  throw new TypeError(`${call}: ${option} must be a list of ids, not ${show(ids)}`)
}

/** The local ids of records that a call needs. */
export function needsOf(call: string, needs: RecordNeeds): NeededRecords {
  if (typeof needs !== 'object' || needs === null) {
    throw new TypeError(`${call}: needs must be { required, optional }, not ${show(needs)}`)
  }
  const { required = [], optional = [] } = needs
  return {
    required: localIdsOf(`${call}: needs.required`, required),
    optional: localIdsOf(`${call}: needs.optional`, optional),
  }
}

/** The token without the white space around it (T2). */
export function tokenOf(call: string, token: string): string {
  const text = tokenTextOf(token)
  if (text !== null) return text
  if (typeof token === 'string' && token.trim() !== '') {
    throw new TypeError(`${call}: token has characters that no header can carry`)
  }
  const given = typeof token === 'string' ? "''" : showType(token)
  throw new TypeError(`${call}: token must be a non-empty string, not ${given}`)
}

export function deadlineOf(call: string, deadlineMs: unknown): number {
  return deadlineMsOf(`${call}: deadlineMs`, deadlineMs)
}

/** @throws TypeError unless there is an event of this name. */
export function eventOf<Name extends EventName | '*'>(call: string, name: Name): Name {
  if (name === '*' || EVENT_NAMES.includes(name as EventName)) return name
  throw new TypeError(`${call}: there is no event ${show(name)}`)
}

/** @throws TypeError unless the listener is a function. */
export function listenerOf<Listener>(call: string, listener: Listener): Listener {
  if (typeof listener === 'function') return listener
  throw new TypeError(`${call}: the listener must be a function, not ${show(listener)}`)
}
