/** The sources of a scenario, as every process of the app calls them: of tokens, and of the requirement. */
import { TokenDeniedError } from '../errors.ts'
import type { Requirement } from '../model.ts'
import type { RequirementSource } from '../options.ts'
import type { TokenSource } from '../ports/token-source.ts'
import type { Scenario } from './scenario.ts'
import { answerTo, demandOf } from './scenario-source.ts'
import type { ScenarioTokens } from './scenario-tokens.ts'
import type { DemandCall, SourceCall } from './seen.ts'
import type { Life, VirtualTime } from './virtual-time.ts'

export class ScriptedSources {
  /** Of the source of tokens. */
  readonly calls: SourceCall[] = []
  /** Of the source of the requirement. */
  readonly demandCalls: DemandCall[] = []
  readonly #scenario: Scenario
  readonly #time: VirtualTime
  readonly #tokens: ScenarioTokens

  constructor(scenario: Scenario, time: VirtualTime, tokens: ScenarioTokens) {
    this.#scenario = scenario
    this.#time = time
    this.#tokens = tokens
  }

  /** The n-th call, over all users and lives, gets the n-th answer; past the end it never answers. */
  tokens(life: Life, lifeIndex: number): TokenSource {
    return ({ user, reason }) => {
      const call: SourceCall = {
        at: this.#time.now,
        user,
        reason,
        life: lifeIndex,
        answer: null,
      }
      this.calls.push(call)
      const answer = answerTo(this.#scenario.source ?? [], this.calls.length - 1, user)
      return new Promise((resolve, reject) => {
        if (answer === null) return
        this.#time.after(answer.after, () => {
          if (!life.isAlive) return
          const { outcome, token } = answer
          call.answer = { at: this.#time.now, wall: this.#time.wall(), outcome, token }
          if (token !== null) resolve(this.#tokens.secret(token))
          else if (outcome === 'none') resolve(null)
          else if (outcome === 'garbage') resolve(7 as never)
          else if (outcome === 'denied') reject(new TokenDeniedError())
          // As a library does it: its error holds the whole answer (T16).
          else
            reject(
              Object.assign(new Error('the scripted source threw'), {
                response: this.#tokens.secrets(),
              }),
            )
        })
      })
    }
  }

  /**
   * The source of the requirement, in the same way. `learned`: what the engine knows from then on; of an
   * answer that comes after that of a later call it learns nothing.
   */
  requirement(
    life: Life,
    lifeIndex: number,
    learned: (requirement: Requirement) => void,
  ): RequirementSource {
    let answeredUntil = 0
    return () => {
      const seen: DemandCall = { at: this.#time.now, life: lifeIndex, answer: null }
      this.demandCalls.push(seen)
      const call = this.demandCalls.length
      const answer = demandOf(this.#scenario.requirementSource ?? [], call - 1)
      return new Promise((resolve, reject) => {
        if (answer === null) return
        this.#time.after(answer.after, () => {
          const { requirement, outcome } = answer
          if (!life.isAlive) return
          seen.answer = { at: this.#time.now, outcome: requirement ?? 'fails' }
          if (requirement !== null && requirement !== 'unknown') {
            if (call > answeredUntil) learned(requirement)
            answeredUntil = Math.max(answeredUntil, call)
          }
          if (requirement !== null) resolve(requirement)
          else if (outcome === 'garbage') resolve('perhaps' as never)
          else reject(new Error('the scripted source of the requirement threw'))
        })
      })
    }
  }
}
