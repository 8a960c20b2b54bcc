/** The deadline of a read (R5): whatever the read waits for, it ends then, and nothing of it is left. */
import { describe, expect, test } from 'vitest'
import type { ReadOptions } from '../src/api/call-options.ts'
import { replay } from '../src/journal/replay.ts'
import { memoryVault } from '../src/ports/vault.ts'
import { sqliteStorage } from '../src/sqlite-storage.ts'
import { BeginningAnew } from './support/beginning-anew.ts'
import { beginRead, readsOf } from './support/begun-read.ts'
import { HeldAnswers } from './support/held-answers.ts'
import { create, echo, positioned } from './support/kinds.ts'
import { neighbours } from './support/neighbours.ts'
import { note, Rig, type RigOptions } from './support/rig.ts'

const operations = [note, create, positioned]

async function start(options: RigOptions = {}): Promise<Rig> {
  const rig = await Rig.start({ operations, ...options })
  await rig.login('alice', 'a1')
  return rig
}

/** A read with a deadline, and its end. */
const begin = (rig: Rig, options: Partial<ReadOptions> = {}) =>
  beginRead(rig, { deadlineMs: 1000, ...options })

/** How a read comes to wait for this. */
const waits: Readonly<Record<string, (rig: Rig) => Promise<Partial<ReadOptions>>>> = {
  'for its writes': async (rig) => {
    await rig.enqueue('one')
    return {}
  },
  'for a named write': async (rig) => {
    const id = await rig.enqueue('one')
    return { after: [id] }
  },
  'for the creation of a record': async (rig) => {
    await rig.whileResting(rig.holdfast.enqueue(create({ record: 'r1' })))
    return { after: [], needs: { required: ['r1'] } }
  },
  'for a reading position': async (rig) => {
    await rig.whileResting(rig.holdfast.enqueue(positioned({ token: 'w1', delayMs: 60_000 })))
    echo(rig.last)
    await rig.advance()
    return {}
  },
  'for the first token': async (rig) => {
    await rig.login('bob')
    return {}
  },
  'for a newer token': async (rig) => {
    rig.answer = ({ request, reply }) => {
      if (request.kind === 'read') reply(401)
    }
    return {}
  },
  'for a newer token, without a 401': async (rig) => {
    rig.answer = ({ request, reply }) => {
      if (request.kind === 'read') reply(403)
    }
    return { interpret: () => ({ outcome: 'refused-token' }) }
  },
  'until it may try again': async (rig) => {
    rig.answer = ({ request, reply }) => {
      if (request.kind === 'read') reply(429, { headers: { 'retry-after': '60' } })
    }
    return {}
  },
  'for its reply': async () => ({}),
}

describe('the deadline ends a read that waits', () => {
  test.each(Object.keys(waits))('%s', async (name) => {
    const rig = await start()
    const options = (await waits[name]?.(rig)) ?? {}
    const { ended, failure } = begin(rig, options)
    await rig.advance(999)
    expect(ended).toEqual([])
    const sentCount = readsOf(rig).length
    await rig.advance(1)
    expect(ended).toEqual(['READ_FAILED'])
    expect(await failure).toMatchObject({
      message: 'the read was not answered within its deadline of 1000 ms',
      retryable: true,
    })
    expect(readsOf(rig).map(({ signal }) => signal.aborted)).toEqual(
      readsOf(rig).map(() => name === 'for its reply'),
    )
    // Nothing of it goes on.
    rig.answer = () => undefined
    rig.sent.at(-1)?.reply(200)
    await rig.whileResting(rig.holdfast.updateToken('alice', 'a2'))
    await rig.whileResting(rig.holdfast.updateToken('bob', 'b2'))
    await rig.advance(120_000)
    expect(readsOf(rig)).toHaveLength(sentCount)
    expect(ended).toEqual(['READ_FAILED'])
    expect(rig.eventsOf('read.completed')).toEqual([])
  })

  test('for the storing of an operation', async () => {
    const rig = Rig.prepare({ operations })
    const held = new HeldAnswers(sqliteStorage({ database: rig.database }))
    await rig.open({ storage: held.storage })
    await rig.login('alice', 'a1')
    held.hold('enqueue')
    void rig.holdfast.enqueue(note({ text: 'one' }))
    const { ended } = begin(rig, { needs: { required: ['srv-1'] } })
    await rig.advance(1000)
    expect(ended).toEqual(['READ_FAILED'])
    held.release('enqueue')
    await rig.advance()
    rig.last.reply(200)
    await rig.advance()
    expect(readsOf(rig)).toEqual([])
  })

  test('for what another process sends (Q17)', async () => {
    const { first, second } = neighbours({ operations, vault: memoryVault() })
    await first.rig.open()
    await first.rig.login('alice', 'a1')
    await second.rig.open()
    await second.rig.login('alice')
    await second.rig.enqueue('one')
    await first.hear()
    const { ended } = begin(second.rig)
    await second.rig.advance(1000)
    expect(ended).toEqual(['READ_FAILED'])
    first.rig.last.reply(200)
    await first.rig.advance()
    await second.hear()
    expect(readsOf(second.rig)).toEqual([])
  })
})

test('a deadline that is over before the read is begun ends it in the next turn', async () => {
  const rig = await start()
  await rig.enqueue('one')
  const { ended } = begin(rig, { deadlineMs: 0 })
  await rig.advance()
  expect(ended).toEqual(['READ_FAILED'])
  expect(readsOf(rig)).toEqual([])
})

test('a read that is answered in time leaves no alarm', async () => {
  const rig = await start()
  const { ended } = begin(rig)
  await rig.advance(999)
  rig.last.reply(200)
  await rig.advance()
  expect(ended).toEqual([200])
  expect(rig.time.nextAt()).toBeNull()
})

test('a reply in the instant of the deadline ends the read once', async () => {
  const rig = await start()
  const { ended } = begin(rig)
  await rig.advance(999)
  rig.time.now = 1000
  rig.last.reply(200)
  await rig.advance()
  expect(ended).toHaveLength(1)
})

test('the deadline is longer than the time for one reply, or shorter', async () => {
  const rig = await start()
  const long = begin(rig, { deadlineMs: 60_000 })
  const short = begin(rig, { deadlineMs: 29_999 })
  await rig.advance(30_000)
  expect(await long.failure).toMatchObject({ message: 'the read got no reply' })
  expect(await short.failure).toMatchObject({ message: expect.stringContaining('29999') as string })
  expect(rig.time.nextAt()).toBeNull()
})

test('the deadline counts from the call, over all requests of the read', async () => {
  const rig = await start()
  const { ended } = begin(rig, { deadlineMs: 1500 })
  await rig.advance(400)
  rig.last.reply(429)
  await rig.advance(1000)
  expect(readsOf(rig)).toHaveLength(2)
  await rig.advance(99)
  expect(ended).toEqual([])
  await rig.advance(1)
  expect(ended).toEqual(['READ_FAILED'])
  expect(readsOf(rig).map(({ signal }) => signal.aborted)).toEqual([false, true])
})

test('a jump of the wall clock changes nothing about the deadline', async () => {
  const rig = await start()
  const { ended } = begin(rig)
  rig.time.wallShift += 3_600_000
  await rig.advance(999)
  expect(ended).toEqual([])
  rig.time.wallShift -= 7_200_000
  await rig.advance(1)
  expect(ended).toEqual(['READ_FAILED'])
})

test.each([Number.POSITIVE_INFINITY, undefined])(
  'a deadline of %s never ends a read',
  async (deadlineMs) => {
    const rig = await start()
    await rig.enqueue('one')
    const { ended } = begin(rig, deadlineMs === undefined ? { deadlineMs: 1e12 } : { deadlineMs })
    rig.last.reply(503, { headers: { 'retry-after': '3600' } })
    await rig.advance(3_500_000)
    expect(ended).toEqual([])
  },
)

test('an anonymous read that rejects at once arms no alarm', async () => {
  const rig = await Rig.start({ operations })
  const { ended } = begin(rig)
  await rig.advance()
  expect(ended).toEqual(['AUTH_ANONYMOUS'])
  expect(rig.time.nextAt()).toBeNull()
})

test.each([
  ['a switch of users', 'READ_CANCELLED', (rig: Rig) => rig.login('bob', 'b1')],
  ['forget()', 'READ_CANCELLED', (rig: Rig) => rig.whileResting(rig.holdfast.forget('alice'))],
  ['close()', 'CLOSED', (rig: Rig) => rig.close()],
])('%s ends the read before its deadline, and disarms the alarm', async (_name, code, end) => {
  const rig = await start()
  const { ended } = begin(rig)
  await rig.advance()
  await end(rig)
  expect(ended).toEqual([code])
  expect(rig.time.nextAt()).toBeNull()
})

test('the deadline ends a read while close() waits for a write', async () => {
  const rig = await start()
  await rig.enqueue('one')
  const { ended } = begin(rig, { after: [] })
  await rig.advance()
  const closed = rig.holdfast.close({ deadlineMs: 5000 })
  await rig.advance(1000)
  expect(ended).toEqual(['READ_FAILED'])
  expect(readsOf(rig)[0]?.signal.aborted).toBe(true)
  await rig.advance(4000)
  await closed
})

test.each([-1, Number.NaN, '1000', null])('deadlineMs: %j is a TypeError', async (wrong) => {
  const rig = await start()
  const read = rig.holdfast.read({
    request: () => ({ method: 'GET', path: '/' }),
    deadlineMs: wrong as number,
  })
  await expect(read).rejects.toThrow(/^read: deadlineMs must be 0 or more milliseconds, not /)
})

// V: replays
test.each(Object.keys(waits))(
  'a journal that begins while a read with a deadline waits %s replays to its end',
  async (name) => {
    const journal = new BeginningAnew()
    const rig = await start({ journal })
    const options = (await waits[name]?.(rig)) ?? {}
    begin(rig, options)
    await rig.advance(100)
    rig.holdfast.pause()
    await rig.advance(900)
    await rig.close()
    const beginnings = journal.beginnings()
    for (const { text } of beginnings) await replay(text)
    const during = beginnings.filter(({ under }) =>
      under.some((alarm) => alarm.startsWith('read-deadline:')),
    )
    expect(during.length).toBeGreaterThan(0)
    expect(during.every(({ summary }) => summary.reads[0]?.args.deadlineMs === 1000)).toBe(true)
  },
)
