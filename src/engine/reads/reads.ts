/**
 * The reads under way (R). Each read is in this book from its call to its end, so every event that comes while it waits
 * or is in flight finds it. Its waits are in `read-waits.ts`, its request is in `read-fetch.ts`.
 */
import { alarmOf } from '../alarms.ts'
import type { Resumed } from '../part.ts'
import { formatOperationId } from '../../../storage/operation-id.ts'
import { HoldfastError } from '../../errors.ts'
import type { EventName, HoldfastEvents } from '../../events.ts'
import type { LaneId, OperationId, UserId } from '../../model.ts'
import type { Reply } from '../../ports/transport.ts'
import type { Refresher } from '../tokens/refresher.ts'
import type { Wallet } from '../tokens/wallet.ts'
import type { Settle } from '../boundary/boundary.ts'
import { nonce } from '../random-draws.ts'
import type { Replies } from '../sending/reply.ts'
import type { Context } from '../context.ts'
import type { Holds } from '../holds/holds.ts'
import type { Intake } from '../intake/intake.ts'
import type { Records } from '../stored/records.ts'
import type { HoldName } from '../../../machines/holds.ts'
import type { EventListener } from '../events/publisher.ts'
import type { Dispatcher } from '../dispatcher/dispatcher.ts'
import type { Read, ReadArgs, ReadBook, SavedRead } from './read.ts'
import { anonymousRead, ReadFetch } from './read-fetch.ts'
import { ReadRefusals } from './read-refusals.ts'
import { ReadWaits } from './read-waits.ts'
import { restoredRead, savedRead } from './saved-read.ts'

const NO_LANE = 0 as LaneId

const SETTLING: ReadonlySet<EventName> = new Set([
  'operation.completed',
  'operation.dropped',
  'operation.cancelled',
  'operation.dead',
])

export interface ReadsParts {
  readonly context: Context
  readonly wallet: Wallet
  readonly refresher: Refresher
  readonly holds: Holds
  readonly intake: Intake
  readonly records: Records
  readonly replies: Replies
  readonly dispatcher: Dispatcher
}

export class Reads implements ReadBook {
  readonly #context: Context
  readonly #waits: ReadWaits
  readonly #refusals: ReadRefusals
  readonly #fetch: ReadFetch
  readonly #open = new Set<Read>()
  #isStopped = false

  constructor(parts: ReadsParts) {
    this.#context = parts.context
    this.#waits = new ReadWaits({
      context: parts.context,
      wallet: parts.wallet,
      intake: parts.intake,
      records: parts.records,
      book: this,
    })
    this.#refusals = new ReadRefusals({
      context: parts.context,
      wallet: parts.wallet,
      refresher: parts.refresher,
      dispatcher: parts.dispatcher,
      book: this,
    })
    this.#fetch = new ReadFetch({
      context: parts.context,
      wallet: parts.wallet,
      holds: parts.holds,
      replies: parts.replies,
      refusals: this.#refusals,
      book: this,
    })
  }

  begin(args: ReadArgs, settle: Settle<Reply>): void {
    const { pilot } = this.#context
    const { user } = pilot
    if (user === null && pilot.requirement === 'required') {
      settle.reject(anonymousRead())
      return
    }
    const read: Read = {
      ...args,
      id: formatOperationId(NO_LANE, 0, nonce(this.#context)),
      user,
      settle,
      awaited: new Set(args.after),
      barrier: null,
      phase: 'settling',
      lookup: (local) => local,
      waitedFor: null,
      isLastTry: false,
      firstRefusal: null,
      refused: null,
      isDoubted: false,
      isSourceOwed: false,
      abort: new AbortController(),
      sending: null,
    }
    this.#open.add(read)
    if (read.deadlineMs !== null) {
      this.#context.boundary.arm(deadlineOf(read), read.deadlineMs, () => this.#expire(read))
    }
    this.#waits.begin(read)
  }

  /** Hears that a hold was lifted from an owner. */
  readonly ownerReleased = (name: HoldName): void => {
    if (name === 'awaiting-token' && this.#open.size > 0) {
      this.#context.boundary.lastly(() => this.retryParked())
    }
  }

  /** Hears every event, as a step of the same work. */
  readonly hear: EventListener = (name, detail) => {
    if (this.#open.size === 0) return
    const { boundary } = this.#context
    if (SETTLING.has(name)) {
      const { id } = detail as { readonly id: OperationId }
      this.#waits.settled(id, this.#open)
      boundary.lastly(() => this.#waits.advance(this.#open))
    } else if (name === 'token.updated' || name === 'requirement.changed') {
      boundary.lastly(() => this.retryParked())
    } else if (name === 'token.refreshFailed') {
      const { user, error } = detail as HoldfastEvents['token.refreshFailed']
      if (error.code === 'AUTH_SOURCE_FAILED') this.#ofUser(user, this.#refusals.sourceFailed)
    } else if (name === 'identity.changed') {
      const { user } = detail as HoldfastEvents['identity.changed']
      this.#cancelOthers(user)
    }
  }

  /** A wait after which the token source of this user may be asked is over (T6, T8). */
  readonly waitOver = (user: UserId): void => {
    this.#ofUser(user, this.#refusals.askSource)
  }

  /** Another process has committed. No event tells this process of the settled operations or the new tokens (Q17). */
  readonly recheck = (): void => {
    this.#waits.recheck(this.#open)
    this.retryParked()
  }

  /** The engine is closing: no further read is sent, but a read in flight may still be answered (Q19). */
  stop(): void {
    this.#isStopped = true
    for (const read of this.#open) if (read.phase !== 'fetching') this.#close(read)
  }

  /** The engine is closed. */
  end(): void {
    for (const read of this.#open) this.#close(read)
  }

  /** The reads under way, for a journal that begins here. */
  save(): readonly SavedRead[] {
    return Array.from(this.#open, (read) => savedRead(read, this.#context.lanes.ofUser(read.user)))
  }

  savedCalls(): readonly number[] {
    return this.save().map(({ call }) => call)
  }

  restore(saved: readonly SavedRead[], { alarms, settleOf }: Resumed): void {
    for (const one of saved) {
      const read = restoredRead(one, settleOf(one.call))
      this.#open.add(read)
      const { barrier } = read
      if (barrier !== null && one.barrier?.isWatched === true) {
        this.#context.lanes.ofUser(read.user)?.barriers.add(barrier)
      }
      if (alarms.has(deadlineOf(read))) {
        this.#context.boundary.rearm(deadlineOf(read), () => this.#expire(read))
      }
      this.#waits.restore(read, alarms)
      if (read.sending !== null) this.#fetch.restore(read, read.sending)
    }
  }

  // The methods by which the parts hand a read back (ReadBook).

  has(read: Read): boolean {
    return this.#open.has(read)
  }

  ready(read: Read, position: string | null): void {
    this.#fetch.fetch(read, position)
  }

  look(read: Read): void {
    if (this.#isStopped) this.#close(read)
    else this.#waits.look(read)
  }

  lookLater(read: Read, delayMs: number): void {
    if (this.#isStopped) this.#close(read)
    else this.#waits.lookLater(read, delayMs)
  }

  retryParked(): void {
    for (const read of this.#open) if (this.#mayGoOn(read)) this.look(read)
  }

  /** True if a parked or deferred read may try again. */
  #mayGoOn(read: Read): boolean {
    return read.phase === 'deferred' ? this.#refusals.mayGoOn(read) : read.phase === 'parked'
  }

  complete(read: Read, reply: Reply): void {
    this.#end(read)
    this.#context.report('read.completed', { id: read.id, user: read.user })
    read.settle.resolve(reply)
  }

  fail(read: Read, error: Error): void {
    if (!this.has(read)) return
    this.#end(read)
    this.#fetch.abort(read)
    read.settle.reject(error)
  }

  #close(read: Read): void {
    const message = 'the engine was closed before the read was answered'
    this.fail(read, new HoldfastError('CLOSED', message))
  }

  /** R5: whatever the read waits for, it waits no longer. */
  #expire(read: Read): void {
    const message = `the read was not answered within its deadline of ${read.deadlineMs} ms`
    this.fail(read, new HoldfastError('READ_FAILED', message, { retryable: true }))
  }

  /** R4: rejects the reads of all other users. */
  #cancelOthers(user: UserId | null): void {
    const message = 'the identity has changed (identity-changed)'
    for (const read of this.#open) {
      if (read.user !== user) this.fail(read, new HoldfastError('READ_CANCELLED', message))
    }
  }

  #ofUser(user: UserId, act: (read: Read) => void): void {
    for (const read of this.#open) if (read.user === user) act(read)
  }

  #end(read: Read): void {
    this.#open.delete(read)
    if (read.deadlineMs !== null) this.#context.boundary.disarm(deadlineOf(read))
    this.#waits.end(read)
    this.#fetch.end(read)
  }
}

/** The name of the alarm. */
function deadlineOf({ id }: Read): string {
  return alarmOf('read-deadline', id)
}
