/** What a token says of itself, and which texts are no token, at every door (T2, T6, T1, Q21). */
import { describe, expect, test } from 'vitest'
import { VaultUnreadableError } from '../src/errors.ts'
import type { Vault } from '../src/ports/vault.ts'
import { WALL_START } from '../src/simulation/virtual-time.ts'
import { jwt } from './support/jwt.ts'
import { replying, Rig } from './support/rig.ts'
import { sealedText } from './support/sealed-text.ts'

const UNSENDABLE = [
  ['with a line end inside', 'a\n1'],
  ['with a space inside', 'a 1'],
  ['with a tab inside', 'a\t1'],
  ['with U+0000', 'a\0'],
  ['with U+007F', 'a\x7f'],
  ['with a letter that is not ASCII', 'tökén'],
  ['with a lone surrogate', 'a\ud800'],
] as const

const BLANK = [
  ['that is empty', ''],
  ['of blanks', '  '],
  ['of line ends', '\r\n'],
  ['of a byte order mark', '\ufeff'],
] as const

const PADDED = ['a1\n', ' a1', '\r\n\ta1 \u00a0', '\ufeffa1'] as const

// T2
describe('a token that is pushed', () => {
  test.each([...UNSENDABLE, ...BLANK])(
    '%s is a TypeError, and changes nothing',
    async (_n, text) => {
      const rig = await Rig.start({ answer: replying(200) })
      await rig.login('alice', 'a1')
      await expect(rig.holdfast.updateToken('alice', text)).rejects.toThrow(TypeError)
      await expect(rig.holdfast.login('bob', { token: text })).rejects.toThrow(TypeError)
      expect(rig.holdfast.status().identity).toBe('alice')
      expect(rig.eventsOf('token.updated')).toHaveLength(1)
      await rig.enqueue('one')
      await rig.advance()
      expect(rig.sent.map(({ token }) => token)).toEqual(['a1'])
    },
  )

  test('loses the white space around it, and is the same token with and without', async () => {
    const rig = await Rig.start({ answer: replying(200) })
    await rig.login('alice', PADDED[0])
    for (const text of PADDED) await rig.whileResting(rig.holdfast.updateToken('alice', text))
    await rig.enqueue('one')
    await rig.advance()
    expect(rig.sent.map(({ token }) => token)).toEqual(['a1'])
    expect(rig.eventsOf('token.updated')).toHaveLength(1)
  })

  test('and is the refused token with a line end behind it is ignored too', async () => {
    const rig = await Rig.start({ answer: replying(401) })
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    await rig.advance()
    await rig.whileResting(rig.holdfast.updateToken('alice', 'a1\n'))
    await rig.advance()
    expect(rig.sent).toHaveLength(1)
    expect(rig.holdfast.status().tokenNeeds).toMatchObject([{ user: 'alice', reason: 'refused' }])
  })
})

// T2, T6
describe('a token that the source gives', () => {
  test.each([...UNSENDABLE, ...BLANK])('%s is a failed call', async (_name, text) => {
    let calls = 0
    const tokens = () => ((calls += 1) === 1 ? text : 'a2')
    const rig = await Rig.start({ answer: replying(200), tokenSource: tokens })
    await rig.login('alice')
    const id = await rig.enqueue('one')
    await rig.advance()
    expect(rig.eventsOf('token.refreshFailed')).toMatchObject([
      { error: { code: 'AUTH_SOURCE_FAILED', retryable: true } },
    ])
    expect(rig.sent).toEqual([])
    await rig.advance(999)
    expect(calls).toBe(1)
    await rig.advance(1)
    expect(rig.sent.map(({ token }) => token)).toEqual(['a2'])
    expect(rig.eventsOf('operation.completed')).toMatchObject([{ id }])
  })

  test.each(PADDED)('loses the white space around it (%j)', async (text) => {
    const rig = await Rig.start({ answer: replying(200), tokenSource: () => text })
    await rig.login('alice')
    await rig.enqueue('one')
    await rig.advance()
    expect(rig.sent.map(({ token }) => token)).toEqual(['a1'])
  })
})

// T2, T1
describe('a token that the vault gives back', () => {
  const opening = (text: string): Vault => ({ seal: () => new Uint8Array(1), unseal: () => text })

  async function restarted(text: string): Promise<Rig> {
    const rig = Rig.prepare({ answer: replying(200), vault: opening(sealedText(text)) })
    await rig.open()
    await rig.login('alice', 'a1')
    await rig.close()
    await rig.open()
    await rig.enqueue('one')
    await rig.advance()
    return rig
  }

  test.each([...UNSENDABLE, ...BLANK])('%s is unreadable', async (_name, text) => {
    const rig = await restarted(text)
    expect(rig.sent).toEqual([])
    expect(rig.eventsOf('token.needed')).toMatchObject([{ user: 'alice', reason: 'unreadable' }])
    expect(rig.eventsOf('error').map(({ error }) => error)).toEqual([
      expect.any(VaultUnreadableError),
    ])
  })

  test('loses the white space around it', async () => {
    const rig = await restarted('a1\n')
    expect(rig.sent.map(({ token }) => token)).toEqual(['a1'])
    expect(rig.eventsOf('token.needed')).toEqual([])
  })
})

// T2
describe('the subject of a token', () => {
  type Claims = Parameters<typeof jwt>[0]

  const subjects: readonly (readonly [claim: string, claims: Claims])[] = [
    ['sub', { sub: '43' }],
    ['sub', { sub: 43 }],
    ['sub', { sub: 42.5 }],
    ['sub', { sub: ['42'] }],
    ['sub', { sub: { id: '42' } }],
    ['sub', { sub: true }],
    ['sub', { sub: null }],
    ['sub', {}],
    ['identity.external_id', { identity: { external_id: '43' } }],
    ['identity.external_id', { identity: ['42'] }],
    ['identity.external_id', { identity: '42' }],
    ['identity.external_id', { external_id: '42' }],
    ['identity.external_id', { 'identity.external_id': '43', identity: { external_id: '42' } }],
    ['constructor.name', { sub: '42' }],
    ['length', { sub: '42' }],
  ]

  test.each(subjects)(
    'in %s of %j is of another user, or of none',
    async (subjectClaim, claims) => {
      const rig = await Rig.start({ subjectClaim, answer: replying(200) })
      const login = rig.whileResting(rig.holdfast.login('42', { token: jwt(claims) }))
      await expect(login).rejects.toMatchObject({ code: 'AUTH_USER_MISMATCH' })
      expect(rig.holdfast.status().identity).toBeNull()
      const update = rig.whileResting(rig.holdfast.updateToken('42', jwt(claims)))
      await expect(update).rejects.toMatchObject({ code: 'AUTH_USER_MISMATCH' })
      expect(rig.eventsOf('token.updated')).toEqual([])
    },
  )

  test.each<readonly [claim: string, claims: Claims]>([
    ['sub', { sub: '42' }],
    ['sub', { sub: 42 }],
    ['identity.external_id', { identity: { external_id: '42' } }],
    ['identity.external_id', { identity: { external_id: 42 } }],
    ['https://example.com/user', { 'https://example.com/user': '42' }],
    ['identity.external_id', { 'identity.external_id': '42', identity: { external_id: '43' } }],
  ])('in %s of %j names the user', async (subjectClaim, claims) => {
    const rig = await Rig.start({ subjectClaim, answer: replying(200) })
    await rig.login('42', jwt(claims))
    await rig.enqueue('one')
    await rig.advance()
    expect(rig.sent.map(({ token }) => token)).toEqual([jwt(claims)])
  })

  test('of a token that is no JWT names no user', async () => {
    const rig = await Rig.start({ subjectClaim: 'sub' })
    const login = rig.whileResting(rig.holdfast.login('alice', { token: 'opaque' }))
    await expect(login).rejects.toMatchObject({ code: 'AUTH_USER_MISMATCH' })
  })

  test('that JSON does not keep exactly names no user', async () => {
    const rig = await Rig.start({ subjectClaim: 'sub' })
    const token = jwt({ sub: 2 ** 53 })
    const login = rig.whileResting(rig.holdfast.login(String(2 ** 53), { token }))
    await expect(login).rejects.toMatchObject({ code: 'AUTH_USER_MISMATCH' })
  })

  test('is not looked at without the option', async () => {
    const rig = await Rig.start()
    await rig.login('alice', jwt({ sub: 'bob' }))
    expect(rig.holdfast.status().identity).toBe('alice')
  })

  test('of another user is no change of the identity, and leaves the token in use', async () => {
    const rig = await Rig.start({ subjectClaim: 'sub', answer: replying(200) })
    const alices = jwt({ sub: 'alice' })
    await rig.login('alice', alices)
    for (const user of ['carol', 'alice']) {
      const login = rig.whileResting(rig.holdfast.login(user, { token: jwt({ sub: 'bob' }) }))
      await expect(login).rejects.toMatchObject({ code: 'AUTH_USER_MISMATCH' })
    }
    expect(rig.eventsOf('identity.changed')).toHaveLength(1)
    await rig.enqueue('one')
    await rig.advance()
    expect(rig.sent.map(({ token }) => token)).toEqual([alices])
  })

  test('of another user in an answer of the source is a failed call (T6)', async () => {
    const given = ['bob', 'alice']
    const rig = await Rig.start({
      subjectClaim: 'sub',
      answer: replying(200),
      tokenSource: () => jwt({ sub: given.shift() }),
    })
    await rig.login('alice')
    await rig.enqueue('one')
    await rig.advance()
    expect(rig.eventsOf('token.refreshFailed')).toMatchObject([
      { error: { code: 'AUTH_SOURCE_FAILED', cause: { code: 'AUTH_USER_MISMATCH' } } },
    ])
    expect(rig.eventsOf('token.updated')).toEqual([])
    await rig.advance(1000)
    expect(rig.eventsOf('operation.completed')).toHaveLength(1)
  })
})

// T2, Q21
test.each([
  ['without a beginning', { exp: WALL_START + 12_345_000 }],
  ['of a few seconds without a beginning', { exp: WALL_START + 1000 }],
  ['that ends in fractions of a second', { exp: WALL_START + 60_000.7 }],
  ['that ended before it began', { exp: WALL_START + 60_000, iat: WALL_START + 90_000 }],
  ['that ends in words', { exp: 'soon' as never }],
  ['that never ends, in Java', { exp: 9_223_372_036_854_775_000 }],
  ['that ends at the largest number', { exp: Number.MAX_VALUE }],
  ['that ended before the year 1970', { exp: -1000 }],
  ['that ends in the year 10000', { exp: Date.UTC(10_000, 0) }],
  ['that began at no time there is', { exp: WALL_START + 60_000, iat: -1e300 }],
  ['that begins at no time there is', { nbf: 1e300 }],
])('a token %s is taken, stored and sent', async (_name, claims) => {
  const token = jwt(claims)
  const rig = await Rig.start({ answer: replying(200) })
  await rig.advance(3)
  await rig.login('alice', token)
  await rig.enqueue('one')
  await rig.advance()
  expect(rig.sent.map((sent) => sent.token)).toEqual([token])
})
