/** Reads in a process that does not dispatch: their writes are settled by another one (R1, Q17). */
import { describe, expect, test } from 'vitest'
import type { ReadOptions } from '../src/api/call-options.ts'
import { memoryVault, type Vault } from '../src/ports/vault.ts'
import { beginRead, readsOf } from './support/begun-read.ts'
import { gate } from './support/gate.ts'
import { echo, noteOf, parent, positioned } from './support/kinds.ts'
import { type Neighbour, neighbours } from './support/neighbours.ts'
import { note, type RigOptions } from './support/rig.ts'

/** Alice is logged in to both; the first dispatches, the second is the one that reads. */
async function opened(options: RigOptions = {}) {
  const { first, second } = neighbours({
    operations: [note, positioned, parent],
    vault: memoryVault(),
    ...options,
  })
  await first.rig.open()
  await first.rig.login('alice', 'a1')
  await second.rig.open()
  await second.rig.login('alice')
  return { first, second }
}

const begin = ({ rig }: Neighbour, options: Partial<ReadOptions> = {}) =>
  beginRead(rig, options).ended

/** The first answers what it has sent last, and the second hears of what that came to. */
async function settle(first: Neighbour, second: Neighbour, status = 200): Promise<void> {
  echo(first.rig.last, status)
  await first.rig.advance()
  await second.hear()
}

// R1, Q17
describe('in a process that does not dispatch, a read', () => {
  test('waits for all of the lane, which another process sends', async () => {
    const { first, second } = await opened()
    await second.rig.enqueue('one')
    await second.rig.enqueue('two')
    await first.hear()
    const ended = begin(second)
    await second.rig.enqueue('three')
    await first.hear()
    await settle(first, second)
    expect(second.rig.sent).toEqual([])
    await settle(first, second)
    expect(first.rig.bodies).toEqual(['one', 'two', 'three'])
    expect(second.rig.sent.map(({ request, token }) => [request.kind, token])).toEqual([
      ['read', 'a1'],
    ])
    second.rig.last.reply(200)
    await second.rig.advance()
    expect(ended).toEqual([200])
  })

  test('waits for the named operations alone, however they are settled', async () => {
    const { first, second } = await opened()
    const one = await second.rig.enqueue('one')
    const two = await second.rig.enqueue('two')
    await second.rig.enqueue('three')
    await first.hear()
    begin(second, { after: [one, two] })
    await first.rig.whileResting(first.rig.holdfast.cancel(two))
    await second.hear()
    expect(second.rig.sent).toEqual([])
    await settle(first, second, 400)
    expect(readsOf(second.rig)).toHaveLength(1)
  })

  test('is not sent before it hears of the end, nor again when it hears of more', async () => {
    const { first, second } = await opened()
    await second.rig.enqueue('one')
    await first.hear()
    begin(second)
    first.rig.last.reply(200)
    await first.rig.advance()
    await second.rig.advance(60_000)
    expect(second.rig.sent).toEqual([])
    await second.hear()
    await second.hear()
    expect(second.rig.sent).toHaveLength(1)
  })

  test('names the position that another process registered, after its delay', async () => {
    const { first, second } = await opened()
    await second.rig.whileResting(
      second.rig.holdfast.enqueue(positioned({ token: 'w1', delayMs: 300 })),
    )
    await first.hear()
    begin(second)
    await settle(first, second)
    await second.rig.advance(299)
    expect(second.rig.sent).toEqual([])
    await second.rig.advance(1)
    expect(second.rig.sent.map(({ request }) => request.path)).toEqual(['/messages?position=w1'])
  })

  test('waits for all of the lane, though follow-ups have pushed it back elsewhere', async () => {
    const { first, second } = await opened()
    const followUps = Array.from({ length: 15 }, (_, n) => noteOf(`follow-up ${n}`))
    await second.rig.whileResting(second.rig.holdfast.enqueue(parent({ followUps })))
    await second.rig.enqueue('last')
    await first.hear()
    begin(second)
    for (let n = 0; n < 16; n += 1) {
      await settle(first, second)
      expect(second.rig.sent).toEqual([])
    }
    expect(first.rig.bodies.at(-1)).toBe('last')
    await settle(first, second)
    expect(second.rig.sent).toHaveLength(1)
  })

  test('goes on waiting when this process takes over, and then hears of the end itself', async () => {
    const { first, second } = await opened()
    await second.rig.enqueue('one')
    begin(second)
    await first.rig.close()
    await second.rig.enqueue('two')
    await second.rig.advance()
    expect(second.rig.bodies).toEqual(['one'])
    second.rig.last.reply(200)
    await second.rig.advance()
    expect(readsOf(second.rig)).toHaveLength(1)
  })

  test('is sent at once when the process takes over and its writes have settled by then', async () => {
    const { first, second } = await opened()
    await second.rig.enqueue('one')
    await first.hear()
    begin(second)
    first.rig.last.reply(200)
    await first.rig.advance()
    await first.rig.close()
    expect(second.rig.sent).toEqual([])
    await second.rig.enqueue('two')
    await second.rig.advance()
    expect(readsOf(second.rig)).toHaveLength(1)
  })
})

// R3, Q17
describe('a token that another process was given', () => {
  test('is not missed by a read in flight that is refused before it is heard of', async () => {
    const { first, second } = await opened()
    const ended = begin(second)
    await second.rig.advance()
    await first.rig.whileResting(first.rig.holdfast.updateToken('alice', 'a2'))
    second.rig.last.reply(401)
    await second.rig.advance()
    // What is stored is read as soon as the refusal finds another generation there (T4).
    expect(second.rig.sent.map(({ token }) => token)).toEqual(['a1', 'a2'])
    await second.hear()
    expect(second.rig.sent).toHaveLength(2)
    second.rig.last.reply(200)
    await second.rig.advance()
    expect(ended).toEqual([200])
  })

  test('is not missed by a read that is refused while the vault opens it', async () => {
    const inner = memoryVault()
    const opening = gate<null>()
    let isSlow = false
    const vault: Vault = {
      seal: (secret) => inner.seal(secret),
      unseal: async (sealed) => {
        if (isSlow) await opening.promise
        return inner.unseal(sealed)
      },
    }
    const { first, second } = await opened({ vault })
    begin(second)
    await second.rig.advance()
    await first.rig.whileResting(first.rig.holdfast.updateToken('alice', 'a2'))
    isSlow = true
    await second.hear()
    second.rig.last.reply(401)
    await second.rig.advance()
    expect(second.rig.sent).toHaveLength(1)
    opening.open(null)
    await second.rig.advance()
    expect(second.rig.sent.map(({ token }) => token)).toEqual(['a1', 'a2'])
    expect(second.rig.eventsOf('token.needed')).toEqual([])
  })

  test('lets a read go that waits for it', async () => {
    const { first, second } = await opened()
    begin(second)
    await second.rig.advance()
    second.rig.last.reply(401)
    await second.rig.advance()
    expect(second.rig.sent).toHaveLength(1)
    await first.hear()
    await first.rig.whileResting(first.rig.holdfast.updateToken('alice', 'a2'))
    await second.hear()
    expect(second.rig.sent.map(({ token }) => token)).toEqual(['a1', 'a2'])
  })
})
