/** When a commit is made: what needs no fsync need not wait for the end of the turn, but for much else. */
import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import type { EnqueueChange } from '../storage/changes.ts'
import { ALICE, ANONYMOUS_LANE, enqueueing, SqliteLife } from './support/sqlite-life.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

describe('what needs no fsync', () => {
  test('waits until a transaction that the app has open in this turn is over', async () => {
    const database = new SqliteDatabase(':memory:')
    const life = await SqliteLife.open({ database })
    const committed = life.storage.commit([enqueueing(null)], { synced: false })
    database.exec('BEGIN')
    for (let n = 0; n < 5; n += 1) await Promise.resolve()
    database.exec('COMMIT')
    while (life.endTurn());
    expect(await committed).toMatchObject([{ applied: true }])
    await life.storage.close()
    database.close()
  })

  test('is committed without waiting for the end of the turn, unless something was asked', async () => {
    const life = await SqliteLife.open({ file: join(temporaryFolder(), 'soon.db') })
    const isCommittedBeforeTurnEnd = async () => {
      let isCommitted = false
      const committed = life.storage.commit([enqueueing(null)], { synced: false }).then(() => {
        isCommitted = true
      })
      for (let n = 0; n < 10; n += 1) await Promise.resolve()
      const answer = isCommitted
      while (life.endTurn());
      await committed
      return answer
    }
    expect(await isCommittedBeforeTurnEnd()).toBe(true)
    const asked = life.storage.window(ANONYMOUS_LANE, 0, 1)
    expect(await isCommittedBeforeTurnEnd()).toBe(false)
    await asked
    expect(await isCommittedBeforeTurnEnd()).toBe(true)
  })

  // Without an fsync there is nothing to share but the transaction.
  test('is whatever a storage commits that only needs to survive the app', async () => {
    const file = join(temporaryFolder(), 'app-crash.db')
    const life = await SqliteLife.open({ file, durability: 'app-crash' })
    const calls = [[enqueueing(null)], [enqueueing(null)]]
    const committed = Promise.all(calls.map((changes) => life.storage.commit(changes)))
    expect(await committed).toMatchObject([[{ isFirst: true }], [{ applied: true }]])
  })

  test('lets the event loop turn after 4 ms of such commits', async () => {
    const life = await SqliteLife.open({ file: join(temporaryFolder(), 'run.db') })
    let nowMs = 0
    life.monotonicMs = () => nowMs
    let waitedCount = 0
    for (let n = 0; n < 20; n += 1) {
      nowMs += 0.5
      let isCommitted = false
      const committed = life.storage.commit([enqueueing(null)], { synced: false }).then(() => {
        isCommitted = true
      })
      for (let step = 0; step < 10; step += 1) await Promise.resolve()
      if (!isCommitted) waitedCount += 1
      while (life.endTurn());
      await committed
    }
    expect(waitedCount).toBe(2)
  })
})

// Q2, Q17
test('an operation in the transaction of the app goes behind what the other has put there since', async () => {
  const file = join(temporaryFolder(), 'shared.db')
  const database = new SqliteDatabase(file)
  const ours = await SqliteLife.open({ database })
  const theirs = await SqliteLife.open({ file })
  ours.storage.watch(() => undefined)
  for (const life of [ours, ours, theirs]) await life.commit([enqueueing(ALICE)])
  const change = enqueueing(ALICE) as EnqueueChange
  const within = database.transaction(() => ours.storage.enqueueWithin(database, change))
  expect(within().place).toBe(4 * 1024)
  await ours.storage.close()
  database.close()
})
