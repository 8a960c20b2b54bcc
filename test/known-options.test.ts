/** A misspelt option of a call, and options that are no object, are a `TypeError` that names the call (E1). */
import { expect, test } from 'vitest'
import { note, replying, Rig } from './support/rig.ts'

type AnyCall = (...args: unknown[]) => unknown

/** The calls with options, with what stands before the options. */
const CALLS: readonly (readonly [call: string, before: readonly unknown[]])[] = [
  ['login', ['alice']],
  ['logout', []],
  ['retry', ['1.1.a']],
  ['retryAll', []],
  ['discardAll', []],
  ['pending', []],
  ['deadLetters', []],
  ['read', []],
  ['flush', []],
  ['sendNow', []],
  ['report', []],
  ['close', []],
]

test.each(CALLS)(
  '%s() refuses an option that there is not, and does nothing',
  async (call, before) => {
    const rig = await Rig.start({ answer: replying(422) })
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    await rig.advance()
    const called = Reflect.get(rig.holdfast, call) as AnyCall
    for (const options of [
      { usr: 'bob' },
      { 'kind ': 'note' },
      'alice',
      5,
      null,
      () => undefined,
    ]) {
      const answer = Promise.resolve(Reflect.apply(called, rig.holdfast, [...before, options]))
      await expect(answer).rejects.toThrow(TypeError)
      await expect(answer).rejects.toThrow(`${call}: `)
      await expect(answer).rejects.not.toThrow('alice')
    }
    expect(rig.holdfast.status()).toMatchObject({ identity: 'alice', counts: { dead: 1 } })
  },
)

test('the list has every call that takes options', async () => {
  const rig = await Rig.start()
  const names = Object.getOwnPropertyNames(Object.getPrototypeOf(rig.holdfast) as object)
  const withOptions = names.filter((name) =>
    /\((\w+, )?(options|filter)\b/.test(String(Reflect.get(rig.holdfast, name)).slice(0, 120)),
  )
  expect(CALLS.map(([call]) => call).toSorted()).toEqual(
    withOptions.filter((name) => name !== 'constructor').toSorted(),
  )
})

test('a draft with a field that there is not is refused, and nothing is stored', async () => {
  const rig = await Rig.start()
  const draft = { ...note({ text: 'one' }), expireInMs: 5 }
  await expect(rig.holdfast.enqueue(draft)).rejects.toThrow('enqueue: a draft has no')
  expect(rig.holdfast.status().counts.pending).toBe(0)
})
