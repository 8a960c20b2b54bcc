/**
 * Asks the app's own source what the server demands (I2): at the start, and when a 401 to an unsigned
 * request makes it doubtful (I10). A source that fails changes nothing; it is asked again, after a
 * while, only as long as nobody knows anything. One that insists on what the server's 401s contradict
 * is asked less and less often, lest the two of them go round in a circle.
 */
import { HoldfastError } from '../errors.ts'
import type { Requirement } from '../model.ts'
import { plain } from './boundary.ts'
import { jitteredMs } from './chance.ts'
import type { Core } from './core.ts'
import type { Sessions } from './sessions.ts'

/** 1 s, doubling to 5 min. */
const AGAIN = { base: 1000, cap: 300_000 } as const

const KNOWN: ReadonlySet<unknown> = new Set(['unknown', 'required', 'off'])

export class RequirementAsker {
  readonly #core: Core
  readonly #sessions: Sessions
  #isAsking = false
  #failedCount = 0
  /** Suspicions in a row that the source did not share. */
  #vainCount = 0
  #lastVainAt = 0
  #isArmed = false

  constructor(core: Core, sessions: Sessions) {
    this.#core = core
    this.#sessions = sessions
  }

  /** A 401 to an unsigned request. */
  suspect(): void {
    const { boundary, settings } = this.#core
    if (!settings.hasRequirementSource || this.#isAsking || this.#isArmed) return
    if (boundary.monotonic - this.#lastVainAt > AGAIN.cap) this.#vainCount = 0
    if (this.#vainCount === 0) this.ask('suspicion')
    else this.#askLater(this.#vainCount, 'suspicion')
  }

  /** What is known has changed. */
  changed(): void {
    this.#failedCount = 0
    this.#vainCount = 0
    this.#disarm()
  }

  ask(why: 'start' | 'suspicion' = 'start'): void {
    const { boundary, settings, ports } = this.#core
    if (!settings.hasRequirementSource || this.#isAsking) return
    this.#isAsking = true
    this.#disarm()
    boundary.ask<Requirement>(
      {
        name: 'requirement',
        args: () => null,
        codec: plain<Requirement>(),
        put: async () => {
          const answer: unknown = await ports.requirementSource?.()
          if (!KNOWN.has(answer)) throw new TypeError(`it answered ${typeof answer}`)
          return answer as Requirement
        },
      },
      (answer) => {
        this.#isAsking = false
        if (answer.ok) this.#learned(answer.value, why)
        else this.#failed(answer.error)
      },
    )
  }

  #learned(requirement: Requirement, why: 'start' | 'suspicion'): void {
    const { boundary, pilot } = this.#core
    // A source that does not know keeps what is known.
    if (requirement === 'unknown') {
      this.#askAgainIfUnknown()
      return
    }
    this.#failedCount = 0
    if (why === 'suspicion' && requirement === pilot.requirement) {
      this.#vainCount += 1
      this.#lastVainAt = boundary.monotonic
    }
    this.#sessions.setRequirement(requirement, {
      resolve: () => undefined,
      reject: () => undefined,
    })
  }

  #failed(cause: Error): void {
    const { report } = this.#core
    const message = 'the requirement source gave no answer; what was known is kept'
    const options = { cause, retryable: true }
    report('error', { error: new HoldfastError('REQUIREMENT_UNKNOWN', message, options) })
    this.#askAgainIfUnknown()
  }

  #askAgainIfUnknown(): void {
    if (this.#core.pilot.requirement !== 'unknown') return
    this.#failedCount += 1
    this.#askLater(this.#failedCount, 'start')
  }

  #askLater(round: number, why: 'start' | 'suspicion'): void {
    const { boundary } = this.#core
    const waitMs = jitteredMs(this.#core, round, AGAIN)
    this.#isArmed = true
    boundary.arm('requirement', waitMs, () => {
      this.#isArmed = false
      this.ask(why)
    })
  }

  #disarm(): void {
    if (!this.#isArmed) return
    this.#isArmed = false
    this.#core.boundary.disarm('requirement')
  }
}
