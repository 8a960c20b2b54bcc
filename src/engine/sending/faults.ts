/**
 * Handles a fault inside the engine during an attempt (E3). A fault must never leave a lane in its attempt for ever: the
 * attempt ends as a counted `retry`, and the app is told (`attempt-guard.ts`).
 */
import { blankEnvelope } from '../../../storage/blank-envelope.ts'
import type { EnvelopeRow, OperationRow } from '../../../storage/rows.ts'
import { errorOf } from '../../thrown.ts'
import { jitteredMs } from '../random-draws.ts'
import type { Context } from '../context.ts'
import type { Lane } from '../lanes/lane.ts'
import type { Attempt } from './attempt.ts'
import { idempotencyKeyOf } from './idempotency-key.ts'
import { alarmOf } from '../alarms.ts'
import type { Settlement } from './settle.ts'

/** The failure that the app is told, in the place of a failure of the transport. */
const FAILURE = { name: 'HoldfastError', code: 'INTERNAL', message: 'a fault inside holdfast' }

export interface FaultsParts {
  readonly context: Context
  readonly settlement: Settlement
}

export class Faults {
  readonly #context: Context
  readonly #parts: FaultsParts
  /** The number of the last attempt of a lane that ended by a fault. */
  readonly #faulty = new WeakMap<Lane, number>()

  constructor(parts: FaultsParts) {
    this.#parts = parts
    this.#context = parts.context
  }

  /** Ends the attempt of this lane, in which there was a fault. */
  readonly endAttempt = ({ lane, error }: { readonly lane: Lane; readonly error: Error }): void => {
    const { attempt } = lane
    if (!this.#context.pilot.sending.includes(lane.id)) return
    // The attempt still waits for its reply or for the alarm: it ends by itself.
    if (attempt !== null && attempt.ask !== 0 && !attempt.isAnswered) return
    // An attempt whose retry fails too begins anew after a while, so that the fault does not repeat in a loop.
    if (this.#faulty.get(lane) === lane.attemptCount) {
      this.#parts.settlement.unreadable(lane, error)
      return
    }
    this.#faulty.set(lane, lane.attemptCount)
    try {
      this.#retry(lane, attempt)
    } catch (thrown) {
      if (this.#context.boundary.isEnd(thrown)) throw thrown
      this.#parts.settlement.unreadable(lane, errorOf(thrown))
    }
  }

  #retry(lane: Lane, attempt: Attempt | null): void {
    const [head] = lane.rows
    if (head === undefined) {
      this.#parts.settlement.unreadable(lane, new Error('nothing is known of the head'))
      return
    }
    if (attempt !== null) {
      attempt.isAnswered = true
      this.#context.boundary.disarm(alarmOf('reply', lane.id))
    }
    const members = attempt?.members ?? membersAt(lane, head)
    const envelope = this.#afterFault(lane, attempt, members)
    const { countedAttempts, firstAttemptAt, key, unknownSince } = envelope
    const { settings, boundary } = this.#context
    const isOutOfPatience = boundary.wall - (firstAttemptAt ?? 0) >= settings.patienceMs
    if (countedAttempts < settings.maxAttempts || !isOutOfPatience) {
      const why = { outcome: 'retry', status: null, error: FAILURE } as const
      this.#parts.settlement.wait(lane, members, envelope, why)
      return
    }
    this.#parts.settlement.bury(lane, unknownSince === null ? members.slice(0, 1) : members, {
      reason: 'attempts-exhausted',
      excerpt: FAILURE.code,
      status: envelope.lastStatus,
      envelopeKey: unknownSince === null ? null : key,
      unknownSince,
    })
  }

  /** Q5: the envelope is sent again unchanged. If the attempt was sent, its outcome is unknown. */
  #afterFault(lane: Lane, attempt: Attempt | null, members: readonly OperationRow[]): EnvelopeRow {
    const { boundary, kinds, settings } = this.#context
    const [head] = members
    const place = head?.place ?? 0
    const known = lane.envelopeAt(place) ?? blankEnvelope(lane.id, place)
    const wasSent = attempt !== null && attempt.ask !== 0
    const ownKey =
      head === undefined
        ? null
        : idempotencyKeyOf([head, ...members.slice(1)], kinds.isMerging(head.kind))
    const attempts = known.attempts + 1
    const waitMs = jitteredMs(this.#context, attempts, settings.backoff)
    return {
      ...known,
      key: known.key ?? attempt?.key ?? ownKey,
      members: members.map((row) => row.place),
      attempts,
      countedAttempts: known.countedAttempts + 1,
      firstAttemptAt: known.firstAttemptAt ?? boundary.wall,
      unknownSince: known.unknownSince ?? (wasSent ? attempt.sentAt : null),
      retryAt: boundary.wall + waitMs,
      waitMs,
      waitsAfterUnknown: false,
      lastCode: FAILURE.code,
      lastFailedAt: boundary.wall,
    }
  }
}

/** The recorded envelope at the head, else the head alone. */
function membersAt(lane: Lane, head: OperationRow): readonly OperationRow[] {
  const places = lane.envelope?.key === null ? [] : (lane.envelope?.members ?? [])
  const members = lane.rows.filter(({ place }) => places.includes(place))
  return members.length === 0 ? [head] : members
}
