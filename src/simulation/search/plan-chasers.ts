/** What is worth trying right after a step: by chance alone it seldom comes in time. */
import type { Dice } from './dice.ts'
import type { Features } from './features.ts'
import {
  afterAnAttempt,
  type Chaser,
  damage,
  enqueue,
  enqueueAlike,
  loginAgain,
  logout,
  named,
  read,
  type Step,
  type Told,
} from './plan-makers.ts'
import { goodToken } from './plan-tokens.ts'

const MINUTE_MS = 60_000

/** When a token has expired, or an open need may be told again (T5). */
const muchLater = (dice: Dice) => dice.of([6000, 31_000, 31_000, MINUTE_MS + 1000])

/** While the schema of a slow kind is asked: at `enqueue()`, then before the first attempt. */
const whileChecked = (dice: Dice) => dice.of([20, 60, 80, 95])

/** By the name of the step before. */
const CHASERS: Readonly<Record<string, readonly Chaser[]>> = {
  enqueue: [
    { feature: 'crashes', make: () => ({ crash: true }) },
    {
      feature: 'deaths',
      make: ({ dice }) => ({ crash: dice.of(['before-commit', 'after-commit']) }),
    },
    { feature: 'cancels', make: (told) => named(told, (id) => ({ cancel: id })) },
    { feature: 'unsent', make: (told) => named(told, (id) => ({ cancel: id })) },
    { feature: 'network', make: () => ({ network: 'down' }) },
    { feature: 'damage', make: damage },
    { feature: 'releases', make: ({ dice }) => ({ release: dice.of([2, 3]) }) },
    { feature: 'tokenStorms', make: enqueue },
    {
      feature: 'slow',
      make: ({ dice }) => ({ requirement: dice.of(['required', 'required', 'off']) }),
      gap: whileChecked,
    },
    { feature: null, make: enqueue },
    { feature: null, make: enqueueAlike },
    { feature: null, make: enqueueAlike },
    { feature: null, make: enqueueAlike, gap: afterAnAttempt },
    { feature: null, make: enqueue, gap: muchLater },
  ],
  login: [
    { feature: null, make: enqueue },
    { feature: 'reads', make: read },
  ],
  // A session that has ended leaves nothing behind for the next one.
  logout: [{ feature: null, make: loginAgain }],
  updateToken: [
    { feature: null, make: enqueue },
    { feature: null, make: enqueue, gap: muchLater },
    { feature: 'reads', make: read },
    { feature: 'logouts', make: logout, gap: afterAnAttempt },
  ],
  // While its 401 is on the way.
  read: [
    { feature: 'updateTokens', make: ({ current: user }) => freshToken(user) },
    { feature: 'logouts', make: logout, gap: afterAnAttempt },
  ],
  release: [{ feature: null, make: () => ({ restart: true }) }],
  disk: [
    // A write to the damaged table finds the damage.
    { feature: null, make: enqueue },
    { feature: null, make: enqueueAlike },
    { feature: 'damage', make: () => ({ restart: true }) },
  ],
  // What one process stores now, the other has to notice.
  sideFile: [
    { feature: null, make: enqueue },
    { feature: null, make: enqueueAlike },
    { feature: null, make: enqueue, gap: muchLater },
  ],
  network: [
    { feature: null, make: enqueueAlike },
    { feature: null, make: () => ({ network: 'up' }), gap: afterAnAttempt },
  ],
  crash: [
    { feature: 'cancels', make: (told) => named(told, (id) => ({ cancel: id })) },
    { feature: null, make: enqueue },
    { feature: null, make: enqueueAlike },
  ],
}

export function chaserOf(dice: Dice, features: Features, before: Step): Chaser | null {
  const chasers = Object.entries(CHASERS).find(([name]) => name in before)?.[1] ?? []
  return dice.any(chasers.filter(({ feature }) => feature === null || features.has(feature)))
}

function freshToken(user: string | null): Step | null {
  return user === null ? null : { updateToken: { user, token: goodToken(user) } }
}

/** An app that pushes one refused token after the other, as fast as it gets them. */
export function stormAfter({ dice, features, tokens, current }: Told, step: Step): readonly Step[] {
  if (current === null || !features.has('tokenStorms') || !('enqueue' in step)) return []
  if (!dice.chance(0.25)) return []
  const names = tokens.storms.get(current) ?? []
  return names
    .slice(0, dice.between(3, names.length))
    .map((token): Step => ({ updateToken: { user: current, token } }))
}
