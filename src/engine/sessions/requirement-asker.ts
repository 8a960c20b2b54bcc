/**
 * Asks the app's own source for the requirement of the server (I2): at the start, and when a 401 to an unsigned request
 * makes the requirement doubtful (I10). The asker waits for one call at a time. A call without an answer for 60 s has
 * failed. A late answer is still taken, unless a later call has been answered by then. A source that fails changes
 * nothing. It is asked again, after a while, only as long as the requirement is unknown. A source that does not clear up
 * the doubt of the server's 401s is asked less and less often, so that 401s and questions do not go round in a loop.
 */
import type { AlarmName } from '../alarms.ts'
import { HoldfastError } from '../../errors.ts'
import type { Requirement } from '../../model.ts'
import { ANSWER_TIMEOUT_MS } from '../../ports/answer-timeout.ts'
import { type Answered, IGNORED, plain, type Question } from '../boundary/boundary.ts'
import { SERIES } from '../backoff.ts'
import { jitteredMs } from '../random-draws.ts'
import type { Context } from '../context.ts'
import type { Sessions } from './sessions.ts'

const KNOWN: ReadonlySet<unknown> = new Set(['unknown', 'required', 'off'])

/** The alarms: one asks again, the other ends the wait for the answer. */
const ASK_AGAIN: AlarmName = 'requirement'
const TIME_IS_UP: AlarmName = 'requirement-reply'

type Why = 'start' | 'suspicion'

interface Call {
  readonly why: Why
  /** The number of the question. */
  ask: number
}

/** The state of the asker in the summary of a journal. */
export interface SavedAsker {
  readonly awaited: number | null
  readonly open: readonly Call[]
  readonly answeredUntil: number
  readonly failedCount: number
  readonly vainCount: number
  readonly lastVainAt: number
  /** Why the source is asked again; null: no such alarm is armed. */
  readonly again: Why | null
}

export interface RequirementAskerParts {
  readonly context: Context
  readonly sessions: Sessions
}

export class RequirementAsker {
  readonly #context: Context
  readonly #parts: RequirementAskerParts
  /** The call whose answer the asker waits for. */
  #awaited: Call | null = null
  /** Every call without an answer, including calls that have failed by their time limit. */
  readonly #open = new Set<Call>()
  /** The number of the last question that brought a requirement. The answer to an earlier question is out of date. */
  #answeredUntil = 0
  #failedCount = 0
  /** The number of suspicions in a row that the source did not clear up. */
  #vainCount = 0
  #lastVainAt = 0
  #again: Why | null = null

  constructor(parts: RequirementAskerParts) {
    this.#parts = parts
    this.#context = parts.context
  }

  /** True if the source has been asked, or if an alarm will ask it. */
  get isAsking(): boolean {
    return this.#awaited !== null || this.#again !== null
  }

  /** A 401 to an unsigned request. */
  suspect(): void {
    const { boundary, settings } = this.#context
    if (!settings.hasRequirementSource || this.#awaited !== null || this.#again !== null) return
    if (boundary.monotonic - this.#lastVainAt > SERIES.requirementSource.capMs) this.#vainCount = 0
    if (this.#vainCount === 0) this.ask('suspicion')
    else this.#askLater(this.#vainCount, 'suspicion')
  }

  /** The known requirement has changed. */
  changed(): void {
    this.#failedCount = 0
    this.#vainCount = 0
    this.#disarm()
  }

  ask(why: Why = 'start'): void {
    const { boundary, settings } = this.#context
    if (!settings.hasRequirementSource || this.#awaited !== null) return
    this.#disarm()
    const call: Call = { why, ask: 0 }
    this.#awaited = call
    this.#open.add(call)
    boundary.arm(TIME_IS_UP, ANSWER_TIMEOUT_MS, () => this.#timedOut(call))
    call.ask = boundary.ask(this.#question(), (answer) => this.#answered(call, answer))
  }

  /** The state of the asker, for a journal that begins here. */
  save(): SavedAsker {
    return {
      awaited: this.#awaited?.ask ?? null,
      open: Array.from(this.#open, (call) => ({ ...call })),
      answeredUntil: this.#answeredUntil,
      failedCount: this.#failedCount,
      vainCount: this.#vainCount,
      lastVainAt: this.#lastVainAt,
      again: this.#again,
    }
  }

  restore(saved: SavedAsker): void {
    const { boundary } = this.#context
    this.#answeredUntil = saved.answeredUntil
    this.#failedCount = saved.failedCount
    this.#vainCount = saved.vainCount
    this.#lastVainAt = saved.lastVainAt
    this.#again = saved.again
    for (const call of saved.open) {
      this.#open.add(call)
      boundary.reask(call.ask, this.#question(), (answer) => this.#answered(call, answer))
      if (call.ask !== saved.awaited) continue
      this.#awaited = call
      boundary.rearm(TIME_IS_UP, () => this.#timedOut(call))
    }
    const { again } = saved
    if (again !== null) boundary.rearm(ASK_AGAIN, () => this.#askAgain(again))
  }

  #question(): Question<Requirement> {
    return {
      name: 'requirement',
      args: () => null,
      codec: plain<Requirement>(),
      put: async () => {
        const answer: unknown = await this.#context.ports.requirementSource?.()
        if (!KNOWN.has(answer)) throw new TypeError(`it answered ${typeof answer}`)
        return answer as Requirement
      },
    }
  }

  #answered(call: Call, answer: Answered<Requirement>): void {
    const { boundary } = this.#context
    this.#open.delete(call)
    const isAwaited = this.#awaited === call
    if (isAwaited) {
      this.#awaited = null
      boundary.disarm(TIME_IS_UP)
    }
    if (!answer.ok) {
      if (isAwaited) this.#failed(call, answer.error)
    } else if (answer.value !== 'unknown') {
      if (call.ask > this.#answeredUntil) this.#learned(answer.value, call)
    } else if (isAwaited) {
      // The answer `unknown` leaves the known requirement as it is.
      this.#failedOrUnknown(call)
    }
  }

  #timedOut(call: Call): void {
    this.#awaited = null
    this.#failed(call, new Error('no answer in time'))
  }

  #learned(requirement: Requirement, { why, ask }: Call): void {
    this.#answeredUntil = ask
    this.#failedCount = 0
    if (why === 'suspicion' && requirement === this.#context.pilot.requirement) this.#countVain()
    this.#parts.sessions.setRequirement(requirement, IGNORED)
  }

  #failed(call: Call, cause: Error): void {
    const { report } = this.#context
    const message = 'the requirement source gave no answer; what was known is kept'
    const options = { cause, retryable: true }
    report('error', { error: new HoldfastError('REQUIREMENT_UNKNOWN', message, options) })
    this.#failedOrUnknown(call)
  }

  #failedOrUnknown({ why }: Call): void {
    if (why === 'suspicion') this.#countVain()
    if (this.#context.pilot.requirement !== 'unknown') return
    this.#failedCount += 1
    this.#askLater(this.#failedCount, 'start')
  }

  #countVain(): void {
    this.#vainCount += 1
    this.#lastVainAt = this.#context.boundary.monotonic
  }

  #askLater(round: number, why: Why): void {
    const waitMs = jitteredMs(this.#context, round, SERIES.requirementSource)
    this.#again = why
    this.#context.boundary.arm(ASK_AGAIN, waitMs, () => this.#askAgain(why))
  }

  #askAgain(why: Why): void {
    this.#again = null
    this.ask(why)
  }

  #disarm(): void {
    if (this.#again === null) return
    this.#again = null
    this.#context.boundary.disarm(ASK_AGAIN)
  }
}
