/** Results: what a kind's `interpret` makes of a reply, in the settlement, the event and `operation(id)` (Q23). */
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { replay } from '../src/journal/replay.ts'
import {
  type AnyOperationKind,
  defineOperation,
  type InterpretContext,
  type Interpretation,
} from '../src/operations/define-operation.ts'
import { neighbours } from './support/neighbours.ts'
import { note, replying, Rig } from './support/rig.ts'

const payload = z.object({ text: z.string(), at: z.iso.datetime().transform((at) => new Date(at)) })
const AT = '2026-01-01T00:00:00.000Z'

/** A kind whose reply is judged by this function. */
function answering(
  interpret: (
    context: InterpretContext<z.infer<typeof payload>>,
  ) => Omit<Interpretation, 'outcome'>,
) {
  return defineOperation({
    kind: 'answered',
    payload,
    request: ({ payload: body }) => ({ method: 'POST', path: '/answered', body }),
    interpret: (_reply, context) => ({ outcome: 'accepted', ...interpret(context) }),
  })
}

const merging = defineOperation({
  kind: 'merging',
  payload: z.object({ text: z.string() }),
  request: ({ payload: body }) => ({ method: 'POST', path: '/merging', body }),
  merge: {
    key: () => '',
    combine: (payloads) => ({ method: 'POST', path: '/merging', body: { payloads } }),
  },
  interpret: (_reply, { operations }) => ({
    outcome: 'accepted',
    result: 'of the others',
    results: { [operations[1]?.id ?? '']: operations[1]?.payload.text },
  }),
})

function start(kind: AnyOperationKind): Promise<Rig> {
  return Rig.start({ answer: replying(200), requirement: 'off', operations: [note, kind] })
}

describe('a result', () => {
  test('is in the settlement, in the event and in operation(id)', async () => {
    const kind = answering(() => ({ result: { version: 3 } }))
    const rig = await start(kind)
    const receipt = await rig.whileResting(rig.holdfast.enqueue(kind({ text: 'one', at: AT })))
    const end = { outcome: 'completed', id: receipt.id, result: { version: 3 } }
    expect(await rig.whileResting(receipt.settled)).toEqual(end)
    expect(rig.eventsOf('operation.completed')).toMatchObject([{ result: { version: 3 } }])
    const info = await rig.whileResting(rig.holdfast.operation(receipt.id))
    expect(info).toMatchObject({ state: 'completed', result: { version: 3 } })
  })

  test('that is null is a result, and undefined is none', async () => {
    const kind = answering(({ operations }) => ({
      result: operations[0]?.payload.text === 'null' ? null : undefined,
    }))
    const rig = await start(kind)
    const settled: object[] = []
    for (const text of ['null', 'none']) {
      const receipt = await rig.whileResting(rig.holdfast.enqueue(kind({ text, at: AT })))
      settled.push(await rig.whileResting(receipt.settled))
    }
    expect(settled).toMatchObject([{ result: null }, { outcome: 'completed' }])
    expect(settled[1]).not.toHaveProperty('result')
  })

  test('of a member that `results` names is its own, and `result` is that of the others', async () => {
    const rig = await start(merging)
    rig.holdfast.pause()
    const receipts = await rig.whileResting(
      Promise.all(['a', 'b', 'c'].map((text) => rig.holdfast.enqueue(merging({ text })))),
    )
    rig.holdfast.resume()
    const settled = await rig.whileResting(Promise.all(receipts.map((one) => one.settled)))
    expect(rig.sent).toHaveLength(1)
    expect(settled).toMatchObject([
      { result: 'of the others' },
      { result: 'b' },
      { result: 'of the others' },
    ])
  })

  test('comes to a receipt in another process', async () => {
    const kind = answering(() => ({ result: ['kept'] }))
    const options = { requirement: 'off' as const, operations: [note, kind] }
    const { first, second } = neighbours(options)
    await first.rig.open()
    await second.rig.open()
    const receipt = await second.rig.whileResting(
      second.rig.holdfast.enqueue(kind({ text: 'one', at: AT })),
    )
    const settled = receipt.settled
    await first.hear()
    first.rig.last.reply(200)
    await first.rig.advance()
    await second.hear()
    expect(await second.rig.whileResting(settled)).toMatchObject({ result: ['kept'] })
  })
})

describe('interpret', () => {
  test('sees the members of the envelope, with their payloads as the schema answers them', async () => {
    const seen: unknown[] = []
    const kind = answering(({ operations }) => {
      seen.push(...operations)
      return {}
    })
    const rig = await start(kind)
    const { id } = await rig.whileResting(rig.holdfast.enqueue(kind({ text: 'one', at: AT })))
    await rig.advance()
    expect(seen).toEqual([{ id, payload: { text: 'one', at: new Date(AT) } }])
  })

  test('sees them also of an envelope that a former process has sent', async () => {
    const seen: unknown[] = []
    const kind = answering(({ operations }) => {
      seen.push(...operations.map(({ payload: { text } }) => text))
      return {}
    })
    const rig = await start(kind)
    rig.answer = () => undefined
    await rig.whileResting(rig.holdfast.enqueue(kind({ text: 'one', at: AT })))
    await rig.advance()
    rig.crash()
    rig.answer = replying(200)
    await rig.open()
    await rig.advance()
    expect(seen).toEqual(['one'])
  })

  test('whose result is no JSON, or too large, completes the operation without it, and is reported', async () => {
    const cycle: Record<string, unknown> = {}
    cycle['self'] = cycle
    const values: Record<string, unknown> = {
      cycle,
      function: () => undefined,
      bigint: 1n,
      large: 'x'.repeat(64 * 1024),
      fits: 'x'.repeat(64 * 1024 - 2),
    }
    const kind = answering(({ operations }) => ({
      result: values[operations[0]?.payload.text ?? ''],
    }))
    const rig = await start(kind)
    const settled: [string, boolean][] = []
    for (const text of Object.keys(values)) {
      const receipt = await rig.whileResting(rig.holdfast.enqueue(kind({ text, at: AT })))
      const end = await rig.whileResting(receipt.settled)
      expect(end.outcome).toBe('completed')
      settled.push([text, 'result' in end])
    }
    expect(Object.fromEntries(settled)).toEqual({
      cycle: false,
      function: false,
      bigint: false,
      large: false,
      fits: true,
    })
    const errors = rig.eventsOf('error').map(({ error }) => error)
    expect(errors.map(({ code }) => code)).toEqual(Array(4).fill('APP_CODE_FAILED'))
    expect(errors.every(({ operationId }) => operationId !== undefined)).toBe(true)
    expect(errors.at(-1)?.message).toContain('has 65538 bytes, at most 65536')
  })
})

test('a journal has the size of a result, never the result, and replays', async () => {
  const kind = answering(() => ({ result: { secret: 'the result itself' } }))
  const rig = await start(kind)
  await rig.whileResting(rig.holdfast.enqueue(kind({ text: 'one', at: AT })))
  await rig.advance()
  await rig.close()
  const journal = rig.journal.lines().join('\n')
  expect(journal).not.toContain('the result itself')
  const { withStorage } = await replay(journal)
  expect(withStorage).toBe(true)
})
