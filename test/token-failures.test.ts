/** Why a token was not refreshed, where a developer looks for it: the status, its text, and the report (Q22). */
import { expect, test } from 'vitest'
import { formatStatus } from '../src/index.ts'
import { Rig } from './support/rig.ts'

test('a source that cannot be reached is named in the status, its text and the report, until a token comes', async () => {
  let isDown = true
  const tokenSource = async () => {
    if (isDown) throw Object.assign(new Error('fetch failed'), { code: 'ECONNREFUSED' })
    return 'a1'
  }
  const rig = await Rig.start({ tokenSource })
  await rig.login('alice')
  await rig.enqueue('one')
  await rig.advance()
  const failure = { at: rig.time.wall(), code: 'AUTH_SOURCE_FAILED', reason: 'ECONNREFUSED' }
  const status = rig.holdfast.status()
  expect(status.tokenNeeds).toMatchObject([{ user: 'alice', lastFailure: failure }])
  expect(formatStatus(status, { now: rig.time.wall() })).toContain(
    'the last refresh failed: ECONNREFUSED',
  )
  const { errors } = await rig.whileResting(rig.holdfast.report())
  expect(errors).toMatchObject([{ code: 'AUTH_SOURCE_FAILED', reason: 'ECONNREFUSED' }])
  isDown = false
  await rig.advance(2000)
  expect(rig.sent).toHaveLength(1)
  expect(rig.holdfast.status().tokenNeeds).toEqual([])
})

test('a need of a user whose refresh has not failed has no failure', async () => {
  const rig = await Rig.start()
  await rig.login('alice')
  await rig.enqueue('one')
  const [need] = rig.holdfast.status().tokenNeeds
  expect(need).toEqual({ user: 'alice', reason: 'missing', generation: null })
})
