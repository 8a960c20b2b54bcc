/** How operations come in: whose they are, where they stand, how many may be (Q1, Q2, Q16). */
import { describe, expect, test } from 'vitest'
import { defineOperation } from '../src/operations/define-operation.ts'
import { note, replying, Rig } from './support/rig.ts'

// Q1
describe('an operation belongs to who is current when enqueue() is called', () => {
  test('whatever login, logout and switch follow in the same tick', async () => {
    const rig = await Rig.start({ requirement: 'off', answer: replying(200) })
    const { holdfast } = rig
    const calls: Promise<unknown>[] = [holdfast.enqueue(note({ text: 'nobody' }))]
    calls.push(holdfast.login('alice', { token: 'a1' }), holdfast.enqueue(note({ text: 'alice' })))
    calls.push(holdfast.login('bob', { token: 'b1' }), holdfast.enqueue(note({ text: 'bob' })))
    calls.push(holdfast.logout(), holdfast.enqueue(note({ text: 'nobody again' })))
    await rig.whileResting(Promise.all(calls))
    await rig.advance()
    const sent = rig.sent.map(({ request, token }) => [
      (JSON.parse(request.body ?? '') as { text: string }).text,
      request.user,
      token,
    ])
    expect(sent).toHaveLength(4)
    expect(sent).toEqual(
      expect.arrayContaining([
        ['nobody', null, null],
        ['alice', 'alice', 'a1'],
        ['bob', 'bob', 'b1'],
        ['nobody again', null, null],
      ]),
    )
  })
})

/** A kind whose schema takes its time; the test ends each check, in any order. */
function slowKind(checks: Map<string, (isValid: boolean) => void>) {
  return defineOperation({
    kind: 'slow',
    payload: {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: (value: unknown) => {
          const { text } = value as { text: string }
          if (!text.startsWith('slow')) return { value: { text } }
          if (checks.has(text)) return { value: { text } }
          return new Promise<{ value: { text: string } } | { issues: { message: string }[] }>(
            (resolve) => {
              checks.set(text, (isValid) =>
                resolve(isValid ? { value: { text } } : { issues: [{ message: 'no' }] }),
              )
            },
          )
        },
      },
    },
    request: ({ payload }) => ({ method: 'POST', path: '/slow', body: payload }),
  })
}

// Q2
describe('a schema that takes its time', () => {
  test('keeps the order of the calls, and the owner of each', async () => {
    const checks = new Map<string, (isValid: boolean) => void>()
    const slow = slowKind(checks)
    const rig = await Rig.start({ operations: [slow, note], answer: replying(200) })
    await rig.login('alice', 'a1')
    const calls = [
      rig.holdfast.enqueue(slow({ text: 'slow 1' })),
      rig.holdfast.enqueue(slow({ text: 'fast 2' })),
      rig.holdfast.enqueue(slow({ text: 'slow 3' })),
      rig.holdfast.enqueue(note({ text: 'note 4' })),
    ]
    await rig.login('bob', 'b1')
    const bobs = rig.holdfast.enqueue(note({ text: 'bob' }))
    await rig.whileResting(bobs)
    expect(rig.bodies).toEqual(['bob'])
    checks.get('slow 3')?.(true)
    await rig.advance()
    expect(rig.bodies).toEqual(['bob'])
    checks.get('slow 1')?.(true)
    await rig.whileResting(Promise.all(calls))
    await rig.advance()
    expect(rig.bodies).toEqual(['bob', 'slow 1', 'fast 2', 'slow 3', 'note 4'])
    expect(rig.sent.map(({ token }) => token)).toEqual(['b1', 'a1', 'a1', 'a1', 'a1'])
  })

  test('and refuses makes way for those behind it', async () => {
    const checks = new Map<string, (isValid: boolean) => void>()
    const slow = slowKind(checks)
    const rig = await Rig.start({ operations: [slow], answer: replying(200) })
    await rig.login('alice', 'a1')
    const bad = rig.holdfast.enqueue(slow({ text: 'slow 1' }))
    const good = rig.holdfast.enqueue(slow({ text: 'fast 2' }))
    await rig.advance()
    checks.get('slow 1')?.(false)
    await expect(rig.whileResting(bad)).rejects.toMatchObject({ code: 'INVALID_PAYLOAD' })
    await rig.whileResting(good)
    await rig.advance()
    expect(rig.bodies).toEqual(['fast 2'])
  })

  test('holds the end of the session of who logged out meanwhile (T11)', async () => {
    const checks = new Map<string, (isValid: boolean) => void>()
    const slow = slowKind(checks)
    const rig = await Rig.start({ operations: [slow], answer: replying(200) })
    await rig.login('alice', 'a1')
    const call = rig.holdfast.enqueue(slow({ text: 'slow 1' }))
    await rig.whileResting(rig.holdfast.logout())
    checks.get('slow 1')?.(true)
    await rig.whileResting(call)
    await rig.advance()
    expect(rig.sent.map(({ token }) => token)).toEqual(['a1'])
    await rig.login('alice')
    await rig.whileResting(rig.holdfast.enqueue(slow({ text: 'fast 2' })))
    await rig.advance()
    expect(rig.sent).toHaveLength(1)
    expect(rig.holdsOf('alice')).toEqual(['awaiting-token'])
  })

  test('and refuses lets the session end all the same (T11)', async () => {
    const checks = new Map<string, (isValid: boolean) => void>()
    const slow = slowKind(checks)
    const rig = await Rig.start({ operations: [slow], answer: replying(200) })
    await rig.login('alice', 'a1')
    const call = rig.holdfast.enqueue(slow({ text: 'slow 1' }))
    await rig.whileResting(rig.holdfast.logout())
    checks.get('slow 1')?.(false)
    await expect(rig.whileResting(call)).rejects.toMatchObject({ code: 'INVALID_PAYLOAD' })
    await rig.login('alice')
    await rig.whileResting(rig.holdfast.enqueue(slow({ text: 'fast 2' })))
    await rig.advance()
    expect(rig.sent).toEqual([])
  })
})

// Q2
describe('enqueue()', () => {
  test('resolves after the commit, and the operation survives a crash from then on', async () => {
    const rig = await Rig.start({ requirement: 'unknown' })
    await rig.enqueue('one')
    rig.crash()
    await rig.open({ requirement: 'off' })
    await rig.advance()
    expect(rig.bodies).toEqual(['one'])
  })

  test('gives places in steps of 1024, in the order of the calls', async () => {
    const rig = await Rig.start({ requirement: 'unknown' })
    const texts = ['one', 'two', 'three']
    await rig.whileResting(Promise.all(texts.map((text) => rig.holdfast.enqueue(note({ text })))))
    const rows = rig.database
      .prepare<[], { place: number; payload: string }>(
        'SELECT place, payload FROM holdfast_operations ORDER BY place',
      )
      .all()
    expect(rows).toEqual(
      texts.map((text, index) => ({ place: (index + 1) * 1024, payload: `{"text":"${text}"}` })),
    )
  })

  test('is answered before anything is sent, and sending begins in the turn after the start', async () => {
    const first = await Rig.start({ requirement: 'unknown' })
    await first.enqueue('one')
    await first.close()
    const order: string[] = []
    const rig = Rig.prepare({
      database: first.database,
      answer: ({ reply }) => {
        order.push('sent')
        reply(200)
      },
    })
    const opened = rig.begin({ requirement: 'off' }).then(() => order.push('open'))
    await rig.advance()
    await opened
    expect(order).toEqual(['open', 'sent'])
    expect(rig.eventsOf('operation.sent')).toHaveLength(1)
    expect(rig.eventsOf('operation.completed')).toHaveLength(1)
  })

  test('drops made at the start are reported then (I3)', async () => {
    const first = await Rig.start({ requirement: 'off' })
    first.holdfast.pause()
    const ids = [await first.enqueue('one'), await first.enqueue('two')]
    await first.close()
    const rig = await Rig.start({ database: first.database })
    await rig.advance()
    expect(rig.eventsOf('operation.dropped')).toEqual(
      ids.map((id) => ({ id, user: null, kind: 'note', reason: 'anonymous' })),
    )
    expect(rig.holdfast.status().counts.pending).toBe(0)
    expect(await rig.holdfast.operation(ids[0] ?? '')).toMatchObject({
      state: 'dropped',
      reason: 'anonymous',
    })
  })
})

// Q16
describe('the limits', () => {
  test('of operations: the one too many rejects, nothing is evicted, dead letters do not count', async () => {
    const rig = await Rig.start({ maxPending: 2 })
    await rig.login('alice', 'a1')
    await rig.enqueue('dead')
    rig.last.reply(422)
    await rig.advance()
    const calls = ['one', 'two', 'three'].map((text) => rig.holdfast.enqueue(note({ text })))
    const settled = await rig.whileResting(Promise.allSettled(calls))
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected'])
    expect(settled[2]).toMatchObject({ reason: { code: 'QUEUE_FULL', retryable: true } })
    rig.last.reply(200)
    await rig.advance()
    await rig.enqueue('four')
    expect(rig.holdfast.status().counts).toMatchObject({ pending: 2, dead: 1 })
  })

  test('of operations counts over all lanes, and what was refused gives its room back', async () => {
    const rig = await Rig.start({ maxPending: 1, requirement: 'unknown' })
    const bad = rig.holdfast.enqueue({ kind: 'note', payload: { text: 5 } })
    await expect(rig.whileResting(bad)).rejects.toMatchObject({ code: 'INVALID_PAYLOAD' })
    await rig.enqueue('one')
    await rig.login('alice')
    await expect(rig.enqueue('two')).rejects.toMatchObject({ code: 'QUEUE_FULL' })
  })

  test('of bytes: a payload of as many as allowed is taken, of one more is not', async () => {
    const rig = await Rig.start({ maxPayloadBytes: 30, requirement: 'unknown' })
    const frame = '{"text":""}'.length
    await rig.enqueue('é'.repeat((30 - frame - 1) / 2) + 'x')
    const tooLong = rig.enqueue('é'.repeat((30 - frame - 1) / 2) + 'xx')
    await expect(tooLong).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE' })
    await expect(tooLong).rejects.toThrow(/31 bytes.*maxPayloadBytes is 30/)
  })
})

// Q2
describe('the receipt', () => {
  test('settles with how the operation ended, whoever asks when', async () => {
    const rig = await Rig.start()
    await rig.login('alice', 'a1')
    const receipt = await rig.whileResting(rig.holdfast.enqueue(note({ text: 'one' })))
    const early = receipt.settled
    rig.last.reply(200)
    await rig.advance()
    expect(await early).toEqual({ outcome: 'completed', id: receipt.id })
    expect(receipt.settled).toBe(early)
  })

  test.each([
    ['completed', 200, { outcome: 'completed' }],
    ['dead', 422, { outcome: 'dead', reason: 'rejected', status: 422 }],
  ])('of one that is long %s says so', async (_name, status, settlement) => {
    const rig = await Rig.start({ answer: replying(status) })
    await rig.login('alice', 'a1')
    const receipt = await rig.whileResting(rig.holdfast.enqueue(note({ text: 'one' })))
    await rig.advance(1000)
    expect(await rig.whileResting(receipt.settled)).toMatchObject(settlement)
  })

  test('of an anonymous operation under required says that it was dropped (I3)', async () => {
    const rig = await Rig.start()
    const receipt = await rig.whileResting(rig.holdfast.enqueue(note({ text: 'one' })))
    expect(await receipt.settled).toEqual({
      outcome: 'dropped',
      id: receipt.id,
      reason: 'anonymous',
    })
    expect(rig.eventsOf('operation.dropped')).toMatchObject([{ id: receipt.id }])
    expect(rig.eventsOf('operation.enqueued')).toEqual([])
    expect(rig.database.prepare('SELECT count(*) AS n FROM holdfast_operations').get()).toEqual({
      n: 0,
    })
  })
})
