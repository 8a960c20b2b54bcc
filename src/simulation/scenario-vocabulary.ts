/** The names that a scenario itself defines: users, tokens, operations, reads, kinds. */
import { scenarioKinds } from './scenario-kinds.ts'
import type { Scenario, ScenarioStep } from './scenario.ts'

/** A built-in kind that is there only where `config.farewell` asks for it. */
const FAREWELL = 'farewell'

const BUILT_IN: ReadonlySet<string> = new Set([...scenarioKinds.map(({ kind }) => kind), FAREWELL])

/** A name that is drawn for an operation without a step, such as a farewell: `n` in the process `main`, `m` in the other. */
const DRAWN = /^[nm]\d+$/

const FOLLOW_UP = /\/\d+$/

/** A follow-up of a follow-up, and so on. */
const DEEPEST = 8

export class Vocabulary {
  readonly users: ReadonlySet<string>
  readonly tokens: ReadonlySet<string>
  /** The ids of enqueue steps. */
  readonly operations: ReadonlySet<string>
  /** The ids of read steps. */
  readonly reads: ReadonlySet<string>
  /** The ids of look steps. */
  readonly looks: ReadonlySet<string>
  readonly kinds: ReadonlySet<string>
  /** True if a step enqueues a kind of the app: its replies and logouts may yield operations of further kinds. */
  readonly hasOwnKinds: boolean
  readonly #hasFarewells: boolean

  constructor({ tokens = {}, steps, config }: Scenario) {
    const enqueued = steps.flatMap((step) => ('enqueue' in step ? [step.enqueue] : []))
    this.users = new Set([
      ...Object.values(tokens).map(({ user }) => user),
      ...steps.flatMap(usersOf),
    ])
    this.tokens = new Set(Object.keys(tokens))
    this.operations = new Set(enqueued.map(({ id }) => id))
    this.reads = new Set(steps.flatMap((step) => ('read' in step ? [step.read.id] : [])))
    this.looks = new Set(steps.flatMap((step) => ('look' in step ? [step.look.id] : [])))
    this.kinds = new Set([...BUILT_IN, ...enqueued.map(({ kind }) => kind)])
    this.hasOwnKinds = enqueued.some(({ kind }) => !BUILT_IN.has(kind))
    this.#hasFarewells = config?.farewell === true
  }

  /** True if an operation of the run may have this name. A follow-up has the name of its parent, and a number. */
  isOperation(name: string): boolean {
    const hasDrawn = this.#hasFarewells || this.hasOwnKinds
    let parent = name
    for (let depth = 0; depth <= DEEPEST; depth += 1) {
      if (this.operations.has(parent) || (hasDrawn && DRAWN.test(parent))) return true
      if (!FOLLOW_UP.test(parent)) return false
      parent = parent.slice(0, parent.lastIndexOf('/'))
    }
    return false
  }

  /** True if a request of the run may be of this kind. */
  isKind(name: string): boolean {
    return this.hasOwnKinds || this.kinds.has(name)
  }
}

function usersOf(step: ScenarioStep): readonly string[] {
  if ('login' in step) return [step.login.user]
  if ('updateToken' in step) return [step.updateToken.user]
  if ('refreshToken' in step) return [step.refreshToken]
  if ('sendNow' in step) return step.sendNow === true ? [] : [step.sendNow]
  return 'forget' in step ? [step.forget] : []
}
