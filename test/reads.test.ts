/** Reads: what they wait for, under which token they go, and how they end (R1 to R5). */
import { describe, expect, test } from 'vitest'
import type { ReadOptions } from '../src/api/call-options.ts'
import type { Reply } from '../src/ports/transport.ts'
import { memoryVault } from '../src/ports/vault.ts'
import { sqliteStorage } from '../src/sqlite-storage.ts'
import { StorageError } from '../storage/storage-error.ts'
import { beginRead, readsOf } from './support/begun-read.ts'
import { Failures } from './support/failing-storage.ts'
import { HeldAnswers } from './support/held-answers.ts'
import { echo, noteOf, parent, positioned } from './support/kinds.ts'
import { JSON_REPLY, note, replying, Rig } from './support/rig.ts'

const paths = (rig: Rig) => readsOf(rig).map(({ request }) => request.path)

// R1
describe('a read', () => {
  test('waits for what the lane held at the call, and for nothing enqueued after it', async () => {
    const rig = await Rig.start()
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    await rig.enqueue('two')
    const { ended } = beginRead(rig)
    await rig.enqueue('three')
    rig.last.reply(200)
    await rig.advance()
    expect(readsOf(rig)).toEqual([])
    rig.last.reply(200)
    await rig.advance()
    expect(rig.sent).toHaveLength(4)
    expect(readsOf(rig)).toHaveLength(1)
    readsOf(rig)[0]?.reply(200)
    await rig.advance()
    expect(ended).toEqual([200])
  })

  test('waits for what is being stored at the call', async () => {
    const rig = await Rig.start()
    await rig.login('alice', 'a1')
    const stored = rig.holdfast.enqueue(note({ text: 'one' }))
    beginRead(rig)
    await rig.whileResting(stored)
    expect(readsOf(rig)).toEqual([])
    rig.last.reply(200)
    await rig.advance()
    expect(readsOf(rig)).toHaveLength(1)
  })

  test('waits for what is being stored at the call, though something else settles meanwhile', async () => {
    const rig = Rig.prepare()
    const held = new HeldAnswers(sqliteStorage({ database: rig.database }))
    await rig.open({ storage: held.storage })
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    held.hold('enqueue')
    void rig.holdfast.enqueue(note({ text: 'two' }))
    beginRead(rig)
    await rig.advance()
    rig.last.reply(200)
    await rig.advance()
    expect(rig.eventsOf('operation.completed')).toHaveLength(1)
    held.release('enqueue')
    await rig.advance()
    expect(rig.bodies).toEqual(['one', 'two'])
    rig.last.reply(200)
    await rig.advance()
    expect(readsOf(rig)).toHaveLength(1)
  })

  test('waits for the named operations alone, however they settle', async () => {
    const rig = await Rig.start()
    await rig.login('alice', 'a1')
    const one = await rig.enqueue('one')
    const two = await rig.enqueue('two')
    await rig.enqueue('three')
    beginRead(rig, { after: [one, two] })
    await rig.whileResting(rig.holdfast.cancel(two))
    expect(readsOf(rig)).toEqual([])
    rig.last.reply(400)
    await rig.advance()
    expect(readsOf(rig)).toHaveLength(1)
    beginRead(rig, { after: [one, two] })
    await rig.advance()
    expect(readsOf(rig)).toHaveLength(2)
  })

  test('waits for a follow-up that was pending at the call (Q13)', async () => {
    const rig = await Rig.start({ operations: [note, parent] })
    await rig.login('alice', 'a1')
    await rig.whileResting(rig.holdfast.enqueue(parent({ followUps: [noteOf('after')] })))
    echo(rig.last)
    await rig.advance()
    expect(rig.bodies.at(-1)).toBe('after')
    beginRead(rig)
    await rig.advance()
    expect(readsOf(rig)).toEqual([])
    rig.last.reply(200)
    await rig.advance()
    expect(readsOf(rig)).toHaveLength(1)
  })

  test('does not wait for a follow-up of what it waits for', async () => {
    const rig = await Rig.start({ operations: [note, parent] })
    await rig.login('alice', 'a1')
    await rig.whileResting(rig.holdfast.enqueue(parent({ followUps: [noteOf('after')] })))
    beginRead(rig)
    await rig.advance()
    echo(rig.last)
    await rig.advance()
    expect(readsOf(rig)).toHaveLength(1)
  })

  test('waits for all of the lane, though many follow-ups have pushed it back', async () => {
    const rig = await Rig.start({ operations: [note, parent] })
    await rig.login('alice', 'a1')
    const followUps = Array.from({ length: 15 }, (_, n) => noteOf(`follow-up ${n}`))
    await rig.whileResting(rig.holdfast.enqueue(parent({ followUps })))
    await rig.enqueue('last')
    const first = beginRead(rig)
    await rig.advance()
    echo(rig.last)
    await rig.advance()
    const second = beginRead(rig)
    await rig.advance()
    for (let n = 0; n < 15; n += 1) {
      expect(readsOf(rig)).toEqual([])
      rig.last.reply(200)
      await rig.advance()
    }
    expect(rig.bodies.at(-1)).toBe('last')
    expect(readsOf(rig)).toEqual([])
    rig.last.reply(200)
    await rig.advance()
    expect(readsOf(rig)).toHaveLength(2)
    for (const sent of readsOf(rig)) sent.reply(200)
    await rig.advance()
    expect([...first.ended, ...second.ended]).toEqual([200, 200])
  })

  test('goes once its writes have settled, though what came later is held up', async () => {
    const rig = await Rig.start({ operations: [note, parent] })
    await rig.login('alice', 'a1')
    for (let n = 0; n < 256; n += 1) void rig.holdfast.enqueue(note({ text: `${n}` }))
    await rig.advance()
    beginRead(rig)
    await rig.advance()
    await rig.enqueue('later')
    rig.answer = ({ request, reply }) => {
      if (request.body?.includes('later') !== true) reply(200)
    }
    rig.last.reply(200)
    await rig.advance()
    expect(readsOf(rig)).toHaveLength(1)
  })

  test('rejects where storage cannot say whether its writes have settled', async () => {
    const rig = await Rig.start()
    await rig.login('alice', 'a1')
    const id = await rig.enqueue('one')
    await rig.close()
    const inner = sqliteStorage({ database: rig.database })
    const settled = () => Promise.reject(new Error('the scripted read failed'))
    await rig.open({
      storage: new Proxy(inner, {
        get: (target, name) => {
          const value: unknown = name === 'settled' ? settled : Reflect.get(target, name)
          return typeof value === 'function' ? (value.bind(target) as unknown) : value
        },
      }),
    })
    const { ended } = beginRead(rig, { after: [id] })
    await rig.advance()
    expect(ended).toHaveLength(1)
  })
})

// R1, R2
describe('a reading position', () => {
  test('is named after its delay, counted from the reply that registered it', async () => {
    const rig = await Rig.start({ operations: [note, positioned] })
    await rig.login('alice', 'a1')
    await rig.whileResting(rig.holdfast.enqueue(positioned({ token: 'w1', delayMs: 300 })))
    echo(rig.last)
    await rig.advance(100)
    beginRead(rig)
    await rig.advance(199)
    expect(readsOf(rig)).toEqual([])
    await rig.advance(1)
    expect(readsOf(rig).map(({ at }) => at)).toEqual([300])
    expect(paths(rig)).toEqual(['/messages?position=w1'])
  })

  test('waits 500 ms where the reply does not say how long', async () => {
    const rig = await Rig.start({ operations: [positioned] })
    await rig.login('alice', 'a1')
    await rig.whileResting(rig.holdfast.enqueue(positioned({ token: 'w1' })))
    beginRead(rig)
    echo(rig.last)
    await rig.advance(10_000)
    expect(readsOf(rig).map(({ at }) => at)).toEqual([500])
  })

  test('is the newest of its key and owner at the moment of sending', async () => {
    const rig = await Rig.start({ operations: [positioned] })
    await rig.login('alice', 'a1')
    rig.answer = (sent) => {
      if (sent.request.kind !== 'read') echo(sent)
    }
    const write = (token: string, delayMs: number, key: string) =>
      rig.whileResting(rig.holdfast.enqueue(positioned({ token, delayMs, key })))
    await write('w1', 400, 'messages')
    beginRead(rig, { key: 'messages' })
    await rig.advance(100)
    await write('w2', 1000, 'messages')
    await write('other', 0, 'other')
    await rig.advance(10_000)
    expect(readsOf(rig).map(({ at }) => at)).toEqual([1100])
    expect(paths(rig)).toEqual(['/messages?position=w2'])
    beginRead(rig)
    await rig.advance()
    expect(paths(rig).at(-1)).toBe('/messages')
    await rig.login('bob', 'b1')
    beginRead(rig, { key: 'messages' })
    await rig.advance()
    expect(paths(rig).at(-1)).toBe('/messages')
  })

  test('is the newest also where a token is still being stored', async () => {
    const rig = Rig.prepare({ operations: [positioned] })
    const held = new HeldAnswers(sqliteStorage({ database: rig.database }))
    await rig.open({ storage: held.storage })
    await rig.login('alice', 'a1')
    await rig.whileResting(rig.holdfast.enqueue(positioned({ token: 'w1', delayMs: 0 })))
    held.hold('token')
    void rig.holdfast.updateToken('alice', 'a2')
    await rig.advance()
    beginRead(rig, { after: [] })
    await rig.advance()
    echo(rig.last)
    await rig.advance()
    expect(rig.eventsOf('operation.completed')).toHaveLength(1)
    held.release('token')
    await rig.advance()
    expect(paths(rig)).toEqual(['/messages?position=w1'])
    expect(readsOf(rig)[0]?.token).toBe('a2')
  })

  test('that storage cannot tell rejects the read: without it, it would not see what was written', async () => {
    const rig = Rig.prepare()
    const storage = sqliteStorage({ database: rig.database })
    storage.position = () => Promise.reject(new StorageError('STORAGE_CORRUPT', 'scripted'))
    await rig.open({ storage })
    await rig.login('alice', 'a1')
    const { ended } = beginRead(rig)
    await rig.advance()
    expect(ended).toEqual(['STORAGE_CORRUPT'])
    expect(rig.sent).toEqual([])
  })

  test('of a write that was answered without one is not waited for', async () => {
    const rig = await Rig.start()
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    beginRead(rig)
    rig.last.reply(200)
    await rig.advance()
    expect(readsOf(rig).map(({ at }) => at)).toEqual([0])
    expect(paths(rig)).toEqual(['/messages'])
  })

  test('outlives the process', async () => {
    const rig = await Rig.start({ operations: [positioned], vault: memoryVault() })
    await rig.login('alice', 'a1')
    await rig.whileResting(rig.holdfast.enqueue(positioned({ token: 'w1' })))
    echo(rig.last)
    await rig.advance(1000)
    await rig.close()
    await rig.open()
    beginRead(rig)
    await rig.advance()
    expect(paths(rig)).toEqual(['/messages?position=w1'])
    expect(readsOf(rig)[0]?.token).toBe('a1')
  })
})

// R3
describe('under required a read', () => {
  test('of nobody rejects, unsent', async () => {
    const rig = await Rig.start()
    const { ended } = beginRead(rig)
    await rig.advance()
    expect(ended).toEqual(['AUTH_ANONYMOUS'])
    expect(rig.sent).toEqual([])
  })

  test('of nobody rejects too when that is learned while it waits', async () => {
    const rig = await Rig.start({ requirement: 'unknown' })
    const { ended } = beginRead(rig)
    await rig.advance()
    expect(ended).toEqual([])
    await rig.whileResting(rig.holdfast.setRequirement('required'))
    expect(ended).toEqual(['AUTH_ANONYMOUS'])
    expect(rig.sent).toEqual([])
  })

  test('without a token opens the need, and goes with the token that answers it', async () => {
    const rig = await Rig.start()
    await rig.login('alice')
    beginRead(rig)
    await rig.advance()
    expect(rig.sent).toEqual([])
    expect(rig.eventsOf('token.needed')).toMatchObject([{ user: 'alice', reason: 'missing' }])
    await rig.whileResting(rig.holdfast.updateToken('alice', 'a1'))
    await rig.advance()
    expect(rig.sent.map(({ token }) => token)).toEqual(['a1'])
  })

  test('waits for the vault, and asks nobody meanwhile', async () => {
    const rig = await Rig.start({ vault: memoryVault() })
    await rig.login('alice', 'a1')
    await rig.close()
    await rig.begin()
    beginRead(rig)
    await rig.advance()
    expect(rig.sent.map(({ token }) => token)).toEqual(['a1'])
    expect(rig.eventsOf('token.needed')).toEqual([])
    expect(rig.holdfast.status().tokenNeeds).toEqual([])
  })

  test('goes on by itself after the source was unavailable', async () => {
    let calls = 0
    const rig = await Rig.start({
      tokenSource: () => {
        calls += 1
        if (calls < 3) throw new Error('unavailable')
        return 'a1'
      },
    })
    await rig.login('alice')
    beginRead(rig)
    await rig.advance(999)
    expect(calls).toBe(1)
    await rig.advance(1)
    expect(calls).toBe(2)
    await rig.advance(2000)
    expect(calls).toBe(3)
    expect(rig.sent.map(({ at, token }) => [at, token])).toEqual([[3000, 'a1']])
  })

  test('is deferred by a 401 until a newer generation is there', async () => {
    const rig = await Rig.start()
    await rig.login('alice', 'a1')
    const { ended } = beginRead(rig)
    await rig.advance()
    rig.last.reply(401)
    await rig.advance(3_600_000)
    expect(rig.sent).toHaveLength(1)
    expect(rig.eventsOf('token.needed')).toMatchObject([{ reason: 'refused' }])
    await rig.whileResting(rig.holdfast.updateToken('alice', 'a1'))
    expect(rig.sent).toHaveLength(1)
    await rig.whileResting(rig.holdfast.updateToken('alice', 'a2'))
    await rig.advance()
    rig.last.reply(200)
    await rig.advance()
    expect(rig.sent.map(({ token }) => token)).toEqual(['a1', 'a2'])
    expect(ended).toEqual([200])
  })

  test('is told to be deferred by each 401, also where a newer token is there already', async () => {
    const rig = await Rig.start()
    await rig.login('alice', 'a1')
    beginRead(rig)
    await rig.advance()
    await rig.whileResting(rig.holdfast.updateToken('alice', 'a2'))
    rig.last.reply(401)
    await rig.advance()
    expect(rig.sent.map(({ token }) => token)).toEqual(['a1', 'a2'])
    expect(rig.eventsOf('read.deferred')).toMatchObject([{ user: 'alice' }])
    rig.last.reply(401)
    await rig.advance()
    expect(rig.sent).toHaveLength(2)
    expect(rig.eventsOf('read.deferred')).toHaveLength(2)
  })

  test('that is refused twice, with a source, rejects; its cause is the first 401', async () => {
    const rig = await Rig.start({ tokenSource: () => 'a2', answer: replying(401) })
    await rig.login('alice', 'a1')
    const { promise } = beginRead(rig)
    const failure: unknown = await rig.whileResting(promise).catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'AUTH_REFRESH_FAILED' })
    const [failed] = rig.eventsOf('token.refreshFailed')
    expect(failed?.error).toMatchObject({ code: 'AUTH_REFRESH_FAILED' })
    expect((failure as Error).cause).toMatchObject({ code: 'AUTH_TOKEN_REFUSED' })
    expect((failure as Error).cause).toBe(failed?.error.cause)
    expect(rig.sent.map(({ token }) => token)).toEqual(['a1', 'a2'])
  })

  test('that was refused twice has refused that token for everybody (T4, T8)', async () => {
    let calls = 0
    const rig = await Rig.start({
      tokenSource: () => `a${(calls += 1) + 1}`,
      answer: replying(401),
    })
    await rig.login('alice', 'a1')
    const first = beginRead(rig)
    await rig.advance()
    const second = beginRead(rig)
    await rig.advance(29_999)
    expect(first.ended).toEqual(['AUTH_REFRESH_FAILED'])
    expect(second.ended).toEqual([])
    expect(rig.sent.map(({ token }) => token)).toEqual(['a1', 'a2'])
    expect(calls).toBe(1)
    await rig.advance(1)
    expect(calls).toBe(2)
    expect(rig.sent.map(({ token }) => token)).toEqual(['a1', 'a2', 'a3'])
  })

  test('without a source goes again with each newer generation', async () => {
    const rig = await Rig.start({ answer: replying(401) })
    await rig.login('alice', 'a0')
    const { ended } = beginRead(rig)
    for (let n = 1; n < 5; n += 1) {
      await rig.advance()
      await rig.whileResting(rig.holdfast.updateToken('alice', `a${n}`))
    }
    expect(rig.sent.map(({ token }) => token)).toEqual(['a0', 'a1', 'a2', 'a3', 'a4'])
    expect(ended).toEqual([])
  })
})

// R3, I10
describe('under off', () => {
  test('a read of nobody goes unsigned, and a 401 to it rejects', async () => {
    const rig = await Rig.start({ requirement: 'off', answer: replying(401) })
    const { ended } = beginRead(rig)
    await rig.advance()
    expect(ended).toEqual(['AUTH_TOKEN_REFUSED'])
  })

  test('an unsigned read that is refused goes on once off is said again', async () => {
    const rig = await Rig.start({ requirement: 'off' })
    await rig.login('alice')
    const { ended } = beginRead(rig)
    await rig.advance()
    rig.last.reply(401)
    await rig.advance()
    expect(rig.eventsOf('requirement.changed')).toEqual([{ requirement: 'off', suspected: true }])
    expect(rig.eventsOf('read.deferred')).toMatchObject([{ user: 'alice' }])
    expect(rig.sent).toHaveLength(1)
    await rig.whileResting(rig.holdfast.setRequirement('off'))
    await rig.advance()
    expect(rig.sent).toHaveLength(2)
    rig.last.reply(200)
    await rig.advance()
    expect(ended).toEqual([200])
  })
})

// R4
describe('a switch of users', () => {
  test.each(['settling', 'delaying', 'parked', 'fetching', 'deferred'])(
    'cancels a read that is %s',
    async (phase) => {
      const rig = await Rig.start({ operations: [note, positioned] })
      await rig.login('alice', ...(phase === 'parked' ? [] : ['a1']))
      if (phase === 'settling') await rig.enqueue('one')
      if (phase === 'delaying') {
        await rig.whileResting(rig.holdfast.enqueue(positioned({ token: 'w1' })))
        echo(rig.last)
        await rig.advance()
      }
      const { ended } = beginRead(rig)
      await rig.advance()
      if (phase === 'deferred') {
        rig.last.reply(401)
        await rig.advance()
      }
      const count = readsOf(rig).length
      await rig.login('bob', 'b1')
      expect(ended).toEqual(['READ_CANCELLED'])
      await rig.whileResting(rig.holdfast.updateToken('alice', 'a2'))
      await rig.advance(60_000)
      expect(readsOf(rig)).toHaveLength(count)
      expect(readsOf(rig).filter(({ signal }) => signal.aborted)).toHaveLength(
        phase === 'fetching' ? 1 : 0,
      )
    },
  )

  test('does not cancel the reads of who stays', async () => {
    const rig = await Rig.start({ answer: replying(200) })
    await rig.login('alice', 'a1')
    const { ended } = beginRead(rig)
    await rig.login('alice', 'a2')
    expect(ended).toEqual([200])
  })
})

// R5
describe.each([425, 429])('a %i', (status) => {
  test('waits as long as it says, then goes once more without the position', async () => {
    const rig = await Rig.start({ operations: [positioned] })
    await rig.login('alice', 'a1')
    await rig.whileResting(rig.holdfast.enqueue(positioned({ token: 'w1', delayMs: 0 })))
    echo(rig.last)
    const { ended } = beginRead(rig)
    await rig.advance()
    rig.last.reply(status, { headers: { 'retry-after': '2' } })
    await rig.advance(1999)
    expect(readsOf(rig)).toHaveLength(1)
    await rig.advance(1)
    expect(paths(rig)).toEqual(['/messages?position=w1', '/messages'])
    rig.last.reply(status, { headers: { 'retry-after': '2' } })
    await rig.advance(60_000)
    expect(ended).toEqual(['READ_FAILED'])
    expect(readsOf(rig)).toHaveLength(2)
  })
})

test.each([
  ['an error', 500, JSON_REPLY],
  ['a refusal', 403, JSON_REPLY],
  ['a captive portal', 200, { headers: { 'content-type': 'text/html' }, body: '<html>' }],
  ['a redirect to another origin', 302, { headers: { location: 'https://portal.test/' } }],
])('%s rejects the read, with its code (R5)', async (_name, status, more) => {
  const rig = await Rig.start({ answer: replying(status, more) })
  await rig.login('alice', 'a1')
  const { ended } = beginRead(rig)
  await rig.advance(60_000)
  expect(ended).toEqual(['READ_FAILED'])
  expect(rig.sent).toHaveLength(1)
})

// Q6
describe('a 2xx to a read', () => {
  const HTML = { 'content-type': 'text/html' }
  const ok = { headers: {}, body: 'OK' }
  const torn = { headers: {}, body: '{"a"' }

  test.each<[string, ReadOptions['reply'] | undefined, Partial<Reply>, unknown]>([
    ['that is no JSON is an answer', undefined, ok, 200],
    ['that is no JSON rejects a read that declares JSON', 'json', ok, 'READ_FAILED'],
    [
      'that is JSON under the label of HTML is an answer',
      'json',
      { headers: HTML, body: '{}' },
      200,
    ],
    [
      'that is empty under the label of HTML is an answer',
      'json',
      { headers: HTML, body: '' },
      200,
    ],
    ['that is cut is an answer, which says so', 'json', { ...torn, isCut: true }, 200],
    ['that is a page rejects', undefined, { headers: HTML, body: '<p>' }, 'READ_FAILED'],
    ['that is a page is an answer where anything is', 'any', { headers: HTML, body: '<p>' }, 200],
  ])('%s', async (_name, declared, more, end) => {
    const rig = await Rig.start({ answer: replying(200, more) })
    await rig.login('alice', 'a1')
    const { ended } = beginRead(rig, declared === undefined ? {} : { reply: declared })
    await rig.advance()
    expect(ended).toEqual([end])
  })

  test('tells that it is cut', async () => {
    const rig = await Rig.start({ answer: replying(200, { ...torn, isCut: true }) })
    await rig.login('alice', 'a1')
    const { promise } = beginRead(rig)
    await rig.advance()
    expect(await promise).toMatchObject({ isCut: true, body: '{"a"' })
  })

  test('whose declared reply is none of the words is misuse', async () => {
    const rig = await Rig.start()
    const options = { reply: 'html' } as unknown as Partial<ReadOptions>
    await expect(beginRead(rig, options).promise).rejects.toThrow(TypeError)
  })
})

test('a 401 that is cut defers the read as any other 401 (Q6, R3)', async () => {
  const rig = await Rig.start()
  await rig.login('alice', 'a1')
  const { ended } = beginRead(rig)
  await rig.advance()
  rig.last.reply(401, { isCut: true })
  await rig.advance()
  expect(rig.eventsOf('read.deferred')).toHaveLength(1)
  expect(ended).toEqual([])
})

// R5
describe('a read whose request cannot be made', () => {
  test.each<[string, () => unknown]>([
    ['has a path that leads elsewhere', () => ({ method: 'GET', path: '//evil.example' })],
    ['has its query in the path', () => ({ method: 'GET', path: '/messages?a=b' })],
    ['has a segment of two dots', () => ({ method: 'GET', path: '/messages/%2e%2e' })],
    ['has a method that is none', () => ({ method: 'FETCH', path: '/messages' })],
    [
      'has a header that is undefined',
      () => ({ method: 'GET', path: '/', headers: { a: undefined } }),
    ],
    ['has a body that is no JSON', () => ({ method: 'POST', path: '/', body: { id: 1n } })],
    ['is none', () => undefined],
    ['is a promise', async () => ({ method: 'GET', path: '/messages' })],
  ])('since it %s rejects at once, unsent, and is not retryable', async (_name, request) => {
    const rig = await Rig.start()
    await rig.login('alice', 'a1')
    const { promise, ended } = beginRead(rig, { request: request as ReadOptions['request'] })
    await rig.advance()
    expect(ended).toEqual(['APP_CODE_FAILED'])
    const error: unknown = await promise.catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ retryable: false, cause: expect.any(TypeError) as unknown })
    expect(rig.sent).toEqual([])
  })
})

// E3
test.each([
  ['null', null],
  ['nothing', undefined],
  ['a status that is no number', { status: '200', headers: {}, body: '{}' }],
  ['a header that is no text', { status: 200, headers: { date: 5 }, body: '{}' }],
  ['no body', { status: 200, headers: {} }],
])(
  'an answer of the transport that is %s rejects the read, and the lane goes on',
  async (_name, answer) => {
    const rig = Rig.prepare({ answer: replying(200) })
    const { transport } = rig
    await rig.open({
      transport: {
        origin: transport.origin,
        send: (request, options) =>
          request.kind === 'read'
            ? Promise.resolve(answer as Reply)
            : transport.send(request, options),
      },
    })
    await rig.login('alice', 'a1')
    const { ended, promise } = beginRead(rig)
    await rig.advance()
    expect(ended).toEqual(['READ_FAILED'])
    await expect(promise).rejects.toMatchObject({ cause: expect.any(TypeError) as unknown })
    await rig.enqueue('one')
    await rig.advance()
    expect(rig.eventsOf('operation.completed')).toHaveLength(1)
  },
)

test('no reply within the time limit rejects the read, and lets go of the request', async () => {
  const rig = await Rig.start()
  await rig.login('alice', 'a1')
  const { ended } = beginRead(rig)
  await rig.advance(29_999)
  expect(ended).toEqual([])
  await rig.advance(1)
  expect(ended).toEqual(['READ_FAILED'])
  expect(rig.last.signal.aborted).toBe(true)
})

// Q19
test('close() ends every read, and lets go of what is in flight', async () => {
  const rig = await Rig.start()
  await rig.login('alice', 'a1')
  const { ended } = beginRead(rig)
  await rig.advance()
  await rig.close()
  expect(ended).toEqual(['CLOSED'])
  expect(rig.last.signal.aborted).toBe(true)
})

// Q19
test('close() sends no read any more, also where the write before it still ends well', async () => {
  const rig = await Rig.start()
  await rig.login('alice', 'a1')
  const inFlight = beginRead(rig, { after: [] })
  const { ended } = beginRead(rig, { after: [] })
  await rig.enqueue('one')
  const waiting = beginRead(rig)
  await rig.advance()
  expect(readsOf(rig)).toHaveLength(2)
  const closed = rig.holdfast.close({ deadlineMs: 5000 })
  await rig.advance()
  expect(waiting.ended).toEqual(['CLOSED'])
  readsOf(rig)[0]?.reply(200)
  readsOf(rig)[1]?.reply(429, { headers: { 'retry-after': '1' } })
  await rig.advance()
  expect([...inFlight.ended, ...ended]).toEqual([200, 'CLOSED'])
  rig.last.reply(200)
  await rig.advance(5000)
  await closed
  expect(rig.sent).toHaveLength(3)
})

// R3, Q11
test('a refusal that cannot be stored is not forgotten: the read still goes exactly once more', async () => {
  const rig = Rig.prepare()
  const failures = new Failures(sqliteStorage({ database: rig.database }))
  await rig.open({ storage: failures.storage })
  await rig.login('alice', 'a1')
  const { ended } = beginRead(rig)
  await rig.advance()
  failures.failOn(['refuseToken'])
  rig.last.reply(401)
  await rig.advance()
  expect(rig.sent).toHaveLength(1)
  await rig.whileResting(rig.holdfast.setRequirement('off'))
  expect(rig.sent).toHaveLength(1)
  await rig.whileResting(rig.holdfast.updateToken('alice', 'a2'))
  expect(rig.sent.map(({ token }) => token)).toEqual(['a1', 'a2'])
  failures.failOn(null)
  await rig.advance(10_000)
  expect(rig.sent).toHaveLength(2)
  rig.last.reply(200)
  await rig.advance()
  expect(ended).toEqual([200])
})
