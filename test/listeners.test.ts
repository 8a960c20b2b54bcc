/** How the app hears: listeners, watchers, and what they may do wrong (E3, T5). */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { HoldfastError } from '../src/errors.ts'
import { gate } from './support/gate.ts'
import { replying, Rig, type RigOptions } from './support/rig.ts'
import { throwing } from './support/throwing.ts'

type AnyCall = (...args: unknown[]) => unknown

const unhandled: unknown[] = []
const note = (reason: unknown) => void unhandled.push(reason)

beforeEach(() => {
  unhandled.length = 0
  process.on('unhandledRejection', note)
})

afterEach(async () => {
  await new Promise((resolve) => {
    setImmediate(resolve)
  })
  process.off('unhandledRejection', note)
  if (unhandled.length > 0) throw new AggregateError(unhandled, 'rejections that nobody handled')
})

// E3
describe('a listener that throws', () => {
  test.each([
    [
      'an error',
      () => {
        throw new Error('bug')
      },
    ],
    ['what is no error', throwing('bug')],
    ['nothing', throwing(undefined)],
    ['later', () => Promise.reject(new Error('bug'))],
    ['later what is no error', () => Promise.reject('bug' as never)],
  ])('%s stops nobody else, and is reported', async (_name, listener) => {
    const rig = await Rig.start({ answer: replying(200) })
    rig.holdfast.on('operation.enqueued', listener as () => void)
    rig.holdfast.subscribe(listener as () => void)
    const after: string[] = []
    rig.holdfast.on('operation.enqueued', ({ id }) => after.push(id))
    await rig.login('alice', 'a1')
    const id = await rig.enqueue('one')
    await rig.advance()
    expect(after).toEqual([id])
    expect(rig.eventsOf('operation.completed')).toMatchObject([{ id }])
    const codes = new Set(rig.eventsOf('error').map(({ error }) => error.code))
    expect([...codes]).toEqual(['APP_CODE_FAILED'])
  })

  test('on errors itself is not told of itself, and nothing breaks', async () => {
    const rig = await Rig.start({ answer: replying(200) })
    let calls = 0
    rig.holdfast.on('error', () => {
      calls += 1
      throw new Error('bug')
    })
    rig.holdfast.on('operation.enqueued', () => {
      throw new Error('bug')
    })
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    await rig.advance()
    expect(calls).toBe(1)
    expect(rig.eventsOf('operation.completed')).toHaveLength(1)
  })
})

describe('a listener', () => {
  test('may call the engine, which is free to answer', async () => {
    const rig = await Rig.start({ answer: replying(422) })
    const retried: string[] = []
    rig.holdfast.on('operation.dead', ({ id }) => {
      if (retried.length > 0) return
      retried.push(id)
      void rig.holdfast.retry(id)
    })
    await rig.login('alice', 'a1')
    const id = await rig.enqueue('one')
    await rig.advance()
    expect(rig.eventsOf('operation.dead').map((dead) => dead.id)).toEqual([id, id])
  })

  test('hears of a change only once it is committed', async () => {
    const rig = await Rig.start()
    const counts: unknown[] = []
    const countRows = rig.database.prepare('SELECT count(*) AS n FROM holdfast_operations')
    rig.holdfast.on('operation.enqueued', () => counts.push(countRows.get()))
    rig.holdfast.on('operation.completed', () => counts.push(countRows.get()))
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    rig.last.reply(200)
    await rig.advance()
    expect(counts).toEqual([{ n: 1 }, { n: 0 }])
  })

  test('is gone after off(), of that event alone, though it listens to two', async () => {
    const rig = await Rig.start({ answer: replying(200) })
    const heard: string[] = []
    const listener = ({ kind }: { kind: string }) => void heard.push(kind)
    rig.holdfast.on('operation.enqueued', listener)
    rig.holdfast.on('operation.completed', listener)
    rig.holdfast.off('operation.enqueued', listener)
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    await rig.advance()
    expect(heard).toEqual(['note'])
    rig.holdfast.off('operation.completed', listener)
    await rig.enqueue('two')
    await rig.advance()
    expect(heard).toEqual(['note'])
  })

  test('that was added twice is called twice, and gone after two off()', async () => {
    const rig = await Rig.start({ answer: replying(200) })
    let calls = 0
    const listener = () => void (calls += 1)
    rig.holdfast.on('operation.enqueued', listener)
    rig.holdfast.on('operation.enqueued', listener)
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    expect(calls).toBe(2)
    rig.holdfast.off('operation.enqueued', listener)
    await rig.enqueue('two')
    expect(calls).toBe(3)
    rig.holdfast.off('operation.enqueued', listener)
    rig.holdfast.off('operation.enqueued', listener)
    await rig.enqueue('three')
    expect(calls).toBe(3)
  })
})

// T5
describe('the function that on() answers', () => {
  test('removes the listener, and a second call removes no other', async () => {
    const rig = await Rig.start({ answer: replying(200) })
    const heard: string[] = []
    const listener = ({ id }: { readonly id: string }) => heard.push(id)
    const stop = rig.holdfast.on('operation.enqueued', listener)
    rig.holdfast.on('operation.enqueued', listener)
    await rig.login('alice', 'a1')
    stop()
    stop()
    const id = await rig.enqueue('one')
    expect(heard).toEqual([id])
  })
})

describe('a listener that is added with once()', () => {
  test('hears the first event alone', async () => {
    const rig = await Rig.start({ answer: replying(200) })
    const heard: string[] = []
    rig.holdfast.once('operation.enqueued', ({ id }) => heard.push(id))
    await rig.login('alice', 'a1')
    const first = await rig.enqueue('one')
    await rig.enqueue('two')
    expect(heard).toEqual([first])
  })

  test('hears nothing once it was removed', async () => {
    const rig = await Rig.start()
    const heard: unknown[] = []
    const stop = rig.holdfast.once('identity.changed', (detail) => heard.push(detail))
    stop()
    await rig.login('alice', 'a1')
    expect(heard).toEqual([])
  })

  test('hears one token need that was open before, and no other', async () => {
    const rig = await Rig.start()
    for (const user of ['alice', 'bob']) {
      await rig.login(user)
      await rig.enqueue('one')
    }
    const heard: string[] = []
    rig.holdfast.once('token.needed', ({ user }) => heard.push(user))
    await rig.login('carol')
    await rig.enqueue('one')
    expect(heard).toHaveLength(1)
  })

  test('cannot be a listener of every event', async () => {
    const rig = await Rig.start()
    expect(() => rig.holdfast.once('*' as never, () => undefined)).toThrow("not '*'")
  })

  test('is reported if it throws later', async () => {
    const rig = await Rig.start({ answer: replying(200) })
    rig.holdfast.once('operation.enqueued', (() => Promise.reject(new Error('bug'))) as () => void)
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    await rig.advance()
    expect(rig.eventsOf('error').map(({ error }) => error.code)).toEqual(['APP_CODE_FAILED'])
  })
})

describe('a listener of every event', () => {
  test('hears what the listeners of the single events hear, in the same order', async () => {
    const rig = await Rig.start({ answer: replying(200) })
    const heard: unknown[] = []
    const stop = rig.holdfast.on('*', (event) => heard.push(event))
    const before = rig.heard.length
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    await rig.advance()
    const expected = rig.heard.slice(before).map(({ name, detail }) => ({ name, detail }))
    expect(heard.length).toBeGreaterThan(3)
    expect(heard).toEqual(expected)
    stop()
    await rig.enqueue('two')
    expect(heard).toEqual(expected)
  })

  test('hears of a need that was open before', async () => {
    const rig = await Rig.start()
    await rig.login('alice')
    await rig.enqueue('one')
    const heard: unknown[] = []
    rig.holdfast.on('*', (event) => heard.push(event))
    const detail = { user: 'alice', reason: 'missing', generation: null }
    expect(heard).toEqual([{ name: 'token.needed', detail }])
  })

  test('that throws is told once of each of its failures', async () => {
    const rig = await Rig.start({ answer: replying(200) })
    const names: string[] = []
    rig.holdfast.on('*', ({ name }) => {
      names.push(name)
      throw new Error('bug')
    })
    await rig.login('alice', 'a1')
    const others = names.filter((name) => name !== 'error')
    expect(others.length).toBeGreaterThan(0)
    expect(names.length).toBe(2 * others.length)
  })

  test('is gone after off()', async () => {
    const rig = await Rig.start()
    const heard: unknown[] = []
    const listener = (event: object) => heard.push(event)
    rig.holdfast.on('*', listener)
    rig.holdfast.off('*', listener)
    await rig.login('alice', 'a1')
    expect(heard).toEqual([])
  })
})

describe('a token need', () => {
  test('is asked once, and replayed to who listens later, until it is answered', async () => {
    const rig = await Rig.start({ answer: replying(200) })
    await rig.login('alice')
    await rig.enqueue('one')
    await rig.enqueue('two')
    await rig.advance(100_000)
    expect(rig.eventsOf('token.needed')).toEqual([
      { user: 'alice', reason: 'missing', generation: null },
    ])
    const late: unknown[] = []
    rig.holdfast.on('token.needed', (detail) => late.push(detail))
    expect(late).toEqual([{ user: 'alice', reason: 'missing', generation: null }])
    expect(rig.holdfast.status().tokenNeeds).toEqual([
      { user: 'alice', reason: 'missing', generation: null },
    ])
    await rig.whileResting(rig.holdfast.updateToken('alice', 'a1'))
    expect(rig.holdfast.status().tokenNeeds).toEqual([])
    const later: unknown[] = []
    rig.holdfast.on('token.needed', (detail) => later.push(detail))
    expect(later).toEqual([])
  })

  test('names the refused generation, and opens anew after a restart', async () => {
    const rig = await Rig.start({ answer: replying(401) })
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    await rig.advance()
    const need = { user: 'alice', reason: 'refused', generation: 1 }
    expect(rig.eventsOf('token.needed')).toEqual([need])
    await rig.close()
    await rig.open()
    await rig.advance()
    expect(rig.eventsOf('token.needed')).toEqual([need, need])
    expect(rig.sent).toHaveLength(1)
  })

  test('of a user with nothing to send is not opened', async () => {
    const rig = await Rig.start()
    await rig.login('alice')
    await rig.advance(1000)
    expect(rig.eventsOf('token.needed')).toEqual([])
  })
})

// T5
describe('a listener that is added late hears the need', () => {
  function heardLate(rig: Rig): unknown[] {
    const late: unknown[] = []
    rig.holdfast.on('token.needed', (detail) => late.push(detail))
    expect(late).toEqual(rig.holdfast.status().tokenNeeds)
    return late
  }

  const missing = (user: string) => ({ user, reason: 'missing', generation: null })

  /** Alice, who has no token, has something to send. */
  async function needing(options: RigOptions = {}): Promise<Rig> {
    const rig = await Rig.start(options)
    await rig.login('alice')
    await rig.enqueue('of alice')
    await rig.advance()
    return rig
  }

  test('of a user after a login of another user', async () => {
    const rig = await needing()
    await rig.login('bob', 'b1')
    expect(heardLate(rig)).toEqual([missing('alice')])
  })

  test('of a user after the logout of that user', async () => {
    const rig = await needing()
    await rig.whileResting(rig.holdfast.logout())
    expect(rig.holdfast.status().identity).toBeNull()
    expect(heardLate(rig)).toEqual([missing('alice')])
  })

  test('of every user who has one, whoever is logged in', async () => {
    const rig = await needing()
    await rig.login('bob', 'b1')
    await rig.enqueue('of bob')
    rig.last.reply(401)
    await rig.advance()
    await rig.login('carol')
    await rig.enqueue('of carol')
    await rig.login('dave', 'd1')
    expect(heardLate(rig)).toEqual([
      missing('alice'),
      { user: 'bob', reason: 'refused', generation: 1 },
      missing('carol'),
    ])
  })

  test('of a user who is not logged in after a restart', async () => {
    const rig = await needing()
    await rig.login('bob')
    await rig.close()
    await rig.open()
    await rig.advance()
    expect(heardLate(rig)).toEqual([missing('alice')])
  })

  test('of a user who is not logged in once the source has denied a token, and not before', async () => {
    const answer = gate<null>()
    const rig = await needing({ tokenSource: () => answer.promise })
    await rig.login('bob')
    const late: unknown[] = []
    rig.holdfast.on('token.needed', (detail) => late.push(detail))
    expect(late).toEqual([])
    answer.open(null)
    await rig.advance()
    expect(late).toEqual([missing('alice')])
    expect(heardLate(rig)).toEqual([missing('alice')])
  })

  test('of a user who is not logged in no more once a token has come', async () => {
    const rig = await needing({ answer: replying(200) })
    await rig.login('bob')
    await rig.whileResting(rig.holdfast.updateToken('alice', 'a1'))
    expect(heardLate(rig)).toEqual([])
  })

  test('of a user who is not logged in no more once the user is forgotten', async () => {
    const rig = await needing()
    await rig.login('bob')
    await rig.whileResting(rig.holdfast.forget('alice'))
    await rig.advance()
    expect(heardLate(rig)).toEqual([])
  })
})

describe('status()', () => {
  test('is frozen, and the same object until something changes', async () => {
    const rig = await Rig.start()
    const first = rig.holdfast.status()
    expect(rig.holdfast.status()).toBe(first)
    expect(Object.isFrozen(first)).toBe(true)
    expect(Object.isFrozen(first.lanes)).toBe(true)
    await rig.login('alice', 'a1')
    const second = rig.holdfast.status()
    expect(second).not.toBe(first)
    await rig.advance(100_000)
    expect(rig.holdfast.status()).toBe(second)
  })

  test('is frozen all the way, with holds, failures and token needs in it', async () => {
    const rig = await Rig.start()
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    rig.last.reply(500)
    await rig.advance()
    await rig.login('bob')
    await rig.enqueue('two')
    await rig.advance()
    const status = rig.holdfast.status()
    expect(status.tokenNeeds).toHaveLength(1)
    expect(status.lanes.flatMap(({ holds }) => holds)).toHaveLength(2)
    expect(status.lanes[0]?.lastFailure).toMatchObject({ status: 500 })
    expect(unfrozenIn(status)).toEqual([])
    const { lanes } = await rig.whileResting(rig.holdfast.flush({ deadlineMs: 0 }))
    expect(unfrozenIn(lanes)).toEqual([])
  })

  test('calls its watchers after each change, with the new one there, until they stop', async () => {
    const rig = await Rig.start({ answer: replying(200) })
    const seen: number[] = []
    const stop = rig.holdfast.subscribe(() => seen.push(rig.holdfast.status().counts.pending))
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    await rig.advance()
    expect(seen).toContain(1)
    expect(seen.at(-1)).toBe(0)
    const { length } = seen
    stop()
    await rig.enqueue('two')
    expect(seen).toHaveLength(length)
  })

  test('tells age, attempts and refusals of the head (T4)', async () => {
    const rig = await Rig.start()
    await rig.login('alice', 'a1')
    await rig.advance(500)
    await rig.enqueue('one')
    const enqueuedAt = rig.time.wall()
    rig.last.reply(500)
    await rig.advance(1000)
    rig.last.reply(401)
    await rig.advance()
    await rig.whileResting(rig.holdfast.updateToken('alice', 'a2'))
    rig.last.reply(401)
    await rig.advance()
    expect(rig.holdfast.status().lanes).toMatchObject([
      { user: 'alice', headEnqueuedAt: enqueuedAt, attempts: 1, refusedTokens: 2, sending: false },
    ])
  })
})

/** The paths to all that could be changed. */
function unfrozenIn(value: unknown, path = 'status'): string[] {
  if (typeof value !== 'object' || value === null) return []
  const inside = Object.entries(value).flatMap(([name, one]) => unfrozenIn(one, `${path}.${name}`))
  return Object.isFrozen(value) ? inside : [path, ...inside]
}

// E1
describe('a listener that is none', () => {
  const nothing = () => undefined

  test.each(['on', 'once', 'off'] as const)(
    'is a TypeError of %s(), which names it',
    async (call) => {
      const rig = await Rig.start()
      for (const wrong of [undefined, null, 'listener', {}, Object.create(null)]) {
        const listen = () =>
          Reflect.apply(rig.holdfast[call] as AnyCall, rig.holdfast, ['error', wrong])
        expect(listen).toThrow(TypeError)
        expect(listen).toThrow(`${call}: the listener must be a function, not`)
      }
    },
  )

  test('is a TypeError of subscribe(), which names it', async () => {
    const rig = await Rig.start()
    for (const wrong of [undefined, null, 'listener', {}]) {
      expect(() => rig.holdfast.subscribe(wrong as never)).toThrow(
        'subscribe: the listener must be a function, not',
      )
    }
  })

  test.each(['operation.complete', 'errors', '**', '', 'toString', undefined, Symbol('error'), {}])(
    'of an event that does not exist (%s) is a TypeError, which names it',
    async (name) => {
      const rig = await Rig.start()
      for (const call of ['on', 'once', 'off'] as const) {
        const listen = (given: unknown, to: object) =>
          Reflect.apply(rig.holdfast[call] as AnyCall, rig.holdfast, [given, to])
        expect(() => listen(name, nothing)).toThrow(TypeError)
        expect(() => listen(name, nothing)).toThrow(`${call}: there is no event`)
      }
    },
  )

  test('was never added, and off() does nothing', async () => {
    const rig = await Rig.start()
    expect(() => rig.holdfast.off('error', nothing)).not.toThrow()
  })
})

test('every error that the app hears is one of Holdfast, with a code', async () => {
  const rig = await Rig.start()
  await expect(rig.holdfast.enqueue({ kind: 'x', payload: 1 })).rejects.toBeInstanceOf(
    HoldfastError,
  )
})
