/** What the server of a plan does to requests before it takes them. Every fault is used up. */
import type { ServerScript } from '../scenario.ts'
import { WALL_START } from '../virtual-time.ts'
import type { Dice } from './dice.ts'
import type { Features } from './features.ts'
import { READING_KEYS } from './plan-makers.ts'

type Reply = NonNullable<ServerScript['replies']>[number]
type Match = NonNullable<Reply['match']>

const STATUSES = [
  500, 503, 502, 504, 429, 425, 408, 409, 400, 404, 403, 422, 418, 302, 304, 501,
] as const

export interface PlannedNames {
  readonly users: readonly string[]
  readonly kinds: readonly string[]
  readonly operations: readonly string[]
}

export function planServer(dice: Dice, features: Features, names: PlannedNames): ServerScript {
  const latencies = features.has('slowReplies')
    ? Array.from({ length: dice.between(1, 4) }, () => ({
        match: planMatch(dice, names),
        ms: dice.of([0, 1, 100, 5000, 29_999, 30_000, 45_000]),
        times: dice.between(1, 3),
      }))
    : []
  const faults = faultsOf(dice, features)
  const count = faults.length === 0 ? 0 : dice.between(1, 10)
  const replies = Array.from({ length: count }, (): Reply => {
    const times = dice.of([1, 1, 2, 4])
    return { match: planMatch(dice, names), ...dice.weighted(faults)?.(), times }
  })
  // Of their own: among all the other faults they would seldom meet a cancel or a neighbour.
  const unsentCount = features.has('unsent') ? dice.between(1, 4) : 0
  const unsent = Array.from({ length: unsentCount }, (): Reply => ({
    match: planMatch(dice, names),
    ...notSent(dice),
    times: dice.of([1, 2, 4]),
  }))
  const courses = features.has('unsent')
    ? planCourses(dice, [...faults, [2, () => notSent(dice)]], names)
    : planCourses(dice, faults, names)
  const latency = dice.of([0, 1, 10, 10, 200, 1000])
  return {
    latency,
    ...(features.has('dates') && { dates: true }),
    latencies,
    replies: [...courses, ...unsent, ...replies],
  }
}

type Fault = () => Omit<Reply, 'match' | 'times'>

function notSent(dice: Dice): ReturnType<Fault> {
  return { unsent: dice.of(['ECONNREFUSED', 'ENOTFOUND', 'CERT_HAS_EXPIRED']) }
}

/** What the same operation meets, one fault after the other: by chance alone it seldom meets two that differ. */
function planCourses(
  dice: Dice,
  faults: readonly (readonly [number, Fault])[],
  names: PlannedNames,
): readonly Reply[] {
  if (faults.length === 0) return []
  return Array.from({ length: dice.of([0, 1, 2, 3]) }, () => {
    const match = planMatch(dice, names)
    return Array.from({ length: dice.between(2, 4) }, (): Reply => ({
      match,
      ...dice.weighted(faults)?.(),
      times: 1,
    }))
  }).flat()
}

function faultsOf(dice: Dice, features: Features): (readonly [number, Fault])[] {
  const retryAfter = () => ({
    'retry-after': dice.of([
      '0',
      '2',
      '120',
      '7200',
      '1.5',
      'soon',
      '-5',
      '"9"',
      new Date(WALL_START + 30_000).toUTCString(),
      'Thursday, 01-Jan-26 00:00:30 GMT',
      'Thu Jan  1 00:00:30 2026',
    ]),
  })
  const date = () => ({ date: new Date(WALL_START + dice.of([0, 60_000, -60_000])).toUTCString() })
  const faults: Partial<Record<string, Fault>> = {
    badStatuses: () => ({
      status: dice.of(STATUSES),
      ...(dice.chance(0.1) && { headers: date() }),
    }),
    retryAfter: () => ({ status: dice.of([429, 503, 500, 425]), headers: retryAfter() }),
    lostReplies: () => ({ lost: dice.of(['reply', 'request']) }),
    portals: () =>
      dice.of<Omit<Reply, 'match' | 'times'>>([
        { html: true },
        { status: 511 },
        { status: 407 },
        { status: 302, headers: { location: 'https://portal.test/' } },
      ]),
    illFormed: () => ({
      body: dice.of([
        '{"record":"\\ud83d","id":"x"}',
        '{"record":"local-1","id":"\\u0000"}',
        '{"ryw":{"token":"\\ud83d"}}',
      ]),
    }),
    outsized: () => ({
      body: dice.of(['1e20', '1e300', '60001']).replace(/.*/, '{"ryw":{"token":"w0","delay":$&}}'),
    }),
    malformed: () => ({ body: dice.of(['', 'null', '[]', '{"ok":', '{"record":7}']) }),
    tooLarge: () => ({ status: 431 }),
    // The end of an excerpt, and of what is looked at of a reply, stands within the token.
    echoes: () => ({
      status: dice.of([400, 404, 422, 409]),
      echo: dice.of(
        [0, 225, 240, 250, 255, 1000, 1015, 1985].map((at) => at + dice.between(0, 9)) as [number],
      ),
      ...(dice.chance(0.5) && { headers: { 'content-type': 'text/plain' } }),
    }),
    // The server knows what it has applied; of its word only the status arrives.
    cuts: () => ({ cut: true, status: dice.of([200, 200, 200, 201, 422, 404, 500, 429]) }),
    labels: () => ({
      headers: { 'content-type': 'text/html; charset=utf-8' },
      ...dice.of([
        {},
        {},
        { body: '' },
        { body: ' \r\n' },
        { body: '\uFEFF{"ok":true}' },
        { body: 'OK' },
      ]),
    }),
    positions: () => ({
      ryw: {
        token: `w${dice.between(1, 9)}`,
        delay: dice.of([0, 500, 5000]),
        ...(features.has('keys') && dice.chance(0.6) && { key: dice.of(READING_KEYS) }),
      },
    }),
  }
  return [...features].flatMap(([feature, weight]) => {
    const fault = faults[feature]
    return fault === undefined ? [] : [[weight, fault] as const]
  })
}

function planMatch(dice: Dice, { users, kinds, operations }: PlannedNames): Match {
  const op = dice.any(operations)
  const kind = dice.any(kinds)
  const user = dice.any(users)
  return dice.of<Match>([
    {},
    op === null ? {} : { op },
    op === null ? {} : { op },
    kind === null ? {} : { kind },
    user === null ? {} : { user },
  ])
}
