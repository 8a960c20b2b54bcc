/** The message about a damaged database that was set aside says what the app can no longer find out (E2). */
import { expect, test } from 'vitest'
import type { MissingRows, SalvageReport } from '../storage/storage.ts'
import type { Context } from '../src/engine/context.ts'
import { tellOfSalvage } from '../src/engine/lifecycle/salvage-news.ts'
import type { LaneId, OperationId, UserId } from '../src/model.ts'

const GAP: MissingRows = {
  rows: 'operations',
  why: 'unreadable',
  count: null,
  key: null,
  after: null,
  before: null,
}

const NOTHING: SalvageReport = { kept: {}, missing: [], buried: [] }

/** The message of the event `error`, without its beginning, and the events after it. */
function told(report: SalvageReport): { readonly words: string; readonly later: unknown[] } {
  const events: unknown[] = []
  const context: Pick<Context, 'report'> = { report: (...event) => void events.push(event) }
  tellOfSalvage(context as Context, 'outbox.db.damaged', report)
  const [first, ...later] = events as [[string, { error: Error }], ...unknown[]]
  const [name, { error }] = first
  expect(name).toBe('error')
  return { words: error.message.split('; ').slice(2).join('; '), later }
}

// E2
test.each<[string, Partial<MissingRows>]>([
  ['operations: any', {}],
  ['operations: any behind lane 1, place 2', { after: 'lane 1, place 2' }],
  ['operations: any before lane 1, place 2', { before: 'lane 1, place 2' }],
  ['operations: 3 more (owner unknown)', { count: 3, why: 'owner-unknown' }],
  ['operations lane 1, place 2', { key: 'lane 1, place 2' }],
])('rows that are missing are told as `%s`', (words, gap) => {
  const { words: seen } = told({ ...NOTHING, missing: [{ ...GAP, ...gap }] })
  expect(seen).toBe(`kept: nothing; missing: ${words}`)
})

// E2
test('operations that are dead because they may have been sent are counted, and each is an event', () => {
  const ids = ['one', 'two'] as OperationId[]
  const buried = ids.map((id, index) => ({
    id,
    kind: 'note',
    user: 'alice' as UserId,
    lane: 1 as LaneId,
    place: 1024 * (index + 1),
  }))
  const { words, later } = told({ ...NOTHING, kept: { operations: 5 }, buried })
  expect(words).toBe(
    'kept: operations 5; missing: nothing that is known; dead, because they may have been sent: 2',
  )
  expect(later).toEqual(
    ids.map((id) => [
      'operation.dead',
      { id, kind: 'note', user: 'alice', reason: 'outcome-unknown', status: null },
    ]),
  )
})
