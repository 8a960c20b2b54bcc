/** A journal holds no secret that a server, an error or a payload brings (E6), and replays all the same. */
import { createHash } from 'node:crypto'
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { HoldfastError } from '../src/errors.ts'
import { replay } from '../src/journal/replay.ts'
import { ringJournal } from '../src/journal/ring-journal.ts'
import { memoryVault } from '../src/ports/vault.ts'
import type { Reply } from '../src/ports/transport.ts'
import { keepingLogger, listenToChannels } from './support/observers.ts'
import { note, Rig, type RigOptions } from './support/rig.ts'

const SECRET = 'hunter2-of-the-server'

/** An engine whose one operation was answered so, and its journal. */
async function answered(reply: Partial<Reply> & { readonly status: number }): Promise<Rig> {
  const rig = await Rig.start({ backoff: { jitter: true } })
  await rig.login('alice', 'a1')
  await rig.enqueue('one')
  const { status, ...more } = reply
  rig.last.reply(status, more)
  await rig.advance(10)
  return rig
}

const textOf = (rig: Rig) => rig.journal.lines().join('\n')

// E6
describe('of the headers of a reply a journal has', () => {
  const DATE = 'Sun, 06 Nov 2044 08:49:37 GMT'

  test('nothing that a server put there itself', async () => {
    const headers = {
      'retry-after': `Bearer ${SECRET}`,
      date: SECRET,
      'content-type': `text/${SECRET}`,
      location: `https://elsewhere.test/${SECRET}`,
      [SECRET]: SECRET,
    }
    const rig = await answered({ status: 503, headers })
    expect(textOf(rig)).not.toContain('hunter2')
    expect(textOf(rig)).toContain('"retryAfter":"other"')
    expect(textOf(rig)).toContain('"type":"other"')
    await replay(textOf(rig))
  })

  test.each([
    ['seconds as milliseconds', { 'retry-after': ' 2.5 ' }, '"retryAfter":{"ms":3000}'],
    ['a wait of days as an hour', { 'retry-after': '999999' }, '"retryAfter":{"ms":3600000}'],
    ['a date as an instant', { 'retry-after': DATE, date: DATE }, `"date":${Date.parse(DATE)}`],
    [
      'a date of two digits as an instant',
      { 'retry-after': 'Sunday, 06-Nov-44 08:49:37 GMT' },
      `"retryAfter":{"at":${Date.parse(DATE)}}`,
    ],
    ['JSON as json', { 'content-type': 'application/problem+json; a=b' }, '"type":"json"'],
    ['HTML as html', { 'content-type': 'text/html' }, '"type":"html"'],
  ])('%s, and replays', async (_what, headers, line) => {
    const rig = await answered({ status: 503, headers, body: 'no' })
    expect(textOf(rig)).toContain(line)
    await replay(textOf(rig))
  })

  test('in a journal of an earlier version the headers themselves, and it replays', async () => {
    const rig = await answered({ status: 503, headers: { 'retry-after': '2' } })
    const earlier = textOf(rig).replace('"retryAfter":{"ms":2000}', '"retryAfter":"2"')
    expect(earlier).toContain('"retryAfter":"2"')
    await replay(earlier)
  })
})

// E6
test('of an error a journal, a log and a channel have its name and code only if they are plain words', async () => {
  const { logger, lines } = keepingLogger()
  const { attempts } = listenToChannels()
  const rig = await Rig.start({ logger })
  await rig.login('alice', 'a1')
  await rig.enqueue('one')
  const bad = { name: `Error of ${SECRET}`, code: SECRET, reason: SECRET }
  rig.last.fail(Object.assign(new Error(SECRET), bad))
  await rig.advance(1000)
  rig.last.fail(Object.assign(new Error(SECRET), { code: 'ECONNRESET' }))
  await rig.advance(10)
  for (const text of [textOf(rig), lines.join('\n'), inspect(attempts, { depth: 20 })]) {
    expect(text).not.toContain('hunter2')
    expect(text).toContain('ECONNRESET')
  }
  expect(rig.eventsOf('operation.retrying')).toMatchObject([
    { error: { name: 'Error', code: null } },
    { error: { name: 'Error', code: 'ECONNRESET' } },
  ])
  expect(JSON.stringify(rig.holdfast.status())).not.toContain('hunter2')
  await replay(textOf(rig))
})

// E6
test('nobody finds a short payload by trying digests of it', async () => {
  const rig = await Rig.start()
  await rig.login('alice', 'a1')
  await rig.enqueue('4711')
  rig.last.reply(200)
  await rig.advance()
  const text = textOf(rig)
  const [digest] = /"hmac":"([\w-]{22})"/.exec(text)?.slice(1) ?? []
  expect(digest).toBeDefined()
  const tried = (body: string) => createHash('sha256').update(body).digest('base64url').slice(0, 22)
  expect(text).not.toContain(tried(JSON.stringify({ text: '4711' })))
  // The same payload of another database has another digest.
  const other = await Rig.start({ random: { fraction: () => 0.5, nonce: () => 'another' } })
  await other.login('alice', 'a1')
  await other.enqueue('4711')
  expect(textOf(other)).not.toContain(digest)
  await replay(text)
})

describe('with pseudonyms', () => {
  const USERS = ['alice@example.com', 'bob@example.com']

  /** A life of two users that says much of them, in a journal of its own. */
  async function lifeOf(options: RigOptions = {}) {
    const journal = ringJournal({ pseudonyms: true, ...('lines' in options ? {} : {}) })
    const [alice = '', bob = ''] = USERS
    const rig = await Rig.start({
      journal,
      vault: memoryVault(),
      tokenSource: ({ reason }) => (reason === 'refused' ? 'fresh' : null),
      ...options,
    })
    await rig.login(alice, 'a1')
    await rig.enqueue('one')
    rig.last.reply(401)
    await rig.advance(10)
    rig.last.reply(503, { headers: { 'retry-after': '1' } })
    await rig.advance(2000)
    rig.last.reply(200)
    await rig.advance()
    await rig.login(bob)
    await rig.enqueue('two')
    await rig.advance(10)
    await rig.whileResting(rig.holdfast.updateToken(bob, 'b1'))
    await rig.advance(10)
    const flushed = rig.holdfast.logout({ unsent: 'flush', deadlineMs: 500 })
    await rig.advance(600)
    await flushed
    await rig.whileResting(rig.holdfast.refreshToken(alice))
    await rig.advance(10)
    await rig.whileResting(rig.holdfast.forget(alice))
    return { rig, journal }
  }

  // E6
  test('no user id is in a journal, and it replays', async () => {
    const { journal } = await lifeOf()
    const text = journal.text()
    expect(text).not.toContain('example.com')
    expect(JSON.parse(text.split('\n')[0] ?? '')).toMatchObject({ pseudonyms: true })
    const names = new Set(text.match(/user-[\w-]{22}/g))
    expect(names.size).toBe(2)
    const report = await replay(text)
    expect(report.decided).toBeGreaterThan(20)
  })

  test('also one that begins with a summary replays', async () => {
    const journal = ringJournal({ pseudonyms: true, lines: 20 })
    const { rig } = await lifeOf({ journal })
    await rig.login(USERS[1] ?? '', 'b2')
    for (const text of ['x', 'y', 'z']) {
      await rig.enqueue(text)
      await rig.advance(100)
    }
    const text = journal.text()
    expect(text).toContain('"in":"summary"')
    expect(text).not.toContain('example.com')
    await replay(text)
  })

  test('a user has the same pseudonym in every journal of a database, and another elsewhere', async () => {
    const pseudonymIn = (text: string) => /user-[\w-]{22}/.exec(text)?.[0]
    const journals = [1, 2, 3].map(() => ringJournal({ pseudonyms: true }))
    const [first, second, third] = journals
    if (first === undefined || second === undefined || third === undefined) return
    const rig = await Rig.start({ journal: first })
    await rig.login('alice')
    await rig.close()
    await rig.open({ journal: second })
    const random = { fraction: () => 0.5, nonce: () => 'another' }
    const other = await Rig.start({ journal: third, random })
    await other.login('alice')
    expect(pseudonymIn(second.text())).toBe(pseudonymIn(first.text()))
    expect(pseudonymIn(third.text())).not.toBe(pseudonymIn(first.text()))
  })

  test('nothing else of a journal changes: kinds of the name of a user stay', async () => {
    const journal = ringJournal({ pseudonyms: true })
    const rig = await Rig.start({ journal })
    await rig.login('note', 'a1')
    await rig.whileResting(rig.holdfast.enqueue(note({ text: 'one' })))
    expect(journal.text()).toContain('"kind":"note"')
    expect(journal.text()).not.toContain('"user":"note"')
  })

  test.each(['yes', 1, null])('ringJournal() refuses %j', (pseudonyms) => {
    expect(() => ringJournal({ pseudonyms: pseudonyms as never })).toThrow(TypeError)
  })
})

// E6
describe('a replay refuses', () => {
  async function refusalOf(change: (text: string) => string): Promise<string> {
    const rig = await answered({ status: 200, body: '{}' })
    const text = textOf(rig)
    const changed = change(text)
    expect(changed).not.toBe(text)
    const error: unknown = await replay(changed).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(HoldfastError)
    expect(error).toMatchObject({ code: 'JOURNAL_INVALID' })
    return (error as Error).message
  }

  test.each([16_777_217, 500_000_000, 2 ** 53, -1, 1.5, '9', null])(
    'a payload that claims %j bytes',
    async (bytes) => {
      const claimed = `"bytes":${JSON.stringify(bytes)}`
      const message = await refusalOf((text) =>
        text.replace(/("name":"enqueue".*?)"bytes":\d+/, `$1${claimed}`),
      )
      expect(message).toContain('must have from 0 to 16777216 bytes')
    },
  )

  test.each([
    ['maxPayloadBytes', '1000000000000'],
    ['maxPayloadBytes', '-1'],
    ['concurrency', '0'],
    ['concurrency', '1e400'],
    ['maxPending', '"many"'],
    ['maxAttempts', '1.5'],
    ['patienceMs', '-1'],
    ['replyTimeoutMs', 'null'],
    ['requirement', '"maybe"'],
    ['backoff', '{"base":0,"cap":1,"jitter":true}'],
    ['backoff', 'null'],
  ])('a header whose %s is %s', async (name, value) => {
    const message = await refusalOf((text) =>
      text.replace(new RegExp(`"${name}":(?:\\{[^}]*\\}|[^,}]+)`), `"${name}":${value}`),
    )
    expect(message).toContain(`line 1 of the file: settings.${name}`)
  })
})
