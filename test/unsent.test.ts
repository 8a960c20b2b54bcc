/** An outcome `unsent` leaves no trace but its wait (Q5, Q6, Q7, Q8, Q10). */
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { NotSentError } from '../src/errors.ts'
import { count, replying, Rig } from './support/rig.ts'

const refused = () => new NotSentError('connect ECONNREFUSED', { reason: 'ECONNREFUSED' })

/** An engine whose operation was tried once, and the attempt came to `unsent`. */
async function tried(options: Parameters<typeof Rig.start>[0] = {}): Promise<[Rig, string]> {
  const rig = await Rig.start(options)
  await rig.login('alice', 'a1')
  const id = await rig.enqueue('one')
  rig.last.fail(refused())
  await rig.advance(10)
  return [rig, id]
}

async function countOf(rig: Rig, by: number): Promise<string> {
  const { id } = await rig.whileResting(rig.holdfast.enqueue(count({ by })))
  return id
}

describe('an operation whose attempts were all unsent', () => {
  test('can be cancelled', async () => {
    const [rig, id] = await tried()
    await rig.whileResting(rig.holdfast.cancel(id as never))
    expect(rig.eventsOf('operation.cancelled')).toHaveLength(1)
    await rig.advance(5000)
    expect(rig.sent).toHaveLength(1)
  })

  test('can be discarded', async () => {
    const [rig, id] = await tried()
    await rig.whileResting(rig.holdfast.discard(id as never))
    expect(rig.eventsOf('operation.dropped')).toMatchObject([{ reason: 'discarded' }])
  })

  test('expires, and is not sent any more', async () => {
    const rig = await Rig.start()
    await rig.login('alice', 'a1')
    await rig.whileResting(rig.holdfast.enqueue(count({ by: 1 }, { expiresInMs: 500 })))
    rig.last.fail(refused())
    await rig.advance(2000)
    expect(rig.eventsOf('operation.dropped')).toMatchObject([{ reason: 'expired' }])
    expect(rig.sent).toHaveLength(1)
  })

  test('never dies, however often it was tried', async () => {
    const rig = await Rig.start({ maxAttempts: 1, patienceMs: 0, backoff: { capMs: 1000 } })
    rig.answer = (sent) => sent.fail(refused())
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    await rig.advance(100_000)
    expect(rig.sent.length).toBeGreaterThan(50)
    expect(rig.eventsOf('operation.dead')).toEqual([])
    expect(rig.holdfast.status().counts.pending).toBe(1)
  })

  test('keeps its lane waiting, but not an operation that becomes the head in its place', async () => {
    const [rig, id] = await tried()
    await rig.enqueue('two')
    await rig.advance(100)
    expect(rig.sent).toHaveLength(1)
    await rig.whileResting(rig.holdfast.cancel(id as never))
    expect(rig.bodies).toEqual(['one', 'two'])
  })

  test.each(['close', 'crash'] as const)(
    'keeps its wait over a %s, and the number of its attempts',
    async (end) => {
      const [rig] = await tried()
      await rig.advance(490)
      if (end === 'crash') rig.crash()
      else await rig.close()
      await rig.open()
      await rig.whileResting(rig.holdfast.updateToken('alice', 'a2'))
      await rig.advance(499)
      expect(rig.sent).toHaveLength(1)
      await rig.advance(1)
      expect(rig.sent).toHaveLength(2)
      rig.last.fail(refused())
      await rig.advance(1999)
      expect(rig.sent).toHaveLength(2)
      await rig.advance(1)
      expect(rig.sent).toHaveLength(3)
    },
  )
})

describe('a merged envelope that was unsent', () => {
  async function merged(): Promise<[Rig, string, string]> {
    const rig = await Rig.start()
    await rig.login('alice', 'a1')
    rig.holdfast.pause()
    const first = await countOf(rig, 1)
    const second = await countOf(rig, 2)
    rig.holdfast.resume()
    await rig.advance()
    rig.last.fail(refused())
    await rig.advance(10)
    return [rig, first, second]
  }

  test('takes in a neighbour that comes during its wait', async () => {
    const [rig] = await merged()
    await countOf(rig, 4)
    await rig.advance(1000)
    expect(rig.bodies).toEqual([3, 7])
  })

  test('goes without a member that was cancelled', async () => {
    const [rig, , second] = await merged()
    await rig.whileResting(rig.holdfast.cancel(second as never))
    await rig.advance(1000)
    expect(rig.bodies).toEqual([3, 1])
  })

  // Q5: its record is undone, so that the next process does not take it for an envelope that may have been sent.
  test('is known not to have been sent after a crash, too', async () => {
    const [rig, , second] = await merged()
    rig.crash()
    await rig.open()
    await rig.whileResting(rig.holdfast.cancel(second as never))
    expect(rig.eventsOf('operation.cancelled')).toHaveLength(1)
    await rig.whileResting(rig.holdfast.updateToken('alice', 'a2'))
    await countOf(rig, 4)
    await rig.advance(1000)
    expect(rig.bodies).toEqual([3, 5])
  })

  test('that was answered 500 before is sent again unchanged', async () => {
    const rig = await Rig.start()
    await rig.login('alice', 'a1')
    await countOf(rig, 1)
    rig.last.reply(500)
    await rig.advance(1000)
    rig.last.fail(refused())
    await rig.advance(10)
    await countOf(rig, 4)
    await rig.advance(5000)
    expect(rig.bodies).toEqual([1, 1, 1])
    expect(new Set(rig.sent.map(({ request }) => request.headers['idempotency-key'])).size).toBe(1)
  })
})

describe('an unsent attempt after one of unknown outcome', () => {
  async function doubted(): Promise<[Rig, string]> {
    const rig = await Rig.start()
    await rig.login('alice', 'a1')
    const { id } = await rig.whileResting(
      rig.holdfast.enqueue(count({ by: 1 }, { expiresInMs: 1500 })),
    )
    rig.last.fail()
    await rig.advance(1000)
    rig.last.fail(refused())
    await rig.advance(10)
    return [rig, id]
  }

  test('makes nothing known: it cannot be cancelled', async () => {
    const [rig, id] = await doubted()
    await expect(rig.whileResting(rig.holdfast.cancel(id as never))).rejects.toMatchObject({
      code: 'TOO_LATE',
    })
  })

  test('lets it neither merge nor expire: it is sent again under its key', async () => {
    const [rig] = await doubted()
    await countOf(rig, 2)
    await rig.advance(5000)
    expect(rig.bodies).toEqual([1, 1, 1])
    expect(new Set(rig.sent.map(({ request }) => request.headers['idempotency-key'])).size).toBe(1)
    rig.last.reply(409)
    await rig.advance()
    // The first request may still be in progress (Q5).
    expect(rig.eventsOf('operation.retrying').at(-1)).toMatchObject({
      outcome: 'retry',
      status: 409,
    })
  })
})

// Q10
test('the head after a crash is still too late to cancel after an unsent attempt, and not after an answer', async () => {
  const rig = await Rig.start()
  await rig.login('alice', 'a1')
  const id = await rig.enqueue('one')
  rig.crash()
  await rig.open()
  await rig.whileResting(rig.holdfast.updateToken('alice', 'a2'))
  rig.last.fail(refused())
  await rig.advance(10)
  const cancel = () => rig.whileResting(rig.holdfast.cancel(id as never))
  await expect(cancel()).rejects.toMatchObject({ code: 'TOO_LATE' })
  await rig.advance(1000)
  rig.last.reply(429)
  await rig.advance(10)
  await cancel()
  expect(rig.eventsOf('operation.cancelled')).toHaveLength(1)
})

// Q8: patience begins with the first attempt that left.
test('the time before the first attempt that left is no part of the patience', async () => {
  const rig = await Rig.start({ maxAttempts: 1, patienceMs: 10_000, backoff: { capMs: 1000 } })
  rig.answer = (sent) => sent.fail(refused())
  await rig.login('alice', 'a1')
  await rig.enqueue('one')
  await rig.advance(60_000)
  rig.answer = replying(500)
  await rig.advance(9000)
  expect(rig.eventsOf('operation.dead')).toEqual([])
  await rig.advance(3000)
  expect(rig.eventsOf('operation.dead')).toMatchObject([{ reason: 'attempts-exhausted' }])
})

// Q7
test.each([
  ['the network returns', 'offline', 'online'],
  ['the machine wakes', 'suspended', 'resumed'],
] as const)('the wait after unsent ends when %s', async (_name, down, up) => {
  const [rig] = await tried()
  rig.tell(down)
  rig.tell(up)
  await rig.advance()
  expect(rig.sent.map(({ at }) => at)).toEqual([0, 10])
})

describe('a transport says so', () => {
  test.each<[string, () => Error]>([
    ['by a NotSentError', refused],
    [
      'by a NotSentError of another copy of Holdfast',
      () => Object.assign(new Error('no'), { name: 'NotSentError', reason: 'ENOTFOUND' }),
    ],
    [
      'by an error of another realm',
      () => runInNewContext(`Object.assign(new Error('no'), { name: 'NotSentError' })`) as Error,
    ],
    [
      'by an object that is no error at all',
      () => ({ name: 'NotSentError', message: 'no', reason: 'ENOTFOUND' }),
    ],
    ['by the code NOT_SENT', () => Object.assign(new Error('no'), { code: 'NOT_SENT' })],
  ])('%s', async (_name, made) => {
    const rig = await Rig.start()
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    rig.last.fail(made())
    await rig.advance()
    expect(rig.eventsOf('operation.retrying')).toMatchObject([{ outcome: 'unsent', status: null }])
  })

  test('and by nothing else: any other rejection is unknown', async () => {
    const rig = await Rig.start()
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    rig.last.fail(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }))
    await rig.advance()
    expect(rig.eventsOf('operation.retrying')).toMatchObject([
      { outcome: 'unknown', error: { code: 'ECONNREFUSED' } },
    ])
  })
})

// R5
test('a read that is unsent fails like a read without a reply, and its cause tells the reason', async () => {
  const rig = await Rig.start()
  await rig.login('alice', 'a1')
  const read = rig.holdfast.read({ request: () => ({ method: 'GET', path: '/notes' }) })
  read.catch(() => undefined)
  await rig.advance()
  rig.last.fail(refused())
  await rig.advance()
  await expect(read).rejects.toMatchObject({
    code: 'READ_FAILED',
    retryable: true,
    cause: { code: 'NOT_SENT', reason: 'ECONNREFUSED' },
  })
})
