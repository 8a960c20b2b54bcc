/** `sendNow()` ends waits, and tells what the attempts came to that it has started (Q7). */
import { describe, expect, test } from 'vitest'
import { NotSentError } from '../src/errors.ts'
import { replay } from '../src/journal/replay.ts'
import { replying, Rig } from './support/rig.ts'
import { Watched } from './support/watched.ts'

const waits = { backoff: { baseMs: 60_000, capMs: 60_000, jitter: false } }

/** An engine whose operations of these users wait after a 500. */
async function waiting(users: readonly string[] = ['alice'], options = {}): Promise<Rig> {
  const rig = await Rig.start({ ...waits, answer: replying(500), ...options })
  for (const user of users) {
    await rig.login(user, `${user}-1`)
    await rig.enqueue(`of ${user}`)
    await rig.advance()
  }
  expect(rig.sent).toHaveLength(users.length)
  return rig
}

describe('sendNow() resolves', () => {
  test('with what each attempt came to, and with what is left', async () => {
    const rig = await waiting(['alice', 'bob'])
    const [alices, bobs] = rig.heard.flatMap(({ name, detail }) =>
      name === 'operation.enqueued' ? [(detail as { id: string }).id] : [],
    )
    rig.answer = (sent, index) => replying(index === 2 ? 200 : 503)(sent)
    const { attempts, pending, lanes } = await rig.whileResting(rig.holdfast.sendNow())
    expect(attempts).toEqual([
      { user: 'alice', operations: [alices], outcome: 'accepted', status: 200, code: null },
      { user: 'bob', operations: [bobs], outcome: 'retry', status: 503, code: null },
    ])
    expect(pending).toBe(1)
    expect(lanes).toMatchObject([{ user: 'bob', lastFailure: { status: 503 }, attempts: 2 }])
  })

  test('with the name of a failure where there was no reply', async () => {
    const rig = await waiting()
    rig.answer = (sent) => sent.fail(new NotSentError('refused', { reason: 'ECONNREFUSED' }))
    const { attempts } = await rig.whileResting(rig.holdfast.sendNow({ user: 'alice' }))
    expect(attempts).toMatchObject([{ outcome: 'unsent', status: null, code: 'ECONNREFUSED' }])
  })

  test('with the attempts and the lanes of the named user alone', async () => {
    const rig = await waiting(['alice', 'bob'])
    const result = await rig.whileResting(rig.holdfast.sendNow({ user: 'bob' }))
    expect(result.attempts.map(({ user }) => user)).toEqual(['bob'])
    expect(result.lanes.map(({ user }) => user)).toEqual(['bob'])
    expect(result.pending).toBe(1)
    expect(rig.sent).toHaveLength(3)
  })

  test('with nothing for the anonymous identity, which has nothing that waits', async () => {
    const rig = await waiting()
    const result = await rig.whileResting(rig.holdfast.sendNow({ user: null }))
    expect(result).toEqual({ attempts: [], pending: 0, lanes: [] })
    expect(rig.sent).toHaveLength(1)
  })

  test('at once where another hold keeps the lane from sending, and the wait is over all the same', async () => {
    const rig = await waiting()
    rig.holdfast.pause()
    const { attempts, lanes } = await rig.whileResting(rig.holdfast.sendNow())
    expect(attempts).toEqual([])
    expect(lanes).toMatchObject([{ holds: [{ name: 'paused' }], retryAt: null }])
    rig.holdfast.resume()
    await rig.advance()
    expect(rig.sent).toHaveLength(2)
  })

  test('at its deadline if a reply does not come, without that attempt', async () => {
    const rig = await waiting()
    rig.answer = () => undefined
    const called = new Watched(rig.holdfast.sendNow({ deadlineMs: 1000 }))
    await rig.advance(999)
    expect(called.isOpen).toBe(true)
    await rig.advance(1)
    expect(await called.promise).toMatchObject({ attempts: [], pending: 1 })
    rig.last.reply(200)
    await rig.advance()
    expect(rig.holdfast.status().counts.pending).toBe(0)
  })

  test('at the close of the engine', async () => {
    const rig = await waiting()
    rig.answer = () => undefined
    const called = rig.holdfast.sendNow()
    await rig.advance()
    await rig.close()
    expect(await called).toMatchObject({ attempts: [] })
  })

  test('with one attempt of each lane, also where the lane goes on', async () => {
    const rig = await waiting()
    await rig.enqueue('second')
    rig.answer = replying(200)
    const { attempts, pending } = await rig.whileResting(rig.holdfast.sendNow())
    expect(attempts).toHaveLength(1)
    expect(pending).toBeLessThanOrEqual(1)
  })

  test('for more lanes than there are slots, each once', async () => {
    const users = ['a', 'b', 'c', 'd', 'e']
    const rig = await waiting(users, { concurrency: 1 })
    const { attempts } = await rig.whileResting(rig.holdfast.sendNow())
    expect(new Set(attempts.map(({ user }) => user))).toEqual(new Set(users))
    expect(rig.sent).toHaveLength(10)
  })
})

describe('sendNow()', () => {
  test.each([
    [{ user: 5 as never }, TypeError],
    [{ user: '' }, TypeError],
    [{ deadlineMs: -1 }, TypeError],
    [{ deadlineMs: 'soon' as never }, TypeError],
  ])('of wrong options (%j) rejects, and ends no wait', async (options, type) => {
    const rig = await waiting()
    await expect(rig.holdfast.sendNow(options)).rejects.toThrow(type)
    await rig.advance()
    expect(rig.sent).toHaveLength(1)
  })

  test('after close() rejects with CLOSED', async () => {
    const rig = await waiting()
    const { holdfast } = rig
    await rig.close()
    await expect(holdfast.sendNow()).rejects.toMatchObject({ code: 'CLOSED' })
  })

  test('is in the journal, which replays', async () => {
    const rig = await waiting()
    await rig.whileResting(rig.holdfast.sendNow())
    rig.answer = replying(200)
    await rig.whileResting(rig.holdfast.sendNow({ user: 'alice' }))
    await rig.close()
    const lines = rig.journal.lines()
    expect(lines.filter((line) => line.includes('"sendNow"'))).not.toEqual([])
    expect((await replay(lines.join('\n'))).decided).toBeGreaterThan(0)
  })
})
