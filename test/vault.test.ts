/** Where tokens are: in memory, and sealed by a vault (T1). */
import { describe, expect, test } from 'vitest'
import { VaultUnreadableError } from '../src/errors.ts'
import { memoryVault, type Vault } from '../src/ports/vault.ts'
import { replying, Rig } from './support/rig.ts'

/** Pauses, so that something is left to be sent by the next process. */
async function pendingNote(rig: Rig): Promise<void> {
  await rig.login('alice', 'a1')
  rig.holdfast.pause()
  await rig.enqueue('one')
}

// T1
describe('a memory vault', () => {
  test('opens what it sealed, and never seals alike', async () => {
    const vault = memoryVault()
    const [first, second] = [await vault.seal('secret'), await vault.seal('secret')]
    expect(Buffer.from(first).equals(Buffer.from(second))).toBe(false)
    expect(await vault.unseal(first)).toBe('secret')
    expect(Buffer.from(first).includes('secret')).toBe(false)
  })

  test.each([
    ['another key', (sealed: Uint8Array) => sealed, memoryVault()],
    ['a torn value', (sealed: Uint8Array) => sealed.subarray(0, 5), null],
    ['an empty value', () => new Uint8Array(), null],
    ['an IV and a tag of 4 bytes', (sealed: Uint8Array) => sealed.subarray(0, 16), null],
    ['one byte less than an IV and a tag', (sealed: Uint8Array) => sealed.subarray(0, 27), null],
    ['an IV and a tag without a text', (sealed: Uint8Array) => sealed.subarray(0, 28), null],
    [
      'a flipped bit',
      (sealed: Uint8Array) => sealed.map((byte, i) => (i === 30 ? byte ^ 1 : byte)),
      null,
    ],
  ])('refuses %s as unreadable', async (_name, spoil, other) => {
    const vault = memoryVault()
    const sealed = spoil(await vault.seal('secret'))
    expect(() => (other ?? vault).unseal(sealed)).toThrow(VaultUnreadableError)
  })

  test('refuses a key of the wrong length', () => {
    expect(() => memoryVault(new Uint8Array(16))).toThrow(/32 bytes, not 16/)
  })
})

// T1
describe('over a restart', () => {
  test('a sealed token is used again, and nobody is asked', async () => {
    const rig = await Rig.start({ vault: memoryVault(), answer: replying(200) })
    await pendingNote(rig)
    await rig.close()
    await rig.open()
    await rig.advance()
    expect(rig.sent.map(({ token }) => token)).toEqual(['a1'])
    expect(rig.eventsOf('token.needed')).toEqual([])
  })

  test('without a vault the token is gone, and the need is open', async () => {
    const rig = await Rig.start({ answer: replying(200) })
    await pendingNote(rig)
    await rig.close()
    await rig.open()
    await rig.advance()
    expect(rig.sent).toEqual([])
    expect(rig.eventsOf('token.needed')).toMatchObject([{ user: 'alice', reason: 'missing' }])
    await rig.whileResting(rig.holdfast.updateToken('alice', 'a1'))
    await rig.advance()
    expect(rig.sent.map(({ token }) => token)).toEqual(['a1'])
  })

  test('an unreadable one means: sign in again; the operations stay', async () => {
    const rig = await Rig.start({ vault: memoryVault(), answer: replying(200) })
    await pendingNote(rig)
    await rig.close()
    await rig.open({ vault: memoryVault() })
    await rig.advance()
    expect(rig.eventsOf('token.needed')).toMatchObject([{ user: 'alice', reason: 'unreadable' }])
    expect(rig.eventsOf('error')).toMatchObject([{ error: { code: 'AUTH_VAULT_UNREADABLE' } }])
    expect(rig.holdsOf('alice')).toEqual(['awaiting-token'])
    expect(rig.holdfast.status().counts.pending).toBe(1)
    await rig.whileResting(rig.holdfast.updateToken('alice', 'a1'))
    await rig.advance()
    expect(rig.sent.map(({ token }) => token)).toEqual(['a1'])
  })

  test('a vault that is only unavailable now is tried again, ever more rarely; nobody is asked', async () => {
    const inner = memoryVault()
    let isLocked = true
    const tries: number[] = []
    const rig = Rig.prepare({ answer: replying(200) })
    const vault: Vault = {
      seal: (secret) => inner.seal(secret),
      unseal: (sealed) => {
        tries.push(rig.time.now)
        if (isLocked) throw new Error('the keychain is locked')
        return inner.unseal(sealed)
      },
    }
    await rig.open({ vault })
    await pendingNote(rig)
    await rig.close()
    await rig.open({ vault })
    await rig.advance(6000)
    expect(tries).toEqual([0, 1000, 3000])
    expect(rig.sent).toEqual([])
    expect(rig.holdsOf('alice')).toEqual(['awaiting-token'])
    isLocked = false
    await rig.advance(1000)
    expect(rig.sent.map(({ token }) => token)).toEqual(['a1'])
    expect(rig.eventsOf('token.needed')).toEqual([])
  })

  test('a token that is pushed while the vault is unavailable is used at once', async () => {
    const inner = memoryVault()
    const rig = await Rig.start({ vault: inner, answer: replying(200) })
    await pendingNote(rig)
    await rig.close()
    const unseal = () => {
      throw new Error('locked')
    }
    await rig.open({ vault: { seal: (secret) => inner.seal(secret), unseal } })
    await rig.whileResting(rig.holdfast.updateToken('alice', 'a2'))
    await rig.advance()
    expect(rig.sent.map(({ token }) => token)).toEqual(['a2'])
    await rig.advance(600_000)
    expect(rig.sent).toHaveLength(1)
  })

  test('a session that ended before the vault answered stays ended (T11)', async () => {
    const inner = memoryVault()
    const rig = await Rig.start({ vault: inner, answer: replying(200) })
    await rig.login('alice', 'a1')
    await rig.close()
    let open: (() => void) | undefined
    const vault: Vault = {
      seal: (secret) => inner.seal(secret),
      unseal: (sealed) =>
        new Promise((resolve) => {
          open = () => resolve(inner.unseal(sealed))
        }),
    }
    await rig.open({ vault })
    await rig.whileResting(rig.holdfast.logout())
    open?.()
    await rig.advance()
    await rig.login('alice')
    await rig.enqueue('one')
    await rig.advance()
    expect(rig.sent).toEqual([])
    expect(rig.eventsOf('token.needed')).toMatchObject([{ user: 'alice', reason: 'missing' }])
  })

  test('a login before the vault answered goes on with the session (T11)', async () => {
    const inner = memoryVault()
    const rig = await Rig.start({ vault: inner, answer: replying(200) })
    await pendingNote(rig)
    await rig.whileResting(rig.holdfast.logout())
    await rig.close()
    let open: (() => void) | undefined
    const vault: Vault = {
      seal: (secret) => inner.seal(secret),
      unseal: (sealed) =>
        new Promise((resolve) => {
          open = () => resolve(inner.unseal(sealed))
        }),
    }
    await rig.open({ vault })
    await rig.login('alice')
    open?.()
    await rig.advance()
    await rig.enqueue('two')
    await rig.advance()
    expect(rig.sent.map(({ token }) => token)).toEqual(['a1', 'a1'])
  })
})

// T1, E3
test.each([
  [
    'throws',
    () => {
      throw new Error('no')
    },
  ],
  ['rejects', () => Promise.reject(new Error('no'))],
  ['answers what is no value', () => 'sealed' as never],
])(
  'a vault that %s when it seals leaves the token in memory only, and says so',
  async (_n, seal) => {
    const rig = await Rig.start({
      vault: { seal, unseal: () => 'a1' },
      answer: replying(200),
    })
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    await rig.advance()
    expect(rig.sent.map(({ token }) => token)).toEqual(['a1'])
    expect(rig.eventsOf('error')).toMatchObject([{ error: { code: 'AUTH_VAULT_UNAVAILABLE' } }])
  },
)
