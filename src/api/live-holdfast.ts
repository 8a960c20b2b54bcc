/** Carries out the app's calls: checks their arguments, hands them to the engine, and gives the app what comes back. */
import { appCodeFailed } from '../app-code.ts'
import { storageErrorOfOurs } from '../engine/stored/storage-errors.ts'
import { type DeadLetterFilter, letterFilterOf } from './letter-filter.ts'
import {
  deadLetters,
  type Page,
  type PageOptions,
  type PendingFilter,
  pendingOperations,
} from './stored-operations.ts'
import { serverIdOf } from './stored-records.ts'
import { IGNORED, type Settle } from '../engine/boundary/boundary.ts'
import {
  deadlineOf,
  eventOf,
  idOf,
  listenerOf,
  ownerOf,
  refuseMalformedDraft,
  tokenOf,
  userOf,
} from './arguments.ts'
import { secretWordOf, wordOf } from '../checks/texts.ts'
import type {
  DeadlineOptions,
  FlushResult,
  LoginOptions,
  LogoutOptions,
  ReadOptions,
  RetryOptions,
  SendNowOptions,
  SendNowResult,
} from './call-options.ts'
import { LiveBoundary } from '../engine/boundary/live-boundary.ts'
import type { AttemptSummary } from '../engine/lifecycle/send-nows.ts'
import type { LogoutResult } from '../engine/sessions/logouts.ts'
import type { Status } from '../engine/status.ts'
import { type HoldfastError, internalFault } from '../errors.ts'
import { forgetResult, type ForgetResult } from './forget-result.ts'
import type { EventName, HoldfastEvents } from '../events.ts'
import { Engine, type Machines } from '../engine/engine.ts'
import { begun } from '../journal/pseudonyms.ts'
import { decisionLog } from '../log/decision-log.ts'
import { query } from './query.ts'
import { optionsOf } from './known-options.ts'
import { readArgs } from './read-args.ts'
import { type ListenedName, type Listener, Listeners } from './listeners.ts'
import type { OperationId, Requirement } from '../model.ts'
import type { Reply } from '../ports/transport.ts'
import type { Holdfast } from '../holdfast.ts'
import type { AnyOperationKind, DraftOf } from '../operations/define-operation.ts'
import { payloadText } from '../operations/payload-text.ts'
import { factsOf } from '../operations/kind-facts.ts'
import type { ResolvedOptions } from '../options.ts'
import {
  type DeadLetter,
  describe,
  type OperationInfo,
  type PendingOperation,
} from './operation-info.ts'
import { type Receipt, Receipts } from './receipts.ts'
import { RecentErrors } from './recent-errors.ts'
import { type Report, Reporter, type ReportOptions } from './report.ts'
import type { SqliteConnection } from '../../storage/sqlite/options.ts'

/** The default deadline of `flush()`, of `close()` and of a logout that flushes (Q19, I7). */
const DEFAULT_DEADLINE_MS = 5000

export class LiveHoldfast<
  Kinds extends AnyOperationKind = AnyOperationKind,
> implements Holdfast<Kinds> {
  readonly #engine: Engine
  readonly #options: ResolvedOptions
  readonly #listeners = new Listeners()
  readonly #receipts: Receipts
  readonly #reporter: Reporter
  #failStart: ((error: Error) => void) | null = null
  #isStarted = false

  constructor(options: ResolvedOptions, machines?: Machines) {
    this.#options = options
    this.#receipts = new Receipts(options.ports.storage, options.ports.clock)
    const { settings, ports, kinds } = options
    const facts = factsOf(kinds)
    const journal = begun(options.journal, settings, facts, () => boundary.fileKey)
    const log = decisionLog(options, this.#listeners, this.#emitLate)
    const boundary: LiveBoundary = new LiveBoundary({
      clock: ports.clock,
      journal,
      log,
      onFault: (cause) => this.#emitFault(cause),
      onJournalLost: (cause) =>
        this.#emitLate(appCodeFailed('the sink of the journal, which ends with that,', cause)),
    })
    const errors = new RecentErrors(() => boundary.wall)
    this.#listeners.on('error', errors.hear)
    this.#listeners.on('token.refreshFailed', errors.hear)
    this.#reporter = new Reporter({
      options,
      facts,
      errors,
      fileKey: () => boundary.fileKey,
      status: () => this.status(),
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

  start(): Promise<void> {
    return this.#call<void>((settle) => {
      this.#failStart = (error) => settle.reject(error)
      this.#engine.calls.start(null, settle)
    }).finally(() => {
      this.#failStart = null
      this.#isStarted = true
    })
  }

  enqueue(draft: DraftOf<Kinds>): Promise<Receipt> {
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

  enqueueWithin(database: SqliteConnection, draft: DraftOf<Kinds>): Receipt {
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

  async login(user: string, options?: LoginOptions): Promise<void> {
    const id = userOf('login', user)
    const { token } = optionsOf('login', options)
    const read = token === undefined ? null : this.#engine.calls.readToken(tokenOf('login', token))
    await this.#call<void>((settle) => this.#engine.calls.login({ user: id, token: read }, settle))
  }

  async logout(options?: LogoutOptions): Promise<LogoutResult> {
    const { unsent = 'keep', deadlineMs = DEFAULT_DEADLINE_MS } = optionsOf('logout', options)
    wordOf('logout: unsent', unsent, ['keep', 'flush', 'discard'])
    const args = { pending: unsent, deadlineMs: deadlineOf('logout', deadlineMs) }
    return this.#call((settle) => this.#engine.calls.logout(args, settle))
  }

  async updateToken(user: string, token: string): Promise<void> {
    const id = userOf('updateToken', user)
    const read = this.#engine.calls.readToken(tokenOf('updateToken', token))
    await this.#call<void>((settle) =>
      this.#engine.calls.updateToken({ user: id, token: read }, settle),
    )
  }

  async refreshToken(user: string): Promise<void> {
    const id = userOf('refreshToken', user)
    await this.#call<void>((settle) => this.#engine.calls.refreshToken(id, settle))
  }

  async setRequirement(requirement: Requirement): Promise<void> {
    secretWordOf('setRequirement: requirement', requirement, ['unknown', 'required', 'off'])
    await this.#call<void>((settle) => this.#engine.calls.setRequirement(requirement, settle))
  }

  async cancel(id: string): Promise<void> {
    await this.#call<void>((settle) => this.#engine.calls.cancel(idOf('cancel', id), settle))
  }

  async retry(id: string, options?: RetryOptions): Promise<Receipt> {
    const itsId = idOf('retry', id)
    const known = optionsOf('retry', options)
    const { calls } = this.#engine
    if ('payload' in known) {
      const given = known.payload
      const replaced = { id: itsId, payload: payloadText('retry', given), given }
      await this.#call<void>((settle) => calls.replacePayload(replaced, settle))
    } else await this.#call<void>((settle) => calls.retry(itsId, settle))
    return this.#receipts.make(itsId, false)
  }

  async retryAll(filter?: DeadLetterFilter): Promise<{ readonly retried: number }> {
    const named = letterFilterOf('retryAll', optionsOf('retryAll', filter))
    const retried = await this.#call<number>((settle) => this.#engine.calls.retryAll(named, settle))
    return { retried }
  }

  async discardAll(filter?: DeadLetterFilter): Promise<{ readonly discarded: number }> {
    const named = letterFilterOf('discardAll', optionsOf('discardAll', filter))
    const { calls } = this.#engine
    const discarded = await this.#call<number>((settle) => calls.discardAll(named, settle))
    return { discarded }
  }

  async discard(id: string): Promise<void> {
    await this.#call<void>((settle) => this.#engine.calls.discard(idOf('discard', id), settle))
  }

  async operation(id: string): Promise<OperationInfo | null> {
    const found = await query(() => this.#options.ports.storage.find(idOf('operation', id)))
    return found === null ? null : describe(found)
  }

  async record(localId: string): Promise<string | null> {
    return query(() => serverIdOf(this.#options.ports.storage, localId))
  }

  async read(options: ReadOptions): Promise<Reply> {
    const args = readArgs(optionsOf('read', options))
    return this.#call<Reply>((settle) => this.#engine.calls.read(args, settle))
  }

  async forget(user: string): Promise<ForgetResult> {
    const id = userOf('forget', user)
    const erased = this.#call<void>((settle) => this.#engine.calls.forget(id, settle))
    const setAside = query(() => this.#options.ports.storage.filesAside())
    return forgetResult(erased, setAside)
  }

  async pending(filter?: PendingFilter): Promise<Page<PendingOperation>> {
    const known = optionsOf('pending', filter)
    return query(() => pendingOperations(this.#options.ports.storage, known))
  }

  async deadLetters(filter?: DeadLetterFilter & PageOptions): Promise<Page<DeadLetter>> {
    const known = optionsOf('deadLetters', filter)
    return query(() => deadLetters(this.#options.ports.storage, known))
  }

  pause(): void {
    this.#engine.calls.pause(null, IGNORED)
  }

  resume(): void {
    this.#engine.calls.resume(null, IGNORED)
  }

  async flush(options?: DeadlineOptions): Promise<FlushResult> {
    const { deadlineMs = DEFAULT_DEADLINE_MS } = optionsOf('flush', options)
    const waitMs = deadlineOf('flush', deadlineMs)
    await this.#call<null>((settle) => this.#engine.calls.flush(waitMs, settle))
    const { counts, lanes } = this.status()
    return { pending: counts.pending, lanes }
  }

  async sendNow(options?: SendNowOptions): Promise<SendNowResult> {
    const { user, deadlineMs = DEFAULT_DEADLINE_MS } = optionsOf('sendNow', options)
    const owner = user === undefined ? null : { user: ownerOf('sendNow', user) }
    const args = { owner, deadlineMs: deadlineOf('sendNow', deadlineMs) }
    const attempts = await this.#call<readonly AttemptSummary[]>((settle) =>
      this.#engine.calls.sendNow(args, settle),
    )
    const lanes = this.status().lanes.filter((lane) => owner === null || lane.user === owner.user)
    const pending = lanes.reduce((sum, lane) => sum + lane.pending, 0)
    return { attempts, pending, lanes }
  }

  async close(options?: DeadlineOptions): Promise<void> {
    const { deadlineMs = DEFAULT_DEADLINE_MS } = optionsOf('close', options)
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

  status(): Status {
    return this.#engine.status
  }

  async report(options?: ReportOptions): Promise<Report> {
    return this.#reporter.report(optionsOf('report', options))
  }

  subscribe(listener: () => void): () => void {
    return this.#listeners.watch(listenerOf('subscribe', listener))
  }

  on(name: ListenedName, listener: (heard: never) => void): () => void {
    const guarded = this.#listeners.on(eventOf('on', name), listenerOf('on', listener))
    if (name === 'token.needed' || name === '*') {
      for (const detail of this.#engine.announcedNeeds()) guarded({ name: 'token.needed', detail })
    }
    let isOn = true
    return () => {
      // A second call must not remove the same listener where the app has added it twice.
      if (isOn) this.#listeners.off(name, listener)
      isOn = false
    }
  }

  once<Name extends EventName>(name: Name, listener: Listener<Name>): () => void {
    listenerOf('once', listener)
    if ((name as string) === '*') throw new TypeError("once: name one event, not '*'")
    let isCalled = false
    const calledOnce: Listener<Name> = (detail) => {
      if (isCalled) return
      isCalled = true
      this.#listeners.off(name, calledOnce)
      // What it answers is guarded like the answer of any listener.
      return listener(detail)
    }
    return this.on(eventOf('once', name), calledOnce)
  }

  off(name: ListenedName, listener: (heard: never) => void): void {
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

  /** A journal or a log that cannot be written does not stop the engine. The app listens in the turn after the start. */
  readonly #emitLate = (error: HoldfastError): void => {
    if (this.#isStarted) this.#listeners.emit('error', { error })
    else this.#options.ports.clock.atTurnEnd(() => this.#emitLate(error))
  }

  #call<T>(call: (settle: Settle<T>) => void): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      call({ resolve, reject: (error) => reject(storageErrorOfOurs(error)) })
    })
  }
}
