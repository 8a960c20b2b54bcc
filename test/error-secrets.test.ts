/** Messages and causes of errors hold no secret (E1, E6, T16, T8). */
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { createHoldfast } from '../src/create-holdfast.ts'
import { TokenDeniedError, VaultUnreadableError } from '../src/errors.ts'
import { memoryVault } from '../src/ports/vault.ts'
import { sqliteStorage } from '../src/sqlite-storage.ts'
import { httpTransport } from '../src/transport/http-transport.ts'
import { note, Rig } from './support/rig.ts'

const SECRET = 'hunter2'
const TOKEN = 'TOKEN-SECRET-of-alice'

const shown = (value: unknown) => inspect(value, { depth: 20, showHidden: true })

/** What a library throws: the request with its headers, and the whole answer. */
function libraryError(): Error {
  const response = {
    status: 400,
    config: { headers: { Authorization: `Basic ${SECRET}` } },
    data: { error: 'invalid_grant', refresh_token: SECRET },
  }
  const error = new Error(`invalid_grant for ${TOKEN}: refresh_token=${SECRET}`)
  return Object.assign(error, { code: 'ERR_BAD_REQUEST', error: 'invalid_grant', response })
}

// T16
describe('the cause of an AUTH_ error is made anew', () => {
  const PLAIN = { code: 'ERR_BAD_REQUEST', status: 400, error: 'invalid_grant' }

  test('of what the token source threw', async () => {
    const thrown = libraryError()
    const rig = await Rig.start({ tokenSource: () => Promise.reject(thrown) })
    await rig.login('alice', TOKEN)
    await rig.whileResting(rig.holdfast.refreshToken('alice'))
    await rig.advance(10)
    const [event] = rig.eventsOf('token.refreshFailed')
    expect(event?.error).toMatchObject({ code: 'AUTH_SOURCE_FAILED', cause: PLAIN })
    expect(event?.error.cause).not.toBe(thrown)
    expect(event?.error.cause).toHaveProperty('message', 'invalid_grant for [redacted]: [redacted]')
    expect(shown(event)).not.toMatch(/hunter2|TOKEN-SECRET/)
  })

  test('of what the vault threw as it sealed', async () => {
    const seal = (secret: string) => {
      throw Object.assign(libraryError(), { message: `keyring refused ${secret}`, value: secret })
    }
    const rig = await Rig.start({ vault: { seal, unseal: () => '' } })
    await rig.login('alice', TOKEN)
    await rig.advance(10)
    const [event] = rig.eventsOf('error')
    expect(event?.error).toMatchObject({ code: 'AUTH_VAULT_UNAVAILABLE', cause: PLAIN })
    const message: unknown = expect.stringMatching(/^keyring refused \{.*"token":\[redacted\]\}$/)
    expect(event?.error.cause).toMatchObject({ message })
    expect(shown(event)).not.toMatch(/hunter2|TOKEN-SECRET/)
  })

  test.each([
    ['AUTH_VAULT_UNREADABLE', () => new VaultUnreadableError(`no ${SECRET}1`, libraryError())],
    ['AUTH_VAULT_UNAVAILABLE', libraryError],
  ])('of what the vault threw as it unsealed: %s', async (code, thrown) => {
    const rig = await Rig.start({ vault: memoryVault() })
    await rig.login('alice', 'a1')
    await rig.close()
    const unseal = () => Promise.reject(thrown())
    await rig.open({ vault: { seal: () => new Uint8Array(1), unseal } })
    await rig.advance(10)
    const [event] = rig.eventsOf('error')
    expect(event?.error.code).toBe(code)
    expect(event?.error.cause).toBeInstanceOf(Error)
    expect(event?.error.cause).not.toHaveProperty('response')
    expect(shown(event?.error.cause)).not.toContain('refresh_token=hunter2')
    expect(shown(event)).not.toContain('Basic hunter2')
  })

  test('of properties that throw, and that are no plain words', async () => {
    const thrown = Object.defineProperties(new Error('no'), {
      response: {
        get: () => {
          throw new Error(SECRET)
        },
      },
      error: { value: `token ${SECRET}` },
      status: { value: SECRET },
      name: { value: `Error with ${SECRET}` },
    })
    const rig = await Rig.start({ tokenSource: () => Promise.reject(thrown) })
    await rig.login('alice', 'a1')
    await rig.whileResting(rig.holdfast.refreshToken('alice'))
    await rig.advance(10)
    const [event] = rig.eventsOf('token.refreshFailed')
    expect(event?.error.cause).toMatchObject({ name: 'Error', message: 'no' })
    expect(shown(event)).not.toContain(SECRET)
  })

  test('and a denial with such a cause tells nothing of it', async () => {
    const tokens = () => Promise.reject(new TokenDeniedError(`no ${SECRET}`, libraryError()))
    const rig = await Rig.start({ tokenSource: tokens })
    await rig.login('alice', 'a1')
    await rig.whileResting(rig.holdfast.refreshToken('alice'))
    await rig.advance(10)
    expect(shown(rig.heard)).not.toContain(SECRET)
  })
})

// T8
test('the first 401 is passed on by identity, to the read and to the event', async () => {
  const rig = await Rig.start({ tokenSource: () => 'fresh' })
  await rig.login('alice', 'a1')
  const read = rig.holdfast.read({ request: () => ({ method: 'GET', path: '/' }) })
  const failed = read.catch((thrown: unknown) => thrown)
  await rig.advance()
  rig.last.reply(401)
  await rig.advance(10)
  rig.last.reply(401)
  await rig.advance(10)
  const error = (await failed) as Error
  const [event] = rig.eventsOf('token.refreshFailed')
  expect(error).toMatchObject({ code: 'AUTH_REFRESH_FAILED' })
  expect(event?.error.code).toBe('AUTH_REFRESH_FAILED')
  expect(error.cause).toMatchObject({ name: 'HoldfastError', code: 'AUTH_TOKEN_REFUSED' })
  expect(event?.error.cause).toBe(error.cause)
})

// E6
test('the cause of a read without a reply is not the object of the transport', async () => {
  const rig = await Rig.start()
  await rig.login('alice', TOKEN)
  const read = rig.holdfast.read({ request: () => ({ method: 'GET', path: '/' }) })
  await rig.advance()
  const config = { headers: { Authorization: `Bearer ${TOKEN}` } }
  rig.last.fail(Object.assign(new Error(`${TOKEN} failed`), { code: 'ECONNRESET', config }))
  const error: unknown = await read.catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({
    code: 'READ_FAILED',
    cause: { code: 'ECONNRESET', message: '[redacted] failed' },
  })
  expect(shown(error)).not.toContain('TOKEN-SECRET')
})

// Q9
test('a dead letter whose kind quotes the payload in an exception keeps nothing of the secrets in it', async () => {
  const quoting = {
    ...note,
    spec: {
      ...note.spec,
      request: () => {
        throw new Error(`cannot send {"password":"${SECRET}"}${'x'.repeat(1_000_000)}`)
      },
    },
  }
  const rig = await Rig.start({ operations: [quoting] })
  await rig.login('alice', 'a1')
  await rig.enqueue('one')
  await rig.advance()
  const [letter] = (await rig.whileResting(rig.holdfast.deadLetters())).items
  const excerpt = letter !== undefined && 'excerpt' in letter ? (letter.excerpt ?? '') : ''
  expect(excerpt).toContain('cannot send {"password":[redacted]')
  expect(excerpt.length).toBeLessThanOrEqual(256)
})

// E1
describe('misuse is told without the value of', () => {
  const base = {
    storage: sqliteStorage({ file: ':memory:' }),
    transport: httpTransport({ baseUrl: 'http://127.0.0.1:9' }),
    operations: [note],
    requirement: 'required' as const,
  }
  const make = (options: object) => () => createHoldfast({ ...base, ...options })

  test.each<[string, () => unknown, RegExp]>([
    [
      'baseUrl: another scheme',
      () => httpTransport({ baseUrl: 'ftp://alice:hunter2@host/hunter2?hunter2#hunter2' }),
      /baseUrl must be .*, not ftp:\/\/host$/,
    ],
    [
      'baseUrl: no URL',
      () => httpTransport({ baseUrl: 'https://alice:hunter2@ho st' }),
      /not a string that is no URL$/,
    ],
    ['baseUrl: an object', () => httpTransport({ baseUrl: { SECRET } as never }), /an object$/],
    [
      'baseUrl: credentials',
      () => httpTransport({ baseUrl: 'http://a:hunter2@host' }),
      /no password/,
    ],
    ['baseUrl: a query', () => httpTransport({ baseUrl: 'http://host?key=hunter2' }), /its path/],
    [
      'fetch',
      () => httpTransport({ baseUrl: 'https://h', fetch: SECRET as never }),
      /not a string$/,
    ],
    ['requirement', make({ requirement: SECRET }), /'off', not another string$/],
    ['tokenSource', make({ tokenSource: SECRET }), /tokenSource must be a function, not a string$/],
    ['vault', make({ vault: { key: SECRET } }), /vault must have the method seal/],
    ['token', make({ token: SECRET }), /there is no option token$/],
    ['subjectClaim', make({ subjectClaim: { SECRET } }), /not an object$/],
    [
      'transport.origin',
      make({ transport: { send: () => undefined, origin: `http://a:${SECRET}@\u0000` } }),
      /transport\.origin must be well-formed Unicode without U\+0000, not a string$/,
    ],
  ])('%s', async (_what, call, message) => {
    const error: unknown = await Promise.resolve()
      .then(call)
      .catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(TypeError)
    expect((error as Error).message).toMatch(message)
    expect(shown(error).replaceAll(/^ +at .*$/gm, '')).not.toContain(SECRET)
  })

  test.each<[string, (rig: Rig) => Promise<unknown>]>([
    ['login() of a text', ({ holdfast }) => holdfast.login(`${SECRET}\u0000`)],
    ['login() of an object', ({ holdfast }) => holdfast.login({ toString: () => SECRET } as never)],
    ['login() with a token', ({ holdfast }) => holdfast.login('a', { token: `${SECRET}\n1` })],
    ['updateToken()', ({ holdfast }) => holdfast.updateToken('a', `${SECRET}\n1`)],
    [
      'updateToken() of a token',
      ({ holdfast }) => holdfast.updateToken(SECRET, undefined as never),
    ],
    ['updateToken() of a list', ({ holdfast }) => holdfast.updateToken([SECRET] as never, 'a1')],
    ['refreshToken()', ({ holdfast }) => holdfast.refreshToken(`${SECRET}\ud800`)],
    ['forget()', ({ holdfast }) => holdfast.forget(`${SECRET}\ud800`)],
    ['setRequirement()', ({ holdfast }) => holdfast.setRequirement(SECRET as never)],
  ])('the arguments of %s', async (_what, call) => {
    const rig = await Rig.start({ tokenSource: () => new Promise(() => undefined) })
    const error: unknown = await rig.whileResting(call(rig)).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(TypeError)
    expect((error as Error).message).not.toContain(SECRET)
  })
})
