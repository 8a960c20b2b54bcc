/** Right before a request leaves it is looked at again whose token it carries, whatever took its time before (I5, E6). */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { describe, expect, test } from 'vitest'
import { replay } from '../src/journal/replay.ts'
import { defineOperation } from '../src/operations/define-operation.ts'
import { note, replying, Rig, type RigOptions } from './support/rig.ts'

/** Kinds whose schema answers only when the gate is opened; until then it answers at once. */
function slowKinds() {
  let waiting: (() => void)[] = []
  let isSlow = false
  const payload: StandardSchemaV1<{ text: string }> = {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: async (value) => {
        if (isSlow) await new Promise<void>((resolve) => waiting.push(resolve))
        return { value: value as { text: string } }
      },
    },
  }
  const slow = defineOperation({ ...note.spec, kind: 'slow', payload })
  const merging = defineOperation({
    ...note.spec,
    kind: 'merging',
    payload,
    merge: {
      key: () => '',
      combine: () => ({ method: 'POST', path: '/merged', body: {} }),
    },
  })
  return {
    kinds: [slow, merging],
    close: () => {
      isSlow = true
    },
    open: () => {
      isSlow = false
      waiting.forEach((go) => go())
      waiting = []
    },
  }
}

async function checking(kindAt: number, options: RigOptions = {}, token?: string) {
  const { kinds, close, open } = slowKinds()
  const rig = await Rig.start({
    operations: [...kinds],
    requirement: 'off',
    answer: replying(200),
    ...options,
  })
  await rig.login('alice', token)
  rig.holdfast.pause()
  await rig.whileResting(rig.holdfast.enqueue(kinds[kindAt]!({ text: 'one' })))
  close()
  rig.holdfast.resume()
  await rig.advance()
  return { rig, open }
}

const holdsOf = (rig: Rig) =>
  rig.holdfast.status().lanes.flatMap(({ holds }) => holds.map(({ name }) => name))

// I5, E6
describe.each([
  ['of its own', 0],
  ['that merges', 1],
])('while the schema of a kind %s takes its time', (_name, kindAt) => {
  test.each([
    ['off', {}],
    ['unknown', { requirement: 'unknown', whileUnknown: 'send' }],
  ] as const)(
    'the requirement turns from %s to required: nothing is sent unsigned',
    async (_from, options) => {
      const { rig, open } = await checking(kindAt, options)
      await rig.whileResting(rig.holdfast.setRequirement('required'))
      open()
      await rig.advance()
      expect(rig.sent).toEqual([])
      expect(holdsOf(rig)).toEqual(['awaiting-token'])
      expect(rig.eventsOf('token.needed')).toMatchObject([{ user: 'alice', reason: 'missing' }])
      await rig.whileResting(rig.holdfast.updateToken('alice', 'a1'))
      await rig.advance()
      expect(rig.sent.map(({ token }) => token)).toEqual(['a1'])
      await rig.close()
      expect((await replay(rig.journal.lines().join('\n'))).decided).toBeGreaterThan(0)
    },
  )

  test('a newer token comes: the request carries that one', async () => {
    const { rig, open } = await checking(kindAt, { requirement: 'required' }, 'a1')
    await rig.whileResting(rig.holdfast.updateToken('alice', 'a2'))
    open()
    await rig.advance()
    expect(rig.sent.map(({ token }) => token)).toEqual(['a2'])
  })

  test('the token expires, without a source: it is sent, and the server decides (T9)', async () => {
    const { rig, open } = await checking(kindAt, { requirement: 'required' }, 'a1')
    await rig.advance(3_600_000)
    open()
    await rig.advance()
    expect(rig.sent.map(({ token }) => token)).toEqual(['a1'])
  })

  test('the session ends: nothing is sent', async () => {
    const { rig, open } = await checking(kindAt, { requirement: 'required' }, 'a1')
    await rig.whileResting(rig.holdfast.logout({ unsent: 'discard' }))
    open()
    await rig.advance()
    expect(rig.sent).toEqual([])
    expect(rig.holdfast.status().counts.pending).toBe(0)
  })

  test('somebody else logs in: it goes with the token of its user', async () => {
    const { rig, open } = await checking(kindAt, { requirement: 'required' }, 'a1')
    await rig.login('bob', 'b1')
    open()
    await rig.advance()
    expect(rig.sent.map(({ token }) => token)).toEqual(['a1'])
  })
})
