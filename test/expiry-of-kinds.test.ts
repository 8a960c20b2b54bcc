/** The time of a call takes precedence over the time of its kind (Q8), whichever way the operation comes into its lane. */
import { describe, expect, test } from 'vitest'
import { defineOperation, type OperationDraft } from '../src/operations/define-operation.ts'
import { memoryVault } from '../src/ports/vault.ts'
import { echo, parent } from './support/kinds.ts'
import { note, replying, Rig } from './support/rig.ts'

const brief = defineOperation({ ...note.spec, kind: 'brief', expiresInMs: 100 })
const long = defineOperation({ ...note.spec, kind: 'long', expiresInMs: 1000 })
const farewell = defineOperation({
  ...note.spec,
  kind: 'farewell',
  expiresInMs: 1000,
  onLogout: () => ({ text: 'kept' }),
})

const operations = [note, brief, long, parent]

/** What a call says, and after how many milliseconds the operation is too old. */
const times: readonly (readonly [
  what: string,
  kind: 'note' | 'brief' | 'long',
  expiresInMs: number | null,
  lastsMs: number,
])[] = [
  ['a shorter time of the call', 'long', 100, 100],
  ['a longer time of the call', 'brief', 1000, 1000],
  ['the time of the kind, where the call has none', 'long', null, 1000],
  ['the time of the call, where the kind has none', 'note', 100, 100],
]

/** The ways into a lane. Each leaves a note with the text `kept` in the lane of alice, who is offline. */
const ways: readonly (readonly [
  name: string,
  put: (rig: Rig, draft: OperationDraft) => Promise<unknown>,
])[] = [
  [
    'enqueue()',
    async (rig, draft) => {
      rig.tell('offline')
      await rig.whileResting(rig.holdfast.enqueue(draft))
    },
  ],
  [
    'enqueueWithin()',
    async (rig, draft) => {
      rig.tell('offline')
      rig.database.transaction(() => rig.holdfast.enqueueWithin(rig.database, draft))()
      await rig.advance()
    },
  ],
  [
    'a follow-up',
    async (rig, draft) => {
      await rig.whileResting(rig.holdfast.enqueue(parent({ followUps: [{ ...draft }] })))
      rig.holdfast.pause()
      echo(rig.last)
      await rig.advance()
      rig.tell('offline')
      rig.holdfast.resume()
    },
  ],
]

/** What becomes of it after so many milliseconds, once the network is back. */
async function afterwards(rig: Rig, ms: number, isRestarted: boolean): Promise<string> {
  if (isRestarted) {
    rig.isOnline = false
    await rig.close()
    await rig.advance(ms)
    await rig.open()
  } else await rig.advance(ms)
  rig.answer = replying(200)
  rig.tell('online')
  await rig.advance()
  const [dropped] = rig.eventsOf('operation.dropped')
  return dropped?.reason ?? String(rig.bodies.at(-1))
}

// Q8
describe.each(ways)('%s obeys', (_name, put) => {
  describe.each(times)('%s', (_what, kind, expiresInMs, lastsMs) => {
    test.each([
      ['while the process lives', false],
      ['across a restart', true],
    ])('%s', async (_when, isRestarted) => {
      const draft = {
        kind,
        payload: { text: 'kept' },
        ...(expiresInMs === null ? {} : { expiresInMs }),
      }
      const ends: string[] = []
      for (const ms of [lastsMs - 1, lastsMs]) {
        const rig = await Rig.start({ operations, vault: memoryVault() })
        await rig.login('alice', 'a1')
        await put(rig, draft)
        ends.push(await afterwards(rig, ms, isRestarted))
      }
      expect(ends).toEqual(['kept', 'expired'])
    })
  })
})

// I7, Q8
test('an operation that onLogout adds has the time of its kind', async () => {
  const ends: string[] = []
  for (const ms of [999, 1000]) {
    const rig = await Rig.start({ operations: [note, farewell] })
    await rig.login('alice', 'a1')
    rig.tell('offline')
    await rig.whileResting(rig.holdfast.logout())
    ends.push(await afterwards(rig, ms, false))
  }
  expect(ends).toEqual(['kept', 'expired'])
})
