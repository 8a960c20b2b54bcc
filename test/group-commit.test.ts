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

  // Also where more than that lies between two commits: the app computes, and nothing else has its turn.
  test.each([0.5, 1.5, 10])(
    'lets the event loop turn after 4 ms of such commits, with %d ms between them',
    async (stepMs) => {
      const life = await SqliteLife.open({ file: join(temporaryFolder(), 'run.db') })
      let nowMs = 0
      let longestMs = 0
      let turnedAt = 0
      life.monotonicMs = () => nowMs
      for (let n = 0; n < 40; n += 1) {
        nowMs += stepMs
        let isCommitted = false
        const committed = life.storage.commit([enqueueing(null)], { synced: false }).then(() => {
          isCommitted = true
        })
        for (let step = 0; step < 10; step += 1) await Promise.resolve()
        // Only whoever waits lets a turn end.
        if (!isCommitted) {
          longestMs = Math.max(longestMs, nowMs - turnedAt)
          turnedAt = nowMs
          while (life.endTurn());
        }
        await committed
      }
      expect(longestMs).toBeGreaterThan(0)
      expect(longestMs).toBeLessThanOrEqual(4 + 2 * stepMs)
      expect(nowMs - turnedAt).toBeLessThanOrEqual(4 + 2 * stepMs)
    },
  )
})

test('a transaction that cannot be rolled back leaves no call without an answer, and is rolled back before the next', async () => {
  const database = new SqliteDatabase(':memory:')
  const life = await SqliteLife.open({ database })
  let isBroken = false
  const breakable = (statement: object) =>
    Object.assign(statement, {
      run: (...args: unknown[]): unknown => {
        if (isBroken) throw new Error('disk I/O error')
        return Reflect.apply(SqliteStatement.run, statement, args)
      },
    })
  const SqliteStatement = Object.getPrototypeOf(database.prepare('SELECT 1')) as {
    run: (...args: unknown[]) => unknown
  }
  // What storage has prepared already cannot be reached: a connection of its own, with such statements.
  const prepare = database.prepare.bind(database)
  await life.storage.close()
  database.prepare = ((sql: string) =>
    sql === 'COMMIT' || sql === 'ROLLBACK' ? breakable(prepare(sql)) : prepare(sql)) as never
  const second = await SqliteLife.open({ database })
  isBroken = true
  const failed = Promise.allSettled([
    second.storage.commit([enqueueing(null)]),
    second.storage.commit([enqueueing(null)]),
  ])
  while (second.endTurn());
  expect((await failed).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  isBroken = false
  expect(await second.commit([enqueueing(null)])).toMatchObject([{ applied: true }])
  expect(await second.pendingCount()).toBe(1)
  await second.storage.close()
  database.close()
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
