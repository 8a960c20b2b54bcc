/**
 * Reads: requests whose answer must reflect the writes made before them (R). They stand outside lanes
 * and slots, and end with the process. A read goes through these phases:
 *
 * - `settling`: the writes it is to see have not all settled (R1).
 * - `delaying`: they have; the server asked to wait before what they wrote can be seen.
 * - `parked`: it cannot be sent now: no usable token, or nobody knows what the server demands (R3).
 * - `fetching`: its request is in flight.
 * - `deferred`: it was answered 401; it is sent again with a newer generation (R3).
 *
 * It is in the book from its call to its end, so whatever comes while it is in flight finds it.
 */
import { formatOperationId } from '../../storage/operation-id.ts'
import { HoldfastError } from '../errors.ts'
import type { EventName, HoldfastEvents } from '../events.ts'
import type { LaneId, OperationId, UserId } from '../model.ts'
import type { RequestSpec } from '../operations/define-operation.ts'
import { isCaptivePortal } from '../operations/interpret-reply.ts'
import { builtCodec, NO_REQUEST, render } from '../operations/render-request.ts'
import type { Reply } from '../ports/transport.ts'
import type { Wallet } from '../tokens/wallet.ts'
import type { Credential } from './attempt.ts'
import { type Codec, plain, type Settle } from './boundary.ts'
import { nonce } from './chance.ts'
import type { Connectivity } from './connectivity.ts'
import type { Core } from './core.ts'
import type { HoldBook } from './hold-book.ts'
import type { Intake } from './intake.ts'
import { retryAfterMs } from './judge.ts'
import type { Barrier } from './lane-line.ts'
import { replyCodec } from './reply-codec.ts'

export interface ReadRequestInput {
  readonly owner: { readonly user: UserId | null }
  /** What the request must name to see what was written; null: nothing. */
  readonly position: string | null
}

export interface ReadArgs {
  /** The operations to wait for; null: all of the owner's lane. */
  readonly after: readonly OperationId[] | null
  readonly key: string
  readonly reply: 'json' | 'any'
  /** The app's code; a replay has none. */
  readonly request: ((input: ReadRequestInput) => RequestSpec) | null
}

/** Of the app's code a journal knows nothing. */
export const readCodec: Codec<ReadArgs> = {
  write: ({ after, key, reply }) => ({ after, key, reply }),
  read: (json) => ({ ...(json as unknown as Omit<ReadArgs, 'request'>), request: null }),
}

type Phase = 'settling' | 'delaying' | 'parked' | 'fetching' | 'deferred'

interface Read extends ReadArgs {
  readonly id: OperationId
  readonly user: UserId | null
  readonly settle: Settle<Reply>
  /** Operations that have not settled yet. */
  readonly awaited: Set<OperationId>
  /** The end of what the lane held at the call; null: that is not awaited. */
  barrier: Barrier | null
  phase: Phase
  /** The position whose delay is over. */
  waitedFor: string | null
  /** After 425 or 429: one more try, without the position (R5). */
  isLastTry: boolean
  firstRefusal: HoldfastError | null
  /** The generation that was refused last. */
  refused: number | null
  abort: AbortController
}

const NO_LANE = 0 as LaneId
/** Where 425 or 429 does not say how long to wait. */
const DEFAULT_RETRY_MS = 1000

const SETTLING: ReadonlySet<EventName> = new Set([
  'operation.completed',
  'operation.dropped',
  'operation.cancelled',
  'operation.dead',
])

export class Reads {
  readonly #core: Core
  readonly #wallet: Wallet
  readonly #holds: HoldBook
  readonly #intake: Intake
  readonly #connectivity: Connectivity
  readonly #open = new Set<Read>()

  constructor(
    core: Core,
    wallet: Wallet,
    holds: HoldBook,
    intake: Intake,
    connectivity: Connectivity,
  ) {
    this.#core = core
    this.#connectivity = connectivity
    this.#wallet = wallet
    this.#holds = holds
    this.#intake = intake
    holds.onOwnerLifted = (name) => {
      if (name === 'awaiting-token' && this.#open.size > 0) {
        core.boundary.lastly(() => this.#retryParked())
      }
    }
  }

  get isIdle(): boolean {
    return this.#open.size === 0
  }

  begin(args: ReadArgs, settle: Settle<Reply>): void {
    const { pilot } = this.#core
    const { user } = pilot
    if (user === null && pilot.requirement === 'required') {
      settle.reject(anonymous())
      return
    }
    const read: Read = {
      ...args,
      id: formatOperationId(NO_LANE, 0, nonce(this.#core)),
      user,
      settle,
      awaited: new Set(args.after),
      barrier: null,
      phase: 'settling',
      waitedFor: null,
      isLastTry: false,
      firstRefusal: null,
      refused: null,
      abort: new AbortController(),
    }
    this.#open.add(read)
    if (args.after === null) this.#awaitLane(read)
    else this.#awaitNamed(read, args.after)
  }

  /** Hears everything that is reported, as a part of what is being dealt with. */
  hear<Name extends EventName>(name: Name, detail: HoldfastEvents[Name]): void {
    if (this.#open.size === 0) return
    const { boundary } = this.#core
    if (SETTLING.has(name)) {
      const { id } = detail as { readonly id: OperationId }
      for (const read of this.#open) read.awaited.delete(id)
      boundary.lastly(() => this.#advanceAll('settling'))
    } else if (name === 'token.updated' || name === 'requirement.changed') {
      boundary.lastly(() => this.#retryParked())
    } else if (name === 'identity.changed') {
      const { user } = detail as HoldfastEvents['identity.changed']
      this.#cancelOthers(user)
    }
  }

  /** Another process has committed: what it settled, nobody reports here (Q17). */
  recheck(): void {
    for (const read of this.#open) {
      if (read.phase !== 'settling') continue
      if (read.awaited.size > 0) this.#awaitNamed(read, [...read.awaited])
      else this.#advance(read)
    }
  }

  /** The engine is closing. */
  endAll(): void {
    for (const read of this.#open) {
      this.#fail(
        read,
        new HoldfastError('CLOSED', 'the engine was closed before the read was answered'),
      )
    }
  }

  /** All of the lane at the time of the call, with what is just being stored. */
  #awaitLane(read: Read): void {
    this.#intake.whenStored(read.user, () => {
      const line = this.#core.lanes.ofUser(read.user)
      if (line !== undefined && line.pending > 0) {
        read.barrier = { through: line.tail }
        line.barriers.add(read.barrier)
      }
      this.#advance(read)
    })
  }

  #awaitNamed(read: Read, ids: readonly OperationId[]): void {
    let unknown = ids.length
    if (unknown === 0) this.#advance(read)
    for (const id of ids) {
      this.#core.store.find(id, (found) => {
        if (!found.ok) {
          this.#fail(read, found.error)
          return
        }
        if (found.value?.state !== 'pending') read.awaited.delete(id)
        unknown -= 1
        if (unknown === 0) this.#advance(read)
      })
    }
  }

  #advanceAll(phase: Phase): void {
    for (const read of this.#open) if (read.phase === phase) this.#advance(read)
  }

  #advance(read: Read): void {
    if (!this.#isSettling(read) || read.awaited.size > 0) return
    this.#firstPlaceOf(read, (first) => {
      const { barrier } = read
      if (!this.#isSettling(read)) return
      if (first === null || barrier === null || first > barrier.through) this.#look(read)
    })
  }

  #isSettling(read: Read): boolean {
    return this.#open.has(read) && read.phase === 'settling'
  }

  /** Where the lane begins now; null: it is empty, or not awaited. */
  #firstPlaceOf(read: Read, then: (place: number | null) => void): void {
    const { lanes, pilot, store } = this.#core
    const line = lanes.ofUser(read.user)
    if (read.barrier === null || line === undefined || line.pending === 0) {
      then(null)
      return
    }
    // Where another process dispatches, what is in memory may be gone.
    if (line.head !== undefined && pilot.dispatches) {
      then(line.head.place)
      return
    }
    store.window(line.lane, Number.MIN_SAFE_INTEGER, 1, (answer) => {
      if (answer.ok) then(answer.value[0]?.place ?? null)
      else this.#fail(read, answer.error)
    })
  }

  /** Looks for the newest reading position, and waits for its delay, once (R1, R2). */
  #look(read: Read): void {
    read.phase = 'delaying'
    if (read.isLastTry) {
      this.#fetch(read, null)
      return
    }
    this.#core.store.position(read.user, read.key, (answer) => {
      if (!this.#open.has(read)) return
      const position = answer.ok ? answer.value : null
      const leftMs = position === null ? 0 : position.readyAt - this.#core.boundary.wall
      if (position === null || leftMs <= 0 || read.waitedFor === position.token) {
        this.#fetch(read, position?.token ?? null)
        return
      }
      read.waitedFor = position.token
      this.#core.boundary.arm(`read:${read.id}`, leftMs, () => this.#look(read))
    })
  }

  #fetch(read: Read, position: string | null): void {
    const { pilot } = this.#core
    const { user } = read
    if (this.#isUndecided) {
      read.phase = 'parked'
    } else if (user !== null) {
      this.#wallet.whenTaken(user, () => this.#fetchSigned(read, user, position))
    } else if (pilot.requirement === 'required') {
      this.#fail(read, anonymous())
    } else {
      this.#send(read, position, null)
    }
  }

  #fetchSigned(read: Read, user: UserId, position: string | null): void {
    if (!this.#open.has(read)) return
    if (this.#isUndecided || this.#holds.isOnOwner(user, 'awaiting-token')) {
      read.phase = 'parked'
      return
    }
    const { pilot } = this.#core
    const demanded = pilot.requirement === 'required'
    pilot.token(user, { type: 'work.due', now: this.#wallet.now(), demanded })
    const credential = this.#wallet.credential(user)
    if (this.#holds.isOnOwner(user, 'awaiting-token') || (demanded && credential === null)) {
      read.phase = 'parked'
    } else {
      this.#send(read, position, credential)
    }
  }

  /** Nobody knows what the server demands, and nothing is to be sent until somebody does (I2). */
  get #isUndecided(): boolean {
    const { pilot, settings } = this.#core
    return pilot.requirement === 'unknown' && settings.whileUnknown === 'hold'
  }

  #send(read: Read, position: string | null, credential: Credential | null): void {
    const { boundary, settings, ports } = this.#core
    const { id, user } = read
    const built = boundary.pull('read.request', builtCodec, () => {
      try {
        const spec = read.request?.({ owner: { user }, position })
        return {
          state: 'request',
          request: spec === undefined ? NO_REQUEST : render(spec),
        } as const
      } catch (error) {
        return { state: 'unreadable', why: String(error) } as const
      }
    })
    if (built === 'later' || built.state !== 'request') {
      this.#fail(
        read,
        new HoldfastError('APP_CODE_FAILED', 'the request of a read could not be made'),
      )
      return
    }
    read.phase = 'fetching'
    const abort = new AbortController()
    read.abort = abort
    const { request } = built
    let isOver = false
    const answered = (reply: Reply | null) => {
      if (isOver) return
      isOver = true
      boundary.disarm(alarm)
      if (this.#open.has(read)) this.#follow(read, credential, reply)
    }
    const alarm = `read-reply:${id}`
    boundary.arm(alarm, settings.replyTimeoutMs, () => {
      abort.abort()
      answered(null)
    })
    boundary.ask<Reply>(
      {
        name: 'send',
        args: () => ({
          user,
          kind: 'read',
          operations: [id],
          generation: credential?.generation ?? null,
        }),
        codec: replyCodec,
        put: () =>
          ports.transport.send(
            {
              method: request.method,
              path: request.path,
              headers: { accept: 'application/json', ...request.headers },
              body: request.body,
              kind: 'read',
              user,
              operations: [id],
            },
            { token: credential?.token.reveal() ?? null, signal: abort.signal },
          ),
      },
      (answer) => answered(answer.ok ? answer.value : null),
    )
  }

  #follow(read: Read, credential: Credential | null, reply: Reply | null): void {
    const { report, settings, boundary } = this.#core
    if (reply === null) {
      const options = { retryable: true }
      this.#fail(read, new HoldfastError('READ_FAILED', 'the read got no reply', options))
      return
    }
    const isPortal = boundary.pull('portal', plain<boolean>(), () =>
      isCaptivePortal(reply, read.reply, settings.origin),
    )
    if (!isPortal) {
      this.#wallet.clock.heard(reply.headers.date, boundary.wall)
      // A reply of the server itself, to a read as well, is no captive portal's (Q6).
      this.#connectivity.genuineReply()
      this.#connectivity.portalGone()
    }
    if (reply.status === 401 && !isPortal) {
      this.#refused(read, credential)
    } else if ((reply.status === 425 || reply.status === 429) && !read.isLastTry) {
      read.isLastTry = true
      read.phase = 'delaying'
      const waitMs = retryAfterMs(reply, boundary.wall) ?? DEFAULT_RETRY_MS
      boundary.arm(`read:${read.id}`, waitMs, () => this.#look(read))
    } else if (reply.status >= 200 && reply.status < 300 && !isPortal) {
      if (credential !== null && read.user !== null) {
        this.#wallet.accepted(read.user, credential.generation)
      }
      this.#end(read)
      report('read.completed', { id: read.id, user: read.user })
      read.settle.resolve(reply)
    } else {
      const what = isPortal
        ? 'a captive portal answered the read'
        : `the read was answered ${reply.status}`
      this.#fail(
        read,
        new HoldfastError('READ_FAILED', what, { retryable: reply.status >= 500 || isPortal }),
      )
    }
  }

  /** R3: judged against the generation that was sent. */
  #refused(read: Read, credential: Credential | null): void {
    const { user } = read
    const { settings, report, pilot } = this.#core
    if (user === null) {
      this.#fail(read, new HoldfastError('AUTH_TOKEN_REFUSED', 'the read was answered 401'))
      return
    }
    const { firstRefusal } = read
    const isCurrent = credential !== null && credential.generation === this.#wallet.generation(user)
    if (firstRefusal !== null && settings.hasSource) {
      const message = 'the read was answered 401 with a fresh token too'
      const options = { cause: firstRefusal, retryable: true }
      this.#fail(read, new HoldfastError('AUTH_REFRESH_FAILED', message, options))
      if (isCurrent) this.#refuse(user, credential.generation, firstRefusal)
      return
    }
    const refusal = new HoldfastError('AUTH_TOKEN_REFUSED', 'the read was answered 401')
    read.firstRefusal ??= refusal
    read.refused = credential?.generation ?? null
    if (credential === null) {
      read.phase = 'deferred'
      pilot.token(user, { type: 'unsigned.refused' })
      pilot.identity({ type: 'requirement.suspected' })
    } else if (isCurrent) {
      read.phase = 'deferred'
      report('read.deferred', { id: read.id, user })
      this.#refuse(user, credential.generation, refusal)
    } else {
      this.#look(read)
    }
  }

  #refuse(user: UserId, generation: number, refusal: HoldfastError): void {
    this.#core.store.commitAtLast(
      [{ change: 'refuseToken', user, generation }],
      {},
      () => undefined,
      ([answer]) => {
        if (answer?.applied === true) this.#wallet.refused(user, generation, refusal)
        else this.#retryParked()
      },
    )
  }

  /** A token came, or the requirement was learned: whoever waited for that looks again. */
  #retryParked(): void {
    for (const read of this.#open) {
      if (read.phase === 'parked' || (read.phase === 'deferred' && this.#mayGoOn(read))) {
        this.#look(read)
      }
    }
  }

  /** Not with the generation that was just refused, though that may not be stored yet. */
  #mayGoOn({ user, refused }: Read): boolean {
    const credential = user === null ? null : this.#wallet.credential(user)
    return credential === null || credential.generation !== refused
  }

  /** R4 */
  #cancelOthers(user: UserId | null): void {
    for (const read of this.#open) {
      if (read.user === user) continue
      this.#fail(
        read,
        new HoldfastError('READ_CANCELLED', 'the identity has changed (identity-changed)'),
      )
    }
  }

  #fail(read: Read, error: Error): void {
    if (!this.#open.has(read)) return
    this.#end(read)
    if (read.phase === 'fetching') read.abort.abort()
    read.settle.reject(error)
  }

  #end(read: Read): void {
    this.#open.delete(read)
    const { boundary, lanes } = this.#core
    if (read.barrier !== null) lanes.ofUser(read.user)?.barriers.delete(read.barrier)
    boundary.disarm(`read:${read.id}`)
    boundary.disarm(`read-reply:${read.id}`)
  }
}

function anonymous(): HoldfastError {
  return new HoldfastError('AUTH_ANONYMOUS', 'nobody is logged in to read for')
}
