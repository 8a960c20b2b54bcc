/**
 * The engine: the one place that composes everything. It owns the machines (`pilot/actors.ts`), which
 * the parts tell only through it (`Pilot`). What the machines answer (commands, plain data) is handed
 * to the parts that do it.
 */
import type { IdentityEvent } from '../../machines/identity.machine.ts'
import type { LaneEvent } from '../../machines/lane.machine.ts'
import type { TokenEvent } from '../../machines/token.machine.ts'
import type { Boundary, SavedBoundary } from './boundary/boundary.ts'
import { type Calls, serveCalls } from './boundary/calls.ts'
import type { Core, Pilot } from './core.ts'
import { Intake } from './intake/intake.ts'
import { EnqueueWithin } from './intake/enqueue-within.ts'
import { Connectivity } from './lanes/connectivity.ts'
import { Holds } from './lanes/holds.ts'
import type { Lane } from './lanes/lane.ts'
import { Lanes } from './lanes/lanes.ts'
import { BackoffWaits } from './lanes/backoff-waits.ts'
import { breakDown } from './life/break-down.ts'
import { Dispatch } from './life/dispatch.ts'
import { Flushes } from './life/flushes.ts'
import { Life } from './life/life.ts'
import { EventPublisher } from './events/publisher.ts'
import { resume, type SavedParts, summarize, unsavedCall } from './life/resume.ts'
import { hearTokens, type StartParts } from './life/start.ts'
import { makeStatus, type Status } from './life/status.ts'
import { type Summary, whyNotBrief } from './life/summary.ts'
import { WakeWatch } from './life/wake-watch.ts'
import { Actors } from './pilot/actors.ts'
import { CommandQueue } from './pilot/command-queue.ts'
import { MACHINES, type Machines } from './pilot/machines.ts'
import { CommandRunner } from './pilot/run-command.ts'
import { EnginePhase } from './phase.ts'
import { Reads } from './reads/reads.ts'
import type { Requests } from './sending/request.ts'
import { Lifetimes } from './sending/lifetimes.ts'
import { makeSending } from './sending/sending.ts'
import { RequirementAsker } from './sessions/requirement-asker.ts'
import { Sessions } from './sessions/sessions.ts'
import { Records } from './stored/records.ts'
import { Store } from './stored/store.ts'
import { Tidying } from './stored/tidying.ts'
import type { EventName, HoldfastEvents } from '../events.ts'
import type { Json } from '../journal/lines.ts'
import type { Requirement, UserId } from '../model.ts'
import type { AnyOperationKind } from '../operations/define-operation.ts'
import type { KindFacts } from '../operations/kind-facts.ts'
import { Kinds } from '../operations/kinds.ts'
import type { Ports, Settings } from '../options.ts'
import { EarlyTokenNeed } from '../tokens/early-token-need.ts'
import { Needs } from '../tokens/needs.ts'
import { Refresher } from '../tokens/refresher.ts'
import { readToken, Token, type TokenFacts } from '../tokens/token.ts'
import { TokenAlarms } from '../tokens/token-alarms.ts'
import { Wallet } from '../tokens/wallet.ts'

export type { Machines }

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
  /** Told the number of the last ending that is recorded, whenever all that is stored has been read. */
  readonly onRecorded?: (recorded: number) => void
  readonly machines?: Machines
  /** A replay that begins in the middle. */
  readonly resumeFrom?: Summary
}

export class Engine implements Pilot {
  /** Everything that comes from outside, as functions to call. */
  readonly calls: Calls

  readonly #lanes = new Lanes()
  readonly #phase = new EnginePhase()
  readonly #holds: Holds
  readonly #waits: BackoffWaits
  readonly #wallet: Wallet
  readonly #sessions: Sessions
  readonly #dispatch: Dispatch
  readonly #requests: Requests
  readonly #earlyTokenNeed: EarlyTokenNeed
  readonly #actors: Actors
  readonly #commandRunner: CommandRunner
  readonly #publisher: EventPublisher
  readonly #life: Life
  readonly #savedParts: SavedParts
  readonly #needs: Needs
  #status: { readonly shown: Status; readonly version: number } | null = null

  constructor(parts: EngineParts) {
    const { boundary, settings, ports, kinds, facts, machines = MACHINES, resumeFrom } = parts
    const publisher = new EventPublisher({
      boundary,
      onEvent: parts.onEvent,
      onChange: parts.onChange,
    })
    const core: Core = {
      boundary,
      settings,
      ports,
      kinds: new Kinds(boundary, kinds, facts, (error) => publisher.report('error', { error })),
      store: new Store(boundary, ports.storage, settings.origin),
      lanes: this.#lanes,
      lifetimes: new Lifetimes(boundary, ports.clock),
      pilot: this,
      phase: this.#phase,
      report: publisher.report,
      guarded: (lane, run) => faults.guarded(lane, run),
      reread: (then) => dispatch.heardOfCommit(then),
    }
    const { statusChanged } = publisher
    let fingerprintKey = ''
    const readSecret = (secret: string) => readToken(secret, fingerprintKey, settings.subjectClaim)
    const tokenOf = (tokenFacts: TokenFacts) => new Token('', tokenFacts)
    const holds = new Holds(core)
    const waits = new BackoffWaits(core, holds)
    const wallet = new Wallet(core)
    const refresher = new Refresher(core, wallet, readSecret, tokenOf)
    const tokenAlarms = new TokenAlarms(core, wallet)
    const needs = new Needs(core)
    const connectivity = new Connectivity(core, holds, () => {
      waits.cutShort()
      needs.returned()
    })
    const records = new Records(core, holds)
    const sending = () => actors.sending
    const sendingParts = { core, wallet, connectivity, holds, waits, records, sending }
    const { faults, requests, sender } = makeSending(sendingParts)
    const sessions = new Sessions({ core, wallet, waits, records, needs })
    const wakeWatch = new WakeWatch(core, connectivity, waits)
    const asker = new RequirementAsker(core, sessions)
    const intake = new Intake(core)
    const enqueueWithin = new EnqueueWithin(core)
    const reads = new Reads(core, wallet, holds, intake, connectivity)
    const flushes = new Flushes({
      core,
      holds,
      wallet,
      intake,
      enqueueWithin,
      isProbing: () => connectivity.isProbing,
      isAsking: () => asker.isAsking,
      isTakingOver: () => this.#dispatch.isTakingOver,
      tokenWaitsForAlarm: (user) => this.#actors.tokenWaitsForAlarm(user),
    })
    const tidying = new Tidying(core.store)
    const earlyTokenNeed = new EarlyTokenNeed(core, wallet, holds)
    const dispatch = new Dispatch({
      core,
      holds,
      waits,
      connectivity,
      hearTokens: (state) => hearTokens(startParts, state),
      begin: () => this.#life.beginToDispatch(),
      notTaken: () => flushes.check(),
      changed: () => {
        statusChanged()
        reads.recheck()
        records.changedElsewhere()
        boundary.afterwards(() => parts.onForeignChange?.())
      },
    })
    const startParts: StartParts = {
      core,
      wallet,
      holds,
      connectivity,
      dispatch,
      readToken: readSecret,
      tokenOf,
      useFingerprintKey: (key) => void (fingerprintKey = key),
    }
    const commandQueue = new CommandQueue((command) => this.#commandRunner.run(command))
    const actors = new Actors({
      machines,
      boundary,
      settings,
      lanes: this.#lanes,
      wallet,
      commandQueue,
      machineFailed: publisher.machineFailed,
      resumeFrom,
    })
    this.#holds = holds
    this.#waits = waits
    this.#wallet = wallet
    this.#needs = needs
    this.#sessions = sessions
    this.#dispatch = dispatch
    this.#requests = requests
    this.#earlyTokenNeed = earlyTokenNeed
    this.#actors = actors
    this.#publisher = publisher
    this.#life = new Life({
      startParts,
      sessions,
      asker,
      requests,
      refresher,
      reads,
      flushes,
      calls: () => this.calls,
      queueState: () => actors.queueState,
      toQueue: (event) => actors.queue(event),
      sending: () => actors.sending,
      stopMachines: () => actors.stop(),
      statusChanged,
    })
    this.#commandRunner = new CommandRunner({
      core,
      holds,
      sender,
      sessions,
      refresher,
      tokenAlarms,
      needs,
      toQueue: (event) => actors.queue(event),
      whenIdle: (run) => commandQueue.whenIdle(run),
      hasMachine: (lane) => actors.hasLane(lane),
      retire: (lane) => actors.retire(lane),
      usersWithTokens: () => actors.usersWithTokens(),
      doubtRequirement: () => asker.suspect(),
      requirementChanged: () => {
        asker.changed()
        commandQueue.whenIdle(() => {
          for (const lane of Array.from(this.#lanes.pending())) earlyTokenNeed.check(lane)
        })
      },
      closed: () => this.#life.closed(),
      statusChanged,
    })
    this.calls = serveCalls({
      core,
      holds,
      waits,
      sessions,
      connectivity,
      flushes,
      intake,
      enqueueWithin,
      reads,
      records,
      refresher,
      readToken: readSecret,
      tokenOf,
      dispatch,
      start: (settle) => this.#life.start(settle),
      close: (deadlineMs, settle) => this.#life.close(deadlineMs, settle),
      statusChanged,
    })
    const { store } = core
    store.asking.subscribe(intake.askTogether)
    store.answering.subscribe(enqueueWithin.lookAtEarlier)
    store.commitAnswered.subscribe(enqueueWithin.lookAtNext)
    store.broke.subscribe((error) => breakDown({ core, holds, flushes, calls: this.calls }, error))
    if (parts.onRecorded !== undefined) store.recorded.subscribe(parts.onRecorded)
    holds.ownerReleased.subscribe(reads.ownerReleased)
    wallet.sessionEnded.subscribe(refresher.sessionEnded)
    publisher.subscribe(reads.hear, tidying.hear)
    publisher.changed.subscribe(flushes.check, connectivity.look, wakeWatch.look)
    boundary.summarizeWith((saved) => this.#summary(saved) as unknown as Json)
    this.#savedParts = {
      core,
      actors,
      holds,
      waits,
      wallet,
      refresher,
      connectivity,
      requests,
      dispatch,
      asker,
      enqueueWithin,
      wakeWatch,
      flushes,
      reads,
      sessions,
      calls: () => this.calls,
      tidying,
      tokenAlarms,
      needs,
    }
    actors.start()
    if (resumeFrom === undefined) return
    resume(this.#savedParts, resumeFrom)
  }

  // What the parts may know and do (Pilot).

  get user(): UserId | null {
    return this.#actors.user
  }

  get requirement(): Requirement {
    return this.#actors.requirement
  }

  lane(lane: Lane, event: LaneEvent): void {
    this.#actors.lane(lane, event)
  }

  token(user: UserId, event: TokenEvent): void {
    this.#actors.token(user, event)
    if (event.type === 'token.arrived') this.#waits.tokenArrived(user, event.generation)
  }

  identity(event: IdentityEvent): void {
    this.#actors.identity(event)
  }

  attemptEnded(lane: Lane): void {
    this.#publisher.statusChanged()
    this.#sessions.sweep(lane)
    const pending = lane.pending > 0
    this.lane(lane, { type: 'attempt.ended', pending, slotWanted: this.#actors.isSlotWanted })
    if (lane.user === null) this.#sessions.adopt()
  }

  enqueueAbandoned(user: UserId | null): void {
    this.#sessions.emptied(user)
    if (user !== null) this.#actors.letRest(user)
    this.#dispatch.enqueueAbandoned()
  }

  operationsAdded(lane: Lane): void {
    this.#publisher.statusChanged()
    if (!this.#phase.isBegun) return
    this.#sessions.sweep(lane)
    this.#waits.collected(lane)
    if (!this.#actors.hasLane(lane)) {
      this.#actors.makeLane(lane)
      for (const hold of this.#holds.of(lane)) this.lane(lane, { type: 'hold.set', hold })
      this.lane(lane, { type: 'operations.arrived' })
    }
    this.#earlyTokenNeed.check(lane)
  }

  enqueued(user: UserId | null): void {
    this.#needs.worked(user)
  }

  abandon(lane: Lane): void {
    this.#requests.abandon(lane)
  }

  operationsRemoved(lane: Lane): void {
    this.#publisher.statusChanged()
    if (lane.pending > 0) return
    if (this.#actors.hasLane(lane)) this.lane(lane, { type: 'operations.gone' })
    else this.#lanes.forgetIfBare(lane)
  }

  // What the app may know.

  get status(): Status {
    const version = this.#publisher.statusVersion
    if (this.#status?.version === version) return this.#status.shown
    const shown = makeStatus({
      queue: this.#actors.queueState,
      user: this.user,
      requirement: this.requirement,
      lanes: this.#lanes,
      holds: this.#holds,
      needs: this.#needs,
    })
    this.#status = { shown, version }
    return shown
  }

  /** Needs that the app has been asked about and has not answered (T5). */
  *announcedNeeds(): Iterable<HoldfastEvents['token.needed']> {
    for (const { user, need } of this.#needs.all()) {
      if (need.announced) yield { user, reason: need.reason, generation: need.refused }
    }
  }

  /** For a journal that begins here; a text: why it cannot. */
  #summary(boundary: SavedBoundary): Summary | string {
    if (!this.#phase.isBegun) return 'the engine is starting'
    if (this.#phase.isClosing) return 'the engine is closing'
    const why = whyNotBrief(boundary)
    if (why !== null) return why
    if (!this.#wallet.isIdle) return 'a token is on its way into storage'
    const call = unsavedCall(this.#savedParts)
    if (call !== null) return `${call}() has no answer yet`
    return summarize(this.#savedParts, boundary)
  }
}
