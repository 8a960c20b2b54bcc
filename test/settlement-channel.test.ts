/** The channel `holdfast:settlement` of Node's `diagnostics_channel`: each operation that has reached its end. */
import { channel } from 'node:diagnostics_channel'
import { expect, test } from 'vitest'
import { publishSettlement } from '../src/channels/settlement-channel.ts'
import { EVENT_NAMES } from '../src/events.ts'
import type { OperationId, UserId } from '../src/model.ts'
import { listenToChannels } from './support/observers.ts'
import { note, Rig } from './support/rig.ts'

test('each settlement is told once, with its reason and status, as the event tells it', async () => {
  const { settlements } = listenToChannels()
  const rig = await Rig.start()
  await rig.login('alice', 'a1')
  const completed = await rig.enqueue('one')
  rig.last.reply(200)
  await rig.advance()
  const dead = await rig.enqueue('two')
  rig.last.reply(422)
  await rig.advance()
  rig.holdfast.pause()
  const cancelled = await rig.enqueue('three')
  await rig.whileResting(rig.holdfast.cancel(cancelled))
  await rig.whileResting(rig.holdfast.logout())
  const { id: dropped } = await rig.whileResting(rig.holdfast.enqueue(note({ text: 'four' })))
  const rest = { kind: 'note', reason: null, status: null }
  expect(settlements).toEqual([
    { ...rest, id: completed, user: 'alice', outcome: 'completed' },
    { ...rest, id: dead, user: 'alice', outcome: 'dead', reason: 'rejected', status: 422 },
    { ...rest, id: cancelled, user: 'alice', outcome: 'cancelled' },
    { ...rest, id: dropped, user: null, outcome: 'dropped', reason: 'anonymous' },
  ])
  expect(settlements.every((message) => Object.isFrozen(message))).toBe(true)
})

test('no other event is a settlement', () => {
  const { settlements } = listenToChannels()
  const detail = { id: '1.sg.n' as OperationId, user: 'alice' as UserId, kind: 'note' }
  for (const name of EVENT_NAMES) publishSettlement(name, detail as never)
  expect(settlements.map(({ outcome }) => outcome)).toEqual([
    'completed',
    'dropped',
    'cancelled',
    'dead',
  ])
})

test('without a subscriber the event is not even looked at', () => {
  expect(channel('holdfast:settlement').hasSubscribers).toBe(false)
  const detail = new Proxy({}, { get: () => expect.fail('looked at') as never })
  publishSettlement('operation.completed', detail as never)
})
