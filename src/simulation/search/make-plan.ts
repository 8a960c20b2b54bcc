/**
 * A plan is a scenario that a seed makes: data first, then execution. First come faults, then healing:
 * in the end the network is up, the requirement known, and every user has a good token, so that
 * everything has to settle.
 */
import type { Scenario, ScenarioStep } from '../scenario.ts'
import { SYSTEMS } from '../sleep.ts'
import { Dice } from './dice.ts'
import { chooseFeatures, type Features } from './features.ts'
import { planServer } from './plan-server.ts'
import { MOST_BYTES } from './plan-makers.ts'
import { planSteps } from './plan-steps.ts'
import { planRequirementSource } from './plan-requirement-source.ts'
import { goodToken, planSource, planTokens } from './plan-tokens.ts'

export function makePlan(seed: number): Scenario {
  const dice = new Dice(seed)
  const features = chooseFeatures(dice, new Dice(~seed))
  const users = ['alice', 'bob', 'carol'].slice(0, dice.between(1, 3))
  const kinds = chooseKinds(dice, features)
  const config = chooseConfig(dice, features)
  const tokens = planTokens(dice, features, users)
  const { requirement = 'required' } = config ?? {}
  const { steps, operations, endedAt } = planSteps(dice, features, { users, kinds, tokens })
  const source = planSource(dice, features, tokens)
  const demands = planRequirementSource(dice, features, requirement)
  return {
    scenario: 1,
    name: `seed ${seed}`,
    config,
    tokens: tokens.tokens,
    ...(source === undefined ? {} : { source }),
    ...(demands === undefined ? {} : { requirementSource: demands }),
    server: planServer(dice, features, { users, kinds, operations }),
    steps: [...steps, ...healing(endedAt, users, requirement, features)],
  }
}

function chooseKinds(dice: Dice, features: Features): string[] {
  const kinds = ['note']
  if (features.has('merges')) kinds.push('tag', 'count', 'tag')
  if (features.has('records')) kinds.push('create', 'touch', 'touch', 'link')
  if (features.has('followUps')) kinds.push('spawn')
  if (features.has('folds')) kinds.push('fold', 'fold')
  if (features.has('briefKeys')) kinds.push('brief')
  if (features.has('releases')) kinds.push('draft')
  if (features.has('draws')) kinds.push('stamp', 'stamp')
  if (features.has('deviceScoped')) kinds.push('unsubscribe')
  if (features.has('misfits')) kinds.push('misfit', 'misfit')
  if (features.has('slow')) kinds.push('slow', 'slow')
  const [, ...rare] = kinds
  const only = dice.any(rare)
  if (only === null) return kinds
  // Sometimes nothing but what is rare, and sometimes one kind alone: then neighbours are alike.
  return (
    dice.weighted([
      [5, kinds],
      [2, rare],
      [3, [only]],
    ]) ?? kinds
  )
}

type Config = Scenario['config']

function chooseConfig(dice: Dice, features: Features): Config {
  const hasTurns = features.has('requirements')
  const patienceMs = dice.of([0, 1000, 60_000, 3_600_000])
  return {
    requirement: chooseRequirement(dice, hasTurns, features.has('slow')),
    whileUnknown: dice.of(['hold', 'hold', 'send']),
    anonymous: dice.of(['drop', 'drop', 'hold', 'adopt']),
    onDead: dice.of(['continue', 'continue', 'hold']),
    concurrency: dice.of([1, 2, 4]),
    maxAttempts: dice.of([1, 2, 3, 12]),
    patienceMs,
    maxPending: dice.of([3, 1_000_000, 1_000_000]),
    ...(features.has('limits') && { maxPayloadBytes: dice.of([MOST_BYTES, 262_144]) }),
    batchWindowMs: dice.of([0, 0, 0, 50, 2000]),
    backoff: chooseBackoff(dice, patienceMs > 60_000 || features.has('network')),
    vault: dice.chance(0.8),
    farewell: features.has('farewells'),
    ...(features.has('sleeps') && { system: dice.of(SYSTEMS) }),
    ...(features.has('scanners') && { system: 'windows' as const }),
    ...(features.has('watches') && { watch: dice.of(['works', 'works', 'silent', 'fails']) }),
    ...(features.has('sourceLines') && { maxSourceCalls: dice.of([1, 1, 2]) }),
  }
}

/** Of a slow check only a requirement that turns meanwhile says something: then it is not `required` from the start. */
function chooseRequirement(
  dice: Dice,
  hasTurns: boolean,
  isSlow: boolean,
): 'required' | 'off' | 'unknown' {
  const drawn = dice.chance(0.7)
    ? 'required'
    : dice.of<'off' | 'unknown'>(['off', hasTurns ? 'unknown' : 'off'])
  return isSlow && dice.chance(0.7) ? 'off' : drawn
}

/** Longer than a timer of Node can be. */
const A_MONTH_MS = 30 * 24 * 60 * 60 * 1000

/** An hour of patience with short waits would be thousands of attempts. */
function chooseBackoff(dice: Dice, isPatient: boolean): NonNullable<Config>['backoff'] {
  const base = dice.weighted([
    [10, 100],
    [10, 1000],
    [1, A_MONTH_MS],
  ])
  const cap = isPatient ? 300_000 : dice.of([1000, 300_000])
  return { base: base ?? 100, cap: Math.max(cap, base ?? 100), jitter: dice.chance(0.2) }
}

const A_WHILE_MS = 20_000
const A_MOMENT_MS = 1000

/** Faults stop, then everybody can go on. */
function healing(
  at: number,
  users: readonly string[],
  requirement: NonNullable<NonNullable<Scenario['config']>['requirement']>,
  features: Features,
): ScenarioStep[] {
  const hasSecond = features.has('second')
  const processes = hasSecond ? [{}, { process: 'second' } as const] : [{}]
  const first = at + A_WHILE_MS
  const second = first + A_WHILE_MS
  const last = second + A_WHILE_MS
  const end = features.has('watches') ? last + A_MOMENT_MS : last
  return [
    { at: first, disk: 'works' },
    // Damage that nothing has met is salvaged all the same.
    ...(features.has('damage') ? [{ at: first, restart: true } as const] : []),
    ...(hasSecond ? [{ at: first, start: true } as const] : []),
    { at: first, network: 'up' },
    { at: first, power: 'resume' },
    ...processes.flatMap((process): ScenarioStep[] => [
      { at: first, ...process, queue: 'resume' },
      { at: first, ...process, requirement: requirement === 'off' ? 'off' : 'required' },
      ...users.map((user): ScenarioStep => ({
        at: second,
        ...process,
        updateToken: { user, token: goodToken(user) },
      })),
    ]),
    ...(features.has('watches') ? lastWords(last, users) : []),
    // Who only waits would wait for ever.
    ...(hasSecond ? [{ at: end, process: 'second', exit: true } as const] : []),
  ]
}

/** One process stores something when the other has nothing more to do, which alone would make it look. */
function lastWords(at: number, [user]: readonly string[]): ScenarioStep[] {
  if (user === undefined) return []
  return [
    { at, process: 'second', login: { user } },
    { at, process: 'second', enqueue: { id: 'last', kind: 'note', payload: { text: 'last' } } },
  ]
}
