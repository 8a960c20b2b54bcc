/** The lists of what is stored: `pending()` (`deadLetters()` is shown with dead letters). */
import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { expect, test } from 'vitest'
import { sqliteStorage } from '../src/sqlite-storage.ts'
import { replying, Rig } from './support/rig.ts'
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
  const list = (await rig.whileResting(rig.holdfast.pending())).items
  expect(textsOf(list)).toEqual(['one', 'two', 'three', 'four'])
  expect(list[0]).toMatchObject({ state: 'pending', user: 'alice', kind: 'note' })
})

test('pending() can be of one user, of the anonymous identity, and of the first so many', async () => {
  const rig = await rigWithTwoLanes()
  const of = (filter: { user?: string | null; limit?: number }) =>
    rig.whileResting(rig.holdfast.pending(filter)).then(({ items }) => textsOf(items))
  expect(await of({ user: 'bob' })).toEqual(['four'])
  expect(await of({ user: null })).toEqual([])
  expect(await of({ limit: 2 })).toEqual(['one', 'two'])
  expect(await of({ limit: 4 })).toEqual(['one', 'two', 'three', 'four'])
})

test('what is sent is pending until its outcome is stored', async () => {
  const rig = await Rig.start()
  await rig.login('alice', 'a1')
  await rig.enqueue('one')
  expect(textsOf((await rig.whileResting(rig.holdfast.pending())).items)).toEqual(['one'])
  rig.last.reply(200)
  await rig.advance()
  expect((await rig.whileResting(rig.holdfast.pending())).items).toEqual([])
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
  const pending = (await next.whileResting(next.holdfast.pending())).items
  expect(pending).toMatchObject([{ id, state: 'pending', payload: '{"text":' }])
  await next.login('alice', 'a1')
  next.holdfast.resume()
  await next.advance()
  const dead = (await next.whileResting(next.holdfast.deadLetters())).items
  expect(dead).toMatchObject([{ id, reason: 'unreadable', payload: '{"text":' }])
  expect(await next.whileResting(next.holdfast.operation(id))).toMatchObject(dead[0] ?? {})
})

async function pagesOf<Item extends { readonly id: string }>(
  ask: (after: { after?: string }) => Promise<{ items: readonly Item[]; next: string | null }>,
): Promise<readonly (readonly string[])[]> {
  const pages: string[][] = []
  let next: string | null = null
  do {
    const page: { items: readonly Item[]; next: string | null } = await ask(
      next === null ? {} : { after: next },
    )
    pages.push(page.items.map(({ id }) => id))
    next = page.next
  } while (next !== null)
  return pages
}

test('pending() and deadLetters() list more than a page page by page, each operation once', async () => {
  const rig = await rigWithTwoLanes()
  const all = (await rig.whileResting(rig.holdfast.pending())).items.map(({ id }) => id)
  for (const limit of [1, 2, 3, 4, 5]) {
    const pages = await pagesOf((after) =>
      rig.whileResting(rig.holdfast.pending({ limit, ...after })),
    )
    expect(pages.flat()).toEqual(all)
    expect(pages.slice(0, -1).every((page) => page.length === limit)).toBe(true)
    expect(pages.length).toBe(Math.ceil(all.length / limit))
  }
})

test('a page of dead letters goes on behind a letter that is gone meanwhile', async () => {
  const rig = await Rig.start({ answer: replying(422) })
  await rig.login('alice', 'a1')
  const ids: string[] = []
  for (const text of ['a', 'b', 'c', 'd', 'e']) ids.push(await rig.enqueue(text))
  await rig.advance(100)
  const first = await rig.whileResting(rig.holdfast.deadLetters({ limit: 2 }))
  expect(first.items.map(({ id }) => id)).toEqual(ids.slice(0, 2))
  await rig.whileResting(rig.holdfast.discard(ids[1] ?? ''))
  const after = first.next ?? ''
  const second = await rig.whileResting(rig.holdfast.deadLetters({ limit: 3, after }))
  expect(second).toMatchObject({ next: null })
  expect(second.items.map(({ id }) => id)).toEqual(ids.slice(2))
})

test('deadLetters() takes the filter of retryAll()', async () => {
  const rig = await Rig.start({ answer: replying(422) })
  await rig.login('alice', 'a1')
  await rig.enqueue('one')
  await rig.advance()
  const counts = await Promise.all(
    [{ kind: 'note' }, { kind: 'count' }, { reason: 'rejected' }, { reason: 'unreadable' }].map(
      (filter) => rig.whileResting(rig.holdfast.deadLetters(filter as never)),
    ),
  )
  expect(counts.map(({ items }) => items.length)).toEqual([1, 0, 1, 0])
})

test.each(['', 'x', '1', '1/2/3/4', 5, {}])(
  'a page after %j, which no page has named, is a TypeError',
  async (after) => {
    const rig = await Rig.start()
    const page = rig.holdfast.pending({ after: after as never })
    await expect(page).rejects.toThrow('after must be `next` of an earlier page')
    const letters = rig.holdfast.deadLetters({
      after: (after === '1/2/3/4' ? '1/2' : after) as never,
    })
    await expect(letters).rejects.toThrow('after must be `next` of an earlier page')
  },
)
