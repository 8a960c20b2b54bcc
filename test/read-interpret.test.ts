/** Replies to reads that the code of the app judges (R5), and refused tokens among them (R3). */
import { describe, expect, test } from 'vitest'
import type { ReadOptions } from '../src/api/call-options.ts'
import { replay } from '../src/journal/replay.ts'
import type { Outcome } from '../src/model.ts'
import { interpretReply } from '../src/operations/interpret-reply.ts'
import type { ReadInterpret } from '../src/operations/read-interpretation.ts'
import { BeginningAnew } from './support/beginning-anew.ts'
import { beginRead, readsOf } from './support/begun-read.ts'
import { echo, positioned } from './support/kinds.ts'
import { neighbours } from './support/neighbours.ts'
import { memoryVault } from '../src/ports/vault.ts'
import { note, replying, Rig, type RigOptions } from './support/rig.ts'

type Judgement = Exclude<Outcome, 'unknown' | 'unsent'>

/** A read whose replies are judged so, and its end. */
function begin(rig: Rig, interpret: Judgement | ReadInterpret, options: Partial<ReadOptions> = {}) {
  const judge = typeof interpret === 'string' ? () => ({ outcome: interpret }) : interpret
  return beginRead(rig, { interpret: judge, ...options })
}

const tokens = (rig: Rig) => readsOf(rig).map(({ token }) => token)

async function start(options: RigOptions = {}): Promise<Rig> {
  const rig = await Rig.start({ operations: [note, positioned], ...options })
  await rig.login('alice', 'a1')
  return rig
}

/** 403 and the body "token expired" are refused tokens. */
const cautious: ReadInterpret = (reply, context) =>
  reply.status === 403 || reply.body.includes('token expired')
    ? { outcome: 'refused-token' }
    : interpretReply(reply, context)

const EXPIRED = { body: '{"error":"token expired"}' }

// R5
describe('the `interpret` of a read', () => {
  test.each([200, 404, 401, 503])('resolves the read with a %i that it accepts', async (status) => {
    const rig = await start({ answer: replying(status) })
    const { ended } = begin(rig, 'accepted')
    await rig.advance()
    expect(ended).toEqual([status])
    expect(rig.eventsOf('read.completed')).toHaveLength(1)
    expect(rig.eventsOf('token.refused')).toEqual([])
  })

  test('accepts a body that is no JSON though the read declares JSON', async () => {
    const rig = await start({ answer: replying(200, { body: 'OK' }) })
    const { ended } = begin(rig, 'accepted', { reply: 'json' })
    await rig.advance()
    expect(ended).toEqual([200])
  })

  test.each([200, 404, 401, 429])('rejects the read with a %i that it rejects', async (status) => {
    const rig = await start({ answer: replying(status) })
    const { ended, failure } = begin(rig, 'rejected')
    await rig.advance(60_000)
    expect(ended).toEqual(['READ_FAILED'])
    expect(await failure).toMatchObject({
      message: `the read was answered ${status}: rejected`,
      retryable: false,
    })
    expect(readsOf(rig)).toHaveLength(1)
    expect(rig.eventsOf('token.refused')).toEqual([])
  })

  test.each([200, 401, 503])(
    'sends the read once more, without the position, after a %i that is to be retried',
    async (status) => {
      const rig = await start()
      await rig.whileResting(rig.holdfast.enqueue(positioned({ token: 'w1', delayMs: 0 })))
      echo(rig.last)
      const { ended, failure } = begin(rig, 'retry')
      await rig.advance()
      rig.last.reply(status)
      await rig.advance(999)
      expect(readsOf(rig)).toHaveLength(1)
      await rig.advance(1)
      expect(readsOf(rig).map(({ request }) => request.path)).toEqual([
        '/messages?position=w1',
        '/messages',
      ])
      rig.last.reply(status)
      await rig.advance(60_000)
      expect(ended).toEqual(['READ_FAILED'])
      expect(await failure).toMatchObject({
        message: `the read was answered ${status}: retry`,
        retryable: true,
      })
      expect(readsOf(rig)).toHaveLength(2)
    },
  )

  test('makes the read wait as long as Retry-After says', async () => {
    const rig = await start()
    begin(rig, 'retry')
    await rig.advance()
    rig.last.reply(200, { headers: { 'retry-after': '2' } })
    await rig.advance(1999)
    expect(readsOf(rig)).toHaveLength(1)
    await rig.advance(1)
    expect(readsOf(rig)).toHaveLength(2)
  })

  test('gets the reply, the owner and what the read declares, and may leave the rest to interpretReply()', async () => {
    const seen: unknown[] = []
    const rig = await start({ answer: replying(409, { body: '{"a":1}' }) })
    const { ended } = begin(
      rig,
      (reply, context) => {
        seen.push([reply.status, reply.body, context])
        return interpretReply(reply, context)
      },
      { reply: 'json' },
    )
    await rig.advance()
    expect(seen).toEqual([[409, '{"a":1}', { owner: { user: 'alice' }, reply: 'json' }]])
    expect(ended).toEqual(['READ_FAILED'])
  })

  test.each([
    ['a page', 200, { headers: { 'content-type': 'text/html' }, body: '<html>' }],
    ['a 511', 511, {}],
    ['a redirect to another origin', 302, { headers: { location: 'https://portal.test/' } }],
  ])('is not asked about a captive portal that answers %s (Q6)', async (_name, status, more) => {
    const rig = await start({ answer: replying(status, more) })
    let count = 0
    const { ended, failure } = begin(rig, () => {
      count += 1
      return { outcome: 'accepted' }
    })
    await rig.advance()
    expect(ended).toEqual(['READ_FAILED'])
    expect(await failure).toMatchObject({ message: 'a captive portal answered the read' })
    expect(count).toBe(0)
  })

  test('is asked about a page where the read takes any body', async () => {
    const rig = await start({
      answer: replying(200, { headers: { 'content-type': 'text/html' }, body: '<p>' }),
    })
    const { ended } = begin(rig, 'rejected', { reply: 'any' })
    await rig.advance()
    expect(ended).toEqual(['READ_FAILED'])
  })

  const boom = new Error('boom')
  const raise = (thrown: unknown): never => {
    throw thrown
  }
  test.each<[string, () => unknown, unknown]>([
    ['throws', () => raise(boom), boom],
    ['throws no error', () => raise('boom'), expect.any(Error)],
    ['answers nothing', () => undefined, expect.any(TypeError)],
    ['answers null', () => null, expect.any(TypeError)],
    [
      'answers an unknown outcome',
      () => ({ outcome: 'fine' }),
      expect.objectContaining({ message: 'interpret answered an unknown outcome' }),
    ],
    [
      'answers the outcome of a missing reply',
      () => ({ outcome: 'unknown' }),
      expect.any(TypeError),
    ],
    ['answers with a promise', async () => ({ outcome: 'accepted' }), expect.any(TypeError)],
    ['answers with a promise that rejects', () => Promise.reject(boom), expect.any(TypeError)],
  ])('that %s rejects the read, which is not retryable', async (_name, interpret, cause) => {
    const rig = await start({ answer: replying(200) })
    const { ended, failure } = begin(rig, interpret as ReadInterpret)
    await rig.advance()
    expect(ended).toEqual(['APP_CODE_FAILED'])
    const error = await failure
    expect(error).toMatchObject({
      message: 'interpret of a read threw, or made no sense',
      retryable: false,
    })
    expect((error as unknown as Error).cause).toEqual(cause)
    await rig.enqueue('one')
    await rig.advance()
    expect(rig.eventsOf('operation.completed')).toHaveLength(1)
  })

  test.each([7, null, 'accepted', {}])('must be a function, not %j', async (wrong) => {
    const rig = await start()
    const read = rig.holdfast.read({
      request: () => ({ method: 'GET', path: '/' }),
      interpret: wrong as unknown as ReadInterpret,
    })
    await expect(read).rejects.toThrow(/^read: interpret must be a function, not /)
  })
})

// R3
describe('a reply other than 401 that `interpret` judges as a refused token', () => {
  test.each<[string, number, object]>([
    ['a 403', 403, {}],
    ['a 200 that says "token expired"', 200, EXPIRED],
  ])('defers only the read: %s', async (_name, status, more) => {
    const rig = await start()
    const { ended } = begin(rig, cautious)
    await rig.advance()
    rig.last.reply(status, more)
    await rig.advance()
    expect(rig.eventsOf('read.deferred')).toMatchObject([{ user: 'alice' }])
    await rig.enqueue('one')
    expect(rig.last.token).toBe('a1')
    rig.last.reply(200)
    await rig.advance(3_600_000)
    expect(readsOf(rig)).toHaveLength(1)
    expect(rig.eventsOf('token.refused')).toEqual([])
    expect(rig.eventsOf('token.needed')).toEqual([])
    expect(rig.eventsOf('lane.held').filter(({ hold }) => hold === 'awaiting-token')).toEqual([])
    expect(rig.holdfast.status().tokenNeeds).toEqual([])
    await rig.whileResting(rig.holdfast.updateToken('alice', 'a1'))
    expect(readsOf(rig)).toHaveLength(1)
    await rig.whileResting(rig.holdfast.updateToken('alice', 'a2'))
    await rig.advance()
    expect(tokens(rig)).toEqual(['a1', 'a2'])
    rig.last.reply(200)
    await rig.advance()
    expect(ended).toEqual([200])
  })

  test('asks the source once', async () => {
    const calls: string[] = []
    const rig = await start({
      tokenSource: ({ reason }) => {
        calls.push(reason)
        return 'a2'
      },
    })
    const { ended } = begin(rig, cautious)
    await rig.advance()
    rig.last.reply(403)
    await rig.advance()
    expect(calls).toEqual(['refused'])
    expect(tokens(rig)).toEqual(['a1', 'a2'])
    rig.last.reply(200)
    await rig.advance()
    expect(ended).toEqual([200])
    expect(rig.eventsOf('token.refused')).toEqual([])
  })

  test('asks the source once, also where it gives the same token again', async () => {
    let calls = 0
    const rig = await start({ tokenSource: () => `a${(calls += 1)}` })
    const { ended } = begin(rig, cautious)
    await rig.advance()
    rig.last.reply(403)
    await rig.advance(3_600_000)
    expect(calls).toBe(1)
    expect(tokens(rig)).toEqual(['a1'])
    expect(rig.eventsOf('token.refreshFailed')).toEqual([])
    await rig.enqueue('one')
    expect(rig.last.token).toBe('a1')
    await rig.whileResting(rig.holdfast.updateToken('alice', 'a2'))
    expect(tokens(rig)).toEqual(['a1', 'a2'])
    expect(ended).toEqual([])
  })

  test('asks a source that is unavailable again until it answers (T6)', async () => {
    let calls = 0
    const rig = await start({
      tokenSource: () => {
        calls += 1
        if (calls < 3) throw new Error('unavailable')
        return 'a2'
      },
    })
    begin(rig, cautious)
    await rig.advance()
    rig.last.reply(403)
    await rig.advance(999)
    expect(calls).toBe(1)
    await rig.advance(1)
    expect(calls).toBe(2)
    await rig.advance(2000)
    expect(calls).toBe(3)
    expect(readsOf(rig).map(({ at, token }) => [at, token])).toEqual([
      [0, 'a1'],
      [3000, 'a2'],
    ])
  })

  test('asks a source that cools down as soon as it may be asked', async () => {
    let calls = 0
    const rig = await start({
      tokenSource: () => {
        calls += 1
        if (calls === 1) throw new Error('unavailable')
        return 'a2'
      },
    })
    await rig.whileResting(rig.holdfast.refreshToken('alice'))
    begin(rig, cautious)
    await rig.advance()
    rig.last.reply(403)
    await rig.advance(999)
    expect(calls).toBe(1)
    await rig.advance(1)
    expect(calls).toBe(2)
    expect(tokens(rig)).toEqual(['a1', 'a2'])
  })

  test('leaves lanes and needs alone where the source denies', async () => {
    const rig = await start({ tokenSource: () => null })
    const { ended } = begin(rig, cautious)
    await rig.advance()
    rig.last.reply(403)
    await rig.advance(60_000)
    await rig.enqueue('one')
    expect(rig.last.token).toBe('a1')
    expect(rig.eventsOf('token.needed')).toEqual([])
    expect(rig.holdfast.status().lanes.flatMap(({ holds }) => holds)).toEqual([])
    await rig.whileResting(rig.holdfast.updateToken('alice', 'a2'))
    expect(tokens(rig)).toEqual(['a1', 'a2'])
    expect(ended).toEqual([])
  })

  test.each([
    ['with a source', { tokenSource: () => 'a2' }],
    ['without a source', {}],
  ])('rejects the read if it comes a second time, %s', async (name, options) => {
    const rig = await start({ ...options, answer: replying(403) })
    const { ended, failure } = begin(rig, cautious)
    await rig.advance()
    if (name === 'without a source') await rig.whileResting(rig.holdfast.updateToken('alice', 'a2'))
    await rig.advance()
    expect(tokens(rig)).toEqual(['a1', 'a2'])
    expect(ended).toEqual(['AUTH_REFRESH_FAILED'])
    expect(await failure).toMatchObject({ retryable: true, cause: { code: 'AUTH_TOKEN_REFUSED' } })
    expect(rig.eventsOf('token.refused')).toEqual([])
    expect(rig.eventsOf('token.refreshFailed')).toEqual([])
  })

  test('and then a 401: the read rejects, and the 401 has its full effect (T4)', async () => {
    const rig = await start()
    const { ended } = begin(rig, cautious)
    await rig.advance()
    rig.last.reply(403)
    await rig.whileResting(rig.holdfast.updateToken('alice', 'a2'))
    await rig.advance()
    rig.last.reply(401)
    await rig.advance()
    expect(ended).toEqual(['AUTH_REFRESH_FAILED'])
    expect(rig.eventsOf('token.refused')).toMatchObject([{ user: 'alice', generation: 2 }])
    expect(rig.eventsOf('token.needed')).toMatchObject([{ reason: 'refused', generation: 2 }])
    await rig.enqueue('one')
    expect(tokens(rig)).toEqual(['a1', 'a2'])
  })

  test('after a 401: the read rejects', async () => {
    const rig = await start()
    const { ended } = begin(rig, cautious)
    await rig.advance()
    rig.last.reply(401)
    await rig.advance()
    await rig.whileResting(rig.holdfast.updateToken('alice', 'a2'))
    rig.last.reply(403)
    await rig.advance()
    expect(ended).toEqual(['AUTH_REFRESH_FAILED'])
    expect(rig.eventsOf('token.refused')).toHaveLength(1)
  })

  test('under a generation that has been replaced sends the read at once, and asks nobody', async () => {
    let calls = 0
    const rig = await start({ tokenSource: () => `never ${(calls += 1)}` })
    const { ended } = begin(rig, cautious)
    await rig.advance()
    await rig.whileResting(rig.holdfast.updateToken('alice', 'a2'))
    rig.last.reply(403)
    await rig.advance()
    expect(tokens(rig)).toEqual(['a1', 'a2'])
    expect(rig.eventsOf('read.deferred')).toHaveLength(1)
    rig.last.reply(200)
    await rig.advance()
    expect(ended).toEqual([200])
    expect(calls).toBe(0)
  })

  test('rejects an anonymous read', async () => {
    const rig = await Rig.start({ requirement: 'off', answer: replying(403) })
    const { ended, failure } = begin(rig, cautious)
    await rig.advance()
    expect(ended).toEqual(['AUTH_TOKEN_REFUSED'])
    expect(await failure).toMatchObject({
      message: 'the read was answered 403, which its interpret judged as a refused token',
    })
  })

  test('to an unsigned read of a user waits for the first token, and doubts no requirement', async () => {
    const rig = await Rig.start({ requirement: 'off' })
    await rig.login('alice')
    begin(rig, cautious)
    await rig.advance()
    rig.last.reply(403)
    await rig.advance()
    expect(rig.eventsOf('requirement.changed')).toEqual([])
    await rig.enqueue('one')
    expect(rig.last.request.kind).toBe('note')
    await rig.whileResting(rig.holdfast.setRequirement('off'))
    await rig.whileResting(rig.holdfast.updateToken('bob', 'b1'))
    expect(tokens(rig)).toEqual([null])
    await rig.whileResting(rig.holdfast.updateToken('alice', 'a1'))
    expect(tokens(rig)).toEqual([null, 'a1'])
  })

  test('to an unsigned read opens the need once a token is demanded', async () => {
    const rig = await Rig.start({ requirement: 'off' })
    await rig.login('alice')
    begin(rig, cautious)
    await rig.advance()
    rig.last.reply(403)
    await rig.whileResting(rig.holdfast.setRequirement('required'))
    expect(rig.eventsOf('token.needed')).toMatchObject([{ user: 'alice', reason: 'missing' }])
    await rig.whileResting(rig.holdfast.updateToken('alice', 'a1'))
    expect(tokens(rig)).toEqual([null, 'a1'])
  })

  test('waits for a newer token also where a write has its token refused meanwhile', async () => {
    const rig = await start()
    begin(rig, cautious, { after: [] })
    await rig.advance()
    rig.last.reply(403)
    await rig.advance()
    await rig.enqueue('one')
    rig.last.reply(401)
    await rig.advance()
    expect(rig.eventsOf('token.needed')).toMatchObject([{ reason: 'refused' }])
    await rig.advance(60_000)
    expect(tokens(rig)).toEqual(['a1'])
    await rig.whileResting(rig.holdfast.updateToken('alice', 'a2'))
    expect(tokens(rig)).toEqual(['a1', 'a2'])
  })

  test('waits for a token that another process is given (T12)', async () => {
    const { first, second } = neighbours({ operations: [note], vault: memoryVault() })
    await first.rig.open()
    await first.rig.login('alice', 'a1')
    await second.rig.open()
    await second.rig.login('alice')
    await second.hear()
    begin(second.rig, cautious)
    await second.rig.advance()
    expect(tokens(second.rig)).toEqual(['a1'])
    second.rig.last.reply(403)
    await second.rig.advance()
    await first.rig.whileResting(first.rig.holdfast.updateToken('alice', 'a2'))
    await second.hear()
    expect(tokens(second.rig)).toEqual(['a1', 'a2'])
  })

  test('ends with a switch of users (R4) and with close() (Q19)', async () => {
    const rig = await start()
    const switched = begin(rig, cautious)
    await rig.advance()
    rig.last.reply(403)
    await rig.advance()
    await rig.login('bob', 'b1')
    expect(switched.ended).toEqual(['READ_CANCELLED'])
    const closed = begin(rig, cautious)
    await rig.advance()
    rig.last.reply(403)
    await rig.advance()
    await rig.close()
    expect(closed.ended).toEqual(['CLOSED'])
  })
})

// V: replays
describe('a journal of a read with `interpret`', () => {
  test('replays without the code of the app, and holds no body', async () => {
    const journal = new BeginningAnew()
    let calls = 0
    const rig = await start({
      journal,
      tokenSource: () => {
        calls += 1
        if (calls === 1) throw new Error('unavailable')
        return 'a2'
      },
    })
    const first = begin(rig, cautious)
    await rig.advance()
    rig.last.reply(200, EXPIRED)
    await rig.advance(500)
    await rig.enqueue('meanwhile')
    rig.last.reply(200)
    await rig.advance(500)
    rig.last.reply(200, { body: '{"kept":"secret"}' })
    await rig.advance()
    expect(first.ended).toEqual([200])
    const second = begin(rig, () => {
      throw new Error('a private text')
    })
    await rig.advance()
    rig.last.reply(200)
    await rig.advance()
    expect(second.ended).toEqual(['APP_CODE_FAILED'])
    await rig.close()
    const beginnings = journal.beginnings()
    for (const { text } of beginnings) {
      await replay(text)
      expect(text).not.toContain('token expired')
      expect(text).not.toContain('kept')
      expect(text).not.toContain('a private text')
    }
    const deferred = beginnings.flatMap(({ summary }) => summary.reads)
    expect(
      deferred.some(({ isDoubted, isSourceOwed }) => isDoubted === true && isSourceOwed === true),
    ).toBe(true)
  })
})
