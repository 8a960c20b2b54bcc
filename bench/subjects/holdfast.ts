/** Holdfast through its public face: default options, a schema, one listener. */
import { join } from 'node:path'
import {
  createHoldfast,
  defineOperation,
  type Holdfast,
  type HoldfastOptions,
  path,
  sqliteStorage,
  type Storage,
  type Transport,
} from '../../src/index.ts'
import type { Durability } from './durability.ts'
import { PAYLOAD, payloadSchema } from './payload.ts'

export const note = defineOperation({
  kind: 'note',
  payload: payloadSchema,
  request: ({ payload, owner }) => ({
    method: 'POST',
    path: path`/users/${owner.user ?? 'anonymous'}/notes`,
    body: payload,
  }),
})

/** Answers at once: what is measured is Holdfast and SQLite. */
export const NO_SERVER: Transport = {
  origin: 'https://nowhere.invalid',
  send: async () => ({ status: 200, headers: { 'content-type': 'application/json' }, body: '{}' }),
}

export function fileStorage(folder: string, durability: Durability): Storage {
  const survives = durability === 'FULL' ? 'power-loss' : 'app-crash'
  return sqliteStorage({ file: join(folder, 'outbox.db'), durability: survives })
}

/** An engine that is paused, with alice logged in. */
export async function openHoldfast(
  storage: Storage,
  options: Partial<HoldfastOptions> = {},
): Promise<Holdfast> {
  const holdfast = await createHoldfast({
    storage,
    transport: NO_SERVER,
    operations: [note],
    requirement: 'required',
    ...options,
  })
  holdfast.pause()
  holdfast.on('operation.completed', () => undefined)
  await holdfast.login('alice', { token: 'a-token' })
  return holdfast
}

export async function enqueueOneByOne(holdfast: Holdfast, count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) await holdfast.enqueue(note(PAYLOAD))
}

/** So many callers at once; each of them awaits its own. */
export async function enqueueAtOnce(holdfast: Holdfast, callers: number): Promise<void> {
  await Promise.all(Array.from({ length: callers }, () => holdfast.enqueue(note(PAYLOAD))))
}

/** Sends all that is pending, and pauses. */
export async function drain(holdfast: Holdfast): Promise<void> {
  const { promise: drained, resolve } = Promise.withResolvers<void>()
  const hear = () => resolve()
  holdfast.on('queue.drained', hear)
  holdfast.resume()
  await drained
  holdfast.off('queue.drained', hear)
  holdfast.pause()
}
