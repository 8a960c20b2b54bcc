/** At the end of the time for a reply the transport is heard once more: it may know a status, or that nothing left (Q6). */
import { describe, expect, test } from 'vitest'
import { NotSentError } from '../src/index.ts'
import { MemoryJournal } from '../src/journal/memory-journal.ts'
import { replay } from '../src/journal/replay.ts'
import type { Reply, Transport } from '../src/ports/transport.ts'
import { Rig } from './support/rig.ts'

/** What a transport does as its signal is aborted. */
type AtAbort = (resolve: (reply: Reply) => void, reject: (error: unknown) => void) => void

/** A transport that answers only as it is aborted. */
function answeringAtAbort(origin: string, atAbort: AtAbort): Transport {
  return {
    origin,
    send: (_request, { signal }) =>
      new Promise((resolve, reject) => {
        signal.addEventListener('abort', () => atAbort(resolve, reject))
      }),
  }
}

function cut(status: number): Reply {
  return { status, headers: {}, body: '{"half":', isCut: true }
}

const OUTCOMES: readonly [string, AtAbort, string, object][] = [
  ['a status of success', (resolve) => resolve(cut(200)), 'operation.completed', {}],
  ['a refusal', (resolve) => resolve(cut(422)), 'operation.dead', { reason: 'rejected' }],
  ['a refused token', (resolve) => resolve(cut(401)), 'token.needed', { reason: 'refused' }],
  [
    'that nothing was sent',
    (_resolve, reject) => reject(new NotSentError('no connection', { reason: 'TIMEOUT' })),
    'operation.retrying',
    { outcome: 'unsent', error: { name: 'NotSentError', code: 'TIMEOUT' } },
  ],
  [
    'that it was aborted',
    (_resolve, reject) => reject(new DOMException('aborted', 'AbortError')),
    'operation.retrying',
    { outcome: 'unknown', error: { code: 'TIMEOUT' } },
  ],
  [
    'nothing',
    () => undefined,
    'operation.retrying',
    { outcome: 'unknown', error: { code: 'TIMEOUT' } },
  ],
]

describe('a transport that is aborted because no reply came in time', () => {
  test.each(OUTCOMES)(
    'and tells %s is believed, and the run replays',
    async (_what, atAbort, name, detail) => {
      const journal = new MemoryJournal()
      const rig = Rig.prepare()
      await rig.open({ transport: answeringAtAbort(rig.transport.origin, atAbort), journal })
      await rig.login('alice', 'a1')
      await rig.enqueue('one')
      await rig.advance(29_999)
      expect(rig.heard.map((heard) => heard.name)).not.toContain(name)
      await rig.advance(1)
      expect(rig.heard.filter((heard) => heard.name === name)).toMatchObject([
        { at: 30_000, detail },
      ])
      expect((await replay(`${journal.lines().join('\n')}\n`)).decided).toBeGreaterThan(0)
    },
  )

  test('and tells a status a turn later is not heard any more', async () => {
    const rig = Rig.prepare()
    let late: (reply: Reply) => void = () => undefined
    const atAbort: AtAbort = (resolve) => (late = resolve)
    await rig.open({ transport: answeringAtAbort(rig.transport.origin, atAbort) })
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    await rig.advance(30_000)
    late(cut(200))
    await rig.advance()
    expect(rig.eventsOf('operation.retrying')).toMatchObject([{ outcome: 'unknown' }])
    expect(rig.eventsOf('operation.completed')).toEqual([])
  })
})

// R5
describe('a read whose time for a reply is over', () => {
  test.each<[string, AtAbort, unknown]>([
    ['ends with the status that has arrived', (resolve) => resolve(cut(200)), 200],
    ['is deferred by a 401', (resolve) => resolve(cut(401)), null],
    [
      'rejects with the reason why nothing was sent',
      (_resolve, reject) => reject(new NotSentError('no connection', { reason: 'TIMEOUT' })),
      'NOT_SENT',
    ],
    ['rejects with the time-out', (_resolve, reject) => reject(new Error('aborted')), 'TIMEOUT'],
  ])('%s', async (_name, atAbort, end) => {
    const rig = Rig.prepare()
    await rig.open({ transport: answeringAtAbort(rig.transport.origin, atAbort) })
    await rig.login('alice', 'a1')
    let ended: unknown = null
    rig.holdfast.read({ request: () => ({ method: 'GET', path: '/messages' }) }).then(
      ({ status }) => (ended = status),
      ({ cause }: { readonly cause?: { readonly code: unknown } }) => (ended = cause?.code),
    )
    await rig.advance(30_000)
    expect(ended).toBe(end)
  })

  test.each([undefined, null, 7, {}, { status: '200', headers: {}, body: '' }])(
    'and a transport that answers %j give READ_FAILED, as no reply does (E3)',
    async (answer) => {
      const rig = Rig.prepare()
      const { origin } = rig.transport
      await rig.open({ transport: { origin, send: () => Promise.resolve(answer as never) } })
      await rig.login('alice', 'a1')
      const read = rig.holdfast.read({ request: () => ({ method: 'GET', path: '/messages' }) })
      const ended = read.catch((error: unknown) => error)
      await rig.advance()
      expect(await ended).toMatchObject({ code: 'READ_FAILED', retryable: true })
      expect(rig.eventsOf('error')).toEqual([])
    },
  )
})
