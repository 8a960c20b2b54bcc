/** What an implementation of Storage brings to its acceptance suite. */
import type { Change } from '../../../storage/changes.ts'
import type { Storage } from '../../../storage/storage.ts'

/** One database of the implementation under test, empty at first. Each case wants one of its own. */
export interface StorageSubject {
  /** A Storage on that database, not opened yet. Called again after each `close()` or `crash()`. */
  create(): Storage
  /**
   * Ends the life of the storage made last as the death of its process would: without `close()`, and
   * nothing that has not been committed ever will be.
   */
  crash(): Promise<void>
  /** A change that this implementation fails at, half way through a transaction. */
  readonly failing: Change
  /**
   * Does a commit cause an fsync? Then it waits for the end of its turn, so that all calls of the turn share it; if
   * not, it need not wait. Default: true.
   */
  readonly causesFsync?: boolean
  /** After the case: lets go of everything, also if the case failed. */
  dispose(): Promise<void>
}

export interface StorageContractCase {
  /** The rule, as a sentence. */
  readonly name: string
  /** Rejects with an AssertionError if the rule does not hold. Disposes of the subject. */
  run(subject: StorageSubject): Promise<void>
}
