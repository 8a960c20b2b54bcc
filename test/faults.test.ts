/** A fault inside the engine leaves no lane for ever in its attempt (E3). */
import { describe, expect, test } from 'vitest'
import { replay } from '../src/journal/replay.ts'
import { sqliteStorage } from '../src/sqlite-storage.ts'
import type { Storage } from '../storage/storage.ts'
import { count, note, replying, Rig, type RigOptions } from './support/rig.ts'

/** A storage of the app of which one answer, the next to this question, is nonsense: the engine cannot foresee that. */
type Breaks = (name: string | null, times?: number) => void

function senseless(rig: Rig): { readonly storage: Storage; breaks: Breaks } {
  const storage = sqliteStorage({ database: rig.database })
  let broken: string | null = null
  let left = 0
  const proxy = new Proxy(storage, {
    get: (target, name) => {
      const value = Reflect.get(target, name) as unknown
      if (name === broken) {
        left -= 1
        if (left === 0) broken = null
        return () => Promise.resolve(undefined)
      }
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
  return {
    storage: proxy,
    breaks: (name, times = 1) => {
      broken = name
      left = times
    },
  }
}

async function started(options: RigOptions = {}) {
  const rig = Rig.prepare({ answer: replying(200), ...options })
  const storage = senseless(rig)
  await rig.open({ storage: storage.storage })
  await rig.login('alice', 'a1')
  return { rig, ...storage }
}

const codesOf = (rig: Rig) => rig.eventsOf('error').map(({ error }) => error.code)

// E3, Q7, Q8
describe('a fault inside the engine during an attempt', () => {
  test('ends the attempt as a counted retry, is told, and the lane goes on', async () => {
    const { rig, breaks } = await started()
    rig.holdfast.pause()
    await rig.enqueue('one')
    await rig.enqueue('two')
    rig.answer = ({ reply }) => {
      // What is to be recorded of this reply is answered with nonsense.
      breaks('commit')
      reply(200)
    }
    rig.holdfast.resume()
    await rig.advance()
    rig.answer = replying(200)
    expect(codesOf(rig)).toEqual(['INTERNAL'])
    expect(rig.holdfast.status().lanes).toMatchObject([
      { sending: false, holds: [{ name: 'backing-off' }], lastFailure: { code: 'INTERNAL' } },
    ])
    expect(rig.eventsOf('operation.retrying')).toMatchObject([
      { outcome: 'retry', error: { code: 'INTERNAL' }, attempts: 1 },
    ])
    await rig.advance(10_000)
    expect(rig.eventsOf('operation.completed')).toHaveLength(2)
    const [first, second] = rig.sent
    expect(second?.request.headers['idempotency-key']).toBe(
      first?.request.headers['idempotency-key'],
    )
  })

  // Q5, Q10
  test('leaves the outcome unknown of a request that was sent: its operation cannot be cancelled', async () => {
    const { rig, breaks } = await started()
    rig.answer = ({ reply }) => {
      breaks('commit')
      reply(200)
    }
    const id = await rig.enqueue('one')
    await rig.advance()
    expect(rig.holdsOf('alice')).toEqual(['backing-off'])
    await expect(rig.whileResting(rig.holdfast.cancel(id))).rejects.toMatchObject({
      code: 'TOO_LATE',
    })
  })

  test('stops no other lane', async () => {
    const { rig, breaks } = await started({ concurrency: 1 })
    rig.answer = ({ request, reply }) => {
      breaks(request.user === 'alice' ? 'commit' : null)
      reply(200)
    }
    await rig.enqueue('of alice')
    breaks(null)
    await rig.login('bob', 'b1')
    await rig.enqueue('of bob')
    await rig.advance(100)
    expect(rig.eventsOf('operation.completed')).toMatchObject([{ user: 'bob' }])
  })

  test('that never ends is bounded like any other', async () => {
    const { rig, breaks } = await started({ maxAttempts: 3, patienceMs: 0 })
    rig.answer = ({ reply }) => {
      breaks('commit')
      reply(200)
    }
    const id = await rig.enqueue('one')
    await rig.advance(60_000)
    expect(rig.sent).toHaveLength(3)
    expect(rig.eventsOf('operation.dead')).toMatchObject([{ id, reason: 'attempts-exhausted' }])
  })

  test.each(['window', 'records'])('in an answer of %s() is read again', async (name) => {
    const { rig, breaks } = await started({ operations: [note, count] })
    for (let by = 0; by < 3; by += 1) await rig.whileResting(rig.holdfast.enqueue(count({ by })))
    await rig.advance(1000)
    rig.holdfast.pause()
    await rig.whileResting(rig.holdfast.enqueue(count({ by: 9 })))
    breaks(name)
    rig.holdfast.resume()
    await rig.advance()
    breaks(null)
    await rig.advance(60_000)
    expect(rig.holdfast.status().counts.pending).toBe(0)
  })

  test('that comes again while it is dealt with is begun anew after a while', async () => {
    const { rig, breaks } = await started()
    let commits = 0
    rig.answer = ({ reply }) => {
      commits += 1
      breaks(commits === 1 ? 'commit' : null, 2)
      reply(200)
    }
    await rig.enqueue('one')
    await rig.advance()
    expect(rig.holdsOf('alice')).toEqual(['storage-failed'])
    await rig.advance(10_000)
    expect(rig.eventsOf('operation.completed')).toHaveLength(1)
  })

  // V: replays
  test('replays as it was', async () => {
    const first = await Rig.start()
    await first.close()
    const { rig, breaks } = await started({ database: first.database })
    rig.answer = ({ reply }) => {
      breaks('commit')
      reply(200)
    }
    await rig.enqueue('one')
    rig.answer = replying(200)
    await rig.advance(10_000)
    await rig.close()
    expect(rig.eventsOf('operation.completed')).toHaveLength(1)
    const text = rig.journal.lines().join('\n')
    expect(text).toContain('"code":"INTERNAL"')
    expect((await replay(text)).withStorage).toBe(false)
  })
})
