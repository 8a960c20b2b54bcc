/** The tokens of a plan, good and bad, and what its token source answers. */
import type { ScenarioToken, SourceAnswer } from '../scenario.ts'
import type { Dice } from './dice.ts'
import type { Features } from './features.ts'

/** The name of a user's token that the server takes for ever. */
export function goodToken(user: string): string {
  return `${user}-good`
}

export interface PlannedTokens {
  readonly tokens: Readonly<Record<string, ScenarioToken>>
  /** By the user they are for: the names of those that a step may hand over. */
  readonly ofUser: ReadonlyMap<string, readonly string[]>
  /** Tokens that the server never takes, to be pushed one after the other. */
  readonly storms: ReadonlyMap<string, readonly string[]>
}

/** More than are tried before the first wait after refused tokens is over (T8). */
const STORM_LENGTH = 10

const MINUTE_MS = 60_000

export function planTokens(
  dice: Dice,
  features: Features,
  users: readonly string[],
  hasStorms: boolean,
): PlannedTokens {
  const tokens: Record<string, ScenarioToken> = {}
  const ofUser = new Map<string, string[]>()
  const storms = new Map<string, string[]>()
  for (const user of users) {
    const names = [goodToken(user)]
    tokens[goodToken(user)] = { user }
    const count = dice.between(1, 3)
    for (let n = 1; n <= count; n += 1) {
      const name = `${user}-${n}`
      tokens[name] = furtherToken(dice, features, user, users)
      names.push(name)
    }
    if (features.has('notBefore')) {
      const name = `${user}-early`
      tokens[name] = { user, nbf: dice.of([500, 20_000, MINUTE_MS, 9 * MINUTE_MS, 11 * MINUTE_MS]) }
      names.push(name)
    }
    ofUser.set(user, names)
    storms.set(user, features.has('tokenStorms') || hasStorms ? planStorm(user, tokens) : [])
  }
  return { tokens, ofUser, storms }
}

function planStorm(user: string, tokens: Record<string, ScenarioToken>): string[] {
  return Array.from({ length: STORM_LENGTH }, (_, n) => {
    const name = `${user}-storm-${n + 1}`
    tokens[name] = { user, accepted: false }
    return name
  })
}

function furtherToken(
  dice: Dice,
  features: Features,
  user: string,
  users: readonly string[],
): ScenarioToken {
  if (features.has('shortLived') && dice.chance(0.7)) {
    return { user, exp: dice.of([50, 500, 5000, 20_000, MINUTE_MS]) }
  }
  return features.has('badTokens') ? badToken(dice, user, users) : { user }
}

function badToken(dice: Dice, user: string, users: readonly string[]): ScenarioToken {
  const at = dice.of([0, 20, 5000, MINUTE_MS, 10 * MINUTE_MS])
  return dice.of<ScenarioToken>([
    { user },
    { user, accepted: false },
    { user, accepted: false },
    { user, accepted: { until: at } },
    { user, accepted: { from: at } },
    // Soon, later, and already before it is handed over.
    { user, exp: dice.of([-MINUTE_MS, 50, 20_000, MINUTE_MS, 60 * MINUTE_MS]) },
    { user, exp: at + 40_000, accepted: { until: at } },
    { user: dice.any(users) ?? user },
  ])
}

/** Undefined: there is no source. In the end it gives good tokens for ever, so that faults end. */
export function planSource(
  dice: Dice,
  features: Features,
  { ofUser }: PlannedTokens,
): SourceAnswer[] | undefined {
  if (!features.has('source')) return undefined
  const isLate = features.has('lateAnswers')
  const users = [...ofUser]
  const answers = Array.from({ length: dice.between(0, 8) }, (): SourceAnswer => {
    const after = dice.of([0, 0, 5, 15, 500, 61_000, ...(isLate ? [90_000, 130_000] : [])])
    const token = Object.fromEntries(users.map(([user, names]) => [user, dice.any(names) ?? '']))
    const strange: (readonly [number, SourceAnswer])[] = features.has('garbage')
      ? [
          [2, { garbage: true, after }],
          [1, { never: true }],
        ]
      : []
    return dice.weighted<SourceAnswer>([
      ...strange,
      [6, { token, after }],
      [1, { none: true, after }],
      [1, { denied: true, after }],
      [2, { throws: true, after }],
    ]) as SourceAnswer
  })
  const good = Object.fromEntries(users.map(([user]) => [user, goodToken(user)]))
  return [...answers, { token: good, after: dice.of([0, 5]), ever: true }]
}
