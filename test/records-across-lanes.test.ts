/**
 * A lane that waits for a record of another lane goes on in whatever way the creation ends (Q12). The dependent operation
 * dies, an operation that needs the record optionally is sent without it, and the operations behind them are sent.
 */
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { defineOperation, type OperationDraft } from '../src/operations/define-operation.ts'
import { memoryVault } from '../src/ports/vault.ts'
import { create, echo, mergingUse, use } from './support/kinds.ts'
import { type Neighbour, neighbours } from './support/neighbours.ts'
import { note, Rig, type RigOptions, type Sent } from './support/rig.ts'

/** A kind that is device-scoped and creates a record (I8). */
const register = defineOperation({ ...create.spec, kind: 'register', deviceScoped: true })

/** A kind whose server forgets keys, and that creates a record (Q5). */
const forgetful = defineOperation({
  ...create.spec,
  kind: 'forgetful',
  idempotencyWindowMs: 10_000,
})

/** A kind whose request cannot be made, and that creates a record (Q6). */
const impossible = defineOperation({
  ...create.spec,
  kind: 'impossible',
  request: () => {
    throw new Error('no request')
  },
})

/** A kind whose neighbours merge, and that creates records; of an even number of operations there is no request (Q4). */
const pairs = defineOperation({
  kind: 'pairs',
  payload: z.object({ record: z.string() }),
  creates: ({ record }) => [record],
  request: ({ payload }) => ({ method: 'POST', path: '/pairs', body: payload }),
  merge: {
    key: () => '',
    combine: (payloads) =>
      payloads.length % 2 === 0 ? null : { method: 'POST', path: '/pairs', body: payloads[0] },
  },
})

const operations = [note, create, use, mergingUse, register, forgetful, impossible, pairs]
const options = { operations, vault: memoryVault(Buffer.alloc(32)) }

async function put(rig: Rig, draft: OperationDraft): Promise<string> {
  return (await rig.whileResting(rig.holdfast.enqueue(draft))).id
}

/** True for requests of alice or anonymous ones, which the test answers; every other request is answered at once. */
function ofAlice({ request }: Sent): boolean {
  return request.user === 'alice' || request.user === null
}

function lastOfAlice(rig: Rig): Sent {
  const sent = rig.sent.findLast(ofAlice)
  if (sent === undefined) throw new Error('nothing of alice has been sent')
  return sent
}

async function reply(rig: Rig, status: number): Promise<void> {
  lastOfAlice(rig).reply(status)
  await rig.advance()
}

/** The operations of bob and carol that need r1, at the heads of their lanes, with a note behind each. */
interface Waiting {
  readonly required: string
  readonly merging: string
  readonly optional: string
}

async function putWaiting(rig: Rig): Promise<Waiting> {
  rig.answer = (sent) => {
    if (!ofAlice(sent)) echo(sent)
  }
  await rig.login('bob', 'b1')
  const required = await put(rig, use({ required: ['r1'] }))
  await rig.enqueue('behind the required one')
  await rig.login('dave', 'd1')
  const merging = await put(rig, mergingUse({ record: 'r1' }))
  await rig.enqueue('behind the merging one')
  await rig.login('carol', 'c1')
  const optional = await put(rig, use({ optional: ['r1'] }))
  await rig.enqueue('behind the optional one')
  return { required, merging, optional }
}

const WAITERS = ['bob', 'dave', 'carol']

function expectWaiting(rig: Rig): void {
  expect(WAITERS.map((user) => rig.holdsOf(user))).toEqual(WAITERS.map(() => ['awaiting-record']))
}

/** Each lane went on without the record: nothing of bob, carol and dave is left. */
function expectWithout(rig: Rig, { required, merging, optional }: Waiting): void {
  const dead = rig.eventsOf('operation.dead').filter(({ user }) => WAITERS.includes(user ?? ''))
  expect(dead.map(({ id, reason }) => `${id} ${reason}`).sort()).toEqual(
    [required, merging].map((id) => `${id} dependency-dead`).sort(),
  )
  const sent = rig.sent.filter((one) => !ofAlice(one))
  expect(sent.filter(({ request }) => request.path === '/uses')).toMatchObject([
    { request: { operations: [optional], body: '{"text":[null]}' } },
  ])
  const notes = sent.flatMap(({ request }) => (request.kind === 'note' ? [request.user ?? ''] : []))
  expect(notes.sort()).toEqual([...WAITERS].sort())
  for (const user of WAITERS) expect(rig.holdsOf(user)).toEqual([])
}

/** How a creation of alice ends without the record. */
interface End {
  readonly how: string
  readonly creation: OperationDraft
  /** The token of alice, if the creation is to be sent. */
  readonly token?: string
  readonly options?: Partial<RigOptions>
  readonly before?: (rig: Rig) => Promise<unknown>
  readonly end: (rig: Rig, id: string) => Promise<unknown>
  /** The event that tells of the end, and its reason; null: it has none. */
  readonly event: 'operation.cancelled' | 'operation.dropped' | 'operation.dead'
  readonly reason: string | null
}

const creation = create({ record: 'r1' })

const ends: readonly End[] = [
  {
    how: 'is cancelled',
    creation,
    end: (rig, id) => rig.whileResting(rig.holdfast.cancel(id)),
    event: 'operation.cancelled',
    reason: null,
  },
  {
    how: 'is discarded',
    creation,
    end: (rig, id) => rig.whileResting(rig.holdfast.discard(id)),
    event: 'operation.dropped',
    reason: 'discarded',
  },
  {
    how: 'is discarded with its envelope of unknown outcome',
    creation: pairs({ record: 'r1' }),
    token: 'a1',
    end: async (rig, id) => {
      lastOfAlice(rig).fail()
      await rig.advance()
      await rig.whileResting(rig.holdfast.discard(id))
    },
    event: 'operation.dropped',
    reason: 'discarded',
  },
  {
    how: 'has expired when its turn comes',
    creation: create({ record: 'r1' }, { expiresInMs: 500 }),
    end: async (rig) => {
      await rig.advance(500)
      await rig.whileResting(rig.holdfast.updateToken('alice', 'a1'))
    },
    event: 'operation.dropped',
    reason: 'expired',
  },
  {
    how: 'is dropped by a logout',
    creation,
    end: async (rig) => {
      await rig.login('alice')
      await rig.whileResting(rig.holdfast.logout({ unsent: 'discard' }))
    },
    event: 'operation.dropped',
    reason: 'logout',
  },
  {
    how: 'is dropped by a logout once its attempt has failed',
    creation,
    token: 'a1',
    end: async (rig) => {
      await rig.login('alice')
      await rig.whileResting(rig.holdfast.logout({ unsent: 'discard' }))
      expectWaiting(rig)
      await reply(rig, 500)
    },
    event: 'operation.dropped',
    reason: 'logout',
  },
  {
    how: 'is forgotten',
    creation,
    end: (rig) => rig.whileResting(rig.holdfast.forget('alice')),
    event: 'operation.dropped',
    reason: 'forgotten',
  },
  {
    how: 'is forgotten while it is in flight',
    creation,
    token: 'a1',
    end: (rig) => rig.whileResting(rig.holdfast.forget('alice')),
    event: 'operation.dropped',
    reason: 'forgotten',
  },
  {
    how: 'is rejected',
    creation,
    token: 'a1',
    end: (rig) => reply(rig, 422),
    event: 'operation.dead',
    reason: 'rejected',
  },
  {
    how: 'has exhausted its attempts',
    creation,
    token: 'a1',
    options: { maxAttempts: 1, patienceMs: 0 },
    end: (rig) => reply(rig, 500),
    event: 'operation.dead',
    reason: 'attempts-exhausted',
  },
  {
    how: 'has an outcome that is unknown for too long',
    creation: forgetful({ record: 'r1' }),
    token: 'a1',
    options: { backoff: { baseMs: 20_000, capMs: 20_000, jitter: false } },
    end: async (rig) => {
      lastOfAlice(rig).fail()
      await rig.advance(20_000)
    },
    event: 'operation.dead',
    reason: 'outcome-unknown',
  },
  {
    how: 'cannot be made into a request',
    creation: impossible({ record: 'r1' }),
    end: (rig) => rig.whileResting(rig.holdfast.updateToken('alice', 'a1')),
    event: 'operation.dead',
    reason: 'unreadable',
  },
  {
    how: 'needs a record itself that is lost',
    before: async (rig) => {
      const id = await put(rig, create({ record: 'r0' }))
      await rig.whileResting(rig.holdfast.cancel(id))
    },
    creation: create({ record: 'r1', needs: ['r0'] }),
    end: (rig) => rig.whileResting(rig.holdfast.updateToken('alice', 'a1')),
    event: 'operation.dead',
    reason: 'dependency-dead',
  },
]

// Q12
describe('a lane that waits for a record of another lane goes on without it when the creation', () => {
  test.each(ends)('$how', async (one) => {
    const rig = await Rig.start({ ...options, ...one.options })
    await rig.login('alice', one.token)
    await one.before?.(rig)
    const id = await put(rig, one.creation)
    const waiting = await putWaiting(rig)
    expectWaiting(rig)
    await one.end(rig, id)
    await rig.advance()
    const ending = rig.eventsOf(one.event).filter((event) => event.id === id)
    expect(ending).toMatchObject([one.reason === null ? {} : { reason: one.reason }])
    expectWithout(rig, waiting)
  })

  // Q14
  test('is of a kind that the app has no more after an update', async () => {
    const rig = await Rig.start(options)
    await rig.login('alice')
    const id = await put(rig, forgetful({ record: 'r1' }))
    const waiting = await putWaiting(rig)
    expectWaiting(rig)
    await rig.close()
    await rig.open({ operations: operations.filter((kind) => kind !== forgetful) })
    await rig.advance()
    expectWaiting(rig)
    await rig.whileResting(rig.holdfast.updateToken('alice', 'a1'))
    await rig.advance()
    expect(rig.eventsOf('operation.dead')).toContainEqual(
      expect.objectContaining({ id, reason: 'unreadable' }),
    )
    expectWithout(rig, waiting)
  })

  // I3
  test.each(['waits after a failed attempt', 'is in flight'])(
    'is anonymous, and %s as the server begins to demand a token',
    async (when) => {
      const rig = await Rig.start({ ...options, requirement: 'off' })
      const id = await put(rig, creation)
      const waiting = await putWaiting(rig)
      expectWaiting(rig)
      if (when === 'is in flight') {
        await rig.whileResting(rig.holdfast.setRequirement('required'))
        expectWaiting(rig)
        await reply(rig, 500)
      } else {
        await reply(rig, 500)
        expectWaiting(rig)
        await rig.whileResting(rig.holdfast.setRequirement('required'))
      }
      await rig.advance()
      expect(rig.eventsOf('operation.dropped')).toMatchObject([{ id, reason: 'anonymous' }])
      expectWithout(rig, waiting)
    },
  )

  // I3
  test('is anonymous, is adopted, and is cancelled then', async () => {
    const rig = await Rig.start({ ...options, requirement: 'off', anonymous: 'adopt' })
    const id = await put(rig, creation)
    const waiting = await putWaiting(rig)
    await reply(rig, 500)
    await rig.whileResting(rig.holdfast.setRequirement('required'))
    await rig.login('alice')
    await rig.advance()
    expectWaiting(rig)
    await rig.whileResting(rig.holdfast.cancel(id))
    await rig.advance()
    expect(rig.eventsOf('operation.cancelled')).toMatchObject([{ id, user: 'alice' }])
    expectWithout(rig, waiting)
  })
})

// I3, Q12
test('a lane that waits for an anonymous creation goes on without the record once it adopts that creation', async () => {
  const rig = await Rig.start({ ...options, requirement: 'off', anonymous: 'adopt' })
  await put(rig, creation)
  const { required } = await putWaiting(rig)
  await reply(rig, 500)
  await rig.whileResting(rig.holdfast.setRequirement('required'))
  await rig.login('bob')
  await rig.advance()
  expect(rig.eventsOf('operation.dead')).toMatchObject([
    { id: required, reason: 'dependency-dead' },
  ])
  expect(WAITERS.map((user) => rig.holdsOf(user))).toEqual([
    ['backing-off'],
    ['awaiting-record'],
    ['awaiting-record'],
  ])
})

// Q9, Q12
describe('a lane that a retried creation has made to wait again goes on when that creation', () => {
  /** The creation was rejected once, is retried, and is in flight again. */
  async function retried(draft: OperationDraft) {
    const rig = await Rig.start(options)
    await rig.login('alice', 'a1')
    const id = await put(rig, draft)
    await reply(rig, 422)
    const { required, merging } = await putWaiting(rig)
    const dependents = [required, merging]
    expect(rig.eventsOf('operation.dead').map((dead) => dead.id)).toEqual([id, ...dependents])
    await rig.login('alice')
    await rig.whileResting(rig.holdfast.retry(id))
    await rig.advance()
    expect(['bob', 'dave'].map((user) => rig.holdsOf(user))).toEqual([
      ['awaiting-record'],
      ['awaiting-record'],
    ])
    return { rig, id, dependents }
  }

  /** Those of these operations that died for want of the record, once for each death. */
  function deathsOf(rig: Rig, dependents: readonly string[]): readonly string[] {
    return rig
      .eventsOf('operation.dead')
      .filter(({ id, reason }) => dependents.includes(id) && reason === 'dependency-dead')
      .map(({ id }) => id)
  }

  test('is cancelled', async () => {
    const { rig, id, dependents } = await retried(creation)
    await reply(rig, 401)
    await rig.whileResting(rig.holdfast.cancel(id))
    await rig.advance()
    expect(deathsOf(rig, dependents)).toEqual([...dependents, ...dependents])
    expect(rig.holdfast.status().counts.pending).toBe(0)
  })

  test('is rejected once more', async () => {
    const { rig, dependents } = await retried(creation)
    await reply(rig, 422)
    expect(deathsOf(rig, dependents)).toEqual([...dependents, ...dependents])
    expect(rig.holdfast.status().counts.pending).toBe(0)
  })

  // I8
  test('is superseded by a login of another user', async () => {
    const { rig, id, dependents } = await retried(register({ record: 'r1' }))
    await reply(rig, 401)
    await rig.login('bob')
    await rig.advance()
    expect(rig.eventsOf('operation.dropped')).toMatchObject([{ id, reason: 'superseded' }])
    expect(deathsOf(rig, dependents)).toEqual([...dependents, ...dependents])
    expect(rig.holdfast.status().counts.pending).toBe(0)
  })

  // I8
  test('is superseded in flight by a login of another user, and its attempt fails then', async () => {
    const { rig, id, dependents } = await retried(register({ record: 'r1' }))
    await rig.login('bob')
    expect(rig.holdsOf('bob')).toEqual(['awaiting-record'])
    await reply(rig, 500)
    await rig.advance(60_000)
    expect(rig.eventsOf('operation.dropped')).toMatchObject([{ id, reason: 'superseded' }])
    expect(deathsOf(rig, dependents)).toEqual([...dependents, ...dependents])
    expect(rig.holdfast.status().counts.pending).toBe(0)
  })

  test('creates the record', async () => {
    const { rig, dependents } = await retried(creation)
    echo(lastOfAlice(rig))
    await rig.advance()
    const used = rig.sent.filter(({ request }) => dependents.includes(request.operations[0] ?? ''))
    expect(used.map(({ request }) => request.body)).toEqual([
      '{"text":["srv-r1"]}',
      '{"text":["srv-r1"]}',
    ])
    expect(rig.holdfast.status().counts).toMatchObject({ pending: 0, dead: 0 })
  })
})

// Q9, Q12
test('an operation that needs the record of a discarded dead letter does not wait for it', async () => {
  const rig = await Rig.start(options)
  await rig.login('alice', 'a1')
  const id = await put(rig, creation)
  await reply(rig, 422)
  await rig.whileResting(rig.holdfast.discard(id))
  const waiting = await putWaiting(rig)
  await rig.advance()
  expectWithout(rig, waiting)
  expect(rig.holdfast.status().counts.pending).toBe(0)
})

// Q4, Q12
test('a creation that is completed without a request lets the lanes go that wait for its record', async () => {
  const rig = await Rig.start(options)
  await rig.login('alice')
  await put(rig, pairs({ record: 'r1' }))
  await put(rig, pairs({ record: 'r2' }))
  await putWaiting(rig)
  expectWaiting(rig)
  await rig.whileResting(rig.holdfast.updateToken('alice', 'a1'))
  await rig.advance()
  const used = rig.sent.flatMap(({ request }) => (request.path === '/uses' ? request.body : []))
  expect(used).toEqual(['{"text":["r1"]}', '{"text":["r1"]}', '{"text":["r1"]}'])
  expect(rig.holdfast.status().counts).toMatchObject({ pending: 0, dead: 0 })
})

// Q12, Q17
describe('a lane that waits for a record of another lane goes on when another process', () => {
  async function opened() {
    const { first, second } = neighbours(options)
    await first.rig.open()
    await first.rig.login('alice')
    await put(first.rig, creation)
    const waiting = await putWaiting(first.rig)
    await first.rig.login('alice')
    await second.rig.open()
    expectWaiting(first.rig)
    return { first, second, waiting }
  }

  test.each<[string, (second: Neighbour) => Promise<unknown>]>([
    [
      'forgets the user of the creation',
      ({ rig }) => rig.whileResting(rig.holdfast.forget('alice')),
    ],
    [
      'logs the user of the creation out, with discard',
      ({ rig }) => rig.whileResting(rig.holdfast.logout({ unsent: 'discard' })),
    ],
  ])('%s', async (_what, end) => {
    const { first, second, waiting } = await opened()
    await end(second)
    expectWaiting(first.rig)
    await first.hear()
    await first.rig.advance()
    expectWithout(first.rig, waiting)
    expect(first.rig.holdfast.status().counts.pending).toBe(0)
  })

  test('ends the creation, and keeps its hold as it is while the other process commits anything else', async () => {
    const { first, second, waiting } = await opened()
    const holdsOfBob = () =>
      first.rig.holdfast.status().lanes.find(({ user }) => user === 'bob')?.holds
    const before = holdsOfBob()
    await first.rig.advance(1000)
    await second.rig.enqueue('anything else')
    await first.hear()
    expect(holdsOfBob()).toEqual(before)
    await second.rig.whileResting(second.rig.holdfast.forget('alice'))
    await first.hear()
    await first.rig.advance()
    expectWithout(first.rig, waiting)
  })
})
