/**
 * The engine: the one place that composes everything, and the only one that sends events to the
 * machines. What the machines answer (commands, plain data) is handed to the parts that do it.
 *
 * Commands are dealt with in the order they were given. What begins something longer (an attempt, a
 * call of the token source) is dealt with after them, one at a time, so that each finds the machines
 * at rest.
 */
import { type Actor, type AnyActor, createActor } from 'xstate'
import {
  type IdentityCommand,
  type IdentityEvent,
  identityMachine,
} from '../machines/identity.machine.ts'
import { type LaneCommand, type LaneEvent, laneMachine } from '../machines/lane.machine.ts'
import { type QueueCommand, type QueueEvent, queueMachine } from '../machines/queue.machine.ts'
import {
  type TokenCommand,
  type TokenEvent,
  tokenMachine,
  type TokenNeed,
} from '../machines/token.machine.ts'
import type { StorageHost } from '../storage/storage.ts'
import { type Boundary, type Codec, plain, type Settle } from './engine/boundary.ts'
import { nonce } from './engine/chance.ts'
import { Connectivity } from './engine/connectivity.ts'
import type { Core, Pilot } from './engine/core.ts'
import { Flushes } from './engine/flushes.ts'
import { HoldBook } from './engine/hold-book.ts'
import { draftCodec, type Enqueued, Intake } from './engine/intake.ts'
import { Interventions } from './engine/interventions.ts'
import type { LaneLine } from './engine/lane-line.ts'
import { Lanes } from './engine/lanes.ts'
import { Sender } from './engine/sender.ts'
import { Sequel } from './engine/sequel.ts'
import { loginCodec, type LogoutArgs, type LogoutResult, Sessions } from './engine/sessions.ts'
import { start } from './engine/start.ts'
import { makeStatus, type QueueState, type Status } from './engine/status.ts'
import { Store } from './engine/store.ts'
import { Waits } from './engine/waits.ts'
import { HoldfastError } from './errors.ts'
import type { EventName, HoldfastEvents } from './events.ts'
import type { Json } from './journal/lines.ts'
import type { LaneId, OperationId, Requirement, UserId } from './model.ts'
import { type KindFacts, Kinds } from './operations/kinds.ts'
import type { AnyOperationKind } from './operations/define-operation.ts'
import type { Ports, Settings } from './options.ts'
import type { PlatformEvent } from './ports/platform.ts'
import { Refresher } from './tokens/refresher.ts'
import { readToken, Token, type TokenFacts } from './tokens/token.ts'
import { Wallet } from './tokens/wallet.ts'

/** The machines to run; tests put others in their place. */
export interface Machines {
  readonly identity: typeof identityMachine
  readonly token: typeof tokenMachine
  readonly lane: typeof laneMachine
  readonly queue: typeof queueMachine
}

export const MACHINES: Machines = {
  identity: identityMachine,
  token: tokenMachine,
  lane: laneMachine,
  queue: queueMachine,
}

export interface EngineParts {
  readonly boundary: Boundary
  readonly settings: Settings
  readonly ports: Ports
  readonly kinds: readonly AnyOperationKind[]
  readonly facts: readonly KindFacts[]
  /** Hears every event, after what caused it has been dealt with. */
  readonly onEvent: <Name extends EventName>(name: Name, detail: HoldfastEvents[Name]) => void
  /** Called after each thing that changed what `status()` shows. */
  readonly onChange: () => void
  readonly machines?: Machines
}

type Command = LaneCommand | QueueCommand | IdentityCommand | TokenCommand

export class Engine implements Pilot {
  /** Everything that comes from outside, as functions to call. */
  readonly calls

  readonly #parts: EngineParts
  readonly #boundary: Boundary
  readonly #lanes = new Lanes()
  readonly #store: Store
  readonly #holds: HoldBook
  readonly #waits: Waits
  readonly #wallet: Wallet
  readonly #refresher: Refresher
  readonly #connectivity: Connectivity
  readonly #sender: Sender
  readonly #sessions: Sessions
  readonly #flushes: Flushes
  readonly #core: Core

  readonly #machines: Machines
  readonly #identity: Actor<typeof identityMachine>
  readonly #queue: Actor<typeof queueMachine>
  readonly #laneActors = new Map<LaneId, Actor<typeof laneMachine>>()
  readonly #tokenActors = new Map<UserId, Actor<typeof tokenMachine>>()
  readonly #needs = new Map<UserId, TokenNeed>()

  readonly #commands: Command[] = []
  readonly #work: (() => void)[] = []
  #isDraining = false
  #isWorking = false
  #isBegun = false
  #closing: Settle<void>[] | null = null
  #fingerprintKey = ''
  #status: Status | null = null
  #isChangeDue = false
  #stopListening: () => void = () => undefined

  constructor(parts: EngineParts) {
    const { boundary, settings, ports, kinds, facts, machines = MACHINES } = parts
    this.#parts = parts
    this.#boundary = boundary
    this.#machines = machines
    this.#store = new Store(boundary, ports.storage)
    const core: Core = {
      boundary,
      settings,
      ports,
      kinds: new Kinds(boundary, kinds, facts),
      store: this.#store,
      lanes: this.#lanes,
      pilot: this,
      report: (name, detail) => this.#report(name, detail),
    }
    const readSecret = (secret: string) =>
      readToken(secret, this.#fingerprintKey, settings.subjectClaim)
    const tokenOf = (tokenFacts: TokenFacts) => new Token('', tokenFacts)
    this.#core = core
    this.#holds = new HoldBook(core)
    this.#waits = new Waits(core, this.#holds)
    this.#wallet = new Wallet(core)
    this.#refresher = new Refresher(core, this.#wallet, readSecret, tokenOf)
    this.#connectivity = new Connectivity(core, this.#holds, () => this.#waits.cutShort())
    const sequel = new Sequel(core, this.#wallet, this.#connectivity, this.#holds, this.#waits)
    this.#sender = new Sender(core, this.#wallet, this.#holds, sequel)
    this.#sessions = new Sessions(core, this.#wallet, this.#waits)
    this.#flushes = new Flushes(core, this.#holds, () => this.#connectivity.isProbing)
    this.#identity = this.#watch(createActor(machines.identity, { input: settings }))
    this.#queue = this.#watch(
      createActor(machines.queue, { input: { slots: settings.concurrency } }),
    )
    this.calls = this.#serve(core, readSecret, tokenOf)
    this.#identity.start()
    this.#queue.start()
  }

  // What the parts may know and do (Pilot).

  get user(): UserId | null {
    return this.#identity.getSnapshot().context.user
  }

  get requirement(): Requirement {
    return this.#identity.getSnapshot().value.requirement
  }

  lane(line: LaneLine, event: LaneEvent): void {
    const actor = this.#laneActors.get(line.lane)
    if (actor !== undefined) this.#tell(() => actor.send(event))
  }

  token(user: UserId, event: TokenEvent): void {
    const actor = this.#tokenActors.get(user) ?? this.#makeToken(user)
    this.#tell(() => actor.send(event))
  }

  identity(event: IdentityEvent): void {
    this.#tell(() => this.#identity.send(event))
  }

  isFree(line: LaneLine): boolean {
    return this.#holds.of(line).length === 0
  }

  attemptEnded(line: LaneLine): void {
    this.#touch()
    this.lane(line, { type: 'attempt.ended', pending: line.pending > 0 })
    const { settings } = this.#parts
    if (line.user === null && this.requirement === 'required' && settings.anonymous === 'drop') {
      this.#sessions.dropAnonymous()
    }
  }

  arrived(line: LaneLine): void {
    if (!this.#isBegun || this.#laneActors.has(line.lane)) return
    const input = { lane: line.lane, holds: [] }
    const actor = this.#watch(createActor(this.#machines.lane, { input }))
    this.#laneActors.set(line.lane, actor)
    actor.start()
    for (const hold of this.#holds.of(line)) this.lane(line, { type: 'hold.set', hold })
    this.lane(line, { type: 'operations.arrived' })
  }

  shrunk(line: LaneLine): void {
    this.#touch()
    if (line.pending === 0) this.lane(line, { type: 'operations.gone' })
  }

  // What the app may know.

  get status(): Status {
    this.#status ??= makeStatus({
      queue: this.#queueState,
      user: this.user,
      requirement: this.requirement,
      lanes: this.#lanes,
      holds: this.#holds,
      needs: this.#needs,
    })
    return this.#status
  }

  /** Needs that the app has been asked about and has not answered (T5). */
  *announcedNeeds(): Iterable<HoldfastEvents['token.needed']> {
    for (const [user, { reason, refused, announced }] of this.#needs) {
      if (announced) yield { user, reason, generation: refused }
    }
  }

  get #queueState(): QueueState {
    return this.#queue.getSnapshot().value
  }

  #serve(core: Core, readSecret: (secret: string) => Token, tokenOf: (facts: TokenFacts) => Token) {
    const intake = new Intake(core)
    const interventions = new Interventions(core, this.#holds, this.#waits)
    const tokenArgs = loginCodec(tokenOf)
    const { boundary } = core
    /** Offers a call, unless the engine is closing. */
    const serve = <Args, T>(
      name: string,
      codec: Codec<Args>,
      run: (args: Args, settle: Settle<T>) => void,
    ) =>
      boundary.serve<Args, T>({
        name,
        codec,
        run: (args, settle) => {
          if (this.#closing === null) run(args, settle)
          else settle.reject(new HoldfastError('CLOSED', `${name}() after close()`))
        },
      })
    return {
      readToken: readSecret,
      start: boundary.serve<null, void>({
        name: 'start',
        codec: plain<null>(),
        run: (_args, settle) => this.#start(readSecret, tokenOf, settle),
      }),
      enqueue: serve('enqueue', draftCodec, (draft, settle: Settle<Enqueued>) =>
        intake.enqueue(draft, settle),
      ),
      login: serve('login', tokenArgs, (args, settle: Settle<void>) =>
        this.#sessions.login(args, settle),
      ),
      logout: serve('logout', plain<LogoutArgs>(), (args, settle: Settle<LogoutResult>) =>
        this.#sessions.logout(args, settle),
      ),
      updateToken: serve('updateToken', tokenArgs, (args, settle: Settle<void>) =>
        this.#sessions.updateToken(args, settle),
      ),
      refreshToken: serve('refreshToken', plain<UserId>(), (user, settle: Settle<void>) => {
        this.token(user, { type: 'refresh.requested' })
        settle.resolve()
      }),
      setRequirement: serve('setRequirement', plain<Requirement>(), (value, settle: Settle<void>) =>
        this.#sessions.setRequirement(value, settle),
      ),
      cancel: serve('cancel', plain<OperationId>(), (id, settle: Settle<void>) =>
        interventions.cancel(id, settle),
      ),
      retry: serve('retry', plain<OperationId>(), (id, settle: Settle<void>) =>
        interventions.retry(id, settle),
      ),
      discard: serve('discard', plain<OperationId>(), (id, settle: Settle<void>) =>
        interventions.discard(id, settle),
      ),
      pause: serve('pause', plain<null>(), (_args, settle: Settle<void>) => {
        this.#holds.setOnEvery('paused', 'pause() was called')
        this.#report('queue.paused', {})
        settle.resolve()
      }),
      resume: serve('resume', plain<null>(), (_args, settle: Settle<void>) => {
        this.#holds.liftFromEvery('paused')
        this.#report('queue.resumed', {})
        settle.resolve()
      }),
      flush: serve('flush', plain<number>(), (deadlineMs, settle: Settle<null>) =>
        this.#flushes.begin(deadlineMs, settle),
      ),
      platform: serve('platform', plain<PlatformEvent>(), (event) => {
        this.#connectivity.heard(event)
        this.#touch()
      }),
      close: boundary.serve<number, void>({
        name: 'close',
        codec: plain<number>(),
        run: (deadlineMs, settle) => this.#close(deadlineMs, settle),
      }),
    }
  }

  // The life.

  #start(
    readSecret: (secret: string) => Token,
    tokenOf: (facts: TokenFacts) => Token,
    settle: Settle<void>,
  ): void {
    const { ports } = this.#parts
    const host: StorageHost = {
      atTurnEnd: (run) => ports.clock.atTurnEnd(run),
      monotonic: () => ports.clock.monotonic(),
      wall: () => ports.clock.wall(),
      newFingerprintKey: nonce(this.#core),
    }
    start(
      {
        core: this.#core,
        wallet: this.#wallet,
        holds: this.#holds,
        waits: this.#waits,
        connectivity: this.#connectivity,
        host,
        readToken: readSecret,
        tokenOf,
        useFingerprintKey: (key) => {
          this.#fingerprintKey = key
        },
      },
      (error) => {
        if (error !== null) {
          settle.reject(error)
          return
        }
        this.#stopListening = ports.platform.subscribe((event) =>
          this.calls.platform(event, { resolve: () => undefined, reject: () => undefined }),
        )
        this.#boundary.nextTurn(() => this.#begin())
        settle.resolve()
      },
    )
  }

  /** The turn after the start: the app listens by now. */
  #begin(): void {
    if (this.#closing !== null) return
    this.#isBegun = true
    if (this.requirement === 'required' && this.#parts.settings.anonymous === 'drop') {
      this.#sessions.dropAnonymous()
    }
    for (const line of this.#lanes.pending()) this.arrived(line)
    this.#tell(() => this.#queue.send({ type: 'storage.loaded' }))
    this.#touch()
  }

  #close(deadlineMs: number, settle: Settle<void>): void {
    if (this.#closing !== null) {
      if (this.#queueState === 'closed') settle.resolve()
      else this.#closing.push(settle)
      return
    }
    this.#closing = [settle]
    this.#flushes.endAll()
    this.#stopListening()
    this.#boundary.arm('close', deadlineMs, () => this.#queueEvent({ type: 'deadline.passed' }))
    this.#queueEvent({ type: 'close.requested' })
  }

  #closed(): void {
    this.#sender.abortAll()
    this.#refresher.abortAll()
    this.#store.close((answer) => {
      this.#boundary.silence()
      for (const actor of this.#laneActors.values()) actor.stop()
      for (const actor of this.#tokenActors.values()) actor.stop()
      this.#identity.stop()
      this.#touch()
      for (const settle of this.#closing ?? []) {
        if (answer.ok) settle.resolve()
        else settle.reject(answer.error)
      }
    })
  }

  // The machines.

  #watch<Watched extends AnyActor>(actor: Watched): Watched {
    // Unobserved, an actor's error would be thrown at the host.
    actor.subscribe({ error: (error) => this.#fault(error) })
    actor.on('*', (command) => this.#commands.push(command as Command))
    return actor
  }

  #makeToken(user: UserId): Actor<typeof tokenMachine> {
    const input = { user, hasSource: this.#parts.settings.hasSource }
    const actor = this.#watch(createActor(this.#machines.token, { input }))
    this.#tokenActors.set(user, actor)
    return actor.start()
  }

  #queueEvent(event: QueueEvent): void {
    if (this.#queueState !== 'closed') this.#tell(() => this.#queue.send(event))
  }

  #tell(send: () => void): void {
    send()
    if (this.#isDraining) return
    this.#isDraining = true
    try {
      for (let next = this.#commands.shift(); next !== undefined; next = this.#commands.shift()) {
        this.#obey(next)
      }
    } finally {
      this.#isDraining = false
    }
    this.#doWork()
  }

  #doWork(): void {
    if (this.#isWorking) return
    this.#isWorking = true
    try {
      for (let next = this.#work.shift(); next !== undefined; next = this.#work.shift()) next()
    } finally {
      this.#isWorking = false
    }
  }

  #obey(command: Command): void {
    switch (command.type) {
      case 'slot.requested':
      case 'slot.withdrawn':
      case 'slot.returned':
        this.#queueEvent(command)
        return
      case 'slot.granted':
        this.#toLine(command.lane, (line) => this.lane(line, { type: 'slot.granted' }))
        return
      case 'attempt.requested':
        this.#toLine(command.lane, (line) => this.#work.push(() => this.#sender.begin(line)))
        return
      case 'lane.held':
      case 'lane.released':
      case 'lane.idled':
        this.#toLine(command.lane, (line) => this.#obeyLane(line, command))
        return
      case 'queue.closed':
        this.#work.push(() => this.#closed())
        return
      case 'identity.changed':
        this.#report('identity.changed', { user: command.user, former: command.former })
        return
      case 'requirement.changed': {
        const { requirement, suspected } = command
        this.#report('requirement.changed', { requirement, suspected })
        return
      }
      case 'lanes.hold':
        this.#holds.setOnEvery('requirement-unknown', 'nobody has said what the server demands')
        return
      case 'lanes.release':
        this.#holds.liftFromEvery('requirement-unknown')
        this.#holds.liftFromOwner(null, 'requirement-unknown')
        return
      case 'anonymous.drop':
        // Held until it is done: what was released a moment ago must not be sent unsigned (I3).
        this.#holds.setOnOwner(null, 'signed-out', 'nobody is logged in')
        if (this.#isBegun) this.#work.push(() => this.#sessions.dropAnonymous())
        return
      case 'anonymous.hold':
        this.#holds.setOnOwner(null, 'signed-out', 'nobody is logged in')
        return
      case 'anonymous.release':
        this.#holds.liftFromOwner(null, 'signed-out')
        return
      case 'anonymous.adopt':
        return
      case 'tokens.waive':
        for (const user of this.#tokenActors.keys()) this.token(user, { type: 'demand.waived' })
        return
      default:
        this.#obeyToken(command)
    }
  }

  #obeyLane(
    line: LaneLine,
    command: Extract<Command, { type: 'lane.held' | 'lane.released' | 'lane.idled' }>,
  ): void {
    const { user } = line
    switch (command.type) {
      case 'lane.held': {
        const { name: hold, cause, since } = command.hold
        this.#report('lane.held', { user, hold, cause, since })
        return
      }
      case 'lane.released':
        this.#report('lane.released', { user, hold: command.name })
        return
      case 'lane.idled':
        this.#laneActors.get(line.lane)?.stop()
        this.#laneActors.delete(line.lane)
        this.#lanes.forgetIfBare(line)
        if (user !== null) this.#sessions.emptied(user)
        if (this.#laneActors.size === 0) this.#report('queue.drained', {})
    }
  }

  #obeyToken(command: TokenCommand): void {
    const { user } = command
    switch (command.type) {
      case 'lane.park':
        this.#holds.setOnOwner(user, 'awaiting-token', 'a fresh token is needed')
        return
      case 'lane.unpark':
        this.#holds.liftFromOwner(user, 'awaiting-token')
        return
      case 'lane.signOut':
        this.#holds.setOnOwner(user, 'signed-out', 'the token source denied a token')
        return
      case 'lane.signIn':
        this.#holds.liftFromOwner(user, 'signed-out')
        return
      case 'need.opened':
      case 'need.announced': {
        const { need } = command
        const { reason, refused: generation } = need
        this.#needs.set(user, need)
        this.#boundary.decide(() => ({ out: 'need', user, reason }))
        this.#touch()
        if (command.type === 'need.announced') {
          this.#report('token.needed', { user, reason, generation })
        }
        return
      }
      case 'need.closed':
        this.#needs.delete(user)
        this.#boundary.decide(() => ({ out: 'need', user, reason: null }))
        this.#touch()
        return
      case 'source.ask':
        this.#work.push(() => this.#refresher.ask(user, command.reason))
        return
      case 'refresh.failed':
        this.#refresher.refreshFailed(user)
        return
      case 'coolDown.started':
        this.#refresher.coolDown(user, command.cause, command.round)
        return
      case 'coolDown.ended':
        this.#refresher.coolDownEnded(user)
    }
  }

  #toLine(lane: LaneId, then: (line: LaneLine) => void): void {
    const line = this.#lanes.get(lane)
    if (line !== undefined) then(line)
  }

  #report<Name extends EventName>(name: Name, detail: HoldfastEvents[Name]): void {
    this.#boundary.decide(() => ({ out: 'event', name, detail: eventDetail(detail) }))
    this.#touch()
    this.#boundary.afterwards(() => this.#parts.onEvent(name, detail))
  }

  #fault(thrown: unknown): void {
    const error = new HoldfastError('INTERNAL', 'a machine failed; this is a bug in holdfast', {
      cause: thrown,
    })
    this.#report('error', { error })
  }

  /** What `status()` shows has changed. */
  #touch(): void {
    this.#status = null
    if (this.#isChangeDue) return
    this.#isChangeDue = true
    this.#boundary.afterwards(() => {
      this.#isChangeDue = false
      this.#flushes.check()
      this.#parts.onChange()
    })
  }
}

/** An event as it stands in a journal: of an error only its code. */
function eventDetail(detail: object): Json {
  if (!('error' in detail)) return detail as Json
  const { error, ...rest } = detail as { readonly error: HoldfastError }
  return { ...rest, code: error.code }
}
