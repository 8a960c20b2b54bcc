/**
 * Asks the app's own source what the server demands (I2): at the start, and when a 401 to an unsigned
 * request makes it doubtful (I10). A source that fails changes nothing; it is asked again, after a
 * while, only as long as nobody knows anything.
 */
import { HoldfastError } from '../errors.ts'
import type { Requirement } from '../model.ts'
import { plain } from './boundary.ts'
import { jitter } from './chance.ts'
import type { Core } from './core.ts'
import { backoffMs } from './judge.ts'
import type { Sessions } from './sessions.ts'

/** 1 s, doubling to 5 min. */
const AGAIN = { base: 1000, cap: 300_000 } as const

const KNOWN: ReadonlySet<unknown> = new Set(['unknown', 'required', 'off'])

export class RequirementAsker {
  readonly #core: Core
  readonly #sessions: Sessions
  #isAsking = false
  #failedCount = 0

  constructor(core: Core, sessions: Sessions) {
    this.#core = core
    this.#sessions = sessions
  }

  ask(): void {
    const { boundary, settings, ports } = this.#core
    if (!settings.hasRequirementSource || this.#isAsking) return
    this.#isAsking = true
    boundary.disarm('requirement')
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
        if (answer.ok) this.#learned(answer.value)
        else this.#failed(answer.error)
      },
    )
  }

  #learned(requirement: Requirement): void {
    this.#failedCount = 0
    // A source that does not know keeps what is known.
    if (requirement === 'unknown') return
    this.#sessions.setRequirement(requirement, {
      resolve: () => undefined,
      reject: () => undefined,
    })
  }

  #failed(cause: Error): void {
    const { boundary, settings, pilot, report } = this.#core
    const message = 'the requirement source gave no answer; what was known is kept'
    const options = { cause, retryable: true }
    report('error', { error: new HoldfastError('REQUIREMENT_UNKNOWN', message, options) })
    if (pilot.requirement !== 'unknown') return
    this.#failedCount += 1
    const backoff = { ...AGAIN, jitter: settings.backoff.jitter }
    const waitMs = backoffMs(this.#failedCount, jitter(this.#core), backoff)
    boundary.arm('requirement', waitMs, () => this.ask())
  }
}
