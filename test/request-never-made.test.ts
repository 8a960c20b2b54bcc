/** A request that cannot be made is never sent: its operation is a dead letter which says why (Q6, Q4, Q14, Q22). */
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { replay } from '../src/journal/replay.ts'
import { type AnyOperationKind, defineOperation } from '../src/operations/define-operation.ts'
import { note, replying, Rig } from './support/rig.ts'

const payload = z.object({ n: z.number() })
const plain = () => ({ method: 'POST', path: '/odd', body: {} }) as const
const raise = (thrown: unknown): never => {
  throw thrown
}

type Spec = Parameters<typeof defineOperation>[0]

/** A kind that is like this one, but for what the test says. */
function odd(spec: object): AnyOperationKind {
  return defineOperation({ kind: 'odd', payload, request: plain, ...spec } as Spec)
}

/** An engine with that kind, after one operation of it and one of another kind behind it. */
async function run(kind: AnyOperationKind): Promise<Rig> {
  const rig = await Rig.start({ answer: replying(200), operations: [kind, note] })
  await rig.login('alice', 'a1')
  rig.holdfast.pause()
  await enqueueOdd(rig, 1)
  await rig.enqueue('behind')
  rig.holdfast.resume()
  await rig.advance(5000)
  return rig
}

async function enqueueOdd(rig: Rig, n: number): Promise<void> {
  await rig.whileResting(rig.holdfast.enqueue({ kind: 'odd', payload: { n } } as never))
}

async function excerpts(rig: Rig): Promise<(string | null)[]> {
  const letters = (await rig.whileResting(rig.holdfast.deadLetters())).items
  return letters.map((letter) => ('excerpt' in letter ? letter.excerpt : null))
}

const boom = new Error('boom')
const foreign = runInNewContext(`new RangeError('from elsewhere')`) as Error

describe('an operation is dead, and its lane goes on, if', () => {
  test.each<[string, object, string, (cause: unknown) => boolean]>([
    ['its request throws', { request: () => raise(boom) }, 'boom', (cause) => cause === boom],
    [
      'its request throws an error of another realm',
      { request: () => raise(foreign) },
      'from elsewhere',
      (cause) => cause === foreign,
    ],
    [
      'its request throws a text',
      { request: () => raise('just so') },
      'just so',
      (cause) => (cause as Error).cause === 'just so',
    ],
    [
      'its request answers with a promise',
      { request: () => Promise.reject(boom) },
      'promise',
      (cause) => cause instanceof TypeError,
    ],
    [
      'its request is nothing',
      { request: () => undefined },
      'could not be made',
      (cause) => cause instanceof TypeError,
    ],
    [
      'its path has no leading slash',
      { request: () => ({ method: 'POST', path: 'odd', body: {} }) },
      'slash',
      (cause) => cause instanceof TypeError,
    ],
    [
      'its body is no JSON',
      { request: () => ({ method: 'POST', path: '/odd', body: { n: 1n } }) },
      'could not be made',
      (cause) => cause instanceof TypeError,
    ],
    [
      'its combine throws',
      { merge: { key: () => '', combine: () => raise(boom) } },
      'boom',
      (cause) => cause === boom,
    ],
  ])('%s', async (_name, spec, why, isCause) => {
    const rig = await run(odd(spec))
    expect(rig.bodies).toEqual(['behind'])
    expect(rig.eventsOf('operation.dead')).toMatchObject([{ reason: 'unreadable', status: null }])
    expect(rig.eventsOf('operation.retrying')).toEqual([])
    expect(await excerpts(rig)).toEqual([expect.stringContaining(why)])
    const [told, ...more] = rig.eventsOf('error')
    expect(told?.error).toMatchObject({ code: 'APP_CODE_FAILED', retryable: false })
    expect(isCause(told?.error.cause)).toBe(true)
    expect(more).toEqual([])
    await replay(rig.journal.lines().join('\n'))
  })

  test('its excerpt is bounded and holds no secret', async () => {
    const text = `"token": "s3cret" ${'x'.repeat(1000)}`
    const rig = await run(odd({ request: () => raise(new Error(text)) }))
    const [excerpt] = await excerpts(rig)
    expect(excerpt?.length).toBeLessThanOrEqual(256)
    expect(excerpt).not.toContain('s3cret')
  })
})

// Q14
describe('what fails when a stored payload is read', () => {
  async function reopened(spec: object): Promise<Rig> {
    const rig = await Rig.start({ answer: replying(200), operations: [odd({}), note] })
    await rig.login('alice', 'a1')
    rig.holdfast.pause()
    await enqueueOdd(rig, 1)
    await rig.enqueue('behind')
    await rig.close()
    await rig.open({ operations: [odd(spec), note] })
    await rig.whileResting(rig.holdfast.updateToken('alice', 'a2'))
    await rig.advance(5000)
    return rig
  }

  const schemaOf = (validate: () => unknown) => ({
    payload: { '~standard': { version: 1, vendor: 'test', validate } },
  })

  test.each<[string, object]>([
    ['an upgrade that throws', { version: 2, upgrade: () => raise(boom) }],
    ['a schema that throws', schemaOf(() => raise(boom))],
    ['a schema that rejects', schemaOf(() => Promise.reject(boom))],
  ])('%s buries the operation and is told with its exception', async (_name, spec) => {
    const rig = await reopened(spec)
    expect(rig.bodies).toEqual(['behind'])
    expect(rig.eventsOf('operation.dead')).toMatchObject([{ reason: 'unreadable' }])
    expect(await excerpts(rig)).toEqual([expect.stringContaining('boom')])
    const causes = rig.eventsOf('error').map(({ error }) => [error.code, error.cause])
    expect(causes).toEqual([['APP_CODE_FAILED', boom]])
  })

  test('a schema that refuses it buries the operation too, but no code has failed', async () => {
    const rig = await reopened(schemaOf(() => ({ issues: [{ message: 'too small' }] })))
    expect(rig.eventsOf('operation.dead')).toMatchObject([{ reason: 'unreadable' }])
    expect(await excerpts(rig)).toEqual(['too small'])
    expect(rig.eventsOf('error')).toEqual([])
  })
})

// Q4
describe('a merged request that cannot be made', () => {
  /** Makes no request that has one of these numbers in it. */
  const merging = (isBad: (numbers: readonly number[]) => boolean) =>
    odd({
      merge: {
        key: () => '',
        combine: (payloads: readonly { n: number }[]) => {
          const numbers = payloads.map(({ n }) => n)
          if (isBad(numbers)) throw new Error(`not ${numbers.join(' and ')}`)
          return { method: 'POST', path: '/odd', body: { by: numbers.join('+') } }
        },
      },
    })

  async function runOfThree(kind: AnyOperationKind): Promise<Rig> {
    const rig = await Rig.start({ answer: replying(200), operations: [kind, note] })
    await rig.login('alice', 'a1')
    rig.holdfast.pause()
    for (const n of [1, 2, 3]) await enqueueOdd(rig, n)
    rig.holdfast.resume()
    await rig.advance(5000)
    return rig
  }

  test('tries each member alone: only the member that cannot be sent dies', async () => {
    const rig = await runOfThree(merging((numbers) => numbers.includes(2)))
    expect(rig.bodies).toEqual(['1', '3'])
    expect(await excerpts(rig)).toEqual([expect.stringContaining('not 2')])
  })

  test('loses nothing if each member can be sent alone', async () => {
    const rig = await runOfThree(merging((numbers) => numbers.length > 1))
    expect(rig.bodies).toEqual(['1', '2', '3'])
    expect(rig.eventsOf('operation.dead')).toEqual([])
    expect(rig.eventsOf('error')).toMatchObject([{ error: { code: 'APP_CODE_FAILED' } }])
  })
})

test('retry() of such a dead letter sends it once the app has been repaired', async () => {
  let isBroken = true
  const rig = await run(odd({ request: () => (isBroken ? raise(boom) : plain()) }))
  isBroken = false
  const [letter] = (await rig.whileResting(rig.holdfast.deadLetters())).items
  await rig.whileResting(rig.holdfast.retry(letter?.id as never))
  await rig.advance()
  expect(rig.sent.at(-1)?.request.path).toBe('/odd')
})
