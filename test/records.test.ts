/** The records that operations create and need (Q12). */
import { describe, expect, test } from 'vitest'
import type { OperationDraft } from '../src/operations/define-operation.ts'
import { memoryVault } from '../src/ports/vault.ts'
import { sqliteStorage } from '../src/sqlite-storage.ts'
import { Failures } from './support/failing-storage.ts'
import { HeldAnswers } from './support/held-answers.ts'
import { create, echo, mergingUse, use } from './support/kinds.ts'
import { note, Rig, type RigOptions, type Sent } from './support/rig.ts'

const operations = [note, create, use, mergingUse]

async function start(options: RigOptions = {}): Promise<Rig> {
  const rig = await Rig.start({ operations, vault: memoryVault(), ...options })
  await rig.login('alice', 'a1')
  return rig
}

async function put(rig: Rig, draft: OperationDraft): Promise<string> {
  return (await rig.whileResting(rig.holdfast.enqueue(draft))).id
}

async function answer(rig: Rig, with_: (sent: Sent) => void = (sent) => echo(sent)): Promise<void> {
  with_(rig.last)
  await rig.advance()
}

const deadOf = (rig: Rig) =>
  Object.fromEntries(rig.eventsOf('operation.dead').map(({ id, reason }) => [id, reason]))

describe('a record', () => {
  test('is known by its server id to what was enqueued before and after it was created', async () => {
    const rig = await start()
    await put(rig, create({ record: 'r1' }))
    await put(rig, use({ required: ['r1'], optional: ['r1'] }))
    await answer(rig)
    expect(rig.bodies.at(-1)).toEqual(['srv-r1', 'srv-r1'])
    await answer(rig)
    await put(rig, use({ required: ['r1', 'unheard-of'] }))
    expect(rig.bodies.at(-1)).toEqual(['srv-r1', 'unheard-of'])
  })

  test('is known after a restart, and after a crash', async () => {
    const rig = await start()
    await put(rig, create({ record: 'r1' }))
    await answer(rig)
    await rig.close()
    await rig.open()
    await put(rig, use({ required: ['r1'] }))
    expect(rig.bodies.at(-1)).toEqual(['srv-r1'])
    rig.crash()
    await rig.open()
    expect(rig.bodies.at(-1)).toEqual(['srv-r1'])
  })

  test('has its own id in the request of the operation that creates and needs it', async () => {
    const rig = await start()
    await put(rig, create({ record: 'r1', needs: ['r1'] }))
    expect(rig.bodies).toEqual(['r1,r1'])
  })

  test('whose creation was taken, and the process died before the reply, is created once more under the same key', async () => {
    const rig = await start()
    await put(rig, create({ record: 'r1' }))
    await put(rig, use({ required: ['r1'] }))
    rig.crash()
    await rig.open()
    await answer(rig)
    const [first, second] = rig.sent.map(({ request }) => request.headers['idempotency-key'])
    expect(second).toBe(first)
    expect(rig.bodies.at(-1)).toEqual(['srv-r1'])
  })

  test('needed by a member of a merging envelope is translated, though that came last', async () => {
    const rig = await start()
    for (const record of ['r1', 'r2']) {
      await put(rig, create({ record }))
      await answer(rig)
    }
    const enqueued = ['r1', 'r2'].map((record) => rig.holdfast.enqueue(mergingUse({ record })))
    await rig.whileResting(Promise.all(enqueued))
    rig.answer = (sent) => echo(sent)
    await answer(rig)
    const used = rig.sent.filter(({ request }) => request.path === '/uses')
    expect(
      used.flatMap(({ request }) => (JSON.parse(request.body ?? '') as { text: string[] }).text),
    ).toEqual(['srv-r1', 'srv-r2'])
  })
})

// Q4, Q12
test('an operation that comes while its neighbour’s record is looked up does not merge unasked', async () => {
  const rig = Rig.prepare({ operations, vault: memoryVault() })
  const held = new HeldAnswers(sqliteStorage({ database: rig.database }))
  await rig.open({ storage: held.storage })
  await rig.login('alice', 'a1')
  await put(rig, create({ record: 'r1' }))
  await answer(rig)
  await put(rig, create({ record: 'lost' }))
  await answer(rig, (sent) => sent.reply(400))
  rig.answer = (sent) => echo(sent)
  held.hold('records')
  const first = await put(rig, mergingUse({ record: 'r1' }))
  const second = await put(rig, mergingUse({ record: 'lost' }))
  held.release('records')
  await rig.advance()
  expect(rig.last.request.operations).toEqual([first])
  expect(rig.bodies.slice(2)).toEqual([['srv-r1']])
  expect(deadOf(rig)[second]).toBe('dependency-dead')
})

describe('when a creation', () => {
  const ends: readonly (readonly [string, (rig: Rig, id: string) => Promise<void>])[] = [
    ['is rejected', (rig) => answer(rig, (sent) => sent.reply(400))],
    [
      'is cancelled',
      async (rig, id) => {
        await rig.whileResting(rig.holdfast.cancel(id))
      },
    ],
    [
      'is discarded',
      async (rig, id) => {
        await rig.whileResting(rig.holdfast.discard(id))
      },
    ],
  ]
  test.each(ends)('%s, what requires it is dead when its turn comes', async (name, end) => {
    const rig = await start()
    if (name !== 'is rejected') await put(rig, note({ text: 'ahead' }))
    const id = await put(rig, create({ record: 'r1' }))
    const required = await put(rig, use({ required: ['r1'] }))
    await put(rig, use({ optional: ['r1'] }))
    await end(rig, id)
    if (name !== 'is rejected') await answer(rig)
    expect(deadOf(rig)[required]).toBe('dependency-dead')
    expect(rig.bodies.at(-1)).toEqual([null])
  })

  test('expires, what requires it is dead too', async () => {
    const rig = await start()
    await put(rig, note({ text: 'ahead' }))
    await put(rig, create({ record: 'r1' }, { expiresInMs: 100 }))
    const required = await put(rig, use({ required: ['r1'] }))
    await rig.advance(100)
    await answer(rig)
    expect(rig.eventsOf('operation.dropped')).toMatchObject([{ reason: 'expired' }])
    expect(deadOf(rig)).toEqual({ [required]: 'dependency-dead' })
  })

  test('is dead, what requires what its dependents create is dead too; retry brings all back', async () => {
    const rig = await start()
    const first = await put(rig, create({ record: 'r1' }))
    const second = await put(rig, create({ record: 'r2', needs: ['r1'] }))
    const third = await put(rig, use({ required: ['r2', 'r1'] }))
    await put(rig, note({ text: 'last' }))
    await answer(rig, (sent) => sent.reply(400))
    expect(deadOf(rig)).toEqual({
      [first]: 'rejected',
      [second]: 'dependency-dead',
      [third]: 'dependency-dead',
    })
    expect(rig.bodies.at(-1)).toBe('last')
    await rig.whileResting(rig.holdfast.retry(first))
    expect(rig.holdfast.status().counts).toMatchObject({ pending: 4, dead: 0 })
    rig.answer = (sent) => echo(sent)
    await answer(rig)
    expect(rig.bodies.slice(2)).toEqual(['r1', 'r2,srv-r1', ['srv-r2', 'srv-r1']])
    expect(rig.holdfast.status().counts).toMatchObject({ pending: 0, dead: 0 })
  })

  test('comes back after a restart, so do its dependents', async () => {
    const rig = await start()
    const first = await put(rig, create({ record: 'r1' }))
    await put(rig, use({ required: ['r1'] }))
    await answer(rig, (sent) => sent.reply(400))
    await rig.close()
    await rig.open()
    await rig.whileResting(rig.holdfast.retry(first))
    await answer(rig)
    expect(rig.bodies.at(-1)).toEqual(['srv-r1'])
  })
})

describe('a record that another lane is to create', () => {
  async function twoLanes(): Promise<{ rig: Rig; id: string }> {
    const rig = await start()
    const id = await put(rig, create({ record: 'r1' }))
    await rig.login('bob', 'b1')
    await put(rig, use({ required: ['r1'] }))
    expect(rig.holdsOf('bob')).toEqual(['awaiting-record'])
    expect(rig.sent).toHaveLength(1)
    return { rig, id }
  }

  test('holds the lane until it is there', async () => {
    const { rig } = await twoLanes()
    await answer(rig)
    expect(rig.last.request.user).toBe('bob')
    expect(rig.bodies.at(-1)).toEqual(['srv-r1'])
    expect(rig.holdsOf('bob')).toEqual([])
  })

  test('holds the lane over a restart', async () => {
    const { rig } = await twoLanes()
    await rig.close()
    await rig.open()
    expect(rig.holdsOf('bob')).toEqual(['awaiting-record'])
    await answer(rig)
    expect(rig.bodies.at(-1)).toEqual(['srv-r1'])
  })

  test('and never will be lets the lane go', async () => {
    const { rig } = await twoLanes()
    await answer(rig, (sent) => sent.reply(400))
    expect(rig.eventsOf('operation.dead').map(({ reason }) => reason)).toEqual([
      'rejected',
      'dependency-dead',
    ])
    expect(rig.holdsOf('bob')).toEqual([])
  })

  test('and is dropped by a logout lets the lane go', async () => {
    const rig = await start()
    await put(rig, note({ text: 'in flight' }))
    await put(rig, create({ record: 'r1' }))
    await rig.login('bob', 'b1')
    await put(rig, use({ required: ['r1'] }))
    await rig.login('alice')
    await rig.whileResting(rig.holdfast.logout({ unsent: 'discard' }))
    await rig.advance()
    expect(rig.holdsOf('bob')).toEqual([])
    expect(rig.eventsOf('operation.dead')).toMatchObject([{ reason: 'dependency-dead' }])
  })

  test('and comes back by retry brings its dependents back, behind what is in flight there', async () => {
    const { rig, id } = await twoLanes()
    await answer(rig, (sent) => sent.reply(400))
    await put(rig, note({ text: 'in flight' }))
    const inFlight = rig.last
    expect(rig.bodies.at(-1)).toBe('in flight')
    await rig.whileResting(rig.holdfast.retry(id))
    await put(rig, note({ text: 'behind' }))
    await answer(rig)
    inFlight.reply(200)
    rig.answer = (sent) => echo(sent)
    await rig.advance()
    expect(rig.bodies.slice(-2)).toEqual([['srv-r1'], 'behind'])
    expect(rig.holdfast.status().counts).toMatchObject({ pending: 0, dead: 0 })
  })
})

// I12
describe('a record of a user who is forgotten', () => {
  test.each(['there already', 'still to come'])(
    'and %s is never taken for the server’s own id by what needs it in another lane',
    async (when) => {
      const rig = await start()
      await put(rig, create({ record: 'r1' }))
      if (when === 'there already') await answer(rig)
      await rig.login('bob', 'b1')
      rig.holdfast.pause()
      const required = await put(rig, use({ required: ['r1'] }))
      const optional = await put(rig, use({ optional: ['r1'] }))
      await rig.whileResting(rig.holdfast.forget('alice'))
      rig.holdfast.resume()
      await rig.advance()
      expect(deadOf(rig)).toEqual({ [required]: 'dependency-dead' })
      expect(rig.last.request.operations).toEqual([optional])
      expect(rig.bodies.at(-1)).toEqual([null])
    },
  )

  // Q5, Q8
  test('takes an envelope of unknown outcome with it whole, to come back whole under its key', async () => {
    const rig = await start()
    await put(rig, create({ record: 'r1' }))
    await answer(rig)
    await rig.login('bob', 'b1')
    await put(rig, note({ text: 'ahead' }))
    const drafts = [1, 2].map(() => rig.holdfast.enqueue(mergingUse({ record: 'r1' })))
    const members = (await rig.whileResting(Promise.all(drafts))).map(({ id }) => id)
    await answer(rig)
    expect(rig.last.request.operations).toEqual(members)
    rig.last.fail()
    await rig.advance()
    await rig.whileResting(rig.holdfast.forget('alice'))
    await rig.advance(1000)
    expect(Object.entries(deadOf(rig))).toEqual(members.map((id) => [id, 'dependency-dead']))
    await rig.whileResting(rig.holdfast.discard(members[0] ?? ''))
    expect(rig.holdfast.status().counts).toMatchObject({ pending: 0, dead: 0 })
  })

  test('lets a lane go that waits for it', async () => {
    const rig = await start()
    await put(rig, create({ record: 'r1' }))
    await rig.login('bob', 'b1')
    const required = await put(rig, use({ required: ['r1'] }))
    expect(rig.holdsOf('bob')).toEqual(['awaiting-record'])
    await rig.whileResting(rig.holdfast.forget('alice'))
    await rig.advance()
    expect(deadOf(rig)).toEqual({ [required]: 'dependency-dead' })
    expect(rig.holdfast.status().counts.pending).toBe(0)
  })
})

// Q2, Q12
describe('while a retried creation comes back', () => {
  /** Alice's creation and what bob made of it are dead; alice is logged in. */
  async function dead(wrap: (rig: Rig) => Partial<RigOptions> = () => ({})) {
    const rig = Rig.prepare({ operations, vault: memoryVault() })
    await rig.open(wrap(rig))
    await rig.login('alice', 'a1')
    const creation = await put(rig, create({ record: 'r1' }))
    await rig.login('bob', 'b1')
    const dependent = await put(rig, use({ required: ['r1'] }))
    await answer(rig, (sent) => sent.reply(400))
    expect(Object.keys(deadOf(rig))).toEqual([creation, dependent])
    return { rig, creation, dependent }
  }

  async function deadBehindAGate() {
    const gates: HeldAnswers[] = []
    const made = await dead((rig) => {
      const held = new HeldAnswers(sqliteStorage({ database: rig.database }))
      gates.push(held)
      return { storage: held.storage }
    })
    const [held] = gates
    if (held === undefined) throw new Error('there is no gate')
    return { ...made, held }
  }

  test('no other lane sends what lies behind a dependent that is coming back too', async () => {
    const { rig, creation, held } = await deadBehindAGate()
    rig.holdfast.pause()
    await put(rig, note({ text: 'behind' }))
    held.hold('revive')
    const retried = rig.holdfast.retry(creation)
    await rig.advance()
    rig.holdfast.resume()
    await rig.advance()
    expect(rig.bodies).toEqual(['r1'])
    held.release('revive')
    await rig.whileResting(retried)
    rig.answer = (sent) => echo(sent)
    await answer(rig)
    expect(rig.bodies).toEqual(['r1', 'r1', ['srv-r1'], 'behind'])
    expect(rig.holdfast.status().counts).toMatchObject({ pending: 0, dead: 0 })
  })

  test('what is found to need it a moment before does not die of it', async () => {
    const { rig, creation, held } = await deadBehindAGate()
    held.hold('records')
    held.hold('revive')
    const second = await put(rig, use({ required: ['r1'] }))
    const retried = rig.holdfast.retry(creation)
    await rig.advance()
    // It was answered before the retry, and is heard of while that is being stored.
    held.release('records')
    await rig.advance()
    held.release('revive')
    await rig.whileResting(retried)
    rig.answer = (sent) => echo(sent)
    await answer(rig)
    expect(deadOf(rig)).not.toHaveProperty(second)
    expect(rig.holdfast.status().counts).toMatchObject({ pending: 0, dead: 0 })
  })

  test('a dependent that could not be buried before is not buried after', async () => {
    const failures: Failures[] = []
    const { rig, creation } = await dead((one) => {
      failures.push(new Failures(sqliteStorage({ database: one.database })))
      return { storage: failures[0]?.storage as never }
    })
    failures[0]?.failOn(['bury'])
    const second = await put(rig, use({ required: ['r1'] }))
    await rig.advance(10)
    expect(rig.holdsOf('bob')).toEqual(['storage-failed'])
    await rig.whileResting(rig.holdfast.retry(creation))
    failures[0]?.failOn(null)
    await rig.advance(60_000)
    rig.answer = (sent) => echo(sent)
    await answer(rig)
    expect(deadOf(rig)).not.toHaveProperty(second)
    expect(rig.holdfast.status().counts).toMatchObject({ pending: 0, dead: 0 })
  })

  test('its dependents do not come back ahead of what the former process may have sent', async () => {
    const { rig, creation, dependent } = await dead()
    await put(rig, note({ text: 'sent' }))
    const [, sent] = rig.sent
    await put(rig, note({ text: 'behind' }))
    rig.crash()
    // No lane may send, so no row of one has been read.
    rig.isOnline = false
    await rig.open()
    await rig.whileResting(rig.holdfast.retry(creation))
    rig.answer = (one) => echo(one)
    rig.tell('online')
    await rig.advance()
    const ofBob = rig.sent.filter(({ request }) => request.user === 'bob').slice(1)
    expect(ofBob[0]?.request.headers['idempotency-key']).toBe(
      sent?.request.headers['idempotency-key'],
    )
    expect(ofBob[1]?.request.operations).toEqual([dependent])
    expect(rig.bodies.at(-1)).toBe('behind')
  })
})
