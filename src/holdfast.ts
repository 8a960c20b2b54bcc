/** `createHoldfast()` and the `Holdfast` class that it resolves to: the engine's calls as an app sees them. */
import { appCodeFailed } from './app-code.ts'
import { storageErrorOfOurs } from './engine/stored/storage-errors.ts'
import { deadLetters, type PendingFilter, pendingOperations } from './api/stored-operations.ts'
import { IGNORED, type Settle } from './engine/boundary/boundary.ts'
import {
  deadlineOf,
  eventOf,
  idOf,
  idsOf,
  listenerOf,
  refuseMalformedDraft,
  tokenOf,
  userOf,
} from './api/arguments.ts'
import { secretWordOf, textOf, wordOf } from './checks/texts.ts'
import type {
  DeadlineOptions,
  FlushResult,
  LoginOptions,
  LogoutOptions,
  ReadOptions,
} from './api/call-options.ts'
import { LiveBoundary } from './engine/boundary/live-boundary.ts'
import type { LogoutResult } from './engine/sessions/logouts.ts'
import type { Status } from './engine/status.ts'
import { internalFault } from './errors.ts'
import { forgetResult, type ForgetResult } from './api/forget-result.ts'
import type { EventName, HoldfastEvents } from './events.ts'
import { Engine, type Machines } from './engine/engine.ts'
import { begun } from './journal/pseudonyms.ts'
import { query } from './api/query.ts'
import { type Listener, Listeners } from './api/listeners.ts'
import type { OperationId, Requirement } from './model.ts'
import type { Reply } from './ports/transport.ts'
import type { OperationDraft } from './operations/define-operation.ts'
import { payloadText } from './operations/payload-text.ts'
import { factsOf } from './operations/kind-facts.ts'
import { type HoldfastOptions, resolveOptions, type ResolvedOptions } from './options.ts'
import { describe, type OperationInfo } from './api/operation-info.ts'
import { type Receipt, Receipts } from './api/receipts.ts'
import type { SqliteConnection } from '../storage/sqlite/options.ts'

/** The default deadline of `flush()`, of `close()` and of a logout that flushes (Q19, I7). */
const DEFAULT_DEADLINE_MS = 5000

/** An engine that holds an app's outgoing operations. Made by {@link createHoldfast}. */
export class Holdfast {
  readonly #engine: Engine
  readonly #options: ResolvedOptions
  readonly #listeners = new Listeners()
  readonly #receipts: Receipts
  #failStart: ((error: Error) => void) | null = null
  #isStarted = false

  /** @internal Use {@link createHoldfast}. */
  constructor(options: ResolvedOptions, machines?: Machines) {
    this.#options = options
    this.#receipts = new Receipts(options.ports.storage, options.ports.clock)
    const { settings, ports, kinds } = options
    const facts = factsOf(kinds)
    const journal = begun(options.journal, settings, facts, () => boundary.fileKey)
    const boundary: LiveBoundary = new LiveBoundary({
      clock: ports.clock,
      journal,
      onFault: (cause) => this.#emitFault(cause),
      onJournalLost: (cause) => this.#emitJournalLost(cause),
    })
    boundary.begin(settings.requirement)
    this.#engine = new Engine({
      boundary,
      settings,
      ports,
      kinds,
      facts,
      onEvent: (name, detail) => this.#emit(name, detail),
      onChange: () => this.#listeners.notify(),
      onForeignChange: () => this.#receipts.recheck(),
      onRecorded: (number) => this.#receipts.recorded(number),
      ...(machines === undefined ? {} : { machines }),
    })
  }

  /** @internal */
  start(): Promise<void> {
    return this.#call<void>((settle) => {
      this.#failStart = (error) => settle.reject(error)
      this.#engine.calls.start(null, settle)
    }).finally(() => {
      this.#failStart = null
      this.#isStarted = true
    })
  }

  /**
   * Stores an operation for the identity that is current at the call (Q1). Resolves once it is on
   * disk (Q2).
   *
   * @throws HoldfastError `UNKNOWN_KIND`, `INVALID_PAYLOAD`, `PAYLOAD_TOO_LARGE`, `QUEUE_FULL`, `APP_CODE_FAILED`,
   * `STORAGE_…` or `CLOSED`; TypeError or RangeError for a wrong argument. Nothing is stored then.
   */
  enqueue(draft: OperationDraft): Promise<Receipt> {
    // This method makes only one promise, because no other method is called as often.
    return new Promise((resolve, reject) => {
      const { kind, payload, expiresInMs = null } = refuseMalformedDraft('enqueue', draft)
      const text = payloadText(kind, payload)
      const args = { kind, payload: text, given: payload, expiresInMs }
      this.#engine.calls.enqueue(args, {
        resolve: ({ id, dropped }) => resolve(this.#receipts.make(id, dropped)),
        reject: (error) => reject(storageErrorOfOurs(error)),
      })
    })
  }

  /**
   * Stores an operation in the transaction that is open on the app's own connection: the app's row and
   * its operation are both there, or neither. The operation is sent after the commit. It comes before operations that
   * `enqueue()` was called for and has not stored yet. After a rollback the receipt's `settled` rejects with
   * `UNKNOWN_OPERATION`. If storage broke before the rollback could be seen, it rejects with the error of storage.
   *
   * @throws TypeError unless the connection is the one given to `sqliteStorage({ database })`, with a
   * transaction open; HoldfastError as `enqueue()`. Nothing is stored then.
   */
  enqueueWithin(database: SqliteConnection, draft: OperationDraft): Receipt {
    const { kind, payload, expiresInMs = null } = refuseMalformedDraft('enqueueWithin', draft)
    const text = payloadText(kind, payload)
    const { committed, decided } = this.#receipts.expect()
    const connection = database as SqliteConnection | null
    const args = { kind, payload: text, expiresInMs, connection, decided }
    let enqueued: { readonly id: OperationId; readonly dropped: boolean } | null = null
    let failure: Error | null = null
    this.#engine.calls.enqueueWithin(args, {
      resolve: (value) => {
        enqueued = value
      },
      reject: (error) => {
        failure = storageErrorOfOurs(error)
      },
    })
    if (enqueued === null) {
      // The call may still run later. Then it must find no connection to store the operation in.
      args.connection = null
      decided(false)
      throw failure ?? new TypeError('enqueueWithin: not from within the code of a kind or a port')
    }
    const { id, dropped } = enqueued as { readonly id: OperationId; readonly dropped: boolean }
    if (dropped) decided(true)
    return this.#receipts.make(id, dropped, committed)
  }

  /**
   * Changes the identity at once: the next `enqueue()` in the same tick belongs to this user. The
   * promise resolves when the change is stored (I1). With the same user the call is a token update (I11).
   *
   * @throws TypeError if the user or the token is not a non-empty string; HoldfastError
   * `AUTH_USER_MISMATCH`. The identity is unchanged then.
   */
  async login(user: string, { token }: LoginOptions = {}): Promise<void> {
    const id = userOf('login', user)
    const read = token === undefined ? null : this.#engine.calls.readToken(tokenOf('login', token))
    await this.#call<void>((settle) => this.#engine.calls.login({ user: id, token: read }, settle))
  }

  /** Changes the identity to anonymous at once (I7). Resolves with the number of the user's operations that are left. */
  async logout({
    pending = 'keep',
    deadlineMs = DEFAULT_DEADLINE_MS,
  }: LogoutOptions = {}): Promise<LogoutResult> {
    wordOf('logout: pending', pending, ['keep', 'flush', 'discard'])
    const args = { pending, deadlineMs: deadlineOf('logout', deadlineMs) }
    return this.#call((settle) => this.#engine.calls.logout(args, settle))
  }

  /**
   * Takes a fresh token of any user, current or not (T2).
   *
   * @throws TypeError if the user or the token is not a non-empty string; HoldfastError
   * `AUTH_USER_MISMATCH` or `STORAGE_…`; nothing is stored then.
   */
  async updateToken(user: string, token: string): Promise<void> {
    const id = userOf('updateToken', user)
    const read = this.#engine.calls.readToken(tokenOf('updateToken', token))
    await this.#call<void>((settle) =>
      this.#engine.calls.updateToken({ user: id, token: read }, settle),
    )
  }

  /**
   * Asks the token source for a fresh token of this user, and ends any wait. If a call is under way, joins it (T6).
   *
   * @throws TypeError without a token source.
   */
  async refreshToken(user: string): Promise<void> {
    const id = userOf('refreshToken', user)
    await this.#call<void>((settle) => this.#engine.calls.refreshToken(id, settle))
  }

  /** Tells the engine the requirement of the server (I2). Resolves when it is stored. */
  async setRequirement(requirement: Requirement): Promise<void> {
    secretWordOf('setRequirement: requirement', requirement, ['unknown', 'required', 'off'])
    await this.#call<void>((settle) => this.#engine.calls.setRequirement(requirement, settle))
  }

  /**
   * Takes back an operation that has not been sent (Q10).
   *
   * @throws HoldfastError `TOO_LATE`, `UNKNOWN_OPERATION` or `OTHER_PROCESS`.
   */
  async cancel(id: string): Promise<void> {
    await this.#call<void>((settle) => this.#engine.calls.cancel(idOf('cancel', id), settle))
  }

  /**
   * Puts a dead letter back at its place. Its attempts are counted anew (Q9).
   *
   * @throws HoldfastError `NOT_RETRYABLE`, `UNKNOWN_OPERATION` or `OTHER_PROCESS`.
   */
  async retry(id: string): Promise<void> {
    await this.#call<void>((settle) => this.#engine.calls.retry(idOf('retry', id), settle))
  }

  /**
   * Removes a dead letter, or a pending operation that is not in flight (Q9).
   *
   * @throws HoldfastError `TOO_LATE`, `UNKNOWN_OPERATION` or `OTHER_PROCESS`.
   */
  async discard(id: string): Promise<void> {
    await this.#call<void>((settle) => this.#engine.calls.discard(idOf('discard', id), settle))
  }

  /**
   * Reads the state of an operation: pending, dead, dropped, cancelled, and, under `retainCompleted`,
   * completed. Null: the operation was completed, was never stored, or is no longer remembered.
   */
  async operation(id: string): Promise<OperationInfo | null> {
    const found = await query(() => this.#options.ports.storage.find(idOf('operation', id)))
    return found === null ? null : describe(found)
  }

  /**
   * Sends a read: a request whose answer must reflect the writes made before it (R1). Reads do not wait in
   * lanes, and end with the process.
   *
   * @throws HoldfastError `READ_FAILED`, `READ_CANCELLED` (the identity changed), `AUTH_ANONYMOUS`,
   * `AUTH_TOKEN_REFUSED` (an anonymous read), `AUTH_REFRESH_FAILED`, `APP_CODE_FAILED` (its request
   * could not be made), `STORAGE_…` or `CLOSED`.
   */
  async read({ request, after, key = '', reply }: ReadOptions): Promise<Reply> {
    if (typeof request !== 'function') throw new TypeError('read: request must be a function')
    if (reply !== undefined) wordOf('read: reply', reply, ['json', 'any'])
    const ids = after === undefined ? null : idsOf('read', 'after', after)
    const args = { request, after: ids, key: textOf('read: key', key), reply: reply ?? null }
    return this.#call<Reply>((settle) => this.#engine.calls.read(args, settle))
  }

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
  async forget(user: string): Promise<ForgetResult> {
    const id = userOf('forget', user)
    const erased = this.#call<void>((settle) => this.#engine.calls.forget(id, settle))
    const setAside = query(() => this.#options.ports.storage.filesAside())
    return forgetResult(erased, setAside)
  }

  /**
   * The pending operations, lane by lane, each lane in the order in which it will be sent; of one user (null: anonymous)
   * or of all. Operations in flight are included.
   *
   * @param filter `limit`: the maximum number of operations, a whole number from 1. Default: 1000.
   * @throws RangeError if the limit is not such a number; HoldfastError if storage cannot be read.
   */
  async pending(filter: PendingFilter = {}): Promise<readonly OperationInfo[]> {
    return query(() => pendingOperations(this.#options.ports.storage, filter))
  }

  /** The dead letters, the oldest first, at most 1000; of one user (null: anonymous) or of all. */
  async deadLetters(
    filter: { readonly user?: string | null } = {},
  ): Promise<readonly OperationInfo[]> {
    return query(() => deadLetters(this.#options.ports.storage, filter))
  }

  /** Stops sending until `resume()` or the end of the process. Operations in flight go on. */
  pause(): void {
    this.#engine.calls.pause(null, IGNORED)
  }

  resume(): void {
    this.#engine.calls.resume(null, IGNORED)
  }

  /** Waits until no operation is left that could still be sent by itself, or until the deadline (Q19). */
  async flush({ deadlineMs = DEFAULT_DEADLINE_MS }: DeadlineOptions = {}): Promise<FlushResult> {
    const waitMs = deadlineOf('flush', deadlineMs)
    await this.#call<null>((settle) => this.#engine.calls.flush(waitMs, settle))
    const { counts, lanes } = this.status()
    return { pending: counts.pending, lanes }
  }

  /** Lets operations in flight finish within the deadline, then releases all resources (Q19). */
  async close({ deadlineMs = DEFAULT_DEADLINE_MS }: DeadlineOptions = {}): Promise<void> {
    const waitMs = deadlineOf('close', deadlineMs)
    try {
      await this.#call<void>((settle) => this.#engine.calls.close(waitMs, settle))
    } finally {
      this.#receipts.end()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** Identity, requirement, lanes with their holds, token needs, counts. Frozen, and the same object until a change. */
  status(): Status {
    return this.#engine.status
  }

  /**
   * Calls the listener after each change of `status()`. Returns a function that ends this.
   *
   * @throws TypeError unless the listener is a function.
   */
  subscribe(listener: () => void): () => void {
    return this.#listeners.watch(listenerOf('subscribe', listener))
  }

  /**
   * Adds a listener of an event. `token.needed` is replayed at once for needs that are still open (T5).
   *
   * @throws TypeError unless there is an event of this name, and the listener is a function.
   */
  on<Name extends EventName>(name: Name, listener: Listener<Name>): void {
    const guarded = this.#listeners.on(eventOf('on', name), listenerOf('on', listener))
    if (name !== 'token.needed') return
    for (const need of this.#engine.announcedNeeds()) guarded(need as HoldfastEvents[Name])
  }

  /**
   * Removes a listener of an event. A listener that was not added is no misuse.
   *
   * @throws TypeError as `on()`.
   */
  off<Name extends EventName>(name: Name, listener: Listener<Name>): void {
    this.#listeners.off(eventOf('off', name), listenerOf('off', listener))
  }

  #emit<Name extends EventName>(name: Name, detail: HoldfastEvents[Name]): void {
    this.#receipts.hear(name, detail)
    this.#listeners.emit(name, detail)
  }

  #emitFault(cause: Error): void {
    // Without this, a fault inside the engine at the start would leave createHoldfast() waiting for ever.
    this.#failStart?.(cause)
    this.#listeners.emit('error', { error: internalFault(cause) })
  }

  /** A journal that cannot be written does not stop the engine. The app listens in the turn after the start. */
  #emitJournalLost(cause: Error): void {
    const error = appCodeFailed('the sink of the journal, which ends with that,', cause)
    if (this.#isStarted) this.#listeners.emit('error', { error })
    else this.#options.ports.clock.atTurnEnd(() => this.#emitJournalLost(cause))
  }

  #call<T>(call: (settle: Settle<T>) => void): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      call({ resolve, reject: (error) => reject(storageErrorOfOurs(error)) })
    })
  }
}

/**
 * Opens the storage and starts an engine on it. The engine begins to send in the turn after the promise has resolved.
 *
 * @throws TypeError or RangeError for a wrong option, naming it; HoldfastError `STORAGE_…` if the
 * storage cannot be opened. Nothing is left open then.
 */
export async function createHoldfast(options: HoldfastOptions): Promise<Holdfast> {
  const holdfast = new Holdfast(resolveOptions(options))
  await holdfast.start()
  return holdfast
}
