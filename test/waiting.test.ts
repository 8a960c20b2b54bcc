/** How long is waited, what cuts it short, and what wakes a lane (Q7, Q15, Q18). */
import { describe, expect, test } from 'vitest'
import { JSON_REPLY, replying, Rig } from './support/rig.ts'

async function oneNote(rig: Rig): Promise<void> {
  await rig.login('alice', 'a1')
  await rig.enqueue('one')
}

// Q7
describe('the wait after an attempt', () => {
  test('is drawn anew each time between nothing and the whole', async () => {
    const draws = [0.5, 0.25, 0, 0.999]
    const rig = Rig.prepare({ answer: replying(500) })
    await rig.open({
      backoff: { jitter: true },
      random: { fraction: () => draws.shift() ?? 1, nonce: () => 'n' },
    })
    await oneNote(rig)
    await rig.advance(20_000)
    expect(rig.sent.slice(0, 5).map(({ at }) => at)).toEqual([0, 500, 1000, 1000, 8992])
  })

  test('is never longer than itself, though the clock jumped back, also over a restart', async () => {
    const rig = await Rig.start({ answer: replying(500) })
    await oneNote(rig)
    await rig.advance(10)
    rig.time.wallShift = -86_400_000
    await rig.close()
    await rig.open()
    await rig.whileResting(rig.holdfast.updateToken('alice', 'a2'))
    await rig.advance(1000)
    expect(rig.sent).toHaveLength(2)
  })

  test('is not skipped by a restart, nor begun anew', async () => {
    const rig = await Rig.start({ answer: replying(500) })
    await oneNote(rig)
    await rig.advance(600)
    await rig.close()
    await rig.open()
    await rig.whileResting(rig.holdfast.updateToken('alice', 'a2'))
    await rig.advance(399)
    expect(rig.sent).toHaveLength(1)
    await rig.advance(1)
    expect(rig.sent).toHaveLength(2)
  })

  test.each([
    ['the network returns', 'offline', 'online'],
    ['the machine wakes', 'suspended', 'resumed'],
  ] as const)('is cut short when %s, after unknown', async (_name, down, up) => {
    const rig = await Rig.start()
    await oneNote(rig)
    rig.last.fail()
    await rig.advance(10)
    rig.tell(down)
    await rig.advance(10)
    expect(rig.sent).toHaveLength(1)
    rig.tell(up)
    await rig.advance()
    expect(rig.sent.map(({ at }) => at)).toEqual([0, 20])
  })

  test.each([
    ['the network returns', 'offline', 'online'],
    ['the machine wakes', 'suspended', 'resumed'],
  ] as const)('is not cut short when %s, after retry', async (_name, down, up) => {
    const rig = await Rig.start()
    await oneNote(rig)
    rig.last.reply(500)
    await rig.advance(10)
    rig.tell(down)
    rig.tell(up)
    await rig.advance(989)
    expect(rig.sent).toHaveLength(1)
    await rig.advance(1)
    expect(rig.sent).toHaveLength(2)
  })

  test('that was cut short is not waited for again', async () => {
    const rig = await Rig.start()
    await oneNote(rig)
    rig.last.fail()
    await rig.advance(10)
    rig.holdfast.pause()
    rig.tell('online')
    await rig.advance(10)
    expect(rig.holdsOf('alice')).toEqual(['paused'])
    rig.holdfast.resume()
    await rig.advance()
    expect(rig.sent.map(({ at }) => at)).toEqual([0, 20])
  })
})

// Q7
describe('429 and 503 with Retry-After', () => {
  test.each([
    [429, '2', 2000],
    [503, '2', 2000],
    [429, '7200', 3_600_000],
  ])('%i hold every lane: Retry-After %s', async (status, header, waitMs) => {
    const rig = await Rig.start()
    await oneNote(rig)
    rig.last.reply(status, { ...JSON_REPLY, headers: { 'retry-after': header } })
    await rig.advance()
    await rig.login('bob', 'b1')
    await rig.enqueue('two')
    expect(rig.holdsOf('bob')).toEqual(['rate-limited'])
    await rig.advance(waitMs - 1)
    expect(rig.sent).toHaveLength(1)
    await rig.advance(1)
    expect(rig.sent).toHaveLength(3)
  })

  test('hold for a random part more, the same for the envelope and every lane, also over a restart', async () => {
    const draws = [0.9, 0.5]
    const rig = Rig.prepare()
    const random = { fraction: () => draws.shift() ?? 0, nonce: () => 'n' }
    await rig.open({ backoff: { jitter: true }, random })
    await oneNote(rig)
    const told = rig.time.wall()
    rig.last.reply(429, { ...JSON_REPLY, headers: { 'retry-after': '60' } })
    await rig.advance(20_000)
    expect(rig.holdfast.status().lanes).toMatchObject([{ retryAt: told + 90_000 }])
    await rig.close()
    await rig.open({ backoff: { jitter: true }, random })
    await rig.login('bob', 'b1')
    await rig.enqueue('two')
    await rig.whileResting(rig.holdfast.updateToken('alice', 'a2'))
    await rig.advance(69_999)
    expect(rig.sent).toHaveLength(1)
    await rig.advance(1)
    expect(rig.sent).toHaveLength(3)
  })

  test('let a read wait for a random part more, too', async () => {
    const rig = Rig.prepare()
    const random = { fraction: () => 0.5, nonce: () => 'n' }
    await rig.open({ backoff: { jitter: true }, random })
    await rig.login('alice', 'a1')
    const read = rig.holdfast.read({ request: () => ({ method: 'GET', path: '/notes' }) })
    await rig.advance()
    rig.last.reply(429, { ...JSON_REPLY, headers: { 'retry-after': '10' } })
    await rig.advance(14_999)
    expect(rig.sent).toHaveLength(1)
    await rig.advance(1)
    rig.last.reply(200)
    expect(await rig.whileResting(read)).toMatchObject({ status: 200 })
  })

  test('with an HTTP date hold until then', async () => {
    const rig = await Rig.start()
    await oneNote(rig)
    const date = new Date(rig.time.wall() + 90_000).toUTCString()
    rig.last.reply(503, { ...JSON_REPLY, headers: { 'retry-after': date } })
    await rig.advance(89_999)
    expect(rig.sent).toHaveLength(1)
    await rig.advance(1)
    expect(rig.sent).toHaveLength(2)
  })

  test('hold over a restart, neither longer nor shorter, though the clock jumped back', async () => {
    const rig = await Rig.start()
    await oneNote(rig)
    rig.last.reply(429, { ...JSON_REPLY, headers: { 'retry-after': '60' } })
    await rig.advance(20_000)
    await rig.close()
    await rig.open()
    await rig.login('bob', 'b1')
    await rig.enqueue('two')
    await rig.advance(39_999)
    expect(rig.sent).toHaveLength(1)
    await rig.advance(1)
    expect(rig.bodies).toEqual(['one', 'two'])
    rig.last.reply(429, { ...JSON_REPLY, headers: { 'retry-after': '60' } })
    await rig.advance(10)
    rig.time.wallShift = -86_400_000
    await rig.close()
    await rig.open()
    await rig.whileResting(rig.holdfast.updateToken('bob', 'b2'))
    await rig.advance(60_000)
    expect(rig.bodies).toEqual(['one', 'two', 'two'])
  })

  test('a longer one that comes later makes it longer', async () => {
    const rig = await Rig.start()
    await oneNote(rig)
    await rig.login('bob', 'b1')
    await rig.enqueue('two')
    rig.sent[0]?.reply(429, { ...JSON_REPLY, headers: { 'retry-after': '2' } })
    rig.sent[1]?.reply(429, { ...JSON_REPLY, headers: { 'retry-after': '5' } })
    await rig.advance(4999)
    expect(rig.sent).toHaveLength(2)
    await rig.advance(1)
    expect(rig.sent).toHaveLength(4)
  })

  test('the network that returns does not cut it short', async () => {
    const rig = await Rig.start()
    await oneNote(rig)
    rig.last.reply(429, { ...JSON_REPLY, headers: { 'retry-after': '2' } })
    await rig.advance(10)
    rig.tell('offline')
    rig.tell('online')
    await rig.advance(1000)
    expect(rig.sent).toHaveLength(1)
  })
})

// Q15, Q18
describe('a hold', () => {
  test.each<[string, (rig: Rig) => unknown, (rig: Rig) => unknown]>([
    ['paused', (rig) => rig.holdfast.pause(), (rig) => rig.holdfast.resume()],
    ['offline', (rig) => rig.tell('offline'), (rig) => rig.tell('online')],
    ['suspended', (rig) => rig.tell('suspended'), (rig) => rig.tell('resumed')],
    [
      'requirement-unknown',
      (rig) => rig.whileResting(rig.holdfast.setRequirement('unknown')),
      (rig) => rig.whileResting(rig.holdfast.setRequirement('required')),
    ],
  ])(
    '%s: set and lifted twice it is set and lifted once, and the lane wakes at once',
    async (name, set, lift) => {
      const rig = await Rig.start({ answer: replying(200) })
      await rig.login('alice', 'a1')
      await set(rig)
      await set(rig)
      await rig.enqueue('one')
      await rig.advance(1000)
      await set(rig)
      expect(rig.sent).toEqual([])
      expect(rig.holdsOf('alice')).toEqual([name])
      expect(rig.eventsOf('lane.held')).toMatchObject([{ user: 'alice', hold: name }])
      await lift(rig)
      await lift(rig)
      await rig.advance()
      expect(rig.sent.map(({ at }) => at)).toEqual([1000])
      expect(rig.eventsOf('lane.released')).toEqual([{ user: 'alice', hold: name }])
      for (const event of ['queue.paused', 'queue.resumed'] as const) {
        expect(rig.eventsOf(event)).toHaveLength(name === 'paused' ? 1 : 0)
      }
    },
  )

  test('lifted is not enough while another one is set', async () => {
    const rig = await Rig.start({ answer: replying(200) })
    await rig.login('alice', 'a1')
    rig.holdfast.pause()
    rig.tell('offline')
    rig.tell('suspended')
    await rig.enqueue('one')
    rig.tell('online')
    rig.holdfast.resume()
    await rig.advance()
    expect(rig.sent).toEqual([])
    expect(rig.holdsOf('alice')).toEqual(['suspended'])
    rig.tell('resumed')
    await rig.advance()
    expect(rig.sent).toHaveLength(1)
  })

  test('set while a request is in flight stops the next one, never that', async () => {
    const rig = await Rig.start()
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    await rig.enqueue('two')
    rig.holdfast.pause()
    expect(rig.last.signal.aborted).toBe(false)
    rig.last.reply(200)
    await rig.advance()
    expect(rig.eventsOf('operation.completed')).toHaveLength(1)
    expect(rig.bodies).toEqual(['one'])
  })

  test('paused ends with the process, offline is found anew', async () => {
    const rig = await Rig.start({ requirement: 'off', answer: replying(200) })
    rig.holdfast.pause()
    await rig.enqueue('one')
    rig.tell('offline')
    await rig.close()
    await rig.open()
    await rig.advance()
    expect(rig.holdsOf(null)).toEqual(['offline'])
    rig.tell('online')
    await rig.advance()
    expect(rig.sent).toHaveLength(1)
  })
})
