/** The errors of Holdfast: one base class with a code, and the subject of the message as fields (E1). */
import { describe, expect, test } from 'vitest'
import { HoldfastError } from '../src/errors.ts'
import { replying, Rig, note } from './support/rig.ts'

async function errorOf(promise: Promise<unknown>): Promise<HoldfastError> {
  return promise.then(
    () => {
      throw new Error('the call did not reject')
    },
    (error: HoldfastError) => error,
  )
}

describe('an error', () => {
  test('has the given fields alone', () => {
    const plain = new HoldfastError('CLOSED', 'closed')
    expect(Object.keys(plain).toSorted()).toEqual(['code', 'name', 'retryable'])
    const error = new HoldfastError('QUEUE_FULL', 'full', { option: 'maxPending', limit: 3 })
    expect(error).toMatchObject({ option: 'maxPending', limit: 3, retryable: false })
    expect(error).not.toHaveProperty('operationId')
  })

  test('of a full queue names the option and the limit', async () => {
    const rig = await Rig.start({ maxPending: 1, requirement: 'unknown' })
    await rig.enqueue('one')
    const error = await errorOf(rig.enqueue('two'))
    expect(error).toMatchObject({ code: 'QUEUE_FULL', option: 'maxPending', limit: 1 })
  })

  test('of a payload that is too large names the option and the limit', async () => {
    const rig = await Rig.start({ maxPayloadBytes: 20, requirement: 'off' })
    const error = await errorOf(rig.enqueue('x'.repeat(30)))
    const subject = { option: 'maxPayloadBytes', limit: 20 }
    expect(error).toMatchObject({ code: 'PAYLOAD_TOO_LARGE', ...subject })
  })

  test('of an unknown kind names the option that lacks it', async () => {
    const rig = await Rig.start()
    const error = await errorOf(rig.holdfast.enqueue({ kind: 'x', payload: {} }))
    expect(error).toMatchObject({ code: 'UNKNOWN_KIND', option: 'operations' })
  })

  test.each(['cancel', 'retry', 'discard'] as const)(
    'of %s() names the operation',
    async (call) => {
      const rig = await Rig.start()
      const error = await errorOf(rig.whileResting<unknown>(rig.holdfast[call]('gone')))
      expect(error).toMatchObject({ code: 'UNKNOWN_OPERATION', operationId: 'gone' })
    },
  )

  test('of an operation in flight, and of one that is pending, names the operation', async () => {
    const rig = await Rig.start({ requirement: 'off' })
    const { id } = await rig.whileResting(rig.holdfast.enqueue(note({ text: 'one' })))
    await rig.advance()
    const late = await errorOf(rig.whileResting(rig.holdfast.cancel(id)))
    expect(late).toMatchObject({ code: 'TOO_LATE', operationId: id })
    const early = await errorOf(rig.whileResting(rig.holdfast.retry(id)))
    expect(early).toMatchObject({ code: 'NOT_RETRYABLE', operationId: id })
  })

  test('of a refused refresh names the user', async () => {
    const rig = await Rig.start({ answer: replying(401), tokenSource: async () => 'a2' })
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    await rig.advance()
    const [failed] = rig.eventsOf('token.refreshFailed')
    expect(failed?.error).toMatchObject({ code: 'AUTH_REFRESH_FAILED', user: 'alice' })
    expect(failed?.error.cause).toMatchObject({ code: 'AUTH_TOKEN_REFUSED', user: 'alice' })
  })
})
