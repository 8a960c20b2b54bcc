/** The names that the product gives to things, at run time: a scenario that says another one is misspelt. */
import { HOLDS } from '../../machines/holds.ts'
import { DEAD_REASONS } from '../dead-reasons.ts'
import type { ErrorCode } from '../errors.ts'
import { EVENT_NAMES, type EventName, type HoldfastEvents } from '../events.ts'
import type { DropReason, TokenNeedReason } from '../model.ts'

type Named<Name extends string> = Readonly<Record<Name, true>>

const namesIn = (named: object): ReadonlySet<string> => new Set(Object.keys(named))

export const DEAD_REASON_SET: ReadonlySet<string> = new Set(DEAD_REASONS)

export const DROP_REASONS = namesIn({
  anonymous: true,
  expired: true,
  logout: true,
  superseded: true,
  forgotten: true,
  discarded: true,
} satisfies Named<DropReason>)

export const NEED_REASONS = namesIn({
  missing: true,
  expiring: true,
  expired: true,
  refused: true,
  unreadable: true,
} satisfies Named<TokenNeedReason>)

export const HOLD_NAMES = namesIn(HOLDS)

export const ERROR_CODES = namesIn({
  UNKNOWN_KIND: true,
  INVALID_PAYLOAD: true,
  PAYLOAD_TOO_LARGE: true,
  QUEUE_FULL: true,
  UNKNOWN_OPERATION: true,
  NOT_RETRYABLE: true,
  TOO_LATE: true,
  FOREIGN_FOLLOW_UP: true,
  REQUIREMENT_UNKNOWN: true,
  OTHER_PROCESS: true,
  APP_CODE_FAILED: true,
  INTERNAL: true,
  AUTH_USER_MISMATCH: true,
  AUTH_REFRESH_FAILED: true,
  AUTH_SOURCE_FAILED: true,
  AUTH_TOKEN_REFUSED: true,
  AUTH_ANONYMOUS: true,
  NOT_SENT: true,
  READ_FAILED: true,
  READ_CANCELLED: true,
  AUTH_DENIED: true,
  AUTH_VAULT_UNREADABLE: true,
  AUTH_VAULT_UNAVAILABLE: true,
  REPLAY_DIVERGED: true,
  JOURNAL_INVALID: true,
  SCENARIO_INVALID: true,
  STORAGE_COPIED: true,
  WATCH_LOST: true,
  STORAGE_FULL: true,
  STORAGE_READ_ONLY: true,
  STORAGE_BUSY: true,
  STORAGE_CORRUPT: true,
  STORAGE_GONE: true,
  STORAGE_NEWER_SCHEMA: true,
  ORIGIN_CHANGED: true,
  STORAGE_UNAVAILABLE: true,
  CLOSED: true,
} satisfies Named<ErrorCode>)

/** The codes of a request without a reply, beside the codes of `unsent` rules: the network is down, or no reply in time. */
export const TRANSPORT_CODES: ReadonlySet<string> = new Set(['ENETUNREACH', 'TIMEOUT'])

/** The errors of misuse: they have a name, and no code. */
export const MISUSE_ERRORS: ReadonlySet<string> = new Set(['TypeError', 'RangeError'])

export const EVENT_NAME_SET: ReadonlySet<string> = new Set(EVENT_NAMES)

/** The fields of an event that a scenario may expect. */
type Field<Name extends EventName> =
  | Extract<keyof HoldfastEvents[Name], 'id' | 'user' | 'kind' | 'reason' | 'suspected'>
  | ('error' extends keyof HoldfastEvents[Name] ? 'code' : never)

const OF_OPERATION = { id: true, user: true, kind: true } as const

const EVENT_FIELDS: { readonly [Name in EventName]: Named<Field<Name>> } = {
  'operation.enqueued': OF_OPERATION,
  'operation.sent': OF_OPERATION,
  'operation.retrying': { ...OF_OPERATION, code: true },
  'operation.completed': OF_OPERATION,
  'operation.dropped': { ...OF_OPERATION, reason: true },
  'operation.cancelled': OF_OPERATION,
  'operation.dead': { ...OF_OPERATION, reason: true },
  'token.needed': { user: true, reason: true },
  'token.updated': { user: true },
  'token.refused': { user: true },
  'token.refreshFailed': { user: true, code: true },
  'identity.changed': { user: true },
  'requirement.changed': { suspected: true },
  'lane.held': { user: true },
  'lane.released': { user: true },
  'queue.paused': {},
  'queue.resumed': {},
  'queue.drained': {},
  'read.deferred': { id: true, user: true },
  'read.completed': { id: true, user: true },
  error: { code: true },
}

/** Null: there is no such event. */
export function fieldsOfEvent(name: string): ReadonlySet<string> | null {
  return isEvent(name) ? namesIn(EVENT_FIELDS[name]) : null
}

function isEvent(name: string): name is EventName {
  return Object.hasOwn(EVENT_FIELDS, name)
}

/** Null: the event has no reason. */
export function reasonsOfEvent(name: string): ReadonlySet<string> | null {
  if (name === 'operation.dead') return DEAD_REASON_SET
  if (name === 'operation.dropped') return DROP_REASONS
  return name === 'token.needed' ? NEED_REASONS : null
}
