/** `status().totals` counts the events of this engine, and tells the age of the oldest head. */
import { describe, expect, test } from 'vitest'
import { replay } from '../src/journal/replay.ts'
import { ringJournal } from '../src/journal/ring-journal.ts'
import { neighbours } from './support/neighbours.ts'
import { count, note, replying, Rig } from './support/rig.ts'

const NO_DEAD = {
  rejected: 0,
  'attempts-exhausted': 0,
  unreadable: 0,
  conflict: 0,
  'dependency-dead': 0,
  'outcome-unknown': 0,
}

const totalsOf = (rig: Rig) => rig.holdfast.status().totals

describe('the totals of the status', () => {
  test('begin at 0, and have every reason of death', async () => {
    const rig = await Rig.start()
    expect(totalsOf(rig)).toEqual({
      accepted: 0,
      retried: 0,
      dead: NO_DEAD,
      refreshed: 0,
      oldestHeadAt: null,
    })
  })

  test('count what the events tell', async () => {
    const rig = await Rig.start()
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    rig.last.reply(503)
    await rig.advance(1000)
    rig.last.fail()
    await rig.advance(2000)
    rig.last.reply(200)
    await rig.advance()
    await rig.enqueue('two')
    rig.last.reply(422)
    await rig.advance()
    await rig.whileResting(rig.holdfast.updateToken('alice', 'a2'))
    expect(totalsOf(rig)).toEqual({
      accepted: 1,
      retried: 2,
      dead: { ...NO_DEAD, rejected: 1 },
      refreshed: 2,
      oldestHeadAt: null,
    })
    expect(rig.eventsOf('operation.retrying')).toHaveLength(2)
    expect(rig.eventsOf('token.updated')).toHaveLength(2)
  })

  test('count each operation of a merged request', async () => {
    const rig = await Rig.start({ requirement: 'off' })
    rig.holdfast.pause()
    const receipts = [1, 2, 3].map((by) => rig.holdfast.enqueue(count({ by })))
    await rig.whileResting(Promise.all(receipts))
    rig.holdfast.resume()
    await rig.advance()
    rig.last.reply(500)
    await rig.advance(1000)
    rig.last.reply(200)
    await rig.advance()
    expect(rig.sent).toHaveLength(2)
    expect(totalsOf(rig)).toMatchObject({ accepted: 3, retried: 3 })
  })

  test('do not count a 401 as a retry', async () => {
    const rig = await Rig.start()
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    rig.last.reply(401)
    await rig.advance()
    expect(totalsOf(rig)).toMatchObject({ accepted: 0, retried: 0, refreshed: 1 })
  })

  test('tell when the oldest head over all lanes was enqueued', async () => {
    const rig = await Rig.start()
    const start = rig.time.wall()
    await rig.login('bob')
    await rig.enqueue('one')
    await rig.advance(500)
    await rig.login('alice')
    await rig.enqueue('two')
    expect(totalsOf(rig).oldestHeadAt).toBe(start)
    await rig.whileResting(rig.holdfast.updateToken('bob', 'b1'))
    rig.last.reply(200)
    await rig.advance()
    expect(totalsOf(rig).oldestHeadAt).toBe(start + 500)
  })

  test('are frozen, and the same object until something changes', async () => {
    const rig = await Rig.start()
    await rig.login('alice', 'a1')
    const before = totalsOf(rig)
    expect(totalsOf(rig)).toBe(before)
    expect(Object.isFrozen(before) && Object.isFrozen(before.dead)).toBe(true)
    await rig.enqueue('one')
    rig.last.reply(422)
    await rig.advance()
    expect(before).toMatchObject({ dead: NO_DEAD })
    expect(totalsOf(rig)).toMatchObject({ dead: { rejected: 1 } })
  })

  test('are those of this engine: a restart begins at 0 again', async () => {
    const rig = await Rig.start()
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    rig.last.reply(200)
    await rig.advance()
    await rig.close()
    await rig.open()
    expect(totalsOf(rig)).toMatchObject({ accepted: 0, refreshed: 0 })
  })

  test('of a process that waits do not count what another process sends', async () => {
    const { first, second } = neighbours({ requirement: 'off', answer: replying(200) })
    await first.rig.open()
    await second.rig.open()
    const { rig } = second
    const receipt = await rig.whileResting(rig.holdfast.enqueue(note({ text: 'one' })))
    await first.hear()
    await second.hear()
    expect(await rig.whileResting(receipt.settled)).toMatchObject({ outcome: 'completed' })
    expect(totalsOf(rig).accepted).toBe(0)
    expect(totalsOf(first.rig).accepted).toBe(1)
  })

  test('are in no line of a journal, so a journal that begins in the middle replays', async () => {
    const journal = ringJournal({ lines: 40 })
    const rig = await Rig.start({ journal })
    await rig.login('alice', 'a1')
    for (let index = 0; index < 20; index += 1) {
      await rig.enqueue(`number ${index}`)
      rig.last.reply(200)
      await rig.advance()
    }
    expect(totalsOf(rig).accepted).toBe(20)
    const text = journal.text()
    expect(text).toContain('"in":"summary"')
    expect(text).not.toContain('totals')
    expect((await replay(text)).decided).toBeGreaterThan(0)
  })
})
