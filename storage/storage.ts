/**
 * The contract of a storage, which holds the truth of the engine. A storage knows rows and conditional changes of
 * rows; it must never know why they are made. `src/simulation/storage-contract.ts` is the suite that every
 * implementation must pass.
 */
import type { DeadReason, Instant, LaneId, OperationId, Requirement, UserId } from '../src/model.ts'
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
  OwnerRow,
} from './rows.ts'
import type { Affected, Change, Answer } from './changes.ts'

/** The state that storage answers at the start. */
export interface OpenedState {
  /** True if this call created the database. */
  readonly fresh: boolean
  readonly fingerprintKey: string
  /** The origin that the database belongs to (E6); null: no opening has named an origin. */
  readonly origin: string | null
  readonly identity: UserId | null
  readonly requirement: Requirement
  readonly lanes: readonly LaneRow[]
  readonly envelopes: readonly EnvelopeRow[]
  readonly tokens: readonly TokenRow[]
  readonly deadlines: readonly DeadlineRow[]
  /** Owners of whom an operation has been completed. Default: none. */
  readonly owners?: readonly OwnerRow[]
  /** The number of the last ending that was recorded (see {@link Endings}). */
  readonly recorded: number
  /** True once, for a file that was copied to its place: the copy does not know what was sent since (E5). */
  readonly isCopy?: true
  /** The place where a damaged database was set aside; this database was made in its stead. */
  readonly setAside?: string
  /** With `setAside`: the report on the rows that were taken from the damaged database into this database. */
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
  | 'owners'
  | 'outcomes'
  | 'deadlines'
  | 'meta'

/**
 * Rows of a damaged database that are missing in the new one: the row with the key `key`, or any rows there were
 * between `after` and `before` (null: from the first row, to the last row).
 */
export interface MissingRows {
  readonly rows: SalvagedRows
  /** `owner-unknown`: the row can be read, but its owner is not certain. */
  readonly why: 'unreadable' | 'owner-unknown'
  /** How many rows are missing; null: the number cannot be known. */
  readonly count: number | null
  readonly key: string | null
  readonly after: string | null
  readonly before: string | null
}

/** The result of a salvage (E2). It has numbers and keys, no payloads and no tokens. */
export interface SalvageReport {
  /** How many rows of each table were kept. */
  readonly kept: Readonly<Partial<Record<SalvagedRows, number>>>
  readonly missing: readonly MissingRows[]
  /**
   * Operations that are dead letters now (`outcome-unknown`): they may have been sent in an envelope that is no
   * longer whole.
   */
  readonly buried: readonly Affected[]
}

/**
 * The kinds whose envelopes are recorded before they are first sent (Q5), each with its merge group; null: operations
 * of the kind do not merge.
 */
export type RecordedKinds = Readonly<Record<string, string | null>>

/** The parts of the surrounding process that an implementation may use. */
export interface StorageHost {
  /** Runs a function once, at the end of this turn of the event loop. */
  readonly atTurnEnd: (run: () => void) => void
  /** Milliseconds, monotonic: bounds the time one transaction may take. */
  readonly monotonic: () => number
  readonly wall: () => Instant
  /** Taken as the fingerprint key of a new database. */
  readonly newFingerprintKey: string
  /** Taken as the origin of a database that has no origin yet. Default: none. */
  readonly origin?: string
  /** The recorded kinds, which a salvage needs. Default: any kind may be a recorded kind. */
  readonly recordedKinds?: RecordedKinds
}

/**
 * Why commits of other processes are noticed late. `failed`: there is no watch, or it has ended. `unproved`: the
 * watch did not report a touch of this process itself. `gone`: the watched file was removed and cannot be made again.
 */
export type WatchLoss = 'failed' | 'unproved' | 'gone'

export interface CommitOptions {
  /**
   * True if the commit must survive a power cut before `commit` resolves. False where a lost commit costs no more
   * than one resend under the same key. Default: true.
   */
  readonly synced?: boolean
  /**
   * True if each change stands for itself: a change that misses or fails takes no other change with it, and the
   * answer of a failed change says why (`failed`). Default: false.
   */
  readonly apart?: boolean
}

/** Where an operation is now. */
export type Whereabouts =
  | { readonly state: 'pending'; readonly row: OperationRow; readonly user: UserId | null }
  | { readonly state: 'dead'; readonly letter: LetterRow; readonly user: UserId | null }
  | { readonly state: 'settled'; readonly outcome: OutcomeRow }

/** An operation that is no longer pending, and where it is now, as `find` tells it. */
export interface Settled {
  readonly id: OperationId
  readonly found: Exclude<Whereabouts, { readonly state: 'pending' }> | null
}

/**
 * Which of the given operations have settled, and the numbers of endings. Every ending gets the next number, but for a
 * completion that is not retained. Take an operation that was pending, or not yet enqueued, when `recorded` was n, and
 * that is gone now (`found: null`). It was completed, without a result, if `forgotten` is at most n; else its outcome is
 * no longer retained.
 */
export interface Endings {
  readonly settled: readonly Settled[]
  /** The last number that was given, at the beginning of the question. */
  readonly recorded: number
  /** The highest number whose ending is no longer retained. */
  readonly forgotten: number
}

/**
 * What became of an operation in a transaction of the app. `open`: the transaction is open. `there`: the operation is
 * stored. `gone`: it is not. `unknown`: only a new opening can tell.
 */
export type Fate = 'open' | 'there' | 'gone' | 'unknown'

/** Names dead letters: those that are as each given field says. */
export interface LetterFilter {
  /** Of this user, or of the anonymous identity (`null`). Default: of all owners. */
  readonly user?: UserId | null
  readonly kind?: string
  readonly reason?: DeadReason
  /** Only letters behind this one, in the given order. Default: from the first. */
  readonly after?: LetterPosition
  readonly limit: number
  /**
   * `age`: the oldest first. `newest`: the newest first. `place`: lane by lane, each in the order of its places.
   * Default: `age`.
   */
  readonly order?: 'age' | 'newest' | 'place'
}

/** Where a dead letter stands in each order. */
export interface LetterPosition {
  readonly diedAt: Instant
  readonly lane: LaneId
  readonly place: number
  readonly id: OperationId
}

/**
 * After `STORAGE_CORRUPT` and `STORAGE_GONE` from any call but `open`, the engine calls nothing but `close`, and only
 * a new opening helps (E2).
 */
export interface Storage {
  /**
   * Opens the database, migrates it, and reads the state. Rejects with a {@link StorageError}; then nothing was
   * changed, and the call may be tried again. One storage serves one engine at a time: `open` rejects while the
   * storage is open, and the storage goes on as it was.
   */
  open(host: StorageHost): Promise<OpenedState>

  /**
   * Applies the changes of one call, in order, in one transaction, and resolves after the commit. The calls of one
   * turn share a transaction, unless they cause no fsync. After a change that missed, the rest of its call is missed
   * too (unless they are `apart`), so the conditional change comes first. Rejects with a {@link StorageError}: then
   * nothing of this call was applied.
   */
  commit(changes: readonly Change[], options?: CommitOptions): Promise<readonly Answer[]>

  /** The pending operations of a lane behind `after` (exclusive), in order of place. Sees every earlier commit. */
  window(lane: LaneId, after: number, limit: number): Promise<readonly OperationRow[]>

  /** Where an operation is. Null: it was never stored, was completed, or is no longer retained. */
  find(id: OperationId): Promise<Whereabouts | null>

  /**
   * The given operations that are no longer pending, in the order of the ids. However many ids are given, it is one
   * question, and does not block the thread for long.
   */
  settled(ids: readonly OperationId[]): Promise<Endings>

  /** Dead letters that the filter names, in its order. */
  letters(filter: LetterFilter): Promise<readonly (LetterRow & { readonly user: UserId | null })[]>

  /** The rows of these records, by their local ids. A record that no operation creates is left out. */
  records(locals: readonly string[]): Promise<readonly RecordRow[]>

  /** The newest reading position of an owner and key, or null. */
  position(user: UserId | null, key: string): Promise<PositionRow | null>

  /**
   * Takes the right to dispatch this database (Q17). Answers `false` at once if another process has it. The right is
   * held until `close()`, or until the process dies.
   */
  lock(): Promise<boolean>

  /** The state that `open` would answer now. Sees every earlier commit. */
  reload(): Promise<OpenedState>

  /**
   * Calls the listener after commits of other processes, without polling; returns the function that stops it. `lost`
   * is called once if the system does not report such commits, or no longer does; then the listener is called late
   * (Q17).
   */
  watch(listener: () => void, lost?: (why: WatchLoss) => void): () => void

  /**
   * Gives back the space that a large drain or a `forget` has freed, a part in each turn, where the implementation
   * can do so.
   */
  tidy(): Promise<void>

  /**
   * The paths of the files that damage has left beside the database, sorted. They hold the rows that could be read,
   * and the rows that could not (E2). A storage that leaves no such files answers an empty list.
   */
  filesAside(): Promise<readonly string[]>

  /** Commits every change that was handed in, then closes the file. Later calls reject. */
  close(): Promise<void>
}
