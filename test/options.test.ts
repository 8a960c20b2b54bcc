/** Bad options and bad calls: an error at once that names the option, the rule and the value (E1). */
import SqliteDatabase from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { createHoldfast } from '../src/create-holdfast.ts'
import { defineOperation } from '../src/operations/define-operation.ts'
import type { HoldfastOptions } from '../src/options.ts'
import { sqliteStorage } from '../src/sqlite-storage.ts'
import { httpTransport } from '../src/transport/http-transport.ts'
import { note, replying, Rig } from './support/rig.ts'

function optionsWith(wrong: object): HoldfastOptions {
  const good = {
    storage: sqliteStorage({ database: new SqliteDatabase(':memory:') }),
    transport: httpTransport({ baseUrl: 'https://api.example.com' }),
    operations: [note],
    requirement: 'required',
  }
  return { ...good, ...wrong } as HoldfastOptions
}

// E1
describe('createHoldfast() refuses', () => {
  test.each<[string, object, RegExp]>([
    ['no storage', { storage: undefined }, /storage.*open/],
    ['a storage that is none', { storage: {} }, /storage.*open/],
    [
      'a storage that cannot find',
      { storage: { open() {}, commit() {}, window() {}, close() {} } },
      /storage.*find/,
    ],
    ['no transport', { transport: undefined }, /transport.*send/],
    ['a transport without an origin', { transport: { send() {} } }, /transport\.origin.*undefined/],
    [
      'a transport with a wrong origin',
      { transport: { send() {}, origin: 5 } },
      /transport\.origin.*a number/,
    ],
    [
      'formerOrigins that are no list',
      { formerOrigins: 'https://a.example' },
      /formerOrigins.*array/,
    ],
    ['a former origin that is no text', { formerOrigins: [5] }, /formerOrigins\[0\].*5/],
    [
      'a former origin with a path',
      { formerOrigins: ['https://a.example', 'https://b.example/v1'] },
      /formerOrigins\[1\] must be an origin/,
    ],
    [
      'a former origin with a password, which is not repeated',
      { formerOrigins: ['https://alice:hunter2@a.example'] },
      /^(?!.*hunter2).*formerOrigins\[0\] must be an origin/,
    ],
    ['operations that are no list', { operations: {} }, /operations.*array/],
    ['an operation that was not defined', { operations: [{ kind: 'x' }] }, /defineOperation/],
    ['two operations of one kind', { operations: [note, note] }, /two operations.*note/],
    ['no requirement', { requirement: undefined }, /requirement.*'required'.*undefined/],
    ['an unknown requirement', { requirement: 'on' }, /requirement.*'off'.*another string/],
    ['a misspelt option', { maxPendings: 5 }, /no option maxPendings/],
    ['tokens that are no function', { tokenSource: 'a1' }, /tokenSource.*function.*string/],
    ['a vault that cannot unseal', { vault: { seal() {} } }, /vault.*unseal/],
    ['a subjectClaim that is no name', { subjectClaim: 5 }, /subjectClaim.*5/],
    ['an empty subjectClaim', { subjectClaim: '' }, /subjectClaim.*''/],
    ['a wrong whileUnknown', { whileUnknown: 'wait' }, /whileUnknown.*'hold', 'send'.*'wait'/],
    ['a wrong anonymous', { anonymous: 'keep' }, /anonymous.*'adopt'.*'keep'/],
    ['a wrong onDead', { onDead: true }, /onDead.*true/],
    ['no concurrency', { concurrency: 0 }, /concurrency.*at least 1.*0/],
    ['no call of the source at once', { maxSourceCalls: 0 }, /maxSourceCalls.*at least 1.*0/],
    ['half a call of the source', { maxSourceCalls: 0.5 }, /maxSourceCalls.*(least|whole).*0\.5/],
    ['half a request at once', { concurrency: 1.5 }, /concurrency.*whole.*1\.5/],
    ['endless concurrency', { concurrency: Infinity }, /concurrency.*whole.*Infinity/],
    ['concurrency in words', { concurrency: '4' }, /concurrency.*number.*'4'/],
    ['no attempts', { maxAttempts: 0 }, /maxAttempts.*at least 1/],
    ['negative patience', { patienceMs: -1 }, /patienceMs.*at least 0.*-1/],
    ['patience that is no number', { patienceMs: NaN }, /patienceMs.*NaN/],
    ['no room', { maxPending: 0 }, /maxPending.*at least 1/],
    ['no bytes', { maxPayloadBytes: 0 }, /maxPayloadBytes.*at least 1/],
    ['a negative window', { batchWindowMs: -5 }, /batchWindowMs.*at least 0.*-5/],
    ['no time to reply', { replyTimeoutMs: 0 }, /replyTimeoutMs.*at least 1/],
    ['a backoff that is none', { backoff: 5 }, /backoff.*5/],
    ['a misspelt part of the backoff', { backoff: { bse: 5 } }, /backoff\.bse/],
    ['a backoff without a base', { backoff: { baseMs: 0 } }, /backoff\.baseMs.*at least 1.*0/],
    ['half a millisecond', { backoff: { baseMs: 1.5 } }, /backoff\.baseMs.*whole.*1\.5/],
    ['a cap that is no number', { backoff: { capMs: '5' } }, /backoff\.capMs.*'5'/],
    ['jitter in words', { backoff: { jitter: 'full' } }, /backoff\.jitter.*'full'/],
    ['a platform that is none', { platform: {} }, /platform.*isOnline/],
    ['a clock that is none', { clock: { wall() {} } }, /clock.*monotonic/],
    ['a random that is none', { random: {} }, /random.*fraction/],
    ['a journal that is none', { journal: {} }, /journal.*header/],
  ])('%s', async (_name, wrong, message) => {
    const creating = createHoldfast(optionsWith(wrong))
    await expect(creating).rejects.toThrow(message)
    const error: unknown = await creating.catch((thrown: unknown) => thrown)
    expect(error instanceof TypeError || error instanceof RangeError).toBe(true)
  })

  test.each([undefined, null, 5])('options that are %s', async (options) => {
    await expect(createHoldfast(options as never)).rejects.toThrow(/options must be an object/)
  })
})

// E1
describe('defineOperation() refuses', () => {
  const good = {
    kind: 'x',
    payload: z.object({}),
    request: () => ({ method: 'POST', path: '/' }) as const,
  }

  test.each<[string, object, RegExp]>([
    ['no kind', { kind: undefined }, /kind.*undefined/],
    ['an empty kind', { kind: '' }, /kind.*non-empty/],
    ['no schema', { payload: undefined }, /x\): payload.*Standard Schema/],
    ['no request', { request: undefined }, /x\): request/],
    ['a request that is no function', { request: {} }, /x\): request.*function/],
    ['an interpret that is no function', { interpret: 'yes' }, /x\): interpret.*function/],
    ['version 0', { version: 0 }, /x\): version.*0/],
    ['version 1.5', { version: 1.5 }, /x\): version.*1\.5/],
    ['an unknown reply', { reply: 'xml' }, /x\): reply.*xml/],
    ['an end in no time', { expiresInMs: 0 }, /x\): expiresInMs.*0/],
    ['a merge without combine', { merge: { key: () => '' } }, /x\): merge.*combine/],
  ])('%s', (_name, wrong, message) => {
    expect(() => defineOperation({ ...good, ...wrong } as never)).toThrow(message)
    expect(() => defineOperation({ ...good, ...wrong } as never)).toThrow(TypeError)
  })

  // Q21
  test('an end that storage cannot hold', () => {
    for (const expiresInMs of [Infinity, Number.MAX_VALUE]) {
      const defining = () => defineOperation({ ...good, expiresInMs })
      expect(defining).toThrow(RangeError)
      expect(defining).toThrow(/x\): expiresInMs must be at most .*, not/)
    }
  })
})

// E1
describe('enqueue() refuses, before anything is stored,', () => {
  const cyclic: { self?: unknown } = {}
  cyclic.self = cyclic

  test.each<[string, unknown, object]>([
    ['what was not made by a kind', 'note', { name: 'TypeError' }],
    ['nothing', null, { name: 'TypeError' }],
    ['an unknown kind', { kind: 'x', payload: {} }, { code: 'UNKNOWN_KIND' }],
    [
      'a payload that does not fit',
      { kind: 'note', payload: { text: 5 } },
      { code: 'INVALID_PAYLOAD' },
    ],
    ['a payload that is no JSON', { kind: 'note', payload: cyclic }, { code: 'INVALID_PAYLOAD' }],
    ['no payload', { kind: 'note', payload: undefined }, { code: 'INVALID_PAYLOAD' }],
    ['a bigint', { kind: 'note', payload: { text: 5n } }, { code: 'INVALID_PAYLOAD' }],
    ['a function', { kind: 'note', payload: () => 5 }, { code: 'INVALID_PAYLOAD' }],
    ['an end in no time', { ...note({ text: '' }), expiresInMs: 0 }, { name: 'TypeError' }],
    [
      'an end that never comes',
      { ...note({ text: '' }), expiresInMs: Infinity },
      { name: 'RangeError' },
    ],
    ['an end in words', { ...note({ text: '' }), expiresInMs: '5' }, { name: 'TypeError' }],
  ])('%s', async (_name, draft, error) => {
    const rig = await Rig.start()
    await rig.login('alice', 'a1')
    const enqueuing = rig.holdfast.enqueue(draft as never)
    await expect(rig.whileResting(enqueuing)).rejects.toMatchObject(error)
    expect(rig.holdfast.status().counts.pending).toBe(0)
    expect(rig.sent).toEqual([])
  })

  test('but takes an end in fractions of a millisecond', async () => {
    const rig = await Rig.start({ answer: replying(200) })
    await rig.login('alice', 'a1')
    await rig.whileResting(rig.holdfast.enqueue(note({ text: 'one' }, { expiresInMs: 99.5 })))
    await rig.advance()
    expect(rig.bodies).toEqual(['one'])
  })
})

// E1
describe('a call refuses', () => {
  test.each<[string, (rig: Rig) => Promise<unknown>, RegExp]>([
    ['login() without a user', ({ holdfast }) => holdfast.login(''), /login: user.*''/],
    ['login() of a number', ({ holdfast }) => holdfast.login(5 as never), /login: user.*a number/],
    [
      'login() with an empty token',
      ({ holdfast }) => holdfast.login('a', { token: '' }),
      /token.*''/,
    ],
    ['login() with null', ({ holdfast }) => holdfast.login('a', { token: null as never }), /token/],
    ['updateToken() without a user', ({ holdfast }) => holdfast.updateToken('', 'a1'), /user.*''/],
    ['updateToken() without a token', ({ holdfast }) => holdfast.updateToken('a', ''), /token.*''/],
    [
      'updateToken() with a number',
      ({ holdfast }) => holdfast.updateToken('a', 5 as never),
      /a number/,
    ],
    ['refreshToken() without a user', ({ holdfast }) => holdfast.refreshToken(''), /user.*''/],
    [
      'logout() with a wrong word',
      ({ holdfast }) => holdfast.logout({ unsent: 'drop' as never }),
      /'discard'.*drop/,
    ],
    [
      'logout() with a negative deadline',
      ({ holdfast }) => holdfast.logout({ deadlineMs: -1 }),
      /deadlineMs.*-1/,
    ],
    [
      'flush() with a deadline of NaN',
      ({ holdfast }) => holdfast.flush({ deadlineMs: NaN }),
      /deadlineMs.*NaN/,
    ],
    [
      'close() with a deadline in words',
      ({ holdfast }) => holdfast.close({ deadlineMs: '5' as never }),
      /deadlineMs.*5/,
    ],
    [
      'setRequirement() with a wrong word',
      ({ holdfast }) => holdfast.setRequirement('on' as never),
      /'off'.*another string/,
    ],
    ['cancel() without an id', ({ holdfast }) => holdfast.cancel(''), /cancel.*''/],
    ['retry() of a number', ({ holdfast }) => holdfast.retry(5 as never), /retry.*5/],
    [
      'discard() of nothing',
      ({ holdfast }) => holdfast.discard(undefined as never),
      /discard.*undefined/,
    ],
    ['operation() without an id', ({ holdfast }) => holdfast.operation(''), /operation.*''/],
  ])('%s', async (_name, call, message) => {
    const rig = await Rig.start()
    await rig.login('alice', 'a1')
    const calling = call(rig)
    await expect(rig.whileResting(calling)).rejects.toThrow(TypeError)
    await expect(calling).rejects.toThrow(message)
    expect(rig.holdfast.status()).toMatchObject({ identity: 'alice', requirement: 'required' })
  })

  test('never shows a token in its message', async () => {
    const rig = await Rig.start()
    const secret = ['a', 'secret'] as never
    const calling = rig.holdfast.updateToken('alice', secret)
    await expect(calling).rejects.toThrow(/token must be a non-empty string/)
    await expect(calling).rejects.not.toThrow(/secret/)
  })

  test.each(['cancel', 'retry', 'discard'] as const)('%s() of a foreign id', async (name) => {
    const rig = await Rig.start()
    for (const id of ['nonsense', '9.zz.x', '0.0.', '../..', "1.1.' OR 1=1 --"]) {
      await expect(rig.whileResting<unknown>(rig.holdfast[name](id))).rejects.toMatchObject({
        code: 'UNKNOWN_OPERATION',
      })
    }
  })
})

// E1
test.each<[string, object, RegExp]>([
  ['neither file nor database', {}, /file or database/],
  ['both', { file: 'x', database: {} }, /file or database/],
  ['an empty file', { file: '' }, /file.*''/],
  ['a wrong durability', { file: 'x', durability: 'none' }, /durability.*none/],
  ['a negative timeout', { file: 'x', busyTimeoutMs: -1 }, /busyTimeoutMs.*-1/],
  ['a wrong thread', { file: 'x', thread: 'other' }, /thread.*'main', 'worker', not 'other'/],
  [
    "the app's connection on a thread of its own",
    { database: new SqliteDatabase(':memory:'), thread: 'worker' },
    /thread.*with database.*belongs to its own thread/,
  ],
])('sqliteStorage() refuses %s', (_name, options, message) => {
  expect(() => sqliteStorage(options as never)).toThrow(message)
})

// E1
test.each(['', 'api.example.com', 'ftp://example.com', 'file:///etc', 5 as never])(
  'httpTransport() refuses the baseUrl %s',
  (baseUrl) => {
    expect(() => httpTransport({ baseUrl })).toThrow(/baseUrl must be an http: or https: URL/)
  },
)
