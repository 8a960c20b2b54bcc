/** The hold `suspended` ends with the word of the platform, or by itself after 60 s of running time (Q18). */
import { describe, expect, test } from 'vitest'
import { SYSTEMS } from '../src/simulation/sleep.ts'
import { replying, Rig } from './support/rig.ts'

// Q18
describe('the hold suspended', () => {
  test('ends by itself after 60 s, and not before', async () => {
    const rig = await Rig.start({ answer: replying() })
    await rig.login('alice', 'a1')
    rig.tell('suspended')
    await rig.enqueue('one')
    await rig.advance(59_999)
    expect(rig.holdsOf('alice')).toEqual(['suspended'])
    expect(rig.sent).toEqual([])
    await rig.advance(1)
    expect(rig.sent).toHaveLength(1)
    expect(rig.eventsOf('lane.released')).toEqual([{ user: 'alice', hold: 'suspended' }])
    expect(rig.time.nextAt()).toBeNull()
  })

  test.each(SYSTEMS)('counts no time in which a %s machine sleeps', async (system) => {
    const rig = await Rig.start({ answer: replying() })
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    rig.tell('suspended')
    await rig.enqueue('two')
    await rig.advance(20_000)
    expect(rig.sent).toHaveLength(1)
    rig.time.sleep(10_000, system)
    rig.tell('resumed')
    await rig.advance()
    expect(rig.sent.map(({ at }) => at)).toEqual([0, 30_000])
    expect(rig.time.nextAt()).toBeNull()
  })

  test('ends the waits after an attempt without a reply, as a waking does, and no other', async () => {
    const rig = await Rig.start({ backoff: { baseMs: 200_000, jitter: false } })
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    rig.last.fail()
    await rig.login('bob', 'b1')
    await rig.enqueue('two')
    rig.last.reply(500)
    await rig.advance()
    rig.tell('suspended')
    await rig.advance(60_000)
    expect(rig.bodies).toEqual(['one', 'two', 'one'])
  })

  test('leaves no alarm where nothing is pending, and what comes after the 60 s is sent at once', async () => {
    const rig = await Rig.start({ answer: replying() })
    await rig.login('alice', 'a1')
    rig.tell('suspended')
    await rig.advance()
    expect(rig.time.nextAt()).toBeNull()
    await rig.advance(60_000)
    await rig.enqueue('one')
    await rig.advance()
    expect(rig.sent.map(({ at }) => at)).toEqual([60_000])
    expect(rig.holdsOf('alice')).toEqual([])
  })

  test('loses its alarm with the last operation that waits, and the rest of the 60 s counts for the next', async () => {
    const rig = await Rig.start({ answer: replying() })
    await rig.login('alice', 'a1')
    rig.tell('suspended')
    const id = await rig.enqueue('one')
    expect(rig.time.nextAt()).toBe(60_000)
    await rig.whileResting(rig.holdfast.cancel(id))
    await rig.advance()
    expect(rig.time.nextAt()).toBeNull()
    await rig.advance(40_000)
    await rig.enqueue('two')
    await rig.advance(20_000)
    expect(rig.sent.map(({ at }) => at)).toEqual([60_000])
  })

  test('ends once, with the word of the platform, and its alarm with it', async () => {
    const rig = await Rig.start({ answer: replying() })
    await rig.login('alice', 'a1')
    rig.tell('suspended')
    await rig.enqueue('one')
    await rig.advance(1000)
    rig.tell('resumed')
    await rig.advance()
    expect(rig.sent.map(({ at }) => at)).toEqual([1000])
    expect(rig.time.nextAt()).toBeNull()
  })

  // Q19
  test('leaves nothing behind at a close', async () => {
    const rig = await Rig.start()
    await rig.login('alice', 'a1')
    rig.tell('suspended')
    await rig.enqueue('one')
    await rig.close(5000)
    expect(rig.time.nextAt()).toBeNull()
    rig.tell('suspended')
    expect(rig.time.nextAt()).toBeNull()
  })

  test('is not there any more after a restart', async () => {
    const rig = await Rig.start({ answer: replying() })
    await rig.login('alice', 'a1')
    rig.tell('suspended')
    await rig.enqueue('one')
    await rig.close()
    await rig.open()
    await rig.whileResting(rig.holdfast.updateToken('alice', 'a1'))
    await rig.advance()
    expect(rig.sent).toHaveLength(1)
  })
})
