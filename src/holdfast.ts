/**
 * The engine: the one place that composes everything, and the only one that sends events to the
 * machines. What the machines answer (commands, plain data) is handed to the parts that do it.
 *
 * Commands are dealt with in the order they were given. What begins something longer (an attempt, a
 * call of the token source) is dealt with after them, one at a time, so that each finds the machines
 * at rest.
 */
import { type Actor, type AnyActor, createActor, type Snapshot } from 'xstate'
import type { HoldName } from '../machines/holds.ts'
import { type IdentityEvent, identityMachine } from '../machines/identity.machine.ts'
import { type LaneEvent, laneMachine } from '../machines/lane.machine.ts'
import { type QueueEvent, queueMachine } from '../machines/queue.machine.ts'
import {
  isAtRest,
  type TokenEvent,
  tokenMachine,
  type TokenNeed,
} from '../machines/token.machine.ts'
import type { StorageHost } from '../storage/storage.ts'
import type { Answered, Boundary, Settle } from './engine/boundary/boundary.ts'
import { type Calls, serveCalls } from './engine/boundary/calls.ts'
import { Connectivity } from './engine/lanes/connectivity.ts'
import type { Core, Pilot } from './engine/core.ts'
import { Dispatch } from './engine/life/dispatch.ts'
import { Exchange } from './engine/sending/exchange.ts'
import { Flushes } from './engine/life/flushes.ts'
import { HoldBook } from './engine/lanes/hold-book.ts'
import { Intake } from './engine/intake/intake.ts'
import type { LaneLine } from './engine/lanes/lane-line.ts'
import { Lanes } from './engine/lanes/lanes.ts'
import type { SavedBoundary } from './engine/boundary/live-boundary.ts'
import { type Command, Orders } from './engine/orders.ts'
import { Reads } from './engine/reads/reads.ts'
import { Records } from './engine/stored/records.ts'
import { RequirementAsker } from './engine/sessions/requirement-asker.ts'
import { Sender } from './engine/sending/sender.ts'
import { Sequel } from './engine/sending/sequel.ts'
import { Sessions } from './engine/sessions/sessions.ts'
import { hearTokens, start, type StartParts } from './engine/life/start.ts'
import { makeStatus, type QueueState, type Status } from './engine/life/status.ts'
import { Store } from './engine/stored/store.ts'
import { isBrief, type Summary } from './engine/life/summary.ts'
import { Waits } from './engine/lanes/waits.ts'
import { WakeWatch } from './engine/life/wake-watch.ts'
import { Within } from './engine/intake/within.ts'
import { HoldfastError } from './errors.ts'
import type { EventName, HoldfastEvents } from './events.ts'
import type { Json } from './journal/lines.ts'
import type { LaneId, Requirement, UserId } from './model.ts'
import type { AnyOperationKind } from './operations/define-operation.ts'
import type { KindFacts } from './operations/kind-facts.ts'
import { Kinds } from './operations/kinds.ts'
import type { Ports, Settings } from './options.ts'
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

const MACHINES: Machines = {
  identity: identityMachine,
  token: tokenMachine,
  lane: laneMachine,
  queue: queueMachine,
}

/** Holds that say nothing of the operations they stop. */
const OUTER_HOLDS: ReadonlySet<HoldName> = new Set([
  'offline',
  'suspended',
  'paused',
  'rate-limited',
])

/** So many operations settled make it worth while to look whether the file can shrink. */
const LARGE_DRAIN = 1000

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
  /** Called after another process has changed what is stored. */
  readonly onForeignChange?: () => void
  readonly machines?: Machines
  /** A replay that begins in the middle. */
  readonly resumeFrom?: Summary
}

export class Engine implements Pilot {
  /** Everything that comes from outside, as functions to call. */
  readonly calls: Calls

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
  readonly #records: Records
  readonly #reads: Reads
  readonly #within: Within
  readonly #asker: RequirementAsker
  readonly #wakeWatch: WakeWatch
  readonly #dispatch: Dispatch
  readonly #exchange: Exchange
  readonly #sessions: Sessions
  readonly #flushes: Flushes
  readonly #orders: Orders
  readonly #core: Core

  readonly #machines: Machines
  readonly #identity: Actor<typeof identityMachine>
  readonly #queue: Actor<typeof queueMachine>
  readonly #laneActors = new Map<LaneId, Actor<typeof laneMachine>>()
  readonly #tokenActors = new Map<UserId, Actor<typeof tokenMachine>>()
  /** Users whose token's machine may have come to rest. */
  readonly #restless = new Set<UserId>()
  readonly #needs = new Map<UserId, TokenNeed>()

  readonly #commands: Command[] = []
  readonly #work: (() => void)[] = []
  #isDraining = false
  #isWorking = false
  #isBegun = false
  #closing: Settle<void>[] | null = null
  #fingerprintKey = ''
  readonly #startParts: StartParts
  #status: Status | null = null
  #isChangeDue = false
  /** Operations settled since the file was last tidied. */
  #settledCount = 0
  #stopListening: () => void = () => undefined

  constructor(parts: EngineParts) {
    const { boundary, settings, ports, kinds, facts, machines = MACHINES, resumeFrom } = parts
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
    this.#records = new Records(core, this.#holds)
    const sequel = new Sequel(
      core,
      this.#wallet,
      this.#connectivity,
      this.#holds,
      this.#waits,
      this.#records,
    )
    this.#exchange = new Exchange(core, this.#wallet, sequel)
    this.#sender = new Sender(
      core,
      this.#wallet,
      this.#holds,
      sequel,
      this.#exchange,
      this.#records,
    )
    this.#sessions = new Sessions(core, this.#wallet, this.#waits, this.#records)
    this.#wakeWatch = new WakeWatch(core, this.#connectivity)
    this.#asker = new RequirementAsker(core, this.#sessions)
    const intake = new Intake(core)
    this.#within = new Within(core)
    this.#reads = new Reads(core, this.#wallet, this.#holds, intake, this.#connectivity)
    this.#flushes = new Flushes(core, this.#holds, () => this.#connectivity.isProbing)
    this.#dispatch = new Dispatch({
      core,
      holds: this.#holds,
      waits: this.#waits,
      connectivity: this.#connectivity,
      hearTokens: (state) => hearTokens(this.#startParts, state),
      begin: () => this.#beginToDispatch(),
      changed: () => {
        this.#touch()
        this.#reads.recheck()
        this.#boundary.afterwards(() => this.#parts.onForeignChange?.())
      },
    })
    this.#startParts = {
      core,
      wallet: this.#wallet,
      holds: this.#holds,
      connectivity: this.#connectivity,
      dispatch: this.#dispatch,
      readToken: readSecret,
      tokenOf,
      useFingerprintKey: (key) => {
        this.#fingerprintKey = key
      },
    }
    this.#identity = this.#watch(
      createActor(machines.identity, { input: settings, ...from(resumeFrom?.identity) }),
    )
    this.#queue = this.#watch(
      createActor(machines.queue, {
        input: { slots: settings.concurrency },
        ...from(resumeFrom?.queue),
      }),
    )
    this.#orders = new Orders({
      core,
      holds: this.#holds,
      sender: this.#sender,
      sessions: this.#sessions,
      refresher: this.#refresher,
      needs: this.#needs,
      toQueue: (event) => this.#queueEvent(event),
      later: (run) => this.#work.push(run),
      hasMachine: (line) => this.#laneActors.has(line.lane),
      retire: (line) => this.#retire(line),
      usersWithTokens: () => this.#tokenActors.keys(),
      doubtRequirement: () => this.#asker.suspect(),
      requirementChanged: () => {
        this.#asker.changed()
        this.#work.push(() => {
          for (const line of Array.from(this.#lanes.pending())) this.#foresee(line)
        })
      },
      isBegun: () => this.#isBegun,
      closed: () => this.#closed(),
      touch: () => this.#touch(),
    })
    this.calls = serveCalls({
      core,
      holds: this.#holds,
      waits: this.#waits,
      sessions: this.#sessions,
      connectivity: this.#connectivity,
      flushes: this.#flushes,
      intake,
      within: this.#within,
      reads: this.#reads,
      records: this.#records,
      readToken: readSecret,
      tokenOf,
      dispatch: this.#dispatch,
      isClosing: () => this.#closing !== null,
      start: (settle) => this.#start(settle),
      close: (deadlineMs, settle) => this.#close(deadlineMs, settle),
      touch: () => this.#touch(),
    })
    this.#identity.start()
    this.#queue.start()
    if (resumeFrom !== undefined) this.#resume(resumeFrom)
  }

  // What the parts may know and do (Pilot).

  get user(): UserId | null {
    return this.#identity.getSnapshot().context.user
  }

  get requirement(): Requirement {
    return this.#identity.getSnapshot().value.requirement
  }

  get dispatches(): boolean {
    return this.#dispatch.isOurs
  }

  lane(line: LaneLine, event: LaneEvent): void {
    const actor = this.#laneActors.get(line.lane)
    if (actor !== undefined) this.#tell(() => actor.send(event))
  }

  token(user: UserId, event: TokenEvent): void {
    const known = this.#tokenActors.get(user)
    const actor = known ?? this.#makeToken(user)
    this.#tell(() => {
      if (known === undefined) this.#remind(actor, user, event)
      actor.send(event)
    })
    this.#letRest(user)
  }

  identity(event: IdentityEvent): void {
    this.#tell(() => this.#identity.send(event))
  }

  isFree(line: LaneLine): boolean {
    return this.#holds.of(line).length === 0
  }

  attemptEnded(line: LaneLine): void {
    this.#touch()
    this.#sessions.sweep(line)
    this.lane(line, { type: 'attempt.ended', pending: line.pending > 0 })
    if (line.user === null) this.#sessions.adopt()
  }

  cameToNothing(user: UserId | null): void {
    this.#sessions.emptied(user)
    if (user !== null) this.#letRest(user)
    this.#dispatch.cameToNothing()
  }

  arrived(line: LaneLine): void {
    this.#touch()
    if (!this.#isBegun) return
    this.#sessions.sweep(line)
    this.#waits.collected(line)
    if (!this.#laneActors.has(line.lane)) {
      this.#makeLane(line)
      for (const hold of this.#holds.of(line)) this.lane(line, { type: 'hold.set', hold })
      this.lane(line, { type: 'operations.arrived' })
    }
    this.#foresee(line)
  }

  abandon(line: LaneLine): void {
    this.#exchange.abandon(line)
  }

  shrunk(line: LaneLine): void {
    this.#touch()
    if (line.pending > 0) return
    if (this.#laneActors.has(line.lane)) this.lane(line, { type: 'operations.gone' })
    else this.#lanes.forgetIfBare(line)
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

  /** For a journal that begins here; null: too much is under way. */
  summary(boundary: SavedBoundary): Summary | null {
    if (!this.#isBegun || this.#closing !== null || !isBrief(boundary)) return null
    if (!this.calls.areAnswered() || !this.#wallet.isIdle) return null
    return {
      boundary,
      identity: this.#identity.getPersistedSnapshot(),
      queue: this.#queue.getPersistedSnapshot(),
      lanes: Array.from(this.#lanes.all(), (line) => ({
        line: line.save(),
        told: line.rows.map((row) => this.#core.kinds.told(row)),
        attempt: this.#exchange.save(line),
        machine: this.#laneActors.get(line.lane)?.getPersistedSnapshot() ?? null,
      })),
      tokens: Array.from(this.#tokenActors, ([user, actor]) => ({
        user,
        machine: actor.getPersistedSnapshot(),
      })),
      needs: Array.from(this.#needs, ([user, need]) => ({ user, need })),
      holds: this.#holds.save(),
      connectivity: this.#connectivity.save(),
      wallet: this.#wallet.save(),
      calls: this.#refresher.save(),
      dispatch: this.#dispatch.save(),
      asker: this.#asker.save(),
      undecided: this.#within.save(),
      wakeDrift: this.#wakeWatch.save(),
      counts: {
        settled: this.#settledCount,
        flushes: this.#flushes.count,
        repeats: this.#store.repeatCount,
      },
    }
  }

  #resume(saved: Summary): void {
    const alarms = new Set(saved.boundary.alarms)
    this.#isBegun = true
    for (const { line: savedLine, told, machine } of saved.lanes) {
      const line = this.#lanes.make(savedLine.row, savedLine.envelopes)
      line.restore(savedLine)
      for (const [index, row] of line.rows.entries()) {
        this.#core.kinds.remember(row, told[index] ?? { mergeKey: null, use: null })
      }
      if (machine !== null) this.#makeLane(line, machine)
    }
    for (const { user, machine } of saved.tokens) this.#makeToken(user, machine)
    for (const { user, need } of saved.needs) this.#needs.set(user, need)
    this.#dispatch.restore(saved.dispatch, alarms)
    this.#holds.restore(saved.holds)
    this.#wallet.resume(saved.wallet)
    this.#connectivity.restore(saved.connectivity, alarms)
    this.#refresher.restore(saved.calls, alarms, this.#tokenActors.keys())
    for (const { line: savedLine, attempt } of saved.lanes) {
      const line = this.#lanes.get(savedLine.row.lane)
      if (line === undefined) continue
      this.#waits.restore(line)
      if (attempt !== null) this.#exchange.restore(line, attempt)
    }
    this.#asker.restore(saved.asker)
    this.#within.restore(saved.undecided)
    this.#wakeWatch.restore(saved.wakeDrift)
    this.#settledCount = saved.counts.settled
    this.#flushes.count = saved.counts.flushes
    this.#store.repeatCount = saved.counts.repeats
    this.#exchange.restoreLate(saved.boundary.open, saved.lanes)
  }

  // The life.

  #start(settle: Settle<void>): void {
    const { ports } = this.#parts
    const host: StorageHost = {
      atTurnEnd: (run) => ports.clock.atTurnEnd(run),
      monotonic: () => ports.clock.monotonic(),
      wall: () => ports.clock.wall(),
      // Off the record: whoever has a journal must not be able to try tokens against it.
      newFingerprintKey: ports.random.nonce(),
    }
    start(this.#startParts, host, (error) => {
      if (error !== null) {
        settle.reject(error)
        return
      }
      const ignored = { resolve: () => undefined, reject: () => undefined }
      const stops = [
        ports.platform.subscribe((event) => this.calls.platform(event, ignored)),
        ports.storage.watch(() => this.calls.foreignCommit(null, ignored)),
      ]
      this.#stopListening = () => stops.forEach((stop) => stop())
      this.#boundary.nextTurn(() => this.#begin())
      settle.resolve()
    })
  }

  /** The turn after the start: the app listens by now. */
  #begin(): void {
    if (this.#closing !== null) return
    this.#isBegun = true
    this.#beginToDispatch()
    this.#tell(() => this.#queue.send({ type: 'storage.loaded' }))
    this.#asker.ask()
    this.#touch()
  }

  /** Every lane has its machine; what may not stay is dropped, by the process that dispatches. */
  #beginToDispatch(): void {
    if (!this.#isBegun) return
    if (this.#dispatch.isOurs) this.#sessions.begin()
    for (const line of this.#lanes.pending()) this.arrived(line)
  }

  #close(deadlineMs: number, settle: Settle<void>): void {
    if (this.#closing !== null) {
      if (this.#queueState === 'closed') settle.resolve()
      else this.#closing.push(settle)
      return
    }
    this.#closing = [settle]
    this.#flushes.endAll()
    this.#reads.stop()
    this.#stopListening()
    this.#boundary.arm('close', deadlineMs, () => this.#queueEvent({ type: 'deadline.passed' }))
    this.#queueEvent({ type: 'close.requested' })
  }

  #closed(): void {
    this.#exchange.abortAll()
    this.#refresher.abortAll()
    this.#reads.endAll()
    this.#sessions.endAll()
    this.#dispatch.leave(this.#queue.getSnapshot().context.sending)
    // In the turn after, so that whoever was answered by the last commit has heard of it.
    this.#store.close((answer) => this.#boundary.nextTurn(() => this.#end(answer)))
  }

  #end(answer: Answered<null>): void {
    this.#boundary.silence()
    this.calls.endAll()
    for (const actor of this.#laneActors.values()) actor.stop()
    for (const actor of this.#tokenActors.values()) actor.stop()
    this.#identity.stop()
    this.#touch()
    for (const settle of this.#closing ?? []) {
      if (answer.ok) settle.resolve()
      else settle.reject(answer.error)
    }
  }

  /**
   * What cannot be sent just now, for a reason that is not its own, shows already that its user must sign
   * in (T5). A source is asked only when a request is about to go out: it would be asked in vain.
   */
  #foresee(line: LaneLine): void {
    const { user } = line
    const isBlocked = () => {
      const holds = this.#holds.of(line)
      return holds.length > 0 && holds.every(({ name }) => OUTER_HOLDS.has(name))
    }
    if (user === null || this.#parts.settings.hasSource || !this.#dispatch.isOurs) return
    if (this.#wallet.credential(user) !== null || !isBlocked()) return
    this.#wallet.whenTaken(user, () => {
      const isNeeded = line.pending > 0 && this.#wallet.credential(user) === null && isBlocked()
      if (!isNeeded || this.requirement !== 'required' || this.#closing !== null) return
      this.token(user, { type: 'work.due', now: this.#wallet.now(), demanded: true })
    })
  }

  // The machines.

  #watch<Watched extends AnyActor>(actor: Watched): Watched {
    // Unobserved, an actor's error would be thrown at the host.
    actor.subscribe({ error: (error) => this.#fault(error) })
    actor.on('*', (command) => this.#commands.push(command as Command))
    return actor
  }

  #retire(line: LaneLine): void {
    this.#laneActors.get(line.lane)?.stop()
    this.#laneActors.delete(line.lane)
    if (line.user !== null) this.#letRest(line.user)
  }

  /** The machine of this user's token is stopped, once all is dealt with, if nobody needs it any more. */
  #letRest(user: UserId): void {
    if (this.#restless.size === 0) this.#boundary.lastly(() => this.#stopAtRest())
    this.#restless.add(user)
  }

  #stopAtRest(): void {
    const users = [...this.#restless]
    this.#restless.clear()
    for (const user of users) {
      const actor = this.#tokenActors.get(user)
      if (actor === undefined || !this.#lanes.isEmpty(user) || !isAtRest(actor.getSnapshot()))
        continue
      actor.stop()
      this.#tokenActors.delete(user)
    }
  }

  /** One that has been stopped is told again what it knew, unless that is just what it is about to hear. */
  #remind(actor: Actor<typeof tokenMachine>, user: UserId, event: TokenEvent): void {
    if (event.type === 'token.arrived') return
    const arrival = this.#wallet.arrival(user)
    if (arrival === null) return
    // The wallet knows of a refusal before the machine does.
    actor.send(event.type === 'token.refused' ? { ...arrival, refused: false } : arrival)
  }

  #makeLane(line: LaneLine, snapshot?: Snapshot<unknown>): void {
    const input = { lane: line.lane, holds: [] }
    const actor = this.#watch(createActor(this.#machines.lane, { input, ...from(snapshot) }))
    this.#laneActors.set(line.lane, actor)
    actor.start()
  }

  #makeToken(user: UserId, snapshot?: Snapshot<unknown>): Actor<typeof tokenMachine> {
    const input = { user, hasSource: this.#parts.settings.hasSource }
    const actor = this.#watch(createActor(this.#machines.token, { input, ...from(snapshot) }))
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
        this.#orders.obey(next)
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

  #report<Name extends EventName>(name: Name, detail: HoldfastEvents[Name]): void {
    this.#boundary.decide(() => ({ out: 'event', name, detail: eventDetail(detail) }))
    this.#touch()
    this.#reads.hear(name, detail)
    this.#countSettled(name)
    this.#boundary.afterwards(() => this.#parts.onEvent(name, detail))
  }

  /** After a large drain the file can shrink. */
  #countSettled(name: EventName): void {
    if (name === 'operation.completed' || name === 'operation.dropped') this.#settledCount += 1
    if (name !== 'queue.drained' || this.#settledCount < LARGE_DRAIN) return
    this.#settledCount = 0
    this.#store.tidy()
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
    this.#boundary.lastly(() => {
      this.#isChangeDue = false
      this.#flushes.check()
      this.#wakeWatch.look()
      this.#boundary.afterwards(() => this.#parts.onChange())
    })
  }
}

/** The option of `createActor` for a machine that goes on from a summary. */
function from(snapshot: Snapshot<unknown> | undefined): { snapshot?: Snapshot<unknown> } {
  return snapshot === undefined ? {} : { snapshot }
}

/** An event as it stands in a journal: of an error only its code. */
function eventDetail(detail: object): Json {
  if (!('error' in detail)) return detail as Json
  const { error, ...rest } = detail as { readonly error: HoldfastError }
  return { ...rest, code: error.code }
}
