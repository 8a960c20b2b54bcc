/**
 * The Storage contract: what is true. It knows rows and conditional changes of rows, and nothing of
 * why they are made. `src/simulation/storage-contract.ts` is the suite that every implementation must pass.
 */
import type { Instant, LaneId, OperationId, Requirement, UserId } from '../src/model.ts'
import type {
  OperationRow,
  EnvelopeRow,
  LetterRow,
  RecordRow,
  PositionRow,
  LaneRow,
  TokenRow,
  DeadlineRow,
  OutcomeRow,
} from './rows.ts'
import type { Affected, Change, Answer } from './changes.ts'

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
