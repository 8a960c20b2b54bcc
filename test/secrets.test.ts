/** No token and no payload where it does not belong: events, errors, journal, log, channels, status, files, inspect(). */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { memoryVault } from '../src/ports/vault.ts'
import { sqliteStorage } from '../src/sqlite-storage.ts'
import { WALL_START } from '../src/simulation/virtual-time.ts'
import { replay } from '../src/journal/replay.ts'
import { ENCODINGS } from './support/encodings.ts'
import { jwt } from './support/jwt.ts'
import { keepingLogger, listenToChannels } from './support/observers.ts'
import { HTML_REPLY, Rig, type RigOptions } from './support/rig.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const SECRETS = {
  first: 'opaque-secret-one',
  second: jwt({ sub: 'alice', jti: 'secret-two', iat: WALL_START, exp: WALL_START + 60_000 }),
  source: 'opaque-secret-three',
  unstored: 'opaque-secret-four',
}

/** All that somebody could look for: the tokens, and the parts of the one that has parts. */
const NEEDLES = [...Object.values(SECRETS), ...SECRETS.second.split('.').slice(1, 2)]

const PAYLOAD = 'my own private words'

/** A life with everything in it: refusals, refreshes, failures, a portal, a dead letter, a restart. */
async function eventfulLife(rig: Rig): Promise<string[]> {
  const shown: string[] = []
  const show = () => {
    const { holdfast } = rig
    shown.push(JSON.stringify(holdfast.status()))
    shown.push(inspect(holdfast, { depth: 20, showHidden: true, getters: true }))
  }
  await rig.login('alice', SECRETS.first)
  await rig.enqueue(PAYLOAD)
  show()
  rig.last.reply(401, { body: `no ${SECRETS.first}` })
  await rig.advance(10)
  await rig.whileResting(rig.holdfast.updateToken('alice', SECRETS.second))
  rig.last.reply(200, HTML_REPLY)
  await rig.advance(1000)
  rig.last.reply(500)
  await rig.advance(1000)
  show()
  rig.last.fail()
  await rig.advance(5000)
  rig.last.reply(422, { body: JSON.stringify({ token: SECRETS.second, echo: SECRETS.second }) })
  await rig.advance(100_000)
  await rig.enqueue(PAYLOAD)
  await rig.advance(1000)
  show()
  shown.push(inspect((await rig.holdfast.deadLetters()).items, { depth: 20, showHidden: true }))
  return shown
}

async function rigOn(file: string, options: RigOptions = {}): Promise<Rig> {
  let calls = 0
  const rig = Rig.prepare(options)
  await rig.open({
    storage: sqliteStorage({ file }),
    vault: memoryVault(),
    tokenSource: async () => {
      calls += 1
      if (calls === 1) throw new Error('offline')
      return SECRETS.source
    },
  })
  return rig
}

function withoutSecrets(text: string): void {
  expect(NEEDLES.filter((needle) => text.includes(needle))).toEqual([])
}

describe('a token is', () => {
  test('in no event, error, status, inspection or journal line', async () => {
    const rig = await rigOn(join(temporaryFolder(), 'outbox.db'))
    const shown = await eventfulLife(rig)
    expect(rig.sent.map(({ token }) => token)).toContain(SECRETS.source)
    withoutSecrets(shown.join('\n'))
    expect(rig.heard.length).toBeGreaterThan(10)
    withoutSecrets(inspect(rig.heard, { depth: 20, showHidden: true, maxStringLength: null }))
    const journal = rig.journal.lines().join('\n')
    expect(journal.length).toBeGreaterThan(1000)
    withoutSecrets(journal)
    expect(journal).not.toContain(PAYLOAD)
    await rig.close()
  })

  test('in no line of a log and in no message of a channel', async () => {
    const { logger, lines } = keepingLogger()
    const heard = listenToChannels()
    const rig = await rigOn(join(temporaryFolder(), 'outbox.db'), { logger })
    await eventfulLife(rig)
    await rig.close()
    expect(rig.sent.map(({ token }) => token)).toContain(SECRETS.source)
    expect(lines.length).toBeGreaterThan(50)
    expect(heard.attempts.length).toBeGreaterThan(20)
    expect(heard.settlements.length).toBeGreaterThan(0)
    const channels = inspect(heard, { depth: 20, showHidden: true, maxStringLength: null })
    for (const text of [lines.join('\n'), channels]) {
      withoutSecrets(text)
      expect(text).not.toContain(PAYLOAD)
    }
  })

  test('in no byte of the database and the files beside it, but sealed', async () => {
    const folder = temporaryFolder()
    const rig = await rigOn(join(folder, 'outbox.db'))
    await eventfulLife(rig)
    const bytes = () =>
      readdirSync(folder)
        .map((name) => readFileSync(join(folder, name)).toString('latin1'))
        .join('\n')
    expect(readdirSync(folder)).toContain('outbox.db-wal')
    expect(bytes()).toContain(PAYLOAD)
    withoutSecrets(bytes())
    await rig.close()
    withoutSecrets(bytes())
  })

  test('in no request but beside it, and in no URL', async () => {
    const rig = await Rig.start()
    await rig.login('alice', SECRETS.first)
    await rig.enqueue('one')
    withoutSecrets(inspect(rig.last.request, { depth: 20, showHidden: true }))
    expect(rig.last.token).toBe(SECRETS.first)
    expect(Object.keys(rig.last.request.headers)).not.toContain('authorization')
  })

  test('in no excerpt of the reply to its request, though the app has replaced it many times since', async () => {
    const token = 'QuietHarborLanternMeadow'
    const rig = await Rig.start()
    await rig.login('alice', token)
    await rig.enqueue('one')
    for (let count = 0; count < 10; count += 1) {
      await rig.whileResting(rig.holdfast.updateToken('alice', `token-${count}`))
    }
    rig.last.reply(422, { body: `${token} was refused` })
    await rig.advance()
    const [letter] = (await rig.whileResting(rig.holdfast.deadLetters())).items
    expect(letter).toMatchObject({ excerpt: '[redacted] was refused' })
  })

  test.each(['updateToken', 'login'] as const)('in no error of a %s() that fails', async (call) => {
    const rig = await Rig.start({ subjectClaim: 'sub' })
    const stranger = jwt({ sub: 'mallory', jti: 'secret-five' })
    const calling =
      call === 'login'
        ? rig.holdfast.login('alice', { token: stranger })
        : rig.holdfast.updateToken('alice', stranger)
    const error: unknown = await rig.whileResting(calling).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'AUTH_USER_MISMATCH' })
    expect(inspect(error, { depth: 20, showHidden: true })).not.toContain(stranger.split('.')[1])
  })
})

// E6
describe.each(Object.entries(ENCODINGS))('what foreign code echoes as %s', (_name, encode) => {
  const TOKEN = 'sentinel-of-alice-7Qx'
  const echo = encode(TOKEN)
  /** A piece of it. What is wrapped has pieces of six characters. */
  const needles = [echo, echo.slice(1, 13), ...echo.split('\n').filter((line) => line.length > 5)]

  test('is in nothing that leaves: letters, events, errors, status, journal, log, channels, files', async () => {
    const folder = temporaryFolder()
    const library = () =>
      Object.assign(new Error(`no ${echo}`), { name: echo, code: echo, response: { data: echo } })
    const { logger, lines } = keepingLogger()
    const channels = listenToChannels()
    const rig = Rig.prepare({ logger })
    let isSealing = true
    await rig.open({
      storage: sqliteStorage({ file: join(folder, 'outbox.db') }),
      tokenSource: () => Promise.reject(library()),
      vault: {
        seal: (secret) => {
          if (isSealing) throw library()
          return Buffer.from(secret).map((byte) => byte ^ 0x5a)
        },
        unseal: () => Promise.reject(library()),
      },
    })
    await rig.login('alice', TOKEN)
    const headers = { 'content-type': echo, 'retry-after': echo, date: echo, etag: echo }
    const bodies = [
      `you sent ${echo}`,
      JSON.stringify({ error: `you sent ${echo}`, echo, code: echo }),
      JSON.stringify({ errors: [{ detail: JSON.stringify({ message: echo }) }] }),
      `<p>${echo}</p>`,
    ]
    for (const body of bodies) {
      await rig.enqueue('one')
      rig.last.fail(library())
      await rig.advance(2000)
      rig.last.reply(503, { headers, body })
      await rig.advance(10_000)
      rig.last.reply(422, { headers: { ...headers, 'retry-after': '1' }, body })
      await rig.advance(10)
    }
    const read = rig.holdfast.read({ request: () => ({ method: 'GET', path: '/' }) })
    const readFailed = read.catch((thrown: unknown) => thrown)
    await rig.advance()
    rig.last.fail(library())
    const shown: unknown[] = [await rig.whileResting(readFailed)]
    await rig.whileResting(rig.holdfast.refreshToken('alice'))
    await rig.advance(10)
    isSealing = false
    await rig.whileResting(rig.holdfast.updateToken('alice', `${TOKEN}8`))
    shown.push((await rig.whileResting(rig.holdfast.deadLetters())).items, rig.holdfast.status())
    const bytes = () =>
      readdirSync(folder)
        .map((name) => readFileSync(join(folder, name)).toString('latin1'))
        .join('\n')
    shown.push(bytes())
    await rig.close()
    const text = [
      ...rig.journal.lines(),
      ...lines,
      bytes(),
      inspect([rig.heard, shown, channels], { depth: 20, showHidden: true, maxStringLength: null }),
    ].join('\n')
    expect(rig.heard.map(({ name }) => name)).toContain('token.refreshFailed')
    expect(lines).toContainEqual(expect.stringContaining('holdfast token.refreshFailed'))
    expect(channels.attempts.map(({ step }) => step)).toContain('error')
    expect(rig.eventsOf('operation.dead')).toHaveLength(bodies.length)
    expect(needles.filter((needle) => text.includes(needle))).toEqual([])
    await replay(rig.journal.lines().join('\n'))
  })
})

describe('two engines in one process', () => {
  test('share nothing: identity, tokens, holds, listeners, fingerprints', async () => {
    const [first, second] = [await Rig.start(), await Rig.start()]
    await first.login('alice', 'a1')
    first.holdfast.pause()
    await first.enqueue('one')
    await second.login('alice')
    await second.enqueue('two')
    expect(second.holdsOf('alice')).toEqual(['awaiting-token'])
    expect(first.holdsOf('alice')).toEqual(['paused'])
    expect(second.eventsOf('token.updated')).toEqual([])
    expect(first.eventsOf('token.needed')).toEqual([])
    await first.close()
    expect(second.holdfast.status().queue).toBe('running')
    await second.whileResting(second.holdfast.updateToken('alice', 'a1'))
    expect(second.sent.map(({ token }) => token)).toEqual(['a1'])
    expect(first.sent).toEqual([])
  })

  test('give the same token another fingerprint', async () => {
    const prints: unknown[] = []
    for (let n = 0; n < 2; n += 1) {
      const rig = Rig.prepare()
      await rig.open({
        random: { fraction: () => 0.5, nonce: () => `engine-${n}` },
      })
      await rig.login('alice', 'the-same')
      prints.push(
        rig.database.prepare<[], string>('SELECT fingerprint FROM holdfast_tokens').pluck().get(),
      )
    }
    expect(prints[0]).toMatch(/^[\w-]{16}$/)
    expect(prints[1]).not.toBe(prints[0])
  })
})
