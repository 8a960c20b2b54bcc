/** A logout holds since the call, though another process commits before it can be stored (T11, I1). */
import { expect, test } from 'vitest'
import { memoryVault } from '../src/ports/vault.ts'
import { sqliteStorage } from '../src/sqlite-storage.ts'
import { Failures } from './support/failing-storage.ts'
import { replying, Rig } from './support/rig.ts'

/** Alice has something to send, the queue is paused, and storage is in the hands of the test. */
async function opened() {
  const rig = Rig.prepare({ vault: memoryVault(), answer: replying(200) })
  const storage = new Failures(sqliteStorage({ database: rig.database }))
  await rig.open({ storage: storage.storage })
  await rig.login('alice', 'a1')
  rig.holdfast.pause()
  await rig.enqueue('one')
  return { rig, storage }
}

/** The call cannot be stored at first; meanwhile the engine hears that another process has committed. */
async function storedLate(
  { rig, storage }: Awaited<ReturnType<typeof opened>>,
  call: () => Promise<unknown>,
): Promise<void> {
  storage.failOn(['leave'])
  const called = call()
  await rig.advance(10)
  storage.tellOfCommit()
  await rig.advance(10)
  storage.failOn(null)
  await rig.advance(60_000)
  await called
}

// T11
test('a session whose logout is stored late ends once its lane is empty', async () => {
  const world = await opened()
  const { rig } = world
  await storedLate(world, () => rig.holdfast.logout())
  rig.holdfast.resume()
  await rig.advance()
  expect(rig.bodies).toEqual(['one'])
  await rig.login('alice')
  await rig.enqueue('two')
  await rig.advance()
  expect(rig.bodies).toEqual(['one'])
  expect(rig.holdfast.status().tokenNeeds).toMatchObject([{ user: 'alice', reason: 'missing' }])
})

// T11
test('a session whose user is back goes on, though the login is stored late', async () => {
  const world = await opened()
  const { rig } = world
  await rig.whileResting(rig.holdfast.logout())
  await storedLate(world, () => rig.holdfast.login('alice'))
  rig.holdfast.resume()
  await rig.advance()
  await rig.enqueue('two')
  await rig.advance()
  expect(rig.sent.map(({ token }) => token)).toEqual(['a1', 'a1'])
})
