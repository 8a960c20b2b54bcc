/**
 * The engine: the only file that makes all parts and connects them. The parts never call back into this file: a part
 * calls the parts that it was given, or tells a signal, to which other parts are subscribed below.
 */
import type { HoldfastEvents } from '../events.ts'
import type { AnyOperationKind } from '../operations/define-operation.ts'
import type { KindFacts } from '../operations/kind-facts.ts'
import { Kinds } from '../operations/kinds.ts'
import type { Ports, Settings } from '../options.ts'
import { EarlyTokenNeed } from './tokens/early-token-need.ts'
import { Needs } from './tokens/needs.ts'
import { Refresher } from './tokens/refresher.ts'
import { StoredTokens } from './tokens/stored-tokens.ts'
import { TokenAlarms } from './tokens/token-alarms.ts'
import { TokenFailures } from './tokens/token-failures.ts'
import { TokenReader } from './tokens/token-reader.ts'
import { Wallet } from './tokens/wallet.ts'
import type { Boundary } from './boundary/boundary.ts'
import { CallServer } from './call-server.ts'
import { type Calls, serveCalls } from './calls.ts'
import type { Context } from './context.ts'
import { type EventListener, EventPublisher } from './events/publisher.ts'
import { EnqueueWithin } from './intake/enqueue-within.ts'
import { Intake } from './intake/intake.ts'
import { BackoffWaits } from './holds/backoff-waits.ts'
import { Connectivity } from './holds/connectivity.ts'
import { HoldEnds } from './holds/hold-ends.ts'
import { Holds } from './holds/holds.ts'
import { LaneEvents } from './lanes/lane-events.ts'
import { Lanes } from './lanes/lanes.ts'
import { BreakDown } from './lifecycle/break-down.ts'
import { Dispatcher } from './dispatcher/dispatcher.ts'
import { TakeOver } from './dispatcher/take-over.ts'
import { Flushes } from './lifecycle/flushes.ts'
import { LaneMovement } from './lifecycle/lane-movement.ts'
import { SendNows } from './lifecycle/send-nows.ts'
import { Lifecycle } from './lifecycle/lifecycle.ts'
import { Start } from './lifecycle/start.ts'
import { PortListeners } from './lifecycle/port-listeners.ts'
import { Snapshot } from './snapshot/snapshot.ts'
import type { Summary } from './snapshot/summary.ts'
import { WakeWatch } from './holds/wake-watch.ts'
import { OpenCalls } from './open-calls.ts'
import { EnginePhase } from './phase.ts'
import { MACHINES, type Machines } from './pilot/machines.ts'
import { Pilot } from './pilot/pilot.ts'
import { CommandRunner } from './pilot/run-command.ts'
import { Reads } from './reads/reads.ts'
import { Attempts } from './sending/attempts.ts'
import { KnownHead } from './sending/head-facts.ts'
import { AttemptGuard } from './sending/attempt-guard.ts'
import { Faults } from './sending/faults.ts'
import { Settlement } from './sending/settle.ts'
import { Lifetimes } from './sending/lifetimes.ts'
import { Refusals } from './sending/refusals.ts'
import { OutcomeHandler } from './sending/handle-outcome.ts'
import { Replies } from './sending/reply.ts'
import { Requests } from './sending/request.ts'
import { RequirementAsker } from './sessions/requirement-asker.ts'
import { Sessions } from './sessions/sessions.ts'
import type { Status } from './status.ts'
import { StatusView } from './status-view.ts'
import { LastCompletions } from './last-completions.ts'
import { EventTotals } from './totals.ts'
import { Records } from './stored/records.ts'
import { Store } from './stored/store.ts'
import { Tidying } from './stored/tidying.ts'

export type { Machines }

export interface EngineParts {
  readonly boundary: Boundary
  readonly settings: Settings
  readonly ports: Ports
  readonly kinds: readonly AnyOperationKind[]
  readonly facts: readonly KindFacts[]
  /** Hears every event, after everything that caused it has been done. */
  readonly onEvent: EventListener
  /** Called after each change of the status. */
  readonly onChange: () => void
  /** Called after another process has changed the stored state. */
  readonly onForeignChange?: () => void
  /** Told the number of the last recorded ending, whenever the whole stored state has been read. */
  readonly onRecorded?: (recorded: number) => void
  readonly machines?: Machines
  /** A replay that begins in the middle. */
  readonly resumeFrom?: Summary
}

export class Engine {
  /** All calls of the app. */
  readonly calls: Calls
  readonly #statusView: StatusView
  readonly #needs: Needs

  constructor(parts: EngineParts) {
    const { boundary, settings, ports, machines = MACHINES, resumeFrom } = parts

    // The parts, each after the parts that it calls.
    const publisher = new EventPublisher(parts)
    const { report, machineFailed } = publisher
    const phase = new EnginePhase()
    const lanes = new Lanes()
    const pilot = new Pilot({ machines, boundary, settings, lanes, machineFailed, resumeFrom })
    const guard = new AttemptGuard({ boundary, publisher })
    const context: Context = {
      boundary,
      settings,
      ports,
      report,
      phase,
      lanes,
      pilot,
      kinds: new Kinds({ boundary, kinds: parts.kinds, facts: parts.facts, report }),
      store: new Store({ boundary, storage: ports.storage, origin: settings.origin }),
      lifetimes: new Lifetimes({ boundary, clock: ports.clock }),
      laneEvents: new LaneEvents({ publisher, phase, pilot, lanes }),
      guarded: guard.guarded,
    }
    const tokenReader = new TokenReader(settings.subjectClaim)
    const holds = new Holds({ context })
    const waits = new BackoffWaits({ context, holds })
    const wallet = new Wallet({ context })
    const refresher = new Refresher({ context, wallet, tokenReader })
    const tokenAlarms = new TokenAlarms({ context, wallet })
    const storedTokens = new StoredTokens({ context, wallet, holds, tokenReader })
    const earlyTokenNeed = new EarlyTokenNeed({ context, wallet, holds })
    const needs = new Needs({ context })
    const connectivity = new Connectivity({ context, holds, waits, needs })
    const wakeWatch = new WakeWatch({ context, connectivity, waits })
    const records = new Records({ context, holds })
    const takeOver = new TakeOver({ context, holds, waits })
    const dispatcher = new Dispatcher({ context, holds, takeOver, connectivity })
    const settlement = new Settlement({ context, connectivity, holds, waits, records })
    const refusals = new Refusals({ context, wallet, holds, settlement, dispatcher })
    const replies = new Replies({ context, wallet, connectivity })
    const outcomeHandler = new OutcomeHandler({
      context,
      wallet,
      connectivity,
      replies,
      settlement,
      refusals,
    })
    const requests = new Requests({ context, wallet, settlement, outcomeHandler })
    const knownHead = new KnownHead({ context, wallet, holds, waits })
    const attempts = new Attempts({
      context,
      wallet,
      holds,
      records,
      knownHead,
      settlement,
      requests,
    })
    const faults = new Faults({ context, settlement })
    const sessions = new Sessions({ context, wallet, waits, records, needs, requests })
    const asker = new RequirementAsker({ context, sessions })
    const intake = new Intake({ context })
    const enqueueWithin = new EnqueueWithin({ context })
    const reads = new Reads({
      context,
      wallet,
      refresher,
      holds,
      intake,
      records,
      replies,
      dispatcher,
    })
    const movement = new LaneMovement({ context, holds, wallet, connectivity, asker, dispatcher })
    const flushes = new Flushes({ context, wallet, intake, enqueueWithin, movement })
    const sendNows = new SendNows({ context, waits, dispatcher, movement })
    const tidying = new Tidying({ store: context.store })
    const openCalls = new OpenCalls()
    const server = new CallServer({ context, open: openCalls, dispatcher })
    const listeners = new PortListeners({ context, publisher, connectivity, dispatcher, server })
    const start = new Start({ context, connectivity, dispatcher, storedTokens, tokenReader })
    const lifecycle = new Lifecycle({
      context,
      publisher,
      start,
      listeners,
      sessions,
      asker,
      openCalls,
      stopping: [flushes, sendNows, requests, reads, sessions, refresher, listeners, dispatcher],
    })
    const runner = new CommandRunner({
      context,
      publisher,
      lifecycle,
      holds,
      attempts,
      sessions,
      asker,
      refresher,
      tokenAlarms,
      needs,
      earlyTokenNeed,
    })
    this.calls = serveCalls({
      context,
      server,
      lifecycle,
      holds,
      waits,
      sessions,
      flushes,
      sendNows,
      intake,
      enqueueWithin,
      reads,
      records,
      refresher,
      tokenReader,
      dispatcher,
    })
    const totals = new EventTotals()
    const completions = new LastCompletions({ boundary })
    const holdEnds = new HoldEnds({ context, holds, waits, connectivity, needs, tokenAlarms })
    const tokenFailures = new TokenFailures(boundary)
    this.#statusView = new StatusView({
      context,
      publisher,
      holds,
      holdEnds,
      needs,
      takeOver,
      totals,
      completions,
      tokenFailures,
    })
    this.#needs = needs

    // The signals: which part hears of what, and in which order.
    const { store, laneEvents } = context
    const breakDown = new BreakDown({ context, holds, flushes, openCalls })
    publisher.subscribe(reads.hear, tidying.hear, totals.hear, completions.hear)
    publisher.subscribe(tokenFailures.hear)
    publisher.changed.subscribe(flushes.check, sendNows.check, connectivity.look, wakeWatch.look)
    laneEvents.added.subscribe(sessions.sweep, waits.collected, holds.startLane)
    laneEvents.added.subscribe(earlyTokenNeed.check)
    laneEvents.attemptOver.subscribe(sessions.sweep)
    laneEvents.anonymousAttemptOver.subscribe(sessions.adopt)
    laneEvents.attempted.subscribe(sendNows.attempted)
    laneEvents.enqueued.subscribe(needs.worked)
    laneEvents.abandoned.subscribe(sessions.emptied, dispatcher.enqueueAbandoned)
    store.asking.subscribe(intake.askTogether)
    store.answering.subscribe(enqueueWithin.lookAtEarlier)
    store.commitAnswered.subscribe(enqueueWithin.lookAtNext)
    store.broke.subscribe(breakDown.begin)
    store.stateRead.subscribe(({ recorded }) => parts.onRecorded?.(recorded), completions.read)
    guard.failed.subscribe(faults.endAttempt)
    holds.ownerReleased.subscribe(reads.ownerReleased)
    wallet.sessionEnded.subscribe(refresher.sessionEnded)
    wallet.arrived.subscribe(waits.tokenArrived)
    wallet.forgotten.subscribe(completions.forget, tokenFailures.forget, publisher.shownAnew)
    tokenAlarms.changed.subscribe(publisher.shownAnew)
    tokenAlarms.fired.subscribe(reads.waitOver)
    dispatcher.readAnew.subscribe(storedTokens.heard)
    dispatcher.tookOver.subscribe(lifecycle.beginToDispatch)
    dispatcher.lockRefused.subscribe(flushes.check)
    dispatcher.changedElsewhere.subscribe(publisher.statusChanged, reads.recheck)
    dispatcher.changedElsewhere.subscribe(records.changedElsewhere, () =>
      boundary.afterwards(() => parts.onForeignChange?.()),
    )

    // A journal that begins in the middle, and the start of the machines.
    const snapshot = new Snapshot({
      context,
      openCalls,
      waits,
      requests,
      tidying,
      parts: {
        needs,
        dispatch: dispatcher,
        holds,
        wallet,
        connectivity,
        calls: refresher,
        tokenAlarms,
        asker,
        undecided: enqueueWithin,
        wake: wakeWatch,
        lifetimes: context.lifetimes,
        reads,
        flushes,
        sendNows,
        logouts: sessions,
      },
    })
    boundary.summarizeWith(snapshot.summaryOrWhyNot)
    pilot.start(runner, wallet)
    if (resumeFrom !== undefined) snapshot.restore(resumeFrom)
  }

  get status(): Status {
    return this.#statusView.status
  }

  /** Token needs that the app has been told of and has not answered (T5). */
  announcedNeeds(): Iterable<HoldfastEvents['token.needed']> {
    return this.#needs.announced()
  }
}
