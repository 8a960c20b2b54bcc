/** Makes the object that `status()` answers: a new object after a change, the same object until then. */
import type { EnvelopeRow } from '../../storage/rows.ts'
import type { Instant } from '../model.ts'
import type { Context } from './context.ts'
import type { TakeOver } from './dispatcher/take-over.ts'
import type { EventPublisher } from './events/publisher.ts'
import type { HoldEnds } from './holds/hold-ends.ts'
import type { Holds } from './holds/holds.ts'
import type { Lane } from './lanes/lane.ts'
import type { LastCompletions } from './last-completions.ts'
import { ownerStatuses } from './owner-statuses.ts'
import type { Needs } from './tokens/needs.ts'
import type { TokenFailures } from './tokens/token-failures.ts'
import type {
  HoldStatus,
  LaneFailure,
  LaneStatus,
  Status,
  TokenNeedStatus,
  Totals,
} from './status.ts'
import type { EventTotals } from './totals.ts'

export interface StatusViewParts {
  readonly context: Context
  readonly publisher: EventPublisher
  readonly holds: Holds
  readonly holdEnds: HoldEnds
  readonly needs: Needs
  readonly takeOver: TakeOver
  readonly totals: EventTotals
  readonly completions: LastCompletions
  readonly tokenFailures: TokenFailures
}

export class StatusView {
  readonly #parts: StatusViewParts
  #shown: Status | null = null
  #version = -1

  constructor(parts: StatusViewParts) {
    this.#parts = parts
  }

  get status(): Status {
    const { publisher } = this.#parts
    if (this.#shown !== null && this.#version === publisher.statusVersion) return this.#shown
    this.#shown = this.#make()
    this.#version = publisher.statusVersion
    return this.#shown
  }

  #make(): Status {
    const { context, needs, totals, completions, tokenFailures } = this.#parts
    const { lanes, pilot } = context
    const shown = Array.from(lanes.pending(), (lane) => this.#laneStatus(lane))
    const tokenNeeds = Array.from(needs.all(), ({ user, need }) => {
      const lastFailure = tokenFailures.of(user)
      const status = { user, reason: need.reason, generation: need.refused }
      return Object.freeze<TokenNeedStatus>(
        lastFailure === null ? status : { ...status, lastFailure },
      )
    })
    return Object.freeze<Status>({
      queue: pilot.queueState,
      identity: pilot.user,
      requirement: pilot.requirement,
      lanes: Object.freeze(shown),
      owners: ownerStatuses(shown, lanes.all(), completions.all()),
      tokenNeeds: Object.freeze(tokenNeeds),
      counts: Object.freeze({
        pending: lanes.count('pending'),
        sending: shown.filter((lane) => lane.sending).length,
        dead: lanes.count('letters'),
      }),
      totals: Object.freeze<Totals>({ ...totals.counted, oldestHeadAt: oldestOf(shown) }),
    })
  }

  #laneStatus(lane: Lane): LaneStatus {
    const { context, holds, holdEnds, takeOver } = this.#parts
    const envelope = context.phase.dispatches ? lane.shownEnvelope : takeOver.headElsewhere(lane)
    const isWaiting = lane.holds.has('backing-off') && (envelope?.retryAt ?? null) !== null
    return Object.freeze<LaneStatus>({
      user: lane.user,
      pending: lane.pending,
      sending: lane.attempt !== null,
      holds: Object.freeze(
        holds
          .of(lane)
          .map((hold) =>
            Object.freeze<HoldStatus>({ ...hold, until: holdEnds.of(lane, hold.name) }),
          ),
      ),
      headEnqueuedAt: lane.head?.enqueuedAt ?? null,
      attempts: envelope?.attempts ?? 0,
      refusedTokens: lane.refusedCount,
      lastFailure: lastFailureOf(envelope),
      retryAt: isWaiting ? holdEnds.of(lane, 'backing-off') : null,
    })
  }
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
