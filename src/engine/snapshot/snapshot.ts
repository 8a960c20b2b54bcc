/**
 * Makes the summary of an engine from the state of each part, and restores the parts from it, in a fixed order, for a
 * replay that begins in the middle. It never stores anything.
 */
import type { Json } from '../../journal/lines.ts'
import type { SavedBoundary } from '../boundary/boundary.ts'
import { readError, writeError } from '../boundary/error-codec.ts'
import type { Context } from '../context.ts'
import type { BackoffWaits } from '../holds/backoff-waits.ts'
import type { Flushes } from '../lifecycle/flushes.ts'
import type { OpenCalls } from '../open-calls.ts'
import type { SavedPart } from '../part.ts'
import type { Requests } from '../sending/request.ts'
import type { Tidying } from '../stored/tidying.ts'
import type { TokenAlarms } from '../tokens/token-alarms.ts'
import type { Wallet } from '../tokens/wallet.ts'
import { type SavedParts, type Summary, type SummarizedLane, whyNotBrief } from './summary.ts'

/** The saved parts, under the names of the summary. They are restored in the order of the object's entries. */
type RestoredParts = {
  readonly [Name in keyof SavedParts]-?: SavedPart<SavedParts[Name]>
} & { readonly wallet: Wallet; readonly flushes: Flushes; readonly tokenAlarms: TokenAlarms }

export interface SnapshotParts {
  readonly context: Context
  readonly openCalls: OpenCalls
  readonly waits: BackoffWaits
  readonly requests: Requests
  readonly tidying: Tidying
  readonly parts: RestoredParts
}

export class Snapshot {
  readonly #context: Context
  readonly #parts: SnapshotParts

  constructor(parts: SnapshotParts) {
    this.#context = parts.context
    this.#parts = parts
  }

  /** The summary for a journal that begins here. A text instead says why there can be no summary now. */
  readonly summaryOrWhyNot = (boundary: SavedBoundary): Json => {
    const { phase } = this.#context
    if (!phase.isBegun) return 'the engine is starting'
    if (phase.isClosing) return 'the engine is closing'
    const why = whyNotBrief(boundary)
    if (why !== null) return why
    if (!this.#parts.parts.wallet.isIdle) return 'a token is on its way into storage'
    const call = this.#unsavedCall()
    if (call !== null) return `${call}() has no answer yet`
    return this.#summarize(boundary) as unknown as Json
  }

  /** The machines of identity and queue have begun from their own part of the summary already. */
  restore(saved: Summary): void {
    const { context, openCalls, waits, requests, parts, tidying } = this.#parts
    context.phase.isBegun = true
    for (const one of saved.lanes) this.#restoreLane(one)
    for (const { user, machine } of saved.tokens) context.pilot.makeToken(user, machine)
    const resumed = {
      alarms: new Set(saved.boundary.alarms),
      settleOf: openCalls.reopen(saved.open, (call) => context.boundary.recall(call)),
    }
    for (const [name, part] of Object.entries(parts) as [keyof SavedParts, SavedPart<unknown>][]) {
      part.restore(saved[name], resumed)
    }
    for (const { line, attempt } of saved.lanes) {
      const lane = context.lanes.get(line.row.lane)
      if (lane === undefined) continue
      waits.restore(lane)
      if (attempt !== null) requests.restore(lane, attempt)
    }
    tidying.settledCount = saved.counts.settled
    parts.flushes.count = saved.counts.flushes
    context.store.repeatCount = saved.counts.repeats
    context.store.resumeBroken(saved.broken === undefined ? null : readError(saved.broken))
    requests.restoreLate(saved.boundary.open, new Set(askedOf(saved)))
  }

  #summarize(boundary: SavedBoundary): Summary {
    const { context, openCalls, requests, parts, tidying } = this.#parts
    const { pilot, store } = context
    return {
      boundary,
      ...pilot.save(),
      lanes: Array.from(context.lanes.all(), (lane) => ({
        line: lane.save(),
        told: lane.rows.map((row) => context.kinds.answersOf(row)),
        attempt: requests.save(lane),
        machine: pilot.saveLane(lane),
      })),
      ...savedOf(parts),
      open: openCalls.list(),
      counts: {
        settled: tidying.settledCount,
        flushes: parts.flushes.count,
        repeats: store.repeatCount,
      },
      ...(store.broken === null ? {} : { broken: writeError(store.broken) }),
    }
  }

  #restoreLane({ line, told, machine }: SummarizedLane): void {
    const { lanes, kinds, pilot } = this.#context
    const lane = lanes.make(line.row, line.envelopes)
    lane.restore(line)
    for (const [index, row] of lane.rows.entries()) {
      kinds.remember(row, told[index] ?? { mergeKey: null, use: null })
    }
    if (machine !== null) pilot.makeLane(lane, machine)
  }

  /** The name of a call that is open and that no part has in its summary; null: there is none. */
  #unsavedCall(): string | null {
    const { openCalls, parts } = this.#parts
    const open = openCalls.list()
    if (open.length === 0) return null
    const all = Object.values(parts) as readonly SavedPart<unknown>[]
    const saved = new Set(all.flatMap((part) => part.savedCalls?.() ?? []))
    return open.find(({ call }) => !saved.has(call))?.name ?? null
  }
}

function savedOf(parts: RestoredParts): SavedParts {
  const entries = Object.entries(parts as Readonly<Record<string, SavedPart<unknown>>>)
  return Object.fromEntries(
    entries.flatMap(([name, part]) => (part.save === undefined ? [] : [[name, part.save()]])),
  ) as unknown as SavedParts
}

/** The numbers of the requests that wait for a reply. */
function askedOf({ lanes, reads }: Summary): readonly (number | undefined)[] {
  return [...lanes.map(({ attempt }) => attempt?.ask), ...reads.map(({ sending }) => sending?.ask)]
}
