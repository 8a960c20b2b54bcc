/** A sealed token that was replaced, or whose session has ended, leaves the file and its -wal (E5). */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { afterEach, describe, expect, test } from 'vitest'
import type { UserId } from '../src/model.ts'
import type { Vault } from '../src/ports/vault.ts'
import { sqliteStorage } from '../src/sqlite-storage.ts'
import type { TokenChange } from '../storage/changes.ts'
import type { WorkerStorage } from '../storage/sqlite/worker/worker-storage.ts'
import { storageOnThread } from './support/on-thread.ts'
import { replying, Rig } from './support/rig.ts'
import { ALICE, enqueueing, NOW, SqliteLife } from './support/sqlite-life.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

/** So long that it has pages of its own. */
const LONG = 'x'.repeat(20_000)

/** A vault that a test can read. */
const openVault: Vault = {
  seal: (token) => Buffer.from(`sealed<${token}>`),
  unseal: (sealed) => /^sealed<(.*)>$/.exec(Buffer.from(sealed).toString())?.[1] ?? '',
}

function sealedIn(file: string): string[] {
  const files = [file, `${file}-wal`].filter((name) => existsSync(name))
  const bytes = files.map((name) => readFileSync(name, 'latin1')).join('')
  // An engine seals more than the token; a test of the storage alone seals the token as it is.
  const sealed = /sealed<(?:\{[^>]*?"token":")?([\w.]+)/g
  const found = [...bytes.matchAll(sealed)].map(([, token]) => token?.slice(0, 20) ?? '')
  return [...new Set(found)].toSorted()
}

function walBytes(file: string): number {
  return statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0
}

function tokenOf(generation: number, sealed: string | null, user: UserId = ALICE): TokenChange {
  return {
    change: 'token',
    user,
    expected: generation - 1,
    generation,
    fingerprint: `fingerprint ${generation}`,
    expiresAt: null,
    refreshAt: null,
    sealed: sealed === null ? null : Buffer.from(`sealed<${sealed}>`),
  }
}

const threaded: WorkerStorage[] = []

afterEach(async () => {
  for (const storage of threaded.splice(0)) await storage.close()
})

describe('under an engine with a vault', () => {
  async function started() {
    const file = join(temporaryFolder(), 'own.db')
    const options = { storage: sqliteStorage({ file }), vault: openVault, answer: replying(200) }
    return { rig: await Rig.start(options), file }
  }

  // E5
  test('a token that was replaced is not in the file', async () => {
    const { rig, file } = await started()
    await rig.login('alice', 'one')
    expect(sealedIn(file)).toEqual(['one'])
    await rig.whileResting(rig.holdfast.updateToken('alice', 'two'))
    await rig.advance()
    expect(sealedIn(file)).toEqual(['two'])
  })

  // E5
  test.each(['keep', 'discard', 'flush'] as const)(
    'no token of a session that a logout has ended is in the file (pending: %s)',
    async (pending) => {
      const { rig, file } = await started()
      await rig.login('alice', 'one')
      await rig.enqueue('text')
      await rig.whileResting(rig.holdfast.updateToken('alice', 'two'))
      await rig.whileResting(rig.holdfast.logout({ unsent: pending }))
      await rig.advance()
      expect(sealedIn(file)).toEqual([])
    },
  )

  // E5
  test('no token of a user who was forgotten is in the file when that is told', async () => {
    const { rig, file } = await started()
    await rig.login('alice', 'one')
    await rig.whileResting(rig.holdfast.updateToken('alice', 'two'))
    await rig.whileResting(rig.holdfast.forget('alice'))
    expect(sealedIn(file)).toEqual([])
  })

  // E5
  test('a token that a crash has left there is gone with the next replacement', async () => {
    const { rig, file } = await started()
    await rig.login('alice', 'one')
    rig.crash()
    await rig.open({ storage: sqliteStorage({ file }) })
    await rig.whileResting(rig.holdfast.updateToken('alice', 'two'))
    await rig.advance()
    expect(sealedIn(file)).toEqual(['two'])
  })
})

/** A token was replaced while another connection reads the state before. */
async function replacedWhileRead() {
  const file = join(temporaryFolder(), 'own.db')
  const life = await SqliteLife.open({ file })
  await life.commit([tokenOf(1, 'one')])
  const reader = new SqliteDatabase(file, { readonly: true })
  reader.exec('BEGIN; SELECT count(*) FROM holdfast_tokens')
  await life.commit([tokenOf(2, 'two')])
  while (life.endTurn()) await Promise.resolve()
  return { file, life, reader }
}

describe('a storage', () => {
  // E5
  test.each(['power-loss', 'app-crash'] as const)(
    'empties its -wal once in a turn, however many tokens were replaced (%s)',
    async (durability) => {
      const file = join(temporaryFolder(), 'own.db')
      const life = await SqliteLife.open({ file, durability })
      await life.commit([tokenOf(1, `${LONG}1`)])
      while (life.endTurn()) await Promise.resolve()
      const checkpoints: unknown[] = []
      const before = walBytes(file)
      const commits = []
      for (let generation = 2; generation < 30; generation += 1) {
        commits.push(life.storage.commit([tokenOf(generation, `${LONG}${generation}`)]))
        // Where no fsync is caused each is committed by itself, within the turn.
        await Promise.resolve()
        await Promise.resolve()
        if (walBytes(file) < before) checkpoints.push(generation)
      }
      life.endTurn()
      await Promise.all(commits)
      while (life.endTurn()) await Promise.resolve()
      expect(checkpoints).toEqual([])
      expect(walBytes(file)).toBe(0)
      expect(readFileSync(file, 'latin1').split('sealed<')).toHaveLength(2)
    },
  )

  // E5
  test('leaves its -wal alone where no sealed token was replaced', async () => {
    const file = join(temporaryFolder(), 'own.db')
    const life = await SqliteLife.open({ file })
    const grow = async (...changes: Parameters<SqliteLife['commit']>[0]) => {
      const before = walBytes(file)
      await life.commit(changes)
      while (life.endTurn()) await Promise.resolve()
      expect(walBytes(file)).toBeGreaterThan(before)
    }
    await grow(tokenOf(1, null))
    await grow(tokenOf(2, null))
    await grow({ change: 'endSession', user: ALICE })
    await grow(tokenOf(3, 'first'))
    await grow(enqueueing(ALICE))
  })

  // E5
  test('that somebody reads meanwhile is emptied with the commit after that', async () => {
    const { file, life, reader } = await replacedWhileRead()
    expect(sealedIn(file)).toEqual(['one', 'two'])
    reader.exec('COMMIT')
    await life.commit([enqueueing(ALICE)])
    while (life.endTurn()) await Promise.resolve()
    expect(sealedIn(file)).toEqual(['two'])
    reader.close()
  })

  // E5
  test('that somebody has read to the end is emptied with the next read of the engine', async () => {
    const { file, life, reader } = await replacedWhileRead()
    reader.exec('COMMIT')
    expect(sealedIn(file)).toEqual(['one', 'two'])
    await life.pendingCount()
    expect(sealedIn(file)).toEqual(['two'])
    reader.close()
  })

  // E5
  test('holds none of many users and sizes that were replaced or ended', async () => {
    const file = join(temporaryFolder(), 'own.db')
    const life = await SqliteLife.open({ file })
    const users = Array.from({ length: 40 }, (_, index) => `user-${index}` as UserId)
    for (const [index, user] of users.entries()) {
      await life.commit([tokenOf(1, `old.${index}.${'y'.repeat(index * 300)}`, user)])
    }
    for (const [index, user] of users.entries()) {
      const change = { change: 'endSession', user } as const
      const shorter = tokenOf(2, `new.${index}`, user)
      const longer = tokenOf(2, `new.${index}.${'z'.repeat(index * 500)}`, user)
      await life.commit([index % 3 === 0 ? change : index % 3 === 1 ? shorter : longer])
    }
    while (life.endTurn()) await Promise.resolve()
    expect(sealedIn(file).filter((token) => token.startsWith('old'))).toEqual([])
    expect(sealedIn(file).length).toBeGreaterThan(20)
  })

  // E5
  test('on a thread does the same', async () => {
    const file = join(temporaryFolder(), 'own.db')
    const storage = storageOnThread({ file })
    threaded.push(storage)
    await storage.open({
      atTurnEnd: (run) => void setImmediate(run),
      monotonic: () => 0,
      wall: () => NOW,
      newFingerprintKey: 'fingerprint key',
    })
    await storage.commit([tokenOf(1, 'one')])
    await storage.commit([tokenOf(2, 'two')])
    // Whoever asks again finds the turn of the thread over before long.
    for (let asked = 0; asked < 100 && sealedIn(file).length > 1; asked += 1) await storage.lock()
    expect(sealedIn(file)).toEqual(['two'])
  })
})
