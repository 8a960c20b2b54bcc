/** `report()` has what a bug report needs, and no token, no payload and no header (E6); users as pseudonyms on request. */
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import type { Report, ReportOptions } from '../src/api/report.ts'
import { createHoldfast } from '../src/create-holdfast.ts'
import { replay } from '../src/journal/replay.ts'
import { ringJournal } from '../src/journal/ring-journal.ts'
import { memoryVault } from '../src/ports/vault.ts'
import { WALL_START } from '../src/simulation/virtual-time.ts'
import { sqliteStorage } from '../src/sqlite-storage.ts'
import { httpTransport } from '../src/transport/http-transport.ts'
import { VERSION } from '../src/version.ts'
import { ENCODINGS } from './support/encodings.ts'
import { Failures } from './support/failing-storage.ts'
import { jwt } from './support/jwt.ts'
import { neighbours } from './support/neighbours.ts'
import { note, replying, Rig, type RigOptions } from './support/rig.ts'

const PAYLOAD = 'my own private words'
const ALICE = 'alice@example.com'
const BOB = 'bob@example.com'

function reportOf(rig: Rig, options?: ReportOptions): Promise<Report> {
  return rig.whileResting(rig.holdfast.report(options))
}

/** An engine on which so many operations have died, each at an instant of its own. */
async function withLetters(letterCount: number, options: RigOptions = {}): Promise<Rig> {
  const rig = await Rig.start({ requirement: 'off', answer: replying(422), ...options })
  for (let nth = 0; nth < letterCount; nth += 1) {
    await rig.enqueue(`${PAYLOAD} ${nth}`)
    await rig.advance(1)
  }
  return rig
}

describe('a report', () => {
  test('tells versions, options, kinds, the status and the journal, as plain JSON', async () => {
    const rig = await Rig.start({ journal: ringJournal(), maxAttempts: 7 })
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    await rig.advance(5)
    const report = await reportOf(rig)
    expect(report).toMatchObject({
      holdfast: VERSION,
      node: process.versions.node,
      platform: `${process.platform} ${process.arch}`,
      createdAt: WALL_START + 5,
      pseudonyms: false,
      options: { origin: 'https://server.test', maxAttempts: 7, concurrency: 4, hasVault: false },
      kinds: [{ kind: 'note', version: 1 }, { kind: 'count' }],
      deadLetters: { count: 0, newest: [] },
      storageFailure: null,
      errors: [],
    })
    expect(report.status).toBe(rig.holdfast.status())
    expect(JSON.parse(JSON.stringify(report))).toEqual(report)
  })

  test('has the journal of the ring, which replays', async () => {
    const journal = ringJournal({ lines: 20 })
    const rig = await Rig.start({ journal, answer: replying(200) })
    await rig.login('alice', 'a1')
    for (let nth = 0; nth < 20; nth += 1) {
      await rig.enqueue(`${nth}`)
      await rig.advance(10)
    }
    const report = await reportOf(rig)
    expect(`${report.journal?.join('\n')}\n`).toBe(journal.text())
    const { decided } = await replay(report.journal?.join('\n') ?? '')
    expect(decided).toBeGreaterThan(5)
  })

  test('has no journal where the app has none, or another one', async () => {
    const rig = await Rig.start()
    expect(await reportOf(rig)).toMatchObject({ journal: null })
    await rig.close()
    await rig.open({ journal: undefined as never })
    expect(await reportOf(rig)).toMatchObject({ journal: null })
  })

  test('has the newest 100 dead letters without their payloads, and tells how many there are', async () => {
    const rig = await withLetters(103)
    const { deadLetters } = await reportOf(rig)
    const all = (await rig.whileResting(rig.holdfast.deadLetters())).items
    expect(deadLetters?.count).toBe(103)
    expect(deadLetters?.newest).toHaveLength(100)
    expect(deadLetters?.newest.map(({ id }) => id)).toEqual(
      all
        .map(({ id }) => id)
        .toReversed()
        .slice(0, 100),
    )
    const { payload: _payload, state: _state, ...newest } = all.at(-1) ?? {}
    expect(deadLetters?.newest[0]).toEqual(newest)
  })

  test.each([
    [0, 0],
    [2, 2],
    [1000, 3],
  ])('has at most %i dead letters if the app wants so', async (deadLetters, shown) => {
    const rig = await withLetters(3)
    const report = await reportOf(rig, { deadLetters })
    expect(report.deadLetters?.newest).toHaveLength(shown)
    expect(report.deadLetters?.count).toBe(3)
  })

  test('has the last 20 errors that the app was told of, the oldest first', async () => {
    const rig = await Rig.start({ requirement: 'off', answer: replying(200) })
    let nth = 0
    rig.holdfast.on('operation.completed', () => {
      nth += 1
      throw Object.assign(new Error(`failure ${nth}`), { code: 'EFORTEST' })
    })
    for (let count = 0; count < 25; count += 1) {
      await rig.enqueue('one')
      await rig.advance(1000)
    }
    const { errors } = await reportOf(rig)
    expect(errors).toHaveLength(20)
    expect(errors[0]).toEqual({
      at: WALL_START + 5000,
      code: 'APP_CODE_FAILED',
      cause: 'Error',
      reason: 'EFORTEST',
      message: 'a listener of operation.completed threw',
    })
    expect(errors.at(-1)?.at).toBe(WALL_START + 24_000)
  })

  test.each([
    [{ pseudonyms: 'yes' }, TypeError],
    [{ deadLetters: 1001 }, RangeError],
    [{ deadLetters: -1 }, RangeError],
    [{ deadLetters: 1.5 }, RangeError],
    [{ deadLetters: '5' }, RangeError],
  ])('refuses %j', async (options, kind) => {
    const rig = await Rig.start()
    await expect(rig.holdfast.report(options as never)).rejects.toThrow(kind)
  })

  // Q17
  test('of a process that does not dispatch is as whole', async () => {
    const { first, second } = neighbours({
      requirement: 'off',
      vault: memoryVault(Buffer.alloc(32)),
    })
    await first.rig.open()
    await second.rig.open()
    await first.rig.enqueue('one')
    first.rig.last.reply(422)
    await first.rig.advance()
    await second.hear()
    const report = await reportOf(second.rig)
    expect(report.deadLetters).toEqual((await reportOf(first.rig)).deadLetters)
    expect(report.deadLetters).toMatchObject({ count: 1, newest: [{ reason: 'rejected' }] })
  })
})

// E2
describe('where storage cannot be read, a report', () => {
  test.each(['STORAGE_CORRUPT', 'STORAGE_GONE', 'STORAGE_BUSY'] as const)(
    'tells %s, and has everything else',
    async (code) => {
      const rig = Rig.prepare({ journal: ringJournal() })
      const failures = new Failures(sqliteStorage({ database: rig.database }))
      await rig.open({ storage: failures.storage })
      await rig.login('alice', 'a1')
      failures.failOn(['enqueue'], code)
      await expect(rig.enqueue('one')).rejects.toMatchObject({ code })
      failures.failAt('letters', code)
      const report = await reportOf(rig)
      expect(report).toMatchObject({ deadLetters: null, storageFailure: code })
      expect(report.status.identity).toBe('alice')
      expect(report.errors.map((error) => error.code)).toEqual(
        code === 'STORAGE_BUSY' ? [] : [code],
      )
      expect(report.journal?.length).toBeGreaterThan(5)
    },
  )

  test('of a storage that throws anything has a code of ours', async () => {
    const rig = Rig.prepare()
    const storage = new Proxy(sqliteStorage({ database: rig.database }), {
      get: (target, name) => {
        const value = Reflect.get(target, name) as unknown
        if (name === 'letters')
          return () => Promise.reject(Object.assign(new Error('x'), { code: 5 }))
        return typeof value === 'function' ? (value.bind(target) as unknown) : value
      },
    })
    await rig.open({ storage })
    expect(await reportOf(rig)).toMatchObject({ storageFailure: 'STORAGE_UNAVAILABLE' })
  })

  test('after close() tells CLOSED, with the last status and the journal', async () => {
    const rig = await withLetters(1, { journal: ringJournal() })
    const { holdfast } = rig
    await rig.close()
    const report = await rig.whileResting(holdfast.report())
    expect(report).toMatchObject({
      deadLetters: null,
      storageFailure: 'CLOSED',
      status: { queue: 'closed', counts: { dead: 1 } },
    })
    await replay(report.journal?.join('\n') ?? '')
  })
})

// E6
describe('a report has no secret', () => {
  const TOKENS = {
    first: 'opaque-secret-one',
    second: jwt({ sub: ALICE, jti: 'secret-two', iat: WALL_START, exp: WALL_START + 60_000 }),
    source: 'opaque-secret-three',
  }
  const needles = [...Object.values(TOKENS), ...TOKENS.second.split('.').slice(1), PAYLOAD]

  /** Refusals, refreshes, failures, a dead letter, a rate limit, reads, errors, and all that foreign code may echo. */
  async function eventfulLife(options: RigOptions = {}): Promise<Rig> {
    let calls = 0
    const rig = await Rig.start({
      journal: ringJournal(),
      vault: memoryVault(),
      tokenSource: () => {
        calls += 1
        if (calls === 1) throw new Error(`no ${TOKENS.first} of ${ALICE}`)
        return TOKENS.source
      },
      ...options,
    })
    rig.holdfast.on('operation.dead', () => {
      throw new Error(`${TOKENS.second} and ${PAYLOAD} of ${ALICE}`)
    })
    const secrets = `${TOKENS.first} ${TOKENS.second}`
    const headers = {
      'retry-after': secrets,
      'x-of-the-server': 'HeaderOfTheServer',
      etag: secrets,
    }
    await rig.login(ALICE, TOKENS.first)
    await rig.enqueue(PAYLOAD)
    rig.last.reply(401, { headers, body: `no ${secrets}` })
    await rig.advance(10)
    await rig.whileResting(rig.holdfast.updateToken(ALICE, TOKENS.second))
    rig.last.fail(Object.assign(new Error(secrets), { code: secrets, name: secrets }))
    await rig.advance(1000)
    rig.last.reply(503, { headers: { ...headers, 'retry-after': '1' } })
    await rig.advance(3000)
    rig.last.reply(422, {
      headers,
      body: JSON.stringify({ error: secrets, message: `of ${ALICE}` }),
    })
    await rig.advance(100_000)
    await rig.login(BOB)
    await rig.enqueue(PAYLOAD)
    await rig.enqueue(PAYLOAD)
    await rig.advance(10)
    rig.last.reply(500, { headers })
    await rig.advance(1)
    return rig
  }

  test('neither with user ids nor with pseudonyms', async () => {
    const rig = await eventfulLife()
    expect(rig.sent.map(({ token }) => token)).toContain(TOKENS.source)
    for (const pseudonyms of [false, true]) {
      const report = await reportOf(rig, { pseudonyms })
      expect(report.errors.length).toBeGreaterThan(0)
      expect(report.deadLetters?.count).toBe(1)
      const text = `${JSON.stringify(report)}\n${inspect(report, { depth: 20, showHidden: true })}`
      expect(needles.filter((needle) => text.includes(needle))).toEqual([])
      expect(text).not.toContain('HeaderOfTheServer')
    }
  })

  test.each(Object.entries(ENCODINGS))('that a server echoes as %s', async (_name, encode) => {
    const token = 'sentinel-of-alice-7Qx'
    const echo = encode(token)
    const rig = await Rig.start({ journal: ringJournal() })
    await rig.login('alice', token)
    await rig.enqueue('one')
    rig.last.fail(Object.assign(new Error(echo), { code: echo, name: echo }))
    await rig.advance(2000)
    rig.last.reply(422, { headers: { etag: echo }, body: JSON.stringify({ error: echo }) })
    await rig.advance()
    const text = JSON.stringify(await reportOf(rig))
    const pieces = [echo, echo.slice(1, 13), JSON.stringify(echo).slice(1, -1)]
    expect(pieces.filter((piece) => text.includes(piece))).toEqual([])
  })

  test('of a URL only the origin, also where the transport is one of the app', async () => {
    const rig = Rig.prepare({ requirement: 'off', journal: ringJournal() })
    const origin = 'https://me:Passw0rd@server.test:8443/path?key=Passw0rd'
    await rig.open({ transport: { ...rig.transport, origin } })
    await rig.enqueue('one')
    rig.last.reply(503, { headers: { 'retry-after': '10' } })
    await rig.advance(1)
    const report = await reportOf(rig)
    expect(report.options['origin']).toBe('https://server.test:8443')
    expect(JSON.stringify(report)).not.toContain('Passw0rd')
    expect(report.journal?.join('\n')).toContain('"origin":"https://server.test:8443"')
    await replay(report.journal?.join('\n') ?? '')
  })

  test('of an HTTP transport the path of its base URL is none of the report', async () => {
    const holdfast = await createHoldfast({
      storage: sqliteStorage({ file: ':memory:' }),
      transport: httpTransport({ baseUrl: 'https://api.example.com/tenants/QuietHarbor' }),
      operations: [note],
      requirement: 'off',
      journal: ringJournal(),
    })
    const report = await holdfast.report()
    await holdfast.close()
    expect(report.options['origin']).toBe('https://api.example.com')
    expect(JSON.stringify(report)).not.toContain('QuietHarbor')
  })

  describe('and with pseudonyms no user id', () => {
    const REPORT = { pseudonyms: true }

    test('in the status, the letters, the errors and the journal; and the journal replays', async () => {
      const rig = await eventfulLife()
      const plain = await reportOf(rig)
      expect(JSON.stringify(plain).split('example.com').length).toBeGreaterThan(20)
      const report = await reportOf(rig, REPORT)
      expect(JSON.stringify(report)).not.toMatch(/example\.com|example%2Ecom|alice|bob/i)
      expect(report).toMatchObject({
        pseudonyms: true,
        errors: [{ message: null }, { message: null }],
      })
      expect(report.deadLetters?.newest).toMatchObject([{ excerpt: null }])
      const [header = ''] = report.journal ?? []
      expect(JSON.parse(header)).toMatchObject({ pseudonyms: true })
      const { decided } = await replay(report.journal?.join('\n') ?? '')
      expect(decided).toBeGreaterThan(20)
    })

    test('and each user has one pseudonym everywhere, that of a journal of the same database', async () => {
      const rig = await eventfulLife()
      const report = await reportOf(rig, REPORT)
      const names = new Set(JSON.stringify(report).match(/user-[\w-]{22}/g))
      expect(names.size).toBe(2)
      const [alice] = report.deadLetters?.newest ?? []
      expect(report.status.owners.map(({ user }) => user)).toContain(alice?.user)
      await rig.close()
      const journal = ringJournal({ pseudonyms: true })
      await rig.open({ journal })
      await rig.login(ALICE, 'a9')
      expect(journal.text()).toContain(String(alice?.user))
    })

    test('also where the ring has pseudonyms of its own, which stay as they are', async () => {
      const journal = ringJournal({ pseudonyms: true })
      const rig = await eventfulLife({ journal })
      const report = await reportOf(rig, REPORT)
      expect(JSON.stringify(report)).not.toContain('example.com')
      expect(`${report.journal?.join('\n')}\n`).toBe(journal.text())
    })

    test('also of a ring that begins with a summary, and it replays', async () => {
      const rig = await Rig.start({ journal: ringJournal({ lines: 20 }), answer: replying(200) })
      for (const user of [ALICE, BOB, ALICE]) {
        await rig.login(user, 't1')
        for (let nth = 0; nth < 10; nth += 1) {
          await rig.enqueue(`${nth}`)
          await rig.advance(10)
        }
      }
      const report = await reportOf(rig, REPORT)
      expect(report.journal?.[1]).toContain('"in":"summary"')
      expect(JSON.stringify(report)).not.toContain('example.com')
      await replay(report.journal?.join('\n') ?? '')
    })

    test('and nothing else is changed: a kind of the name of a user stays', async () => {
      const rig = await Rig.start({ requirement: 'off', answer: replying(422) })
      await rig.login('note')
      await rig.enqueue('one')
      await rig.advance()
      const report = await reportOf(rig, REPORT)
      expect(report.deadLetters?.newest).toMatchObject([{ kind: 'note' }])
      expect(report.kinds).toMatchObject([{ kind: 'note' }, { kind: 'count' }])
      expect(report.status.identity).toMatch(/^user-/)
    })
  })
})
