/** What a run came to: everything a scenario may expect something of. */
import type { HoldfastEvents } from '../events.ts'
import type { OperationInfo } from '../api/operation-info.ts'
import type { SeenEvent, SeenLateListener, SeenSubscription, SourceCall } from './seen.ts'
import { type Rejection, rejectionsOf } from './rejections.ts'
import { nameOf } from './operation-names.ts'
import type { World } from './world.ts'
import type { SeenRequest } from './scripted-server.ts'

export interface Observation {
  readonly requests: readonly SeenRequest[]
  readonly events: readonly SeenEvent[]
  readonly sourceCalls: readonly Pick<SourceCall, 'at' | 'user' | 'reason'>[]
  readonly applied: readonly string[]
  readonly looks: Readonly<Record<string, Look>>
  readonly listened: readonly Readonly<Record<string, string>>[]
  readonly final: FinalState
  /** Every call that rejected, in the order in which they did. */
  readonly rejections: readonly Rejection[]
  /** The codes of those that have an id, by the id: the last one of each. */
  readonly rejects: Readonly<Record<string, string>>
}

export interface FinalState {
  readonly identity: string | null
  readonly requirement: string
  readonly pending: readonly string[]
  readonly completed: readonly string[]
  readonly cancelled: readonly string[]
  readonly dead: Readonly<Record<string, string>>
  readonly dropped: Readonly<Record<string, string>>
  readonly holds: Readonly<Record<string, readonly string[]>>
  readonly needs: Readonly<Record<string, string>>
  readonly reads: Readonly<Record<string, string>>
}

/** Names in order, what is known of one operation, or how often a subscription was called. */
type Look = readonly string[] | object | number | null

/** The rows are read from the database itself, not from the engine's memory. */
export function observe(world: World): Observation {
  const { events, server, recorder } = world
  const rejections = rejectionsOf(recorder.calls)
  return {
    requests: server.requests,
    events,
    sourceCalls: world.sources.calls.map(({ at, user, reason }) => ({ at, user, reason })),
    applied: server.applied,
    looks: Object.fromEntries([...world.looks].map(([id, result]) => [id, lookOf(result)])),
    listened: world.recorder.lateListeners.map(needsHeard),
    final: finalState(world),
    rejections,
    rejects: Object.fromEntries(
      rejections.flatMap(({ id, code }) => (id === null ? [] : [[id, code]])),
    ),
  }
}

function lookOf(result: unknown): Look {
  if (Array.isArray(result)) return result.map(({ id }: OperationInfo) => nameOf(id))
  const { called } = (result ?? {}) as Partial<SeenSubscription>
  return called === undefined ? (result as OperationInfo | null) : called.length
}

function needsHeard({ heard }: SeenLateListener): Record<string, string> {
  const needs = heard.map(({ detail }) => detail as HoldfastEvents['token.needed'])
  return Object.fromEntries(needs.map(({ user, reason }) => [user, reason]))
}

function finalState({ acting, disk, events, reads }: World): FinalState {
  const database = disk.look()
  const status = acting.holdfast.status()
  const idsOf = (event: string) =>
    events.filter((seen) => seen.event === event).map((seen) => seen.id ?? '')
  const pending = database
    .prepare<[], { id: string }>(
      `SELECT id FROM holdfast_operations AS operation ORDER BY
         (SELECT min(enqueued_at) FROM holdfast_operations WHERE lane = operation.lane), lane, place`,
    )
    .all()
  const letters = database
    .prepare<[], { id: string; reason: string }>('SELECT id, reason FROM holdfast_letters')
    .all()
  const dropped = events.filter((seen) => seen.event === 'operation.dropped')
  const held = status.lanes.filter((lane) => lane.holds.length > 0)
  return {
    identity: status.identity,
    requirement: status.requirement,
    pending: pending.map(({ id }) => nameOf(id)),
    completed: idsOf('operation.completed'),
    cancelled: idsOf('operation.cancelled'),
    dead: Object.fromEntries(letters.map(({ id, reason }) => [nameOf(id), reason])),
    dropped: Object.fromEntries(dropped.map(({ id, reason }) => [id ?? '', reason ?? ''])),
    holds: Object.fromEntries(
      held.map((lane) => [lane.user ?? 'anonymous', lane.holds.map((hold) => hold.name)]),
    ),
    needs: Object.fromEntries(status.tokenNeeds.map(({ user, reason }) => [user, reason])),
    reads: Object.fromEntries(reads),
  }
}
