/** Makes the object that `status()` answers: a new object after a change, the same object until then. */
import type { EnvelopeRow } from '../../storage/rows.ts'
import type { Instant, Requirement, UserId } from '../model.ts'
import type { EventPublisher } from './events/publisher.ts'
import type { Holds } from './holds/holds.ts'
import type { Lanes } from './lanes/lanes.ts'
import type { Needs } from './tokens/needs.ts'
import type { Pilot } from './pilot/pilot.ts'
import type {
  LaneFailure,
  LaneStatus,
  QueueState,
  Status,
  TokenNeedStatus,
  Totals,
} from './status.ts'
import type { Counted, EventTotals } from './totals.ts'

export interface StatusViewParts {
  readonly publisher: EventPublisher
  readonly pilot: Pilot
  readonly lanes: Lanes
  readonly holds: Holds
  readonly needs: Needs
  readonly totals: EventTotals
}

export class StatusView {
  readonly #parts: StatusViewParts
  #shown: Status | null = null
  #version = -1

  constructor(parts: StatusViewParts) {
    this.#parts = parts
  }

  get status(): Status {
    const { publisher, pilot, lanes, holds, needs, totals } = this.#parts
    if (this.#shown !== null && this.#version === publisher.statusVersion) return this.#shown
    const { queueState: queue, user, requirement } = pilot
    const { counted } = totals
    this.#shown = makeStatus({ queue, user, requirement, lanes, holds, needs, counted })
    this.#version = publisher.statusVersion
    return this.#shown
  }
}

interface StatusParts {
  readonly queue: QueueState
  readonly user: UserId | null
  readonly requirement: Requirement
  readonly lanes: Lanes
  readonly holds: Holds
  readonly needs: Needs
  readonly counted: Counted
}

function makeStatus(parts: StatusParts): Status {
  const { queue, user, requirement, lanes, holds, needs, counted } = parts
  const rows = [...lanes.pending()].map((lane) => {
    const { shownEnvelope: envelope } = lane
    return Object.freeze<LaneStatus>({
      user: lane.user,
      pending: lane.pending,
      sending: lane.attempt !== null,
      holds: Object.freeze(holds.of(lane)),
      headEnqueuedAt: lane.head?.enqueuedAt ?? null,
      attempts: envelope?.attempts ?? 0,
      refusedTokens: lane.refusedCount,
      lastFailure: lastFailureOf(envelope),
      retryAt: lane.holds.has('backing-off') ? (envelope?.retryAt ?? null) : null,
    })
  })
  const tokenNeeds = Array.from(needs.all(), ({ user: needing, need }) =>
    Object.freeze<TokenNeedStatus>({
      user: needing,
      reason: need.reason,
      generation: need.refused,
    }),
  )
  return Object.freeze<Status>({
    queue,
    identity: user,
    requirement,
    lanes: Object.freeze(rows),
    tokenNeeds: Object.freeze(tokenNeeds),
    counts: Object.freeze({
      pending: lanes.count('pending'),
      sending: rows.filter((row) => row.sending).length,
      dead: lanes.count('letters'),
    }),
    totals: Object.freeze<Totals>({ ...counted, oldestHeadAt: oldestOf(rows) }),
  })
}

function oldestOf(lanes: readonly LaneStatus[]): Instant | null {
  let oldest: Instant | null = null
  for (const { headEnqueuedAt: at } of lanes) {
    if (at !== null && (oldest === null || at < oldest)) oldest = at
  }
  return oldest
}

function lastFailureOf(envelope: EnvelopeRow | null): LaneFailure | null {
  const { lastFailedAt = null, lastCode = null, lastStatus = null } = envelope ?? {}
  if (lastFailedAt === null) return null
  const status = lastCode === null ? lastStatus : null
  return Object.freeze<LaneFailure>({ at: lastFailedAt, status, code: lastCode })
}
