/** Lanes take turns, and never more than so many requests are in flight (Q3). */
import { describe, expect, test } from 'vitest'
import { note, Rig } from './support/rig.ts'

const USERS = ['ann', 'bob', 'cid', 'dan', 'eve', 'fay']

/** Each user has so many notes pending; the queue is paused. */
async function loaded(concurrency: number, notesEach: number): Promise<Rig> {
  const rig = await Rig.start({ concurrency })
  rig.holdfast.pause()
  for (const user of USERS) {
    await rig.login(user, `${user}-token`)
    for (let n = 1; n <= notesEach; n += 1) await rig.enqueue(`${user} ${n}`)
  }
  rig.holdfast.resume()
  await rig.advance()
  return rig
}

// Q3
describe('lanes', () => {
  test.each([1, 2, 4, 10])('share %i requests in flight, one each', async (concurrency) => {
    const rig = await loaded(concurrency, 3)
    let replied = 0
    for (; replied < rig.sent.length; replied += 1) {
      const inFlight = rig.sent.slice(replied).map(({ request }) => request.user)
      expect(inFlight.length).toBeLessThanOrEqual(concurrency)
      expect(new Set(inFlight).size).toBe(inFlight.length)
      rig.sent[replied]?.reply(200)
      await rig.advance()
    }
    expect(replied).toBe(18)
    for (const user of USERS) {
      const own = rig.bodies.filter((text) => String(text).startsWith(user))
      expect(own).toEqual([1, 2, 3].map((n) => `${user} ${n}`))
    }
  })

  test('take turns: nobody gets a second request before everybody had a first', async () => {
    const rig = await loaded(1, 2)
    for (let n = 0; n < 12; n += 1) {
      rig.sent[n]?.reply(200)
      await rig.advance()
    }
    const users = rig.sent.map(({ request }) => request.user)
    expect(users).toEqual([...USERS, ...USERS])
  })

  test('do not wait for each other: one that is held keeps no slot', async () => {
    const rig = await loaded(1, 1)
    rig.last.reply(500)
    await rig.advance()
    for (let n = 1; n < USERS.length; n += 1) {
      expect(rig.sent).toHaveLength(n + 1)
      rig.last.reply(200)
      await rig.advance()
    }
    expect(rig.holdsOf('ann')).toEqual(['backing-off'])
  })

  test('never send a later operation before an earlier one has settled', async () => {
    const rig = await Rig.start()
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    await rig.enqueue('two')
    for (const status of [500, 503, 429, 408]) {
      rig.last.reply(status)
      await rig.advance(20_000)
    }
    expect(rig.bodies).not.toContain('two')
    rig.last.reply(200)
    await rig.advance()
    expect(rig.bodies.at(-1)).toBe('two')
  })

  test('of many operations are read a window at a time, and all of them in order', async () => {
    const rig = await Rig.start({ answer: ({ reply }) => reply(200) })
    rig.holdfast.pause()
    await rig.login('alice', 'a1')
    const texts = Array.from({ length: 700 }, (_, n) => `n${n}`)
    await rig.whileResting(Promise.all(texts.map((text) => rig.holdfast.enqueue(note({ text })))))
    rig.holdfast.resume()
    await rig.advance()
    for (let turns = 0; turns < 20; turns += 1) await rig.advance()
    expect(rig.bodies).toEqual(texts)
  })
})
