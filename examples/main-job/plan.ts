/**
 * The fault plan: what goes wrong, and at which share of the work. It follows from the seed and the
 * number of kills alone: the same seed gives the same plan.
 */
import type { ControlInput } from '../server/control.ts'
import { type Chance, seededChance } from './random.ts'

export type Step = {
  /** When this share of all operations has been applied. */
  readonly at: number
  /** For people: what is done. */
  readonly name: string
} & (
  | { readonly type: 'server'; readonly change: ControlInput }
  /** SIGKILL to the app, so many milliseconds later, and a new life. */
  | { readonly type: 'kill'; readonly delayMs: number }
)

export interface Plan {
  /** Set before the app begins, until the end. */
  readonly rain: ControlInput
  /** In the order of `at`. */
  readonly steps: readonly Step[]
}

const firstAt = 0.03
const lastAt = 0.92

/** What the server does once each, in random order. */
const mischief: readonly { readonly name: string; readonly change: ControlInput }[] = [
  { name: 'the issuer rotates its signing key', change: { rotateKeys: true } },
  { name: 'the issuer rotates its signing key', change: { rotateKeys: true } },
  { name: 'the issuer rotates its signing key', change: { rotateKeys: true } },
  { name: "alice's tokens are revoked", change: { revokeUser: 'alice' } },
  { name: 'the next 3 replies are lost', change: { dropReplies: { count: 3 } } },
  { name: 'the next 3 requests are lost', change: { dropRequests: { count: 3 } } },
  { name: 'a captive portal answers twice', change: { html: { count: 2 } } },
  {
    name: '503, Retry-After 1 s',
    change: { failNext: { count: 1, status: 503, retryAfter: 1 } },
  },
  { name: '429 three times', change: { failNext: { count: 3, status: 429, retryAfter: 0 } } },
]

/** From one fault to the next. */
const slow = { name: 'the server is slow: 25 ms', change: { latencyMs: 25 } }
const fast = { name: 'the server is fast again', change: { latencyMs: 1 } }

export function makePlan(seed: number, kills: number): Plan {
  const chance = seededChance(seed)
  const rain: ControlInput = {
    latencyMs: 1,
    faults: {
      seed,
      refuse: 0.01,
      dropRequest: 0.01,
      dropReply: 0.015,
      fail503: 0.01,
      fail429: 0.01,
      html: 0.003,
      retryAfter: 0,
    },
  }
  const steps = [...mischiefSteps(chance), ...killSteps(chance, kills)]
  return { rain, steps: steps.sort((a, b) => a.at - b.at) }
}

function mischiefSteps(chance: Chance): Step[] {
  const slowFrom = chance.between(0, mischief.length)
  const order = shuffled(chance, mischief).toSpliced(slowFrom, 0, slow, fast)
  return order.map((one, n) => ({ type: 'server', at: share(chance, n, order.length), ...one }))
}

/**
 * Every third kill follows so soon upon the one before that the app may not even have begun. After the
 * others the first requests of the new life are refused: what was under way at the kill, and may have
 * been applied, must nevertheless come again under the same key.
 */
function killSteps(chance: Chance, count: number): Step[] {
  const steps: Step[] = []
  for (let n = 1; n <= count; n += 1) {
    const former = steps.at(-1)
    const isSoon = n % 3 === 0 && former !== undefined
    const at = isSoon ? former.at : share(chance, n - 1, count)
    const delayMs = isSoon ? chance.between(100, 900) : chance.between(0, 60)
    steps.push({ type: 'kill', at, name: `the app is killed (${n} of ${count})`, delayMs })
    if (!isSoon) steps.push({ type: 'server', at, ...welcomeBack(n % 2 === 0 ? 401 : 429) })
  }
  return steps
}

function welcomeBack(status: number) {
  const change: ControlInput = { failNext: { count: 2, status, retryAfter: null } }
  return { name: `the next life of the app is welcomed with ${status}`, change }
}

/** Somewhere in the nth of so many equal parts of the work. */
function share(chance: Chance, n: number, count: number): number {
  return firstAt + ((n + chance.fraction()) / count) * (lastAt - firstAt)
}

function shuffled<T>(chance: Chance, items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, key: chance.fraction() }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item)
}
