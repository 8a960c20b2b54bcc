/**
 * A plan is a scenario that a seed makes: data first, then execution. First come faults, then healing:
 * in the end the network is up, the requirement known, and every user has a good token, so that
 * everything has to settle.
 */
import type { Scenario, ScenarioStep, ServerScript } from '../scenario.ts'
import { SYSTEMS } from '../sleep.ts'
import { Dice } from './dice.ts'
import { chooseFeatures, type Features } from './features.ts'
import type { Told } from './plan-makers.ts'
import { promisedSends } from './plan-promise.ts'
import { planServer } from './plan-server.ts'
import { STORIES } from './plan-stories.ts'
import { type StoryRules, Tale } from './plan-tale.ts'
import { MOST_BYTES } from './plan-payloads.ts'
import { planSteps } from './plan-steps.ts'
import { planRequirementSource } from './plan-requirement-source.ts'
import { goodToken, planSource, planTokens } from './plan-tokens.ts'
import type { Story } from './story.ts'

/** A plan of fewer sends is made anew: what it does to the machine is of no use then. */
const FEWEST_SENDS = 10

/** Not for ever: then the best of them is the plan. */
const MOST_TRIES = 30

/** One seed makes one plan: where that would send too little, the next draws of the same seed make another. */
export function makePlan(seed: number): Scenario {
  const dice = new Dice(seed)
  let best: Scenario | null = null
  let most = -1
  for (let tries = 0; tries < MOST_TRIES && most < FEWEST_SENDS; tries += 1) {
    const plan = draw(dice, `seed ${seed}`)
    const promised = promisedSends(plan.steps)
    if (promised > most) {
      best = plan
      most = promised
    }
  }
  return best ?? draw(dice, `seed ${seed}`)
}

function draw(dice: Dice, name: string): Scenario {
  const features = chooseFeatures(dice)
  const stories = chooseStories(dice)
  const users = ['alice', 'bob', 'carol'].slice(0, dice.of([1, 2, 2, 3, 3]))
  const kinds = chooseKinds(dice, features)
  const tokens = planTokens(
    dice,
    features,
    users,
    stories.some(({ needs }) => needs === 'storms'),
  )
  const told: Told = {
    dice,
    features,
    tokens,
    users,
    kinds,
    operations: [],
    reads: [],
    looks: [],
    current: null,
    former: null,
    last: null,
    next: [],
  }
  const rules: StoryRules = { replies: [], latencies: [], demands: [] }
  const config: Config = {
    ...chooseConfig(dice, features),
    ...Object.assign({}, ...stories.map((story) => story.config ?? {})),
  }
  const { requirement = 'required' } = config
  const tales = stories.map((story, index) => {
    const tale = new Tale(told, rules, index + 1)
    story.tell(tale)
    return tale.steps
  })
  const { steps, operations, endedAt } = planSteps(told, tales)
  const letters = config.onDead === 'hold' ? operations.slice(0, FIRST_LETTERS) : []
  const source = planSource(dice, features, tokens)
  const hasDemands = stories.some(({ needs }) => needs === 'requirementSource')
  const demands = planRequirementSource(
    dice,
    features,
    requirement,
    hasDemands ? rules.demands : [],
  )
  return {
    scenario: 1,
    name,
    config,
    tokens: tokens.tokens,
    ...(source === undefined ? {} : { source }),
    ...(demands === undefined ? {} : { requirementSource: demands }),
    server: withStories(planServer(dice, features, { users, kinds, operations }), rules),
    steps: [...steps, ...healing(dice, endedAt, { users, requirement, features, letters })],
  }
}

/** What a story says of its own operations comes first. */
function withStories(server: ServerScript, { replies, latencies }: StoryRules): ServerScript {
  return {
    ...server,
    latencies: [...latencies, ...(server.latencies ?? [])],
    replies: [...replies, ...(server.replies ?? [])],
  }
}

/** Most plans tell one: what comes by chance alone happens around it. */
function chooseStories(dice: Dice): readonly Story[] {
  const count = dice.of([0, 1, 1, 2])
  return Array.from({ length: count }, () => dice.any(Object.values(STORIES))).filter(
    (story) => story !== null,
  )
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
  if (features.has('results')) kinds.push('quote', 'quote')
  if (features.has('slow')) kinds.push('slow', 'slow')
  if (features.has('mortals')) kinds.push('mortal')
  if (features.has('devices')) kinds.push('register', 'touch')
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

type Config = NonNullable<Scenario['config']>

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
    ...(features.has('limits') && {
      maxPending: dice.of([6, 12, 1_000_000]),
      maxPayloadBytes: dice.of([MOST_BYTES, 262_144]),
    }),
    ...(features.has('retains') && { retainCompleted: true }),
    batchWindowMs: dice.of([0, 0, 0, 50, 2000]),
    backoff: chooseBackoff(dice, patienceMs >= 60_000 || features.has('network')),
    vault: features.has('vaults') ? failingVault(dice) : dice.chance(0.8),
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

function failingVault(dice: Dice): Config['vault'] {
  const unavailable = dice.of([1, 2, 4])
  const unreadable = dice.of([1, 2])
  return dice.of([{ unavailable }, { unavailable }, { unreadable }, { unavailable, unreadable }])
}

/** Longer than a timer of Node can be. */
const A_MONTH_MS = 30 * 24 * 60 * 60 * 1000

/** An hour of patience with short waits would be thousands of attempts. */
function chooseBackoff(dice: Dice, isPatient: boolean): Config['backoff'] {
  const base = dice.weighted([
    [10, 100],
    [10, 1000],
    [0.2, A_MONTH_MS],
  ])
  const cap = isPatient ? 300_000 : dice.of([1000, 300_000])
  return { base: base ?? 100, cap: Math.max(cap, base ?? 100), jitter: dice.chance(0.2) }
}

/** How long the plan runs on before its faults stop, by themselves or one after the other. */
const WHILES_MS = [20_000, 20_000, 120_000, 600_000] as const
const A_MOMENT_MS = 1000

interface Healed {
  readonly users: readonly string[]
  readonly requirement: NonNullable<Config['requirement']>
  readonly features: Features
  /** Operations that are discarded: as dead letters they may hold all that is behind them. */
  readonly letters: readonly string[]
}

/** A lane that a dead letter holds is mostly held by one of its first operations. */
const FIRST_LETTERS = 5

/** Faults stop, then everybody can go on. */
function healing(
  dice: Dice,
  at: number,
  { users, requirement, features, letters }: Healed,
): ScenarioStep[] {
  const whileMs = dice.of(WHILES_MS)
  const hasSecond = features.has('second')
  const processes = hasSecond ? [{}, { process: 'second' } as const] : [{}]
  const first = at + whileMs
  const second = first + whileMs
  const last = second + whileMs
  const end = features.has('watches') ? last + A_MOMENT_MS : last
  return [
    { at: first, disk: 'works' },
    // Damage that nothing has met is salvaged all the same.
    ...(features.has('damage') ? [{ at: first, restart: true } as const] : []),
    ...(hasSecond ? [{ at: first, start: true } as const] : []),
    ...letters.map((discard) => ({ at: first, discard })),
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
