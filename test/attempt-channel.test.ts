/** The tracing channel `holdfast.attempt` of Node's `diagnostics_channel`: what a tracing tool hears of each attempt. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { tracingChannel } from 'node:diagnostics_channel'
import { describe, expect, test } from 'vitest'
import type { AttemptMessage } from '../src/channels/attempt-message.ts'
import { replay } from '../src/journal/replay.ts'
import { NotSentError } from '../src/errors.ts'
import { listenToChannels, subscribed } from './support/observers.ts'
import { count, HTML_REPLY, Rig } from './support/rig.ts'

const channels = tracingChannel<unknown, AttemptMessage>('holdfast.attempt')

async function rigWithOne(): Promise<Rig> {
  const rig = await Rig.start()
  await rig.login('alice', 'a1')
  await rig.enqueue('one')
  return rig
}

describe('an attempt is told', () => {
  test('with its facts when the request leaves, and with its result when its outcome is known', async () => {
    const { attempts } = listenToChannels()
    const rig = await rigWithOne()
    expect(attempts.map(({ step }) => step)).toEqual(['start', 'end'])
    const [{ message } = {}] = attempts
    const [id] = message?.operations ?? []
    expect(message).toEqual({
      operations: [rig.eventsOf('operation.sent')[0]?.id],
      kind: 'note',
      user: 'alice',
      key: id,
      attempt: 1,
      generation: 1,
    })
    await rig.advance(250)
    rig.last.reply(200)
    await rig.advance()
    expect(attempts.map(({ step }) => step)).toEqual(['start', 'end', 'asyncStart', 'asyncEnd'])
    expect(message).toMatchObject({
      result: { outcome: 'accepted', status: 200, durationMs: 250 },
    })
  })

  test.each([
    ['accepted', 200, {}],
    ['retry', 503, {}],
    ['refused-token', 401, {}],
    ['rejected', 422, {}],
    [null, 200, HTML_REPLY],
  ] as const)('with the outcome %s for the status %i', async (outcome, status, more) => {
    const { attempts } = listenToChannels()
    const rig = await rigWithOne()
    rig.last.reply(status, more)
    await rig.advance(10)
    expect(attempts.slice(0, 4).map(({ step }) => step)).toEqual([
      'start',
      'end',
      'asyncStart',
      'asyncEnd',
    ])
    expect(attempts[3]?.message.result).toEqual({ outcome, status, durationMs: 0 })
    expect(attempts[3]?.message).not.toHaveProperty('error')
  })

  test.each([
    ['unknown', Object.assign(new Error('the text'), { code: 'ECONNRESET' }), 'ECONNRESET'],
    ['unsent', new NotSentError('the text', { reason: 'ECONNREFUSED' }), 'ECONNREFUSED'],
  ])(
    'with the outcome %s and the name of the error if there is no reply',
    async (outcome, error, code) => {
      const { attempts } = listenToChannels()
      const rig = await rigWithOne()
      rig.last.fail(error)
      await rig.advance(10)
      const steps = attempts.slice(0, 5)
      expect(steps.map(({ step }) => step)).toEqual([
        'start',
        'end',
        'error',
        'asyncStart',
        'asyncEnd',
      ])
      expect(steps[4]?.message).toMatchObject({
        result: { outcome, status: null },
        error: { name: error.name, code },
      })
      expect(JSON.stringify(steps)).not.toContain('the text')
    },
  )

  test('with a number that grows with each wait, and the generation of its own token', async () => {
    const { attempts } = listenToChannels()
    const rig = await rigWithOne()
    rig.last.reply(503)
    await rig.advance(1000)
    rig.last.reply(401)
    await rig.advance(10)
    await rig.whileResting(rig.holdfast.updateToken('alice', 'a2'))
    const starts = attempts.filter(({ step }) => step === 'start').map(({ message }) => message)
    expect(starts).toMatchObject([
      { attempt: 1, generation: 1 },
      { attempt: 2, generation: 1 },
      { attempt: 2, generation: 2 },
    ])
    expect(new Set(starts.map(({ key }) => key)).size).toBe(1)
  })

  test('with every operation of a merged request, and no generation if it is unsigned', async () => {
    const { attempts } = listenToChannels()
    const rig = await Rig.start({ requirement: 'off' })
    rig.holdfast.pause()
    const enqueued = [1, 2].map((by) => rig.holdfast.enqueue(count({ by })))
    const receipts = await rig.whileResting(Promise.all(enqueued))
    rig.holdfast.resume()
    await rig.advance()
    expect(attempts[0]?.message).toMatchObject({
      operations: receipts.map(({ id }) => id),
      kind: 'count',
      user: null,
      generation: null,
    })
  })

  test.each([
    ['its operations are erased', (rig: Rig) => rig.holdfast.forget('alice')],
    ['the engine closes', (rig: Rig) => rig.holdfast.close({ deadlineMs: 0 })],
  ])('as ended without an outcome if %s', async (_why, end) => {
    const { attempts } = listenToChannels()
    const rig = await rigWithOne()
    await rig.whileResting(end(rig) as Promise<unknown>)
    await rig.advance(10)
    const ends = attempts.filter(({ step }) => step === 'asyncEnd')
    expect(ends).toHaveLength(1)
    expect(ends[0]?.message.result).toMatchObject({ outcome: null, status: null })
  })

  test('with facts that no subscriber can change', async () => {
    const { attempts } = listenToChannels()
    await rigWithOne()
    const message = attempts[0]?.message as unknown as Record<string, unknown>
    expect(Reflect.set(message, 'user', 'mallory')).toBe(false)
    expect(Reflect.deleteProperty(message, 'user')).toBe(false)
    expect(Object.isFrozen(message['operations'])).toBe(true)
    expect(Reflect.set(message, 'span', 'of a tool')).toBe(true)
  })

  test('though a subscriber has frozen the message', async () => {
    subscribed(channels.start, (message) => Object.freeze(message))
    const { attempts } = listenToChannels()
    const rig = await rigWithOne()
    rig.last.reply(200)
    await rig.advance()
    expect(attempts.map(({ step }) => step)).toEqual(['start', 'end', 'asyncStart', 'asyncEnd'])
    expect(rig.eventsOf('operation.completed')).toHaveLength(1)
    expect(rig.eventsOf('error')).toEqual([])
  })
})

test('a tool that binds a store to the channel start finds it in the transport', async () => {
  const spans = new AsyncLocalStorage<string>()
  const found: (string | undefined)[] = []
  channels.start.bindStore(spans, ({ key }) => `span of ${key}`)
  try {
    const rig = await Rig.start({
      transport: {
        origin: 'https://server.test',
        send: async () => {
          found.push(spans.getStore())
          await Promise.resolve()
          found.push(spans.getStore())
          return { status: 200, headers: {}, body: '' }
        },
      },
    })
    await rig.login('alice', 'a1')
    const id = await rig.enqueue('one')
    await rig.advance()
    expect(found).toEqual([`span of ${id}`, `span of ${id}`])
    expect(spans.getStore()).toBeUndefined()
  } finally {
    channels.start.unbindStore(spans)
  }
})

test('a subscriber that comes during an attempt hears nothing of it, but of the next one', async () => {
  const rig = await rigWithOne()
  const { attempts } = listenToChannels()
  rig.last.reply(503)
  await rig.advance(10)
  expect(attempts).toEqual([])
  await rig.advance(1000)
  expect(attempts.map(({ step }) => step)).toEqual(['start', 'end'])
})

test('a subscriber of the end may call the engine, which is not at work', async () => {
  const seen: unknown[] = []
  let rig: Rig | null = null
  subscribed(channels.asyncEnd, () => {
    rig?.holdfast.pause()
    // Within the engine's work the call would wait, and the hold would be missing.
    seen.push(rig?.holdfast.status().lanes[0]?.holds.map(({ name }) => name))
  })
  rig = await rigWithOne()
  await rig.enqueue('two')
  rig.last.reply(503)
  await rig.advance(10)
  expect(seen).toEqual([['paused']])
})

test('a replay publishes nothing', async () => {
  const rig = await rigWithOne()
  rig.last.reply(200)
  await rig.advance()
  const { attempts, settlements } = listenToChannels()
  expect((await replay(rig.journal.lines().join('\n'))).decided).toBeGreaterThan(5)
  expect(attempts).toEqual([])
  expect(settlements).toEqual([])
})

test('a journal has the same lines with and without subscribers', async () => {
  const linesOf = async () => {
    const rig = await rigWithOne()
    rig.last.reply(503)
    await rig.advance(1000)
    rig.last.reply(200)
    await rig.close()
    return rig.journal.lines()
  }
  const plain = await linesOf()
  listenToChannels()
  expect(await linesOf()).toEqual(plain)
})

test('what a subscriber throws is an uncaught exception of the process, and stops nothing', async () => {
  const uncaught: unknown[] = []
  const listeners = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  process.on('uncaughtException', (error) => uncaught.push(error))
  try {
    subscribed(channels.start, () => {
      throw new Error('a subscriber failed')
    })
    const rig = await rigWithOne()
    rig.last.reply(200)
    await rig.advance()
    expect(rig.eventsOf('operation.completed')).toHaveLength(1)
    expect(uncaught).toEqual([expect.objectContaining({ message: 'a subscriber failed' })])
  } finally {
    process.removeAllListeners('uncaughtException')
    for (const listener of listeners) process.on('uncaughtException', listener)
  }
})
