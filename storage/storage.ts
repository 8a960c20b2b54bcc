/**
 * The Storage contract: what is true. It knows rows and conditional changes of rows, and nothing of
 * why they are made. `src/simulation/storage-contract.ts` is the suite that every implementation must pass.
 */
import type {
  DeadReason,
  DropReason,
  Instant,
  LaneId,
  OperationId,
  Requirement,
  UserId,
} from '../src/model.ts'
import type { Affected, Change, Answer } from './changes.ts'

/** One pending operation. */
export interface OperationRow {
  readonly id: OperationId
  readonly lane: LaneId
  /** Its place in the lane: smaller goes first (Q2). */
  readonly place: number
  readonly kind: string
  readonly version: number
  /** JSON text. */
  readonly payload: string
  readonly enqueuedAt: Instant
  readonly expiresAt: Instant | null
  /** The records it creates, by their local ids (Q12). */
  readonly creates: readonly string[]
  /** Is it of no use once another user has logged in on this device? (I8) */
  readonly deviceScoped: boolean
  /** Was it in flight when that happened? Then it is not to be sent again. Default: no. */
  readonly superseded?: true
}

/** What is known of an envelope, once that is more than "not sent yet". */
export interface EnvelopeRow {
  readonly lane: LaneId
  /** The place of its first member: it is known by it. */
  readonly place: number
  /** Its idempotency key, or null: it may be formed anew (Q5). */
  readonly key: string | null
  /** The places of its members, in order. */
  readonly members: readonly number[]
  /** Sendings that came to `retry`, `unknown` or `unsent` (the n of Q7). */
  readonly attempts: number
  /** The part of them that came to `unsent`: nothing of the envelope has left by them (Q6). */
  readonly unsentAttempts: number
  /** Those of them that count towards death (Q8). */
  readonly countedAttempts: number
  /** The first attempt that was not `unsent`; before it, the time of the record (Q8). */
  readonly firstAttemptAt: Instant | null
  /** Since when the outcome is unknown; never reset but by its end (Q5). */
  readonly unknownSince: Instant | null
  /** Not before this; with the wait it was computed from, so that a clock that jumped back is noticed (Q7). */
  readonly retryAt: Instant | null
  readonly waitMs: number
  /** True if the last outcome was `unknown` or `unsent`: the return of the network ends the wait then (Q7). */
  readonly waitsAfterUnknown: boolean
  /** Generations refused on this head (T4). */
  readonly refusedCount: number
  /** The last generation under which the server answered 431 (Q8). */
  readonly tooLargeGeneration: number | null
  readonly lastStatus: number | null
  /** The code of the last failure (Q22); null: the last failure was a reply. */
  readonly lastCode: string | null
  /** When the last attempt failed. */
  readonly lastFailedAt: Instant | null
}

/** An operation that failed for good (Q9). */
export interface LetterRow extends OperationRow {
  readonly reason: DeadReason
  readonly status: number | null
  /** The beginning of the server's reply, redacted. */
  readonly excerpt: string | null
  readonly diedAt: Instant
  readonly attempts: number
  /** The key it was last sent under, if its outcome is unknown: it comes back under the same (Q8). */
  readonly envelopeKey: string | null
  /** Since when its outcome is unknown, if it is. */
  readonly unknownSince: Instant | null
  /** The records whose creations failed, where that is why it is dead (Q12). */
  readonly dependsOn: readonly string[]
}

/** A record that an operation creates (Q12). */
export interface RecordRow {
  /** The id the app gave it. */
  readonly local: string
  /** The server's id, once it is made; while it is to be created anew, the former one. */
  readonly remote: string | null
  /** `lost`: its creation is dead, or was taken back, or whoever made it was forgotten (I12). */
  readonly state: 'pending' | 'made' | 'lost'
  /** The lane of its creation. */
  readonly lane: LaneId
  /** The operation that creates it; null: none has said so, but a reply named it. */
  readonly creation: OperationId | null
  readonly changedAt: Instant
}

/** A reading position: a read that waits until `readyAt` and names the token sees what was written (R2). */
export interface PositionRow {
  readonly key: string
  readonly token: string
  readonly readyAt: Instant
  /** How long that was from the reply: a clock that jumped back never makes it longer. */
  readonly waitMs: number
}

export interface LaneRow {
  readonly lane: LaneId
  readonly user: UserId | null
  readonly pending: number
  readonly letters: number
  /** Operations up to this place are sent one by one: their envelope was rejected (Q4). */
  readonly soloThrough: number
  /** The place of the first operation that is pending. Default: nobody knows. */
  readonly head?: number
  /** The last place that was given. Default: 0. */
  readonly tail?: number
  /** How far operations have moved back in all, to make room. Default: 0. */
  readonly shifted?: number
  /** Operations up to this place are to be dropped: their user logged out with `discard` (I7). Default: 0. */
  readonly discardThrough?: number
  /** Are operations of it marked as superseded (I8)? Default: no. */
  readonly hasSuperseded?: true
}

/** What is stored of a user's token. The token itself is only in `sealed`, put there by a vault (T1). */
export interface TokenRow {
  readonly user: UserId
  /** 0 before the first token. */
  readonly generation: number
  /** Bumped by the end of a session (T11). */
  readonly epoch: number
  readonly refused: boolean
  /** Fingerprints of the last tokens that were refused in this session, this one too. Default: none. */
  readonly refusedTokens?: readonly string[]
  /** Keyed; null when the session has ended. */
  readonly fingerprint: string | null
  readonly expiresAt: Instant | null
  readonly refreshAt: Instant | null
  readonly sealed: Uint8Array | null
  /** Logged out with operations pending: the session ends when the lane is empty (T11). */
  readonly leaving: boolean
}

export interface DeadlineRow {
  readonly origin: string
  readonly until: Instant
  readonly waitMs: number
}

/** How a settled operation ended, as far as it is retained. */
export interface OutcomeRow {
  readonly id: OperationId
  /** `dead`: its letter was erased with all else of its user (I12). */
  readonly outcome: 'completed' | 'dropped' | 'cancelled' | 'dead'
  readonly reason: DropReason | DeadReason | null
  /** The last status of one that died. */
  readonly status: number | null
  readonly settledAt: Instant
}

/** What storage says at the start. */
export interface OpenedState {
  /** Did this call create the database? */
  readonly fresh: boolean
  readonly fingerprintKey: string
  /** The origin that the database belongs to (E6); null: no opening has named one. */
  readonly origin: string | null
  readonly identity: UserId | null
  readonly requirement: Requirement
  readonly lanes: readonly LaneRow[]
  readonly envelopes: readonly EnvelopeRow[]
  readonly tokens: readonly TokenRow[]
  readonly deadlines: readonly DeadlineRow[]
  /** The number of the last ending that was recorded (see {@link Endings}). */
  readonly recorded: number
  /** True once of a file that was copied to its place: it does not know what has been sent since (E5). */
  readonly isCopy?: true
  /** Where a damaged database was set aside, in whose stead this one was made. */
  readonly setAside?: string
  /** With `setAside`: what was taken out of that one into this one. */
  readonly salvaged?: SalvageReport
}

/** The tables of a database, as a report names them. */
export type SalvagedRows =
  | 'operations'
  | 'envelopes'
  | 'letters'
  | 'lanes'
  | 'tokens'
  | 'records'
  | 'forgotten-records'
  | 'positions'
  | 'outcomes'
  | 'deadlines'
  | 'meta'

/**
 * Rows of a damaged database that are not in the new one: the row of a `key`, or whatever rows there were between
 * `after` and `before` (null: from the first row, to the last row).
 */
export interface MissingRows {
  readonly rows: SalvagedRows
  /** `owner-unknown`: the row can be read, and nothing certain says whose it is. */
  readonly why: 'unreadable' | 'owner-unknown'
  /** How many; null: that cannot be known. */
  readonly count: number | null
  readonly key: string | null
  readonly after: string | null
  readonly before: string | null
}

/** What came of a salvage (E2). It has numbers and keys, no payloads and no tokens. */
export interface SalvageReport {
  /** How many rows of each table were kept. */
  readonly kept: Readonly<Partial<Record<SalvagedRows, number>>>
  readonly missing: readonly MissingRows[]
  /** Operations that are dead letters now (`outcome-unknown`): they may have been sent in an envelope that is not whole any more. */
  readonly buried: readonly Affected[]
}

/** The kinds whose envelopes are recorded before they are first sent (Q5), each with the group that it merges in; null: alone. */
export type RecordedKinds = Readonly<Record<string, string | null>>

/** What an implementation may use of the process it lives in. */
export interface StorageHost {
  /** Runs a function once, at the end of this turn of the event loop. */
  readonly atTurnEnd: (run: () => void) => void
  /** Milliseconds, monotonic: bounds the time one transaction may take. */
  readonly monotonic: () => number
  readonly wall: () => Instant
  /** Taken as the fingerprint key of a new database. */
  readonly newFingerprintKey: string
  /** Taken as the origin of a database that has none yet. Default: none. */
  readonly origin?: string
  /** What a salvage needs to know. Default: any kind may be one of them. */
  readonly recordedKinds?: RecordedKinds
}

/**
 * Why commits of other processes are noticed late: there is no watch, or it has ended (`failed`); it did not tell of a
 * touch of its own (`unproved`); or what it watched was removed and cannot be made again (`gone`).
 */
export type WatchLoss = 'failed' | 'unproved' | 'gone'

export interface CommitOptions {
  /**
   * Must it survive a power cut before `commit` resolves? `false` where losing it costs no more than
   * one resend under the same key. Default: true.
   */
  readonly synced?: boolean
  /**
   * Does each change stand for itself? Then one that misses or fails takes no other with it, and the answer of one
   * that failed says why (`failed`). Default: false.
   */
  readonly apart?: boolean
}

/** Where an operation is now. */
export type Whereabouts =
  | { readonly state: 'pending'; readonly row: OperationRow; readonly user: UserId | null }
  | { readonly state: 'dead'; readonly letter: LetterRow; readonly user: UserId | null }
  | { readonly state: 'settled'; readonly outcome: OutcomeRow }

/** An operation that is pending no more; where it is now, as `find` tells it. */
export interface Settled {
  readonly id: OperationId
  readonly found: Exclude<Whereabouts, { readonly state: 'pending' }> | null
}

/**
 * What has settled of some operations, and the numbers of endings: every ending but a completion gets the next
 * number. An operation that was pending, or not yet enqueued, when `recorded` was n, and is gone now
 * (`found: null`), was completed if `forgotten` is at most n; else its outcome is not retained any more.
 */
export interface Endings {
  readonly settled: readonly Settled[]
  /** The last number, at the beginning of the question. */
  readonly recorded: number
  /** The last number that is not retained any more. */
  readonly forgotten: number
}

/**
 * What became of an operation put in a transaction of the app: that is open, or it is there, or not.
 * `unknown`: only a new opening can tell.
 */
export type Fate = 'open' | 'there' | 'gone' | 'unknown'

/**
 * After `STORAGE_CORRUPT` and `STORAGE_GONE` from any call but `open` the engine asks nothing any more but `close`, and
 * only a new opening helps (E2).
 */
export interface Storage {
  /**
   * Opens, migrates, reads. Rejects with a {@link StorageError}; then nothing was changed, and it may be tried again.
   * One storage serves one engine at a time: it rejects while it is open, and goes on as it was.
   */
  open(host: StorageHost): Promise<OpenedState>

  /**
   * Applies the changes of one call, in order, in one transaction, and resolves after the commit.
   * The calls of one turn share a transaction, unless they cause no fsync. After a change that missed, the
   * rest of its call is missed too (unless they are `apart`), so the conditional one comes first. Rejects
   * with a {@link StorageError}: then nothing of this call was applied.
   */
  commit(changes: readonly Change[], options?: CommitOptions): Promise<readonly Answer[]>

  /** The pending operations of a lane behind `after` (exclusive), in order of place. Sees every earlier commit. */
  window(lane: LaneId, after: number, limit: number): Promise<readonly OperationRow[]>

  /** Where an operation is, or null: never stored, completed, or no longer retained. */
  find(id: OperationId): Promise<Whereabouts | null>

  /**
   * Those of these operations that are pending no more, in the order of the ids. However many are asked
   * about, it is one question, and does not block the thread for long.
   */
  settled(ids: readonly OperationId[]): Promise<Endings>

  /** Dead letters, the oldest first; of one user or (`user: null`) of the anonymous identity, or of all. */
  letters(filter: {
    readonly user?: UserId | null
    readonly limit: number
  }): Promise<readonly (LetterRow & { readonly user: UserId | null })[]>

  /** What is known of these records, by their local ids; nothing of those that no operation creates. */
  records(locals: readonly string[]): Promise<readonly RecordRow[]>

  /** The newest reading position of an owner and key, or null. */
  position(user: UserId | null, key: string): Promise<PositionRow | null>

  /**
   * Takes the right to dispatch this database (Q17), unless another process has it: then answers
   * `false`, at once. It is held until `close()`, or the death of the process.
   */
  lock(): Promise<boolean>

  /** What `open` would tell now. Sees every earlier commit. */
  reload(): Promise<OpenedState>

  /**
   * Calls the listener after commits of other processes, without polling; answers how to stop. `lost` is called once if the
   * system does not tell of them, or not any more; the listener is then called late (Q17).
   */
  watch(listener: () => void, lost?: (why: WatchLoss) => void): () => void

  /** Gives back what a large drain, or a `forget`, has freed, a part in each turn, where that can be done. */
  tidy(): Promise<void>

  /**
   * The files that damage has left beside the database, with what could be read of them and what could not (E2): paths,
   * sorted. A storage that leaves no such files answers an empty list.
   */
  filesAside(): Promise<readonly string[]>

  /** Commits what was handed in, then lets go of the file. Later calls reject. */
  close(): Promise<void>
}
