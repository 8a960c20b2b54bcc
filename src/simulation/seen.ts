/** What is written down of a run, beside what the server saw. Plain data; times are virtual. */
import type { Status } from '../engine/status.ts'
import type { EventName, HoldfastEvents } from '../events.ts'
import type { Instant, Requirement } from '../model.ts'
import type { ReadOutcome } from '../operations/read-interpretation.ts'
import { nameOf } from './operation-names.ts'
import type { ProcessName } from './process-name.ts'

/** An event as the app heard it. */
export interface SeenEvent {
  readonly at: number
  readonly event: EventName
  readonly id: string | null
  readonly user: string | null
  readonly kind: string | null
  readonly reason: string | null
  readonly code: string | null
  readonly suspected: boolean | null
}

/** The same event, whole. */
export interface HeardEvent {
  readonly at: number
  readonly life: number
  readonly event: EventName
  readonly detail: object
}

export interface SourceCall {
  readonly at: number
  readonly user: string
  readonly reason: string
  readonly life: number
  /** What it was answered, and when; null: nothing yet. */
  answer: SourceOutcome | null
}

export interface SourceOutcome {
  readonly at: number
  readonly wall: Instant
  readonly outcome: 'token' | 'none' | 'denied' | 'throws' | 'garbage'
  /** The name of the token it gave. */
  readonly token: string | null
}

/** A call of the source of the requirement. */
export interface DemandCall {
  readonly at: number
  readonly life: number
  /** Null: nothing yet. */
  answer: DemandOutcome | null
}

export interface DemandOutcome {
  readonly at: number
  readonly outcome: Requirement | 'fails'
}

/** What an `enqueue()` was called with. */
interface SeenDraft {
  readonly kind: string
  readonly payload: unknown
  readonly expiresInMs?: number | undefined
  /** How the transaction of the app ended: it was `enqueueWithin()`. Undefined: it was `enqueue()`. */
  readonly within?: 'commit' | 'rollback' | undefined
}

/** What `pending()` or `deadLetters()` was asked for; of a user that is left out: of all. */
interface SeenFilter {
  readonly user?: string | null | undefined
  readonly limit?: number | undefined
}

/** A call of the app, and what became of it. */
export interface SeenCall {
  readonly at: number
  readonly wall: Instant
  readonly life: number
  readonly name: string
  /** The name of the operation it is about. */
  readonly step: string | null
  /** Whose identity it was, by what the app had called; of a login or a token: whose it is. */
  readonly user: string | null
  /** The name of the token that was handed over. */
  readonly token: string | null
  readonly draft: SeenDraft | null
  /** What a logout does with what is pending (I7). */
  readonly pending: 'keep' | 'flush' | 'discard' | null
  /** Of `pending()` and `deadLetters()`. */
  readonly filter: SeenFilter | null
  /** Of a `read()`: whose reading positions it uses; null: those without a key. */
  readonly key: string | null
  /** Of a read: the operations that it comes after; null: all that its user has pending (R1). */
  readonly after: readonly string[] | null
  /** Of a read: the local ids of the records that it needs (Q12). */
  readonly needs: readonly string[]
  /** Of a read: how the app judges its replies, by status; null: it judges none (R5). */
  readonly interpret: Readonly<Record<string, ReadOutcome | 'throws'>> | null
  /** Of a call with a deadline: that, in milliseconds; null: it has none. */
  readonly deadlineMs: number | null
  /** What the database held of its user when a `logout()`, `flush()` or `forget()` resolved; null: it has not, or is none of them. */
  left: LeftOfUser | null
  settledAt: number | null
  /**
   * What it resolved with, as the app got it; undefined: nothing, or it has not resolved. An `enqueue()` has `{ id }`
   * instead of its receipt.
   */
  result: unknown
  /** What it rejected with; null: nothing. */
  error: unknown
}

export interface LeftOfUser {
  readonly pending: number
  readonly letters: number
  /** Rows of records and of reading positions, also those whose lane is gone; null: the database could not be read. */
  readonly others: number | null
}

/** An `enqueue()` that resolved. */
export interface Acknowledgement {
  readonly at: number
  readonly life: number
  readonly id: string
  readonly call: SeenCall
  /** What the database knew of the operation at that moment; null: nothing. */
  readonly found: 'pending' | 'dead' | 'settled' | null
}

/** A receipt that is awaited from its beginning. */
export interface SeenReceipt {
  readonly id: string
  readonly life: number
  /** Null: it has not settled yet. */
  settlement: {
    readonly outcome: string
    readonly reason: string | null
    /** Undefined: it has none. */
    readonly result: unknown
  } | null
  /** The code of what it rejected with; null: it has not. */
  refusal: string | null
}

/** A callback of `subscribe()`, and what `status()` was each time it was called. */
export interface SeenSubscription {
  readonly at: number
  readonly life: number
  /** What `status()` was when it was added. */
  readonly from: Status
  readonly called: { readonly at: number; readonly status: Status }[]
}

/** A listener to every event that came late. What it hears later, the first listeners hear too. */
export interface SeenLateListener {
  readonly at: number
  readonly life: number
  /** Who was logged in, by what the app has called. */
  readonly identity: string | null
  /** What `status()` showed of needs at that moment. */
  readonly needs: Status['tokenNeeds']
  /** What it heard before `on()` returned. */
  readonly heard: { readonly event: EventName; readonly detail: object }[]
}

/** A process, from its start to its end. */
export interface SeenLife {
  readonly process: ProcessName
  readonly startedAt: number
  /** The wall clock at that moment. */
  readonly wall: Instant
  /** When it died or exited; null: it lives. */
  endedAt: number | null
  /** When it began to close, whatever the deadline; null: it has not. */
  closingAt: number | null
  readonly beganBy: 'start' | 'crash' | 'restart'
  /** The operations that the database knew when it began, in whatever state. */
  readonly kept: ReadonlySet<string>
  /** How many acknowledgements and transitions there were when it began. */
  readonly after: { readonly acknowledged: number; readonly transitions: number }
  /** The versions of the kinds it was given. */
  readonly versions: ReadonlyMap<string, number>
  /** What was still there of it after `close()`; null: it was not closed. */
  leftover: { readonly timers: number; readonly listeners: number } | null
}

/** A try to set the files of a damaged database aside. Contents are in the order of `DATABASE_FILES`; null: there is no such file. */
export interface SeenSetAside {
  readonly at: number
  readonly before: readonly (string | null)[]
  /** What is in the place of the database after the try, and what in the new place. */
  readonly left: readonly (string | null)[]
  readonly moved: readonly (string | null)[]
  /** Null: it has succeeded. */
  readonly error: Error | null
}

/** What the machine did; `disk`: a commit failed; `closing`: a process began to close with a deadline; `death`: a process died beside a commit. */
export interface SeenTurn {
  readonly at: number
  readonly turn:
    | 'online'
    | 'offline'
    | 'suspended'
    | 'resumed'
    | 'slept'
    | 'wall'
    | 'disk'
    | 'salvage'
    | 'watch-failed'
    | 'side-file-removed'
    | 'side-file-made-again'
    | 'noticed-by-a-look'
    | 'closing'
    | 'death-before-commit'
    | 'death-after-commit'
  /** How far the wall clock jumped, or how long the machine slept: it has just woken. */
  readonly byMs: number
}

export function seenEvent(
  at: number,
  event: EventName,
  detail: HoldfastEvents[EventName],
): SeenEvent {
  const { id, user, kind, reason, error, suspected } = detail as {
    readonly id?: string
    readonly user?: string | null
    readonly kind?: string
    readonly reason?: string
    readonly error?: { readonly code: string | null } | null
    readonly suspected?: boolean
  }
  return {
    at,
    event,
    id: id === undefined ? null : nameOf(id),
    user: user ?? null,
    kind: kind ?? null,
    reason: reason ?? null,
    code: error?.code ?? null,
    suspected: suspected ?? null,
  }
}
