/** The app can always find out why an operation has not been accepted (Q22). */
import { describe, expect, test } from 'vitest'
import { NotSentError } from '../src/errors.ts'
import { replay } from '../src/journal/replay.ts'
import { Rig } from './support/rig.ts'

const CODE = 'DEPTH_ZERO_SELF_SIGNED_CERT'

/** An engine whose one operation was tried once, without a reply. */
async function failed(error: Error, token = 'a1'): Promise<Rig> {
  const rig = await Rig.start()
  await rig.login('alice', token)
  await rig.enqueue('one')
  rig.last.fail(error)
  await rig.advance()
  return rig
}

/** An error of `fetch`: its code is in its cause. */
function fetchError(code: string): Error {
  return new TypeError('fetch failed', { cause: Object.assign(new Error('no'), { code }) })
}

function lane(rig: Rig) {
  const [one] = rig.holdfast.status().lanes
  if (one === undefined) throw new Error('nothing is pending')
  return one
}

describe('operation.retrying tells why there was no reply', () => {
  test.each<[string, Error, object]>([
    [
      'the reason of an unsent request',
      new NotSentError('the certificate is not accepted', { reason: CODE }),
      { outcome: 'unsent', error: { name: 'NotSentError', code: CODE } },
    ],
    [
      'the code of the error',
      Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }),
      { outcome: 'unknown', error: { name: 'Error', code: 'ECONNRESET' } },
    ],
    [
      'the code of its cause',
      fetchError('UND_ERR_SOCKET'),
      { outcome: 'unknown', error: { name: 'TypeError', code: 'UND_ERR_SOCKET' } },
    ],
    [
      'the name alone, where there is no code',
      new TypeError('boom'),
      { outcome: 'unknown', error: { name: 'TypeError', code: null, message: 'boom' } },
    ],
    [
      'no code that is not one plain word',
      Object.assign(new Error('no'), { code: 'token=abc, sorry' }),
      { outcome: 'unknown', error: { code: null } },
    ],
  ])('%s', async (_name, error, expected) => {
    const rig = await failed(error)
    expect(rig.eventsOf('operation.retrying')).toMatchObject([{ status: null, ...expected }])
  })

  test('TIMEOUT where no reply came in time', async () => {
    const rig = await Rig.start({ replyTimeoutMs: 500 })
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    await rig.advance(600)
    expect(rig.eventsOf('operation.retrying')).toMatchObject([
      { outcome: 'unknown', error: { code: 'TIMEOUT', message: 'no reply within 500 ms' } },
    ])
  })

  test('no error where there was a reply: then its status tells', async () => {
    const rig = await Rig.start()
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    rig.last.reply(503)
    await rig.advance()
    expect(rig.eventsOf('operation.retrying')).toMatchObject([
      { outcome: 'retry', status: 503, error: null },
    ])
  })

  test('in a text that is redacted and bounded', async () => {
    const text = `bearer of ${'x'.repeat(500)}`
    const rig = await failed(new Error(`the token s3cret was sent: ${text}`), 's3cret')
    const [event] = rig.eventsOf('operation.retrying')
    expect(event?.error?.message).toMatch(/^the token \[redacted\] was sent/)
    expect(event?.error?.message.length).toBeLessThanOrEqual(256)
  })
})

describe('the hold backing-off and status()', () => {
  test('name the code where there was no reply, until there is one', async () => {
    const rig = await failed(new NotSentError('no', { reason: 'ECONNREFUSED' }))
    const wall = rig.time.wall()
    expect(lane(rig)).toMatchObject({
      lastFailure: { at: wall, status: null, code: 'ECONNREFUSED' },
      retryAt: wall + 1000,
      holds: [{ name: 'backing-off', cause: 'after attempt 1: ECONNREFUSED' }],
    })
    await rig.advance(1000)
    rig.last.reply(502)
    await rig.advance()
    expect(lane(rig)).toMatchObject({
      lastFailure: { at: wall + 1000, status: 502, code: null },
      holds: [{ name: 'backing-off', cause: 'after attempt 2: status 502' }],
    })
  })

  test('know of no failure before the first', async () => {
    const rig = await Rig.start()
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    expect(lane(rig)).toMatchObject({ lastFailure: null, retryAt: null })
  })

  test.each(['close', 'crash'] as const)('know the last failure after a %s', async (end) => {
    const rig = await failed(fetchError('ECONNRESET'))
    const at = rig.time.wall()
    if (end === 'crash') rig.crash()
    else await rig.close()
    await rig.open()
    expect(lane(rig)).toMatchObject({
      lastFailure: { at, status: null, code: 'ECONNRESET' },
      retryAt: at + 1000,
    })
    const causes = lane(rig).holds.map(({ cause }) => cause)
    expect(causes).toContain('after attempt 1: ECONNRESET')
  })
})

test('a dead letter of an operation that got no reply tells the code in its excerpt', async () => {
  const rig = await Rig.start({ maxAttempts: 1, patienceMs: 0 })
  await rig.login('alice', 'a1')
  await rig.enqueue('one')
  await rig.login('bob', 'b1')
  await rig.enqueue('two')
  const [alice, bob] = rig.sent
  bob?.reply(200)
  await rig.advance()
  alice?.fail(fetchError('ECONNRESET'))
  await rig.advance(1000)
  // Of two silences the second counts: in between another request was answered (Q8).
  await rig.enqueue('three')
  rig.last.reply(200)
  await rig.advance()
  rig.sent.at(-2)?.fail(fetchError('ECONNRESET'))
  await rig.advance()
  const letters = (await rig.whileResting(rig.holdfast.deadLetters())).items
  expect(letters).toMatchObject([{ reason: 'attempts-exhausted', excerpt: 'ECONNRESET' }])
})

test('the journal has the code, never the text, and replays', async () => {
  const rig = await failed(new NotSentError('only for the app', { reason: 'ENOTFOUND' }))
  await rig.advance(1000)
  rig.last.fail(fetchError('UND_ERR_SOCKET'))
  await rig.advance(10)
  const text = rig.journal.lines().join('\n')
  expect(text).toContain('"outcome":"unsent"')
  expect(text).toContain('ENOTFOUND')
  expect(text).toContain('UND_ERR_SOCKET')
  expect(text).not.toContain('only for the app')
  await replay(text)
})
