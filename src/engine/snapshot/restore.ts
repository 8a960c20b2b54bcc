/**
 * The way from an engine to its summary and back: what each part says of itself, and the order in
 * which a replay that begins in the middle gives it back. Nothing here is ever stored.
 */
import type { Needs } from '../tokens/needs.ts'
import type { Refresher } from '../tokens/refresher.ts'
import type { TokenAlarms } from '../tokens/token-alarms.ts'
import type { Wallet } from '../tokens/wallet.ts'
import { readError, writeError } from '../boundary/error-codec.ts'
import type { SavedBoundary } from '../boundary/boundary.ts'
import type { Core } from '../core.ts'
import type { OpenCalls } from '../open-calls.ts'
import type { EnqueueWithin } from '../intake/enqueue-within.ts'
import type { Connectivity } from '../holds/connectivity.ts'
import type { Holds } from '../holds/holds.ts'
import type { BackoffWaits } from '../holds/backoff-waits.ts'
import type { Reads } from '../reads/reads.ts'
import type { Requests } from '../sending/request.ts'
import type { RequirementAsker } from '../sessions/requirement-asker.ts'
import type { Sessions } from '../sessions/sessions.ts'
import type { Dispatcher } from '../dispatcher/dispatcher.ts'
import type { Flushes } from '../lifecycle/flushes.ts'
import { type Summary, whyNotBrief } from './summary.ts'
import type { Tidying } from '../stored/tidying.ts'
import type { WakeWatch } from '../holds/wake-watch.ts'

export interface SavedParts {
  readonly core: Core
  readonly holds: Holds
  readonly waits: BackoffWaits
  readonly wallet: Wallet
  readonly refresher: Refresher
  readonly connectivity: Connectivity
  readonly requests: Requests
  readonly dispatcher: Dispatcher
  readonly asker: RequirementAsker
  readonly enqueueWithin: EnqueueWithin
  readonly wakeWatch: WakeWatch
  readonly flushes: Flushes
  readonly reads: Reads
  readonly sessions: Sessions
  readonly openCalls: OpenCalls
  readonly tidying: Tidying
  readonly tokenAlarms: TokenAlarms
  readonly needs: Needs
}

function summarize(parts: SavedParts, boundary: SavedBoundary): Summary {
  const { core } = parts
  const { pilot } = core
  const { identity, queue, tokens } = pilot.save()
  return {
    boundary,
    identity,
    queue,
    lanes: Array.from(core.lanes.all(), (lane) => ({
      line: lane.save(),
      told: lane.rows.map((row) => core.kinds.answersOf(row)),
      attempt: parts.requests.save(lane),
      machine: pilot.saveLane(lane),
    })),
    tokens,
    needs: parts.needs.save(),
    holds: parts.holds.save(),
    connectivity: parts.connectivity.save(),
    wallet: parts.wallet.save(),
    calls: parts.refresher.save(),
    dispatch: parts.dispatcher.save(),
    asker: parts.asker.save(),
    undecided: parts.enqueueWithin.save(),
    open: parts.openCalls.list(),
    reads: parts.reads.save(),
    flushes: parts.flushes.save(),
    logouts: parts.sessions.saveLogouts(),
    wake: parts.wakeWatch.save(),
    lifetimes: core.lifetimes.save(),
    counts: {
      settled: parts.tidying.settledCount,
      flushes: parts.flushes.count,
      repeats: core.store.repeatCount,
    },
    ...(core.store.broken === null ? {} : { broken: writeError(core.store.broken) }),
  }
}

/** For a journal that begins here; a text: why the state cannot be told now. */
export function summaryOrWhyNot(parts: SavedParts, boundary: SavedBoundary): Summary | string {
  const { phase } = parts.core
  if (!phase.isBegun) return 'the engine is starting'
  if (phase.isClosing) return 'the engine is closing'
  const why = whyNotBrief(boundary)
  if (why !== null) return why
  if (!parts.wallet.isIdle) return 'a token is on its way into storage'
  const call = unsavedCall(parts)
  return call === null ? summarize(parts, boundary) : `${call}() has no answer yet`
}

/** The machines of identity and queue have begun from their own part of the summary already. */
export function restore(parts: SavedParts, saved: Summary): void {
  const { core } = parts
  const { pilot } = core
  core.phase.isBegun = true
  const alarms = new Set(saved.boundary.alarms)
  for (const { line: savedLane, told, machine } of saved.lanes) {
    const lane = core.lanes.make(savedLane.row, savedLane.envelopes)
    lane.restore(savedLane)
    for (const [index, row] of lane.rows.entries()) {
      core.kinds.remember(row, told[index] ?? { mergeKey: null, use: null })
    }
    if (machine !== null) pilot.makeLane(lane, machine)
  }
  for (const { user, machine } of saved.tokens) pilot.makeToken(user, machine)
  parts.needs.restore(saved.needs)
  parts.dispatcher.restore(saved.dispatch, alarms)
  parts.holds.restore(saved.holds)
  parts.wallet.resume(saved.wallet)
  parts.connectivity.restore(saved.connectivity, alarms)
  parts.refresher.restore(saved.calls)
  parts.tokenAlarms.restore(alarms, pilot.usersWithTokens())
  for (const { line: savedLane, attempt } of saved.lanes) {
    const lane = core.lanes.get(savedLane.row.lane)
    if (lane === undefined) continue
    parts.waits.restore(lane)
    if (attempt !== null) parts.requests.restore(lane, attempt)
  }
  parts.asker.restore(saved.asker)
  parts.enqueueWithin.restore(saved.undecided)
  parts.wakeWatch.restore(saved.wake)
  core.lifetimes.restore(saved.lifetimes ?? null)
  parts.tidying.settledCount = saved.counts.settled
  parts.flushes.count = saved.counts.flushes
  core.store.repeatCount = saved.counts.repeats
  core.store.resumeBroken(saved.broken === undefined ? null : readError(saved.broken))
  const settleOf = parts.openCalls.reopen(saved.open, (call) => core.boundary.recall(call))
  parts.reads.restore(saved.reads, alarms, settleOf)
  parts.flushes.restore(saved.flushes, settleOf)
  parts.sessions.restoreLogouts(saved.logouts, settleOf)
  const awaited = [
    ...saved.lanes.map(({ attempt }) => attempt?.ask),
    ...saved.reads.map(({ sending }) => sending?.ask),
  ]
  parts.requests.restoreLate(saved.boundary.open, new Set(awaited))
}

/** The name of a call that is open and that no part has in its summary; null: there is none. */
function unsavedCall({ openCalls, reads, flushes, sessions }: SavedParts): string | null {
  const open = openCalls.list()
  if (open.length === 0) return null
  const saved = new Set([
    ...reads.save().map(({ call }) => call),
    ...flushes.save().map(({ call }) => call),
    ...sessions.saveLogouts().flatMap((logout) => logout.calls),
  ])
  return open.find(({ call }) => !saved.has(call))?.name ?? null
}
