/** The stories that a plan may tell, of users and their sessions. */
import type { Tale } from './plan-tale.ts'
import type { Story } from './story.ts'

const OFF = { requirement: 'off', backoff: { base: 1000, cap: 300_000, jitter: false } } as const

const REQUIRED = { requirement: 'required' } as const

/** One user creates a record, and another user waits for it; answers the creation. */
function wait(tale: Tale, status: 500 | 422, creation: { expiresInMs?: number } = {}): string {
  const [creator, waiting] = tale.twoUsers()
  const record = tale.record()
  tale.loginBare(0, creator)
  const id = tale.enqueue(0, { kind: 'create', ...creation, payload: { record } })
  // It may have a token after all, from before.
  tale.meets(id, { status }, 4)
  tale.loginWell(10, waiting)
  tale.enqueue(0, { kind: 'touch', payload: { record } })
  tale.note(0)
  return id
}

export const ACROSS_USERS: Readonly<Record<string, Story>> = {
  cancelledCreation: {
    steersTo: ['a creation cancelled while another lane waits'],
    config: REQUIRED,
    tell: (tale) => {
      const id = wait(tale, 500)
      tale.step(
        tale.dice.of([20, 200, 900]),
        tale.dice.of([{ cancel: id }, { cancel: id }, { discard: id }]),
      )
    },
  },
  expiredCreation: {
    steersTo: ['a creation expired while another lane waits'],
    config: REQUIRED,
    tell: (tale) => {
      wait(tale, 500, { expiresInMs: 100 })
      for (const user of tale.users) tale.giveToken(tale.dice.of([200, 150]), user)
    },
  },
  deadCreation: {
    steersTo: ['a creation dead while another lane waits'],
    config: REQUIRED,
    tell: (tale) => {
      const id = wait(tale, 422)
      for (const user of tale.users) tale.giveToken(tale.dice.of([20, 150]), user)
      if (tale.dice.chance(0.5)) tale.step(300, { retry: id })
    },
  },
  /** A device-scoped creation is dropped at the next login, while the anonymous lane waits for its record (I8, Q12). */
  supersededCreation: {
    steersTo: ['a creation superseded while another lane waits'],
    config: { ...OFF, anonymous: 'hold' },
    tell: (tale) => {
      const [creator, other] = tale.twoUsers()
      const record = tale.record()
      tale.loginBare(0, creator)
      const id = tale.enqueue(0, { kind: 'register', payload: { record } })
      tale.meets(id, { status: 500 }, 3)
      tale.logout(20, 'keep')
      tale.enqueue(10, { kind: 'touch', payload: { record } })
      tale.note(0)
      tale.loginWell(tale.dice.of([20, 500]), other)
    },
  },
  adoptedCreation: {
    steersTo: ['a creation adopted while another lane waits'],
    config: { ...OFF, anonymous: 'adopt' },
    tell: (tale) => {
      const [waiting, other] = tale.twoUsers()
      const record = tale.record()
      tale.logout(0, 'keep')
      const id = tale.enqueue(0, { kind: 'create', payload: { record } })
      tale.meets(id, { status: 500 }, 3)
      tale.loginWell(20, waiting)
      tale.enqueue(0, { kind: 'touch', payload: { record } })
      tale.note(0)
      tale.step(20, { requirement: 'required' })
      // Who waits may be the one who adopts it: then it lies behind, and comes too late.
      const isOwn = tale.dice.chance(0.5)
      if (isOwn) tale.logout(5, 'keep')
      tale.loginWell(10, isOwn ? waiting : other)
    },
  },
  /** Nothing of an adoption is stored at first (I3). */
  adoptionAgain: {
    steersTo: ['an adoption repeated after a failed commit'],
    config: { requirement: 'required', anonymous: 'adopt' },
    tell: (tale) => {
      const [user] = tale.twoUsers()
      tale.logout(0, 'keep')
      tale.note(5)
      tale.tag(0)
      tale.step(5, { disk: tale.dice.of(['full', 'busy']), times: tale.dice.of([1, 2]) })
      tale.loginWell(0, user)
      tale.note(tale.dice.of([0, 20]))
      if (tale.dice.chance(0.3)) tale.step(100, { crash: true })
    },
  },
  /** Another user logs in while a device-scoped operation is in flight (I8). */
  supersededInFlight: {
    steersTo: ['superseded in flight'],
    config: { backoff: { base: 1000, cap: 300_000, jitter: false } },
    tell: (tale) => {
      const [first, second] = tale.twoUsers()
      tale.loginWell(0, first)
      const kind = tale.dice.of(['unsubscribe', 'unsubscribe', 'register'])
      const payload = kind === 'register' ? { record: tale.record() } : {}
      const id = tale.enqueue(0, { kind, payload })
      tale.takes(id, 100)
      tale.meets(id, tale.dice.of([{ status: 500 }, { status: 503 }, { lost: 'request' }]), 2)
      tale.loginWell(20, second)
      if (tale.dice.chance(0.4)) tale.step(tale.dice.of([10, 300]), { crash: true })
      if (tale.dice.chance(0.4)) tale.loginWell(10, first)
    },
  },
  /** A user logs out with an operation in flight, and logs in again before that ends (T11, I7). */
  returning: {
    steersTo: ['a user back before the lane is empty, then a new life'],
    config: { ...REQUIRED, vault: true },
    tell: (tale) => {
      const [user] = tale.twoUsers()
      tale.loginWell(0, user)
      const first = tale.note(0)
      tale.note(0)
      tale.takes(first, 100)
      tale.meets(first, tale.dice.of([{ status: 200 }, { status: 500 }, { lost: 'reply' }]))
      tale.logout(10, tale.dice.of(['keep', 'discard', 'discard']))
      if (tale.dice.chance(0.5)) tale.loginBare(5, user)
      else tale.loginWell(5, user)
      tale.note(1)
      tale.step(tale.dice.of([5, 120]), tale.dice.of([{ crash: true }, { restart: true }]))
      tale.note(5)
    },
  },
  discardInFlight: {
    steersTo: ['a discard at a logout with something in flight'],
    config: REQUIRED,
    tell: (tale) => {
      const [user] = tale.twoUsers()
      tale.loginWell(0, user)
      const first = tale.dice.chance(0.5) ? tale.note(0) : tale.tag(0)
      tale.note(0)
      tale.takes(first, 100)
      tale.meets(
        first,
        tale.dice.of([{ status: 200 }, { status: 500 }, { lost: 'reply' }, { lost: 'request' }]),
      )
      tale.logout(20, 'discard')
      if (tale.dice.chance(0.4)) tale.step(tale.dice.of([20, 200]), { crash: true })
    },
  },
  /** A token comes for a user that is leaving. After a restart no later operation is sent with it (T11). */
  tokenWhileLeaving: {
    steersTo: ['a token pushed while leaving, then a new life'],
    config: { ...REQUIRED, vault: true },
    tell: (tale) => {
      const [user] = tale.twoUsers()
      tale.loginBare(0, user)
      tale.step(0, { network: 'down' })
      tale.note(1)
      tale.logout(10, 'keep')
      tale.giveToken(10, user)
      tale.step(10, tale.dice.of([{ crash: true }, { restart: true }]))
      tale.step(tale.dice.of([5, 100]), { network: 'up' })
      tale.loginBare(tale.dice.of([0, 100]), user)
      tale.note(50)
    },
  },
  /** No record and no reading position is left for the next session of a forgotten user (I12). */
  forgetting: {
    steersTo: [
      'a read after a forgotten position',
      'a forgotten record asked for again',
      'a read of a key with a position',
    ],
    config: REQUIRED,
    tell: (tale) => {
      const [user] = tale.twoUsers()
      const record = tale.record()
      tale.loginWell(0, user)
      tale.enqueue(0, { kind: 'create', payload: { record } })
      const note = tale.note(0)
      const key = tale.dice.of([undefined, 'mail'])
      tale.meets(note, {
        ryw: {
          token: 'w9',
          delay: tale.dice.of([0, 60_000]),
          ...(key === undefined ? {} : { key }),
        },
      })
      tale.step(tale.dice.of([100, 15, 2500]), { forget: user })
      tale.loginWell(10, user)
      tale.read(0, key)
      tale.enqueue(0, { kind: 'touch', payload: { record } })
    },
  },
  /** More tokens of one user are refused than are remembered (T2, T8). */
  manyRefused: {
    steersTo: ['more than eight refused tokens'],
    config: REQUIRED,
    needs: 'storms',
    tell: (tale) => {
      const [user] = tale.twoUsers()
      tale.loginBare(0, user)
      tale.note(0)
      for (let n = 1; n <= 10; n += 1) {
        tale.giveToken(
          n < 4 ? 1000 : tale.dice.of([901_000, 901_000, 120_000]),
          user,
          `${user}-storm-${n}`,
        )
      }
      if (tale.dice.chance(0.3)) tale.step(1000, { restart: true })
      tale.giveToken(1000, user, `${user}-storm-${tale.dice.between(1, 3)}`)
    },
  },
  /** The source of the requirement answers after it was given up and asked again (I2). */
  lateDemand: {
    steersTo: ['a late answer of the source of the requirement'],
    config: { requirement: 'unknown' },
    needs: 'requirementSource',
    tell: (tale) => {
      const [user] = tale.twoUsers()
      const demand = tale.dice.of(['required', 'off'] as const)
      tale.demands({ requirement: demand, after: tale.dice.of([61_500, 70_000, 100_000]) })
      tale.demands({
        requirement: tale.dice.of(['required', 'off']),
        after: tale.dice.of([10, 5000]),
      })
      tale.loginWell(0, user)
      tale.note(0)
      tale.step(62_000, { power: 'resume' })
      tale.note(5000)
    },
  },
  /** A listener comes late, when a user that is not logged in any more needs a token (T5). */
  lateListener: {
    steersTo: ['a late listener heard of a user that is not logged in'],
    config: REQUIRED,
    tell: (tale) => {
      const [first, second] = tale.twoUsers()
      tale.loginBare(0, first)
      tale.note(0)
      tale.loginWell(10, second)
      tale.step(10, { listen: true })
    },
  },
  /** The vault is asked while a token comes, or the user leaves (T1, T11). */
  lockedVault: {
    steersTo: ['the vault was locked'],
    config: { ...REQUIRED, vault: { unavailable: 3 } },
    tell: (tale) => {
      const [user] = tale.twoUsers()
      tale.loginWell(0, user)
      tale.note(0)
      const slow = tale.note(0)
      tale.takes(slow, 500)
      tale.step(30, { restart: true })
      tale.note(10)
      tale.dice.of([
        () => tale.giveToken(500, user),
        () => tale.logout(500, 'keep'),
        () => tale.note(500),
      ])()
      tale.note(5000)
    },
  },
}
