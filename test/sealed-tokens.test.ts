/** A sealed token is used only for the row, the user and the server that it was sealed for (E6, T1, T2). */
import SqliteDatabase, { type Database } from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { MemoryJournal } from '../src/journal/memory-journal.ts'
import { replay } from '../src/journal/replay.ts'
import type { HoldfastOptions } from '../src/options.ts'
import { memoryVault, type Vault } from '../src/ports/vault.ts'
import { gate } from './support/gate.ts'
import { jwt } from './support/jwt.ts'
import { type Neighbour, neighbours } from './support/neighbours.ts'
import { note, replying, Rig } from './support/rig.ts'
import { sealedText } from './support/sealed-text.ts'

interface Stored {
  readonly user: string
  readonly generation: number
  readonly epoch: number
  readonly fingerprint: string | null
  readonly sealed: Uint8Array | null
}

function rowOf(database: Database, user: string): Stored {
  return database.prepare('SELECT * FROM holdfast_tokens WHERE user = ?').get(user) as Stored
}

/** Puts these columns into the row of alice, as somebody with the file in hand would. */
function tamper(database: Database, columns: Partial<Stored>): void {
  for (const [name, value] of Object.entries(columns)) {
    database.prepare(`UPDATE holdfast_tokens SET ${name} = ? WHERE user = 'alice'`).run(value)
  }
}

const sub = (user: string, n = 1) => jwt({ sub: user, n })

/** These users have a token, the last one is alice and has an operation that is not sent yet; the engine is closed. */
async function closed(vault: Vault, users = ['bob', 'alice']): Promise<Rig> {
  const rig = Rig.prepare({ answer: replying(200) })
  await rig.open({ vault })
  rig.holdfast.pause()
  for (const user of users) await rig.login(user, sub(user))
  await rig.enqueue('one')
  await rig.close()
  return rig
}

/** Opens it again; what was heard before does not count. */
async function reopen(rig: Rig, options: Partial<HoldfastOptions>): Promise<void> {
  rig.heard.splice(0)
  await rig.open(options)
}

/** Why: nothing is sent, alice is asked once, and her operation is there; after her next token it is sent. */
async function unreadableBecause(rig: Rig): Promise<string> {
  await rig.advance()
  expect(rig.sent).toEqual([])
  expect(rig.eventsOf('token.needed')).toMatchObject([{ user: 'alice', reason: 'unreadable' }])
  const [told, ...others] = rig.eventsOf('error')
  expect([told?.error.code, others]).toEqual(['AUTH_VAULT_UNREADABLE', []])
  expect(rig.holdfast.status().counts).toMatchObject({ pending: 1, dead: 0 })
  await rig.whileResting(rig.holdfast.updateToken('alice', sub('alice', 2)))
  await rig.advance()
  expect(rig.sent.map(({ token }) => token)).toEqual([sub('alice', 2)])
  expect(rig.holdfast.status().counts.pending).toBe(0)
  return (told?.error.cause as Error | undefined)?.message ?? ''
}

/** Alice's row again as it was before that was done, with the sealed token of then. */
async function withFormerToken(done: (rig: Rig) => Promise<unknown>): Promise<Rig> {
  const vault = memoryVault()
  const rig = await closed(vault)
  const { sealed, fingerprint } = rowOf(rig.database, 'alice')
  rig.isOnline = false
  await rig.open({ vault })
  rig.isOnline = true
  await rig.whileResting(done(rig))
  await rig.close()
  tamper(rig.database, { sealed, fingerprint })
  await reopen(rig, { vault })
  return rig
}

// E6, T1
describe('at the start, a sealed value is unreadable', () => {
  test('where it is that of another user, moved with its fingerprint', async () => {
    const vault = memoryVault()
    const rig = await closed(vault)
    const { sealed, fingerprint } = rowOf(rig.database, 'bob')
    tamper(rig.database, { sealed, fingerprint })
    const journal = new MemoryJournal()
    await reopen(rig, { vault, journal })
    expect(await unreadableBecause(rig)).toMatch(/alice was sealed for another user/)
    await rig.close()
    expect((await replay(journal.lines().join('\n'))).decided).toBeGreaterThan(0)
  })

  test('where it is that of another user, moved alone', async () => {
    const vault = memoryVault()
    const rig = await closed(vault)
    tamper(rig.database, { sealed: rowOf(rig.database, 'bob').sealed })
    await reopen(rig, { vault })
    expect(await unreadableBecause(rig)).toMatch(/another user/)
  })

  test('where it is of an earlier generation', async () => {
    const rig = await withFormerToken(({ holdfast }) =>
      holdfast.updateToken('alice', sub('alice', 3)),
    )
    expect(await unreadableBecause(rig)).toMatch(/another generation/)
  })

  test('where it is of a session that has ended', async () => {
    const rig = await withFormerToken(async ({ holdfast }) => {
      await holdfast.logout({ unsent: 'discard' })
      await holdfast.login('alice')
      await holdfast.enqueue(note({ text: 'two' }))
    })
    expect(await unreadableBecause(rig)).toMatch(/another epoch/)
  })

  test('where it was sealed for another server', async () => {
    const vault = memoryVault()
    const rig = await closed(vault, ['alice'])
    rig.database.exec(`UPDATE holdfast_meta SET value = 'https://b.test' WHERE name = 'origin'`)
    await reopen(rig, { vault, transport: { ...rig.transport, origin: 'https://b.test' } })
    expect(await unreadableBecause(rig)).toMatch(/another origin/)
  })

  test('where its row tells of another token', async () => {
    const vault = memoryVault()
    const rig = await closed(vault)
    tamper(rig.database, { fingerprint: 'another one' })
    await reopen(rig, { vault })
    expect(await unreadableBecause(rig)).toMatch(/not the one that its row tells of/)
  })

  // T2
  test('where its subject is another user, since the app looks at subjects', async () => {
    const vault = memoryVault()
    const rig = Rig.prepare({ answer: replying(200) })
    await rig.open({ vault })
    rig.holdfast.pause()
    await rig.login('alice', sub('bob'))
    await rig.enqueue('one')
    await rig.close()
    await reopen(rig, { vault, subjectClaim: 'sub' })
    expect(await unreadableBecause(rig)).toMatch(/does not name this user in its claim sub/)
  })

  test.each([
    ['a bare token, as it was sealed before', sub('alice')],
    ['a text of a later version', sealedText(sub('alice'), { version: 2 })],
    ['JSON that is no object', '[]'],
    ['a number', '7'],
    ['nothing', ''],
    ['what names nobody', JSON.stringify({ version: 1, token: sub('alice') })],
    ['no token', sealedText(null)],
    ['what inherits its names', '{"version":1,"__proto__":{"user":"alice"}}'],
  ])('where it is %s; the user signs in once, and nothing is lost', async (_name, text) => {
    const vault = memoryVault()
    const rig = await closed(vault)
    tamper(rig.database, { sealed: await vault.seal(text) })
    await reopen(rig, { vault })
    expect(await unreadableBecause(rig)).toMatch(/alice was sealed|no header can carry/)
    await rig.close()
    await rig.open({ vault })
    await rig.enqueue('three')
    await rig.advance()
    expect(rig.sent.map(({ token }) => token)).toEqual([sub('alice', 2), sub('alice', 2)])
    expect(rig.eventsOf('token.needed')).toHaveLength(1)
  })

  test('where the vault answers something else than a text', async () => {
    const vault = memoryVault()
    const rig = await closed(vault, ['alice'])
    await reopen(rig, { vault: { seal: vault.seal.bind(vault), unseal: () => ({}) as never } })
    expect(await unreadableBecause(rig)).toMatch(/another version/)
  })
})

// E6, T1
test('after a vault that was unavailable, a value of another user is unreadable too', async () => {
  const inner = memoryVault()
  const rig = await closed(inner)
  const { sealed, fingerprint } = rowOf(rig.database, 'bob')
  tamper(rig.database, { sealed, fingerprint })
  let isLocked = true
  const vault: Vault = {
    seal: (secret) => inner.seal(secret),
    unseal: (value) => {
      if (isLocked) throw new Error('the keychain is locked')
      return inner.unseal(value)
    },
  }
  await rig.open({ vault })
  await rig.advance()
  expect(rig.holdsOf('alice')).toEqual(['awaiting-token'])
  isLocked = false
  await rig.advance(1000)
  expect(rig.sent).toEqual([])
  expect(rig.eventsOf('token.needed')).toMatchObject([{ user: 'alice', reason: 'unreadable' }])
})

/** Both are open, bob and alice have a token from the first, and somebody moves bob's into alice's row. */
async function tamperedNeighbours(): Promise<{ first: Neighbour; second: Neighbour }> {
  const { first, second } = neighbours({ vault: memoryVault(), answer: replying(200) })
  await first.rig.open()
  await second.rig.open()
  await first.rig.login('bob', sub('bob'))
  await first.rig.login('alice', sub('alice'))
  const database = new SqliteDatabase(first.file)
  const { sealed, fingerprint } = rowOf(database, 'bob')
  tamper(database, { sealed, fingerprint })
  database.close()
  return { first, second }
}

// E6, Q17
describe('in another process, a value of another user is unreadable', () => {
  test('when it hears of the commit', async () => {
    const { second } = await tamperedNeighbours()
    await second.hear()
    expect(second.rig.eventsOf('error')).toMatchObject([
      { error: { code: 'AUTH_VAULT_UNREADABLE' } },
    ])
    await second.rig.login('alice')
    void second.rig.holdfast
      .read({ request: () => ({ method: 'GET', path: '/messages' }) })
      .catch(() => undefined)
    await second.rig.advance()
    expect(second.rig.sent).toEqual([])
    expect(second.rig.eventsOf('token.needed').at(-1)).toMatchObject({
      user: 'alice',
      reason: 'unreadable',
    })
  })

  test('when it takes over', async () => {
    const { first, second } = await tamperedNeighbours()
    first.rig.holdfast.pause()
    await first.rig.enqueue('one')
    await first.rig.close()
    await second.rig.login('alice')
    await second.rig.advance(60_000)
    expect(second.rig.sent).toEqual([])
    expect(second.rig.eventsOf('token.needed')).toMatchObject([
      { user: 'alice', reason: 'unreadable' },
    ])
    await second.rig.whileResting(second.rig.holdfast.updateToken('alice', sub('alice', 2)))
    await second.rig.advance()
    expect(second.rig.sent.map(({ token }) => token)).toEqual([sub('alice', 2)])
  })
})

// E6
describe('a token is sealed for the row in which it is stored', () => {
  test('also where another process stores one while the vault seals it', async () => {
    const inner = memoryVault()
    const sealing = gate<null>()
    let isSlow = false
    let sealCount = 0
    const vault: Vault = {
      seal: async (secret) => {
        sealCount += 1
        if (isSlow) await sealing.promise
        return inner.seal(secret)
      },
      unseal: (sealed) => inner.unseal(sealed),
    }
    const { first, second } = neighbours({ vault, answer: replying(200) })
    await first.rig.open()
    await first.rig.login('alice', 'a1')
    await second.rig.open()
    await second.rig.login('alice')
    await second.rig.advance()
    isSlow = true
    const pushed = second.rig.holdfast.updateToken('alice', 'a3')
    await second.rig.advance()
    isSlow = false
    await first.rig.whileResting(first.rig.holdfast.updateToken('alice', 'a2'))
    await second.hear()
    sealing.open(null)
    await second.rig.whileResting(pushed)
    expect(sealCount).toBe(4)
    await first.rig.close()
    await second.rig.close()
    await first.rig.open()
    await first.rig.enqueue('one')
    await first.rig.advance()
    expect(first.rig.sent.map(({ token }) => token)).toEqual(['a3'])
    expect(first.rig.eventsOf('error')).toEqual([])
  })

  test('also where another process has ended the session, which is not heard of yet (T11)', async () => {
    const { first, second } = neighbours({ vault: memoryVault(), answer: replying(200) })
    await first.rig.open()
    await first.rig.login('alice', 'a1')
    await second.rig.open()
    await first.rig.whileResting(first.rig.holdfast.logout({ unsent: 'discard' }))
    await second.rig.whileResting(second.rig.holdfast.updateToken('alice', 'a2'))
    await first.rig.close()
    await second.rig.close()
    await first.rig.open()
    await first.rig.login('alice')
    await first.rig.enqueue('one')
    await first.rig.advance()
    expect(first.rig.sent.map(({ token }) => token)).toEqual(['a2'])
    expect(first.rig.eventsOf('error')).toEqual([])
  })

  test('once: operations seal and unseal nothing', async () => {
    const inner = memoryVault()
    const asked: string[] = []
    const vault: Vault = {
      seal: (secret) => {
        asked.push('seal')
        return inner.seal(secret)
      },
      unseal: (sealed) => {
        asked.push('unseal')
        return inner.unseal(sealed)
      },
    }
    const rig = await Rig.start({ vault, answer: replying(200) })
    await rig.login('alice', 'a1')
    for (let n = 0; n < 20; n += 1) await rig.enqueue(`n${n}`)
    await rig.advance()
    await rig.whileResting(rig.holdfast.updateToken('alice', 'a1'))
    expect(rig.sent).toHaveLength(20)
    expect(asked).toEqual(['seal'])
    await rig.close()
    await rig.open()
    for (let n = 0; n < 20; n += 1) await rig.enqueue(`m${n}`)
    await rig.advance()
    expect(rig.sent).toHaveLength(40)
    expect(asked).toEqual(['seal', 'unseal'])
  })
})

// E6
test('what the vault is given names whom and what the token is for, and its version', async () => {
  const seen: unknown[] = []
  const vault: Vault = {
    seal: (secret) => {
      seen.push(JSON.parse(secret))
      return Buffer.from(secret)
    },
    unseal: (sealed) => Buffer.from(sealed).toString(),
  }
  const rig = await Rig.start({ vault })
  await rig.login('alice', 'a1')
  await rig.whileResting(rig.holdfast.logout({ unsent: 'discard' }))
  await rig.login('alice', 'a2')
  const first = JSON.parse(sealedText('a1')) as object
  expect(seen).toEqual([first, { ...first, generation: 2, epoch: 1, token: 'a2' }])
})
