/**
 * The calls of a run that rejected, and the names under which a scenario lists them (`rejects`): the id of the step; of a
 * step without an id its word, or the word and the user, such as `refreshToken alice`. A call that was cut off by a
 * crash has not rejected.
 */
import type { ScenarioStep } from './scenario.ts'
import type { SeenCall } from './seen.ts'

export interface Rejection {
  /** When it rejected, in virtual milliseconds. */
  readonly at: number
  /** The word of the step, such as `enqueue`. */
  readonly call: string
  /** The id of the step; null: such a step has none. */
  readonly id: string | null
  /** Whose identity it was; of a login or a token: whose it is; null: the anonymous identity. */
  readonly user: string | null
  /** The code of the error, or its name if it has none. */
  readonly code: string
  readonly message: string
}

/** The steps whose calls have no id. */
const WORDS_WITHOUT_ID = [
  'login',
  'logout',
  'updateToken',
  'refreshToken',
  'requirement',
  'forget',
  'flush',
  'sendNow',
  'retryAll',
  'discardAll',
] as const

/** The steps without an id that name a user. */
const WORDS_WITH_USER: ReadonlySet<string> = new Set([
  'login',
  'updateToken',
  'refreshToken',
  'forget',
  'sendNow',
])

type Word = (typeof WORDS_WITHOUT_ID)[number]

/** Calls whose names are not the words of their steps. */
const WORDS: Readonly<Record<string, Word>> = { setRequirement: 'requirement' }

/** The calls that no step makes: the app starts again by itself too. */
export const CALLS_WITHOUT_STEP = ['start', 'close'] as const

/** In the order in which they rejected. */
export function rejectionsOf(calls: readonly SeenCall[]): readonly Rejection[] {
  return calls
    .flatMap(({ name, step, user, settledAt, error }): Rejection[] => {
      if (settledAt === null || error === null) return []
      const call = WORDS[name] ?? name
      return [{ at: settledAt, call, id: step, user, ...codeAndMessage(error) }]
    })
    .toSorted((one, other) => one.at - other.at)
}

function codeAndMessage(error: unknown): Pick<Rejection, 'code' | 'message'> {
  const { code, name, message } = error as Error & { readonly code?: unknown }
  return { code: typeof code === 'string' ? code : name, message }
}

/** Every name that lists it, the most exact one first. */
export function namesOf({ id, call, user }: Rejection): readonly string[] {
  if (id !== null) return [id]
  return user !== null && WORDS_WITH_USER.has(call) ? [`${call} ${user}`, call] : [call]
}

/** The same of a step that may reject; none: its step has an id, or makes no call. */
export function namesOfStep(step: ScenarioStep): readonly string[] {
  if ('look' in step) return ['pending', 'deadLetters'].filter((name) => name in step.look)
  const word = WORDS_WITHOUT_ID.find((one) => one in step)
  if (word === undefined) return []
  const user = userOf(step)
  return user === null ? [word] : [`${word} ${user}`, word]
}

/** The user that a step without an id names; null: it names none. */
function userOf(step: ScenarioStep): string | null {
  if ('login' in step) return step.login.user
  if ('updateToken' in step) return step.updateToken.user
  if ('refreshToken' in step) return step.refreshToken
  if ('sendNow' in step) return step.sendNow === true ? null : step.sendNow
  return 'forget' in step ? step.forget : null
}

/** One line. */
export function tell({ at, call, id, user, code, message }: Rejection): string {
  const of = id ?? user
  return `${of === null ? call : `${call} ${of}`} rejected with ${code} at ${at} ms: ${message}`
}
