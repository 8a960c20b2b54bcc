/** One storage object serves one engine at a time (E2). */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { sqliteStorage } from '../src/sqlite-storage.ts'
import type { Storage } from '../storage/storage.ts'
import { storageOnThread } from './support/on-thread.ts'
import { replying, Rig } from './support/rig.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

function newFile(): string {
  return join(temporaryFolder(), 'outbox.db')
}

const MAKERS: readonly (readonly [string, (file: string) => Storage])[] = [
  ['on the main thread', (file) => sqliteStorage({ file })],
  [
    'of which only the death of the app takes nothing',
    (file) => sqliteStorage({ file, durability: 'app-crash' }),
  ],
]

// E2
test.each(MAKERS)(
  'a second engine with the storage of another rejects, and the first goes on (a storage %s)',
  async (_, make) => {
    const file = newFile()
    const storage = make(file)
    const [first, second] = [Rig.prepare({ answer: replying() }), Rig.prepare()]
    await first.open({ storage })
    await expect(second.open({ storage })).rejects.toMatchObject({
      name: 'HoldfastError',
      code: 'STORAGE_UNAVAILABLE',
      message: 'the storage is open; each engine needs its own',
    })
    await first.login('alice', 'a1')
    await first.enqueue('one')
    await first.advance()
    expect(first.bodies).toEqual(['one'])
    await first.close()
    // Nothing of the second is left behind: neither the storage nor the lock of the one that dispatches.
    const third = Rig.prepare({ answer: replying() })
    await third.open({ storage: make(file) })
    expect(third.holdsOf('alice')).toEqual([])
    await third.whileResting(third.holdfast.updateToken('alice', 'a2'))
    await third.enqueue('two')
    await third.advance()
    expect(third.bodies).toEqual(['two'])
  },
)

// E2
test.each(MAKERS)('the same storage serves the next engine (a storage %s)', async (_, make) => {
  const rig = Rig.prepare({ answer: replying() })
  const storage = make(newFile())
  for (const [index, text] of ['one', 'two', 'three'].entries()) {
    await rig.open({ storage })
    await rig.login('alice', `a${index}`)
    await rig.enqueue(text)
    await rig.advance()
    await rig.close()
  }
  expect(rig.bodies).toEqual(['one', 'two', 'three'])
})

// E2
test('two openings at the same moment: one serves its engine, the other rejects', async () => {
  const storage = sqliteStorage({ file: newFile() })
  const rigs = [Rig.prepare(), Rig.prepare()]
  const opened = await Promise.allSettled(rigs.map((rig) => rig.open({ storage })))
  expect(opened.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
})

// E2
test('a storage whose opening failed serves the next engine', async () => {
  const folder = temporaryFolder()
  const file = join(folder, 'later', 'outbox.db')
  const storage = sqliteStorage({ file })
  const rig = Rig.prepare()
  await expect(rig.open({ storage })).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' })
  mkdirSync(join(folder, 'later'))
  await rig.open({ storage })
  await rig.login('alice', 'a1')
  await rig.enqueue('one')
  expect(rig.holdfast.status().counts.pending).toBe(1)
})

// E2
test('a storage on a worker thread refuses a second engine in the same words', async () => {
  const storage = storageOnThread({ file: newFile() })
  const host = {
    atTurnEnd: (run: () => void) => void setImmediate(run),
    monotonic: () => 0,
    wall: () => 0,
    newFingerprintKey: 'key',
  }
  await storage.open(host)
  await expect(storage.open(host)).rejects.toMatchObject({
    code: 'STORAGE_UNAVAILABLE',
    message: 'the storage is open; each engine needs its own',
  })
  expect(await storage.lock()).toBe(true)
  await storage.close()
})
