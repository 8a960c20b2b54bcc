/** A user who was forgotten by another process has another lane by now (I12, Q17). */
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import type { Change } from '../storage/changes.ts'
import { ALICE, enqueueing, NOW, SqliteLife } from './support/sqlite-life.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const FORGET: Change = { change: 'forget', user: ALICE, at: NOW }

/** The first life has known the lane that the second one has erased; alice has a new lane since. */
let first: SqliteLife
let second: SqliteLife

beforeEach(async () => {
  const file = join(temporaryFolder(), 'lanes.db')
  first = await SqliteLife.open({ file })
  second = await SqliteLife.open({ file })
  await first.commit([enqueueing(ALICE)])
  await second.commit([FORGET])
  await second.commit([enqueueing(ALICE)])
})

async function laneOfAlice() {
  const { lanes } = await second.storage.reload()
  return lanes.find(({ user }) => user === ALICE)
}

test('forget() erases the lane that the user has now', async () => {
  const [answer] = await first.commit([FORGET])
  expect(answer).toMatchObject({ applied: true, affected: [{ place: 1024 }] })
  expect(await laneOfAlice()).toBeUndefined()
})

test('an operation goes to the lane that the user has now', async () => {
  await first.commit([enqueueing(ALICE)])
  expect(await laneOfAlice()).toMatchObject({ pending: 2 })
})

test('a discarding logout marks the lane that the user has now', async () => {
  await first.commit([{ change: 'discardLane', user: ALICE, discarding: true }])
  expect(await laneOfAlice()).toMatchObject({ discardThrough: 1024 })
})

test('a reading position is that of the lane that the user has now (R2)', async () => {
  const line = await laneOfAlice()
  const [row] = await second.storage.window(line?.lane ?? (0 as never), 0, 1)
  if (line === undefined || row === undefined) throw new Error('alice has nothing pending')
  const position = { key: '', token: 'w1', readyAt: NOW, waitMs: 0 }
  const members = [{ id: row.id, place: row.place }]
  await second.commit([
    { change: 'complete', lane: line.lane, members, positions: [position], at: NOW },
  ])
  await first.commit([])
  expect(await first.storage.position(ALICE, '')).toMatchObject({ token: 'w1' })
})
