/** What the two sides of a storage on a worker thread say to each other: plain data, in order. */
import type { Instant } from '../../../src/model.ts'
import type { StorageErrorCode } from '../../storage-error.ts'
import type { OpenedState, Storage, StorageHost, WatchLoss } from '../../storage.ts'

/** What the thread is told of the process that asks. */
type HostFacts = Pick<StorageHost, 'newFingerprintKey' | 'origin' | 'recordedKinds'>

/** What can be asked of the thread: what can be asked of a storage, as plain data. */
export interface Asked extends Omit<Storage, 'open' | 'watch'> {
  open(facts: HostFacts): Promise<OpenedState>
  /** From now on reports say when somebody else has committed. */
  watch(): Promise<void>
  unwatch(): Promise<void>
}

export type QuestionName = keyof Asked

export interface Question {
  /** Its answer has the same. */
  readonly number: number
  readonly name: QuestionName
  readonly args: readonly unknown[]
}

/** To the thread: what was handed in during one turn of the event loop, in order. */
export interface Handed {
  /** The thread has no clock of its own. */
  readonly wall: Instant
  readonly monotonic: number
  readonly questions: readonly Question[]
}

/** A `StorageError`; of its cause only what it says. */
export interface PlainError {
  readonly code: StorageErrorCode
  readonly message: string
  readonly cause: string | null
}

export type Answered = { readonly number: number } & (
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly error: PlainError }
)

/** From the thread: what has been answered since its last report, in order. */
export interface Report {
  readonly answers: readonly Answered[]
  /** Somebody else has committed. */
  readonly hasNews: boolean
  /** From now on commits of others are noticed late; null: that is not new, or not so. */
  readonly lost: WatchLoss | null
}
