/**
 * A process that enqueues until it is killed. It prints the id of an operation once the commit of it
 * has resolved, and never before. Arguments: the file, the durability, how many calls share a turn.
 */
import type { UserId } from '../../src/model.ts'
import type { Durability } from '../../storage/sqlite/connection.ts'
import { SqliteStorage } from '../../storage/sqlite/sqlite-storage.ts'

const [file = '', durability = 'power-loss', callsPerTurn = '1'] = process.argv.slice(2)
const storage = new SqliteStorage({
  file,
  durability: durability as Durability,
  busyTimeoutMs: 60_000,
})

async function enqueueOne(nonce: string): Promise<void> {
  const answers = await storage.commit([
    {
      change: 'enqueue',
      user: 'alice' as UserId,
      nonce,
      kind: 'note',
      version: 1,
      payload: JSON.stringify({ text: nonce.repeat(20) }),
      enqueuedAt: Date.now(),
      expiresAt: null,
    },
  ])
  for (const answer of answers) {
    if (!answer.applied) throw new Error('an enqueue was missed')
    for (const { id } of answer.affected) process.stdout.write(`${id}\n`)
  }
}

async function run(): Promise<never> {
  await storage.open({
    atTurnEnd: (end) => void setImmediate(end),
    monotonic: () => performance.now(),
    wall: () => Date.now(),
    newFingerprintKey: 'fingerprint key',
  })
  for (let turn = 0; ; turn += 1) {
    const calls = Array.from({ length: Number(callsPerTurn) }, (_, call) =>
      enqueueOne(`${process.pid}-${turn}-${call}`),
    )
    await Promise.all(calls)
  }
}

await run()
