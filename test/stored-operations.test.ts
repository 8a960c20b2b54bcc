/** The lists of what is stored: `pending()` (`deadLetters()` is shown with dead letters). */
import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { expect, test } from 'vitest'
import { sqliteStorage } from '../src/sqlite-storage.ts'
import { Rig } from './support/rig.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

async function rigWithTwoLanes(): Promise<Rig> {
  const rig = await Rig.start()
  rig.holdfast.pause()
  await rig.login('alice', 'a1')
  for (const text of ['one', 'two', 'three']) await rig.enqueue(text)
  await rig.login('bob', 'b1')
  await rig.enqueue('four')
  return rig
}

const textsOf = (list: readonly object[]) =>
  list.map((info) => 'payload' in info && (info.payload as { readonly text: string }).text)

test('pending() lists what is pending, lane by lane, in the order of sending', async () => {
  const rig = await rigWithTwoLanes()
  const list = await rig.whileResting(rig.holdfast.pending())
  expect(textsOf(list)).toEqual(['one', 'two', 'three', 'four'])
  expect(list[0]).toMatchObject({ state: 'pending', user: 'alice', kind: 'note' })
})

test('pending() can be of one user, of the anonymous identity, and of the first so many', async () => {
  const rig = await rigWithTwoLanes()
  const of = (filter: { user?: string | null; limit?: number }) =>
    rig.whileResting(rig.holdfast.pending(filter)).then(textsOf)
  expect(await of({ user: 'bob' })).toEqual(['four'])
  expect(await of({ user: null })).toEqual([])
  expect(await of({ limit: 2 })).toEqual(['one', 'two'])
  expect(await of({ limit: 4 })).toEqual(['one', 'two', 'three', 'four'])
})

test('what is sent is pending until its outcome is stored', async () => {
  const rig = await Rig.start()
  await rig.login('alice', 'a1')
  await rig.enqueue('one')
  expect(textsOf(await rig.whileResting(rig.holdfast.pending()))).toEqual(['one'])
  rig.last.reply(200)
  await rig.advance()
  expect(await rig.whileResting(rig.holdfast.pending())).toEqual([])
})

test.each([0, -1, 1.5, Number.NaN])('pending({ limit: %s }) is a RangeError', async (limit) => {
  const rig = await Rig.start()
  await expect(rig.holdfast.pending({ limit })).rejects.toThrow(
    `pending: limit must be a whole number from 1, not ${limit}`,
  )
})

// Q14
test('a stored payload that is no JSON is listed as its text, pending and dead', async () => {
  const file = join(temporaryFolder(), 'outbox.db')
  const rig = await Rig.start({ storage: sqliteStorage({ file }) })
  rig.holdfast.pause()
  await rig.login('alice', 'a1')
  const id = await rig.enqueue('one')
  await rig.close()
  const other = new SqliteDatabase(file)
  other.exec(`UPDATE holdfast_operations SET payload = '{"text":'`)
  other.close()
  const next = await Rig.start({ storage: sqliteStorage({ file }) })
  next.holdfast.pause()
  const pending = await next.whileResting(next.holdfast.pending())
  expect(pending).toMatchObject([{ id, state: 'pending', payload: '{"text":' }])
  await next.login('alice', 'a1')
  next.holdfast.resume()
  await next.advance()
  const dead = await next.whileResting(next.holdfast.deadLetters())
  expect(dead).toMatchObject([{ id, reason: 'unreadable', payload: '{"text":' }])
  expect(await next.whileResting(next.holdfast.operation(id))).toMatchObject(dead[0] ?? {})
})
