/**
 * The engine's calls as an app sees them, and nothing of how they are done. `src/api/live-holdfast.ts` carries them out.
 */
import type { SqliteConnection } from '../storage/sqlite/options.ts'
import type {
  DeadlineOptions,
  FlushResult,
  LoginOptions,
  LogoutOptions,
  ReadOptions,
  RetryOptions,
  SendNowOptions,
  SendNowResult,
} from './api/call-options.ts'
import type { ForgetResult } from './api/forget-result.ts'
import type { ListenedName, Listener } from './api/listeners.ts'
import type { DeadLetter, OperationInfo, PendingOperation } from './api/operation-info.ts'
import type { Receipt } from './api/receipts.ts'
import type { DeadLetterFilter } from './api/letter-filter.ts'
import type { Page, PageOptions, PendingFilter } from './api/stored-operations.ts'
import type { Report, ReportOptions } from './api/report.ts'
import type { LogoutResult } from './engine/sessions/logouts.ts'
import type { Status } from './engine/status.ts'
import type { EventName } from './events.ts'
import type { Requirement } from './model.ts'
import type { AnyOperationKind, DraftOf } from './operations/define-operation.ts'
import type { Reply } from './ports/transport.ts'

/**
 * An engine that holds an app's outgoing operations. Made by `createHoldfast()`.
 *
 * `Kinds`: the union of the kinds that were given to `createHoldfast({ operations })`, say
 * `Holdfast<typeof addNote | typeof addTag>`. An operation of another kind does not compile. Default: any kind.
 */
export interface Holdfast<
  Kinds extends AnyOperationKind = AnyOperationKind,
> extends AsyncDisposable {
  /**
   * Stores an operation for the identity that is current at the call (Q1). Resolves once it is on
   * disk (Q2).
   *
   * @throws HoldfastError `UNKNOWN_KIND`, `INVALID_PAYLOAD`, `PAYLOAD_TOO_LARGE`, `QUEUE_FULL`, `APP_CODE_FAILED`,
   * `STORAGE_…` or `CLOSED`; TypeError or RangeError for a wrong argument. Nothing is stored then.
   */
  enqueue(draft: DraftOf<Kinds>): Promise<Receipt>

  /**
   * Stores an operation in the transaction that is open on the app's own connection: the app's row and
   * its operation are both there, or neither. The operation is sent after the commit. It comes before operations that
   * `enqueue()` was called for and has not stored yet. After a rollback the receipt's `settled` rejects with
   * `UNKNOWN_OPERATION`. If storage broke before the rollback could be seen, it rejects with the error of storage.
   *
   * @throws TypeError unless the connection is the one given to `sqliteStorage({ database })`, with a
   * transaction open; HoldfastError as `enqueue()`. Nothing is stored then.
   */
  enqueueWithin(database: SqliteConnection, draft: DraftOf<Kinds>): Receipt

  /**
   * Changes the identity at once: the next `enqueue()` in the same tick belongs to this user. The
   * promise resolves when the change is stored (I1). With the same user the call is a token update (I11).
   *
   * @throws TypeError if the user or the token is not a non-empty string; HoldfastError
   * `AUTH_USER_MISMATCH`. The identity is unchanged then.
   */
  login(user: string, options?: LoginOptions): Promise<void>

  /** Changes the identity to anonymous at once (I7). Resolves with the number of the user's operations that are left. */
  logout(options?: LogoutOptions): Promise<LogoutResult>

  /**
   * Takes a fresh token of any user, current or not (T2).
   *
   * @throws TypeError if the user or the token is not a non-empty string; HoldfastError
   * `AUTH_USER_MISMATCH` or `STORAGE_…`; nothing is stored then.
   */
  updateToken(user: string, token: string): Promise<void>

  /**
   * Asks the token source for a fresh token of this user, and ends any wait. If a call is under way, joins it (T6).
   *
   * @throws TypeError without a token source.
   */
  refreshToken(user: string): Promise<void>

  /** Tells the engine the requirement of the server (I2). Resolves when it is stored. */
  setRequirement(requirement: Requirement): Promise<void>

  /**
   * Takes back an operation that has not been sent (Q10).
   *
   * @throws HoldfastError `TOO_LATE`, `UNKNOWN_OPERATION` or `OTHER_PROCESS`.
   */
  cancel(id: string): Promise<void>

  /**
   * Puts a dead letter back at its place, and resolves with a receipt. Its attempts are counted anew (Q9). With a new
   * `payload`, the operation keeps its id, lane and place, and gets a new idempotency key; not so if it may have arrived:
   * then the call rejects with `NOT_RETRYABLE`.
   *
   * @throws HoldfastError `NOT_RETRYABLE`, `UNKNOWN_OPERATION` or `OTHER_PROCESS`; with a payload also
   * `INVALID_PAYLOAD`, `PAYLOAD_TOO_LARGE`, `UNKNOWN_KIND` or `APP_CODE_FAILED`.
   */
  retry(id: string, options?: RetryOptions): Promise<Receipt>

  /**
   * Retries all dead letters that the filter names, lane by lane, in the order of their places, in transactions of at most
   * 500 (Q9). Resolves with the number of operations that are pending again. If it rejects, the transactions before have
   * been stored: call it again.
   *
   * @throws TypeError for a wrong filter; HoldfastError `OTHER_PROCESS`, `STORAGE_…` or `CLOSED`.
   */
  retryAll(filter?: DeadLetterFilter): Promise<{ readonly retried: number }>

  /**
   * Removes a dead letter, or a pending operation that is not in flight (Q9).
   *
   * @throws HoldfastError `TOO_LATE`, `UNKNOWN_OPERATION` or `OTHER_PROCESS`.
   */
  discard(id: string): Promise<void>

  /**
   * Discards all dead letters that the filter names, as `retryAll()` retries them. Resolves with the number of operations
   * that are gone.
   *
   * @throws as `retryAll()`.
   */
  discardAll(filter?: DeadLetterFilter): Promise<{ readonly discarded: number }>

  /**
   * Reads the state of an operation: pending, dead, dropped, cancelled, and, under `retainCompleted`,
   * completed. Null: the operation was completed, was never stored, or is no longer remembered.
   */
  operation(id: string): Promise<OperationInfo | null>

  /**
   * Reads the server's id of a record, by the local id under which an operation creates it (Q12). Null: the record is not
   * made yet, its creation failed, or no operation has created it.
   *
   * @throws TypeError if the local id is not a non-empty string; HoldfastError if storage cannot be read.
   */
  record(localId: string): Promise<string | null>

  /**
   * Sends a read: a request whose answer must reflect the writes made before it (R1). Reads do not wait in
   * lanes, and end with the process.
   *
   * @throws HoldfastError `READ_FAILED` (also at its deadline, and if the creation of a required record failed),
   * `READ_CANCELLED` (the identity changed), `AUTH_ANONYMOUS`, `AUTH_TOKEN_REFUSED` (an anonymous read),
   * `AUTH_REFRESH_FAILED`, `APP_CODE_FAILED` (its request could not be made, or its `interpret` failed), `STORAGE_…` or
   * `CLOSED`; TypeError for a wrong argument.
   */
  read(options: ReadOptions): Promise<Reply>

  /**
   * Erases the user's operations, token, records, reading positions and dead letters (I12). If the user is logged in, the
   * user is logged out first. Records that another user's operations need are lost: such an operation is dead when its
   * turn comes (`dependency-dead`), and optional needs are cleared.
   *
   * With `sqliteStorage({ file })` none of this data is left in the file or in its `-wal` when the promise resolves,
   * unless another process reads an older state just then: then the `-wal` is emptied after a later commit, or at the
   * close. With `sqliteStorage({ database })` the data is gone from the tables, and overwritten in the file at the app's
   * next checkpoint. If the data must be overwritten at once, call `database.pragma('wal_checkpoint(TRUNCATE)')`
   * yourself. The result names the files that Holdfast has set aside (E5). Other copies are the responsibility of the
   * app.
   *
   * @throws HoldfastError if the erasing cannot be stored (`STORAGE_FULL`, …): the session has ended all the same,
   * nothing else is erased, and the app can call again; or (`STORAGE_UNAVAILABLE`) if the database's folder cannot be
   * listed.
   */
  forget(user: string): Promise<ForgetResult>

  /**
   * The pending operations, lane by lane, each lane in the order in which it will be sent; of one user (null: anonymous)
   * or of all. Operations in flight are included. They come page by page: the `next` of a page is the `after` of the next
   * call. What comes and goes between two calls may be in a page or not; nothing that stays is left out, and nothing is
   * there twice.
   *
   * ```ts
   * let after: string | null = null
   * do {
   *   const page = await holdfast.pending({ after })
   *   for (const { id, kind } of page.items) console.log(id, kind)
   *   after = page.next
   * } while (after !== null)
   * ```
   *
   * @throws TypeError or RangeError for a wrong argument; HoldfastError if storage cannot be read.
   */
  pending(filter?: PendingFilter): Promise<Page<PendingOperation>>

  /**
   * The dead letters that the filter names, the oldest first, page by page as `pending()`.
   *
   * @throws TypeError or RangeError for a wrong argument; HoldfastError if storage cannot be read.
   */
  deadLetters(filter?: DeadLetterFilter & PageOptions): Promise<Page<DeadLetter>>

  /** Stops sending until `resume()` or the end of the process. Operations in flight go on. */
  pause(): void

  /** Ends `pause()`. */
  resume(): void

  /** Waits until no operation is left that could still be sent by itself, or until the deadline (Q19). */
  flush(options?: DeadlineOptions): Promise<FlushResult>

  /**
   * Sends now what waits after a failed attempt: each such lane is tried once, at once (Q7). Holds other than
   * `backing-off`, and waits that a `Retry-After` asked for, go on. Resolves with what the attempts came to, at the latest
   * after the deadline; in a process that does not dispatch, with none.
   *
   * @throws TypeError or RangeError for a wrong argument; HoldfastError `CLOSED`.
   */
  sendNow(options?: SendNowOptions): Promise<SendNowResult>

  /** Lets operations in flight finish within the deadline, then releases all resources (Q19). */
  close(options?: DeadlineOptions): Promise<void>

  /** Closes the engine, at the end of a block with `await using`. */
  [Symbol.asyncDispose](): Promise<void>

  /** Identity, requirement, lanes with their holds, token needs, counts. Frozen, and the same object until a change. */
  status(): Status

  /**
   * Gathers what a bug report needs, as plain JSON: version, options, kinds, status, dead letters without their payloads,
   * the last errors, and the lines of the ring journal. It has no token, no payload and no header. It works in any process,
   * and also where storage fails and after `close()`: then it tells so in `storageFailure`.
   *
   * @throws TypeError or RangeError for a wrong option.
   * @example
   * ```ts
   * import { writeFileSync } from 'node:fs'
   * import type { Holdfast } from 'holdfast'
   *
   * declare const holdfast: Holdfast
   *
   * const report = await holdfast.report({ pseudonyms: true })
   * writeFileSync('report.json', JSON.stringify(report))
   * ```
   */
  report(options?: ReportOptions): Promise<Report>

  /**
   * Calls the listener after each change of `status()`. Returns a function that ends this.
   *
   * @throws TypeError unless the listener is a function.
   */
  subscribe(listener: () => void): () => void

  /**
   * Adds a listener of an event; `*`: of every event. Returns a function that removes the listener. `token.needed` is
   * replayed at once for needs that are still open (T5).
   *
   * @throws TypeError unless there is an event of this name, and the listener is a function.
   */
  on<Name extends ListenedName>(name: Name, listener: Listener<Name>): () => void

  /**
   * Adds a listener of an event that is called once. Returns a function that removes the listener.
   *
   * @throws TypeError as `on()`.
   */
  once<Name extends EventName>(name: Name, listener: Listener<Name>): () => void

  /**
   * Removes a listener of an event. A listener that was not added is no misuse.
   *
   * @throws TypeError as `on()`.
   */
  off<Name extends ListenedName>(name: Name, listener: Listener<Name>): void
}
