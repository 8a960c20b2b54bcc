/**
 * A story of a plan: steps that come one after the other, rules of the server for the operations of the story, and the
 * options that the story needs. A story brings two or three events together that chance hardly ever brings together.
 */
import type { RequirementAnswer, Scenario, ServerScript } from '../scenario.ts'
import type { Dice } from './dice.ts'
import { type Chaser, loginWell, type Step, type Told } from './plan-makers.ts'
import { goodToken } from './plan-tokens.ts'

type Reply = NonNullable<ServerScript['replies']>[number]
type Latency = NonNullable<ServerScript['latencies']>[number]
type Enqueued = Extract<Step, { readonly enqueue: unknown }>['enqueue']

/** The rules of the server that stories add. They come before all other rules. */
export interface StoryRules {
  readonly replies: Reply[]
  readonly latencies: Latency[]
  /** The first answers of the source of the requirement. */
  readonly demands: RequirementAnswer[]
}

/** The options that a story needs. */
export type StoryConfig = NonNullable<Scenario['config']>

/** One story, as it is being made. Each step comes so many milliseconds after the one before. */
export class Tale {
  readonly dice: Dice
  readonly steps: Chaser[] = []
  readonly #told: Told
  readonly #rules: StoryRules
  readonly #number: number
  #operationCount = 0

  constructor(told: Told, rules: StoryRules, number: number) {
    this.dice = told.dice
    this.#told = told
    this.#rules = rules
    this.#number = number
  }

  get users(): readonly string[] {
    return this.#told.users
  }

  /** The local id of a record of its own. */
  record(): string {
    return `local-s${this.#number}`
  }

  /** A user, and another one; the same one where there is no other. */
  twoUsers(): readonly [string, string] {
    const { users } = this.#told
    const first = this.dice.any(users) ?? 'alice'
    return [first, this.dice.any(users.filter((user) => user !== first)) ?? first]
  }

  step(gapMs: number, step: Step): void {
    this.#push(gapMs, () => step)
  }

  loginWell(gapMs: number, user: string): void {
    this.#push(gapMs, (told) => loginWell(told, user))
  }

  /** Without a token. */
  loginBare(gapMs: number, user: string): void {
    this.#push(gapMs, (told) => {
      told.current = user
      return { login: { user } }
    })
  }

  logout(gapMs: number, logout: 'keep' | 'flush' | 'discard'): void {
    this.#push(gapMs, (told) => {
      if (told.current !== null) told.former = told.current
      told.current = null
      return { logout }
    })
  }

  giveToken(gapMs: number, user: string, token = goodToken(user)): void {
    this.step(gapMs, { updateToken: { user, token } })
  }

  /** Answers its id. */
  enqueue(gapMs: number, operation: Omit<Enqueued, 'id'>): string {
    this.#operationCount += 1
    const id = `s${this.#number}-${this.#operationCount}`
    this.#rules.latencies.push({ match: { op: id }, ms: 10 })
    this.#push(gapMs, ({ operations }) => {
      operations.push(id)
      return { enqueue: { ...operation, id } }
    })
    return id
  }

  note(gapMs: number): string {
    return this.enqueue(gapMs, { kind: 'note', payload: { text: 'tale' } })
  }

  tag(gapMs: number, more: Partial<Enqueued> = {}): string {
    return this.enqueue(gapMs, { kind: 'tag', payload: { key: 'a', value: 'tale' }, ...more })
  }

  /** Tags that are enqueued together, and merge; answers their ids. */
  tagsTogether(gapMs: number, ...each: readonly Partial<Enqueued>[]): readonly string[] {
    this.step(gapMs, { queue: 'pause' })
    const ids = each.map((more) => this.tag(0, more))
    this.step(1, { queue: 'resume' })
    return ids
  }

  read(gapMs: number, key?: string): void {
    this.#push(gapMs, ({ reads }) => {
      const id = `r${reads.length + 1}`
      reads.push(id)
      return { read: { id, ...(key === undefined ? {} : { key }) } }
    })
  }

  look(gapMs: number, operation: string): void {
    this.#push(gapMs, ({ looks }) => {
      const id = `l${looks.length + 1}`
      looks.push(id)
      return { look: { id, operation } }
    })
  }

  /** The next `times` requests with this operation get this reply. */
  meets(op: string, reply: Omit<Reply, 'match' | 'times'>, times = 1): void {
    this.#rules.replies.push({ match: { op }, ...reply, times })
  }

  /** Requests with this operation take so long: all of them, or so many. */
  takes(op: string, ms: number, times?: number): void {
    const rule = { match: { op }, ms }
    this.#rules.latencies.unshift(times === undefined ? rule : { ...rule, times })
  }

  demands(...answers: readonly RequirementAnswer[]): void {
    this.#rules.demands.push(...answers)
  }

  #push(gapMs: number, make: Chaser['make']): void {
    this.steps.push({ feature: null, make, gap: () => gapMs, isOfStory: true })
  }
}
