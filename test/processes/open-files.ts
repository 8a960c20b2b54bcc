/**
 * A process that opens a storage on each file whose name it is sent, and says how that went. Argument: the durability.
 */
import { createInterface } from 'node:readline'
import type { Durability } from '../../storage/sqlite/connection.ts'
import { SqliteStorage } from '../../storage/sqlite/sqlite-storage.ts'

const [durability = 'power-loss'] = process.argv.slice(2)

async function open(file: string): Promise<string> {
  const storage = new SqliteStorage({ file, durability: durability as Durability })
  try {
    await storage.open({
      atTurnEnd: (end) => void setImmediate(end),
      monotonic: () => performance.now(),
      wall: () => Date.now(),
      newFingerprintKey: 'fingerprint key',
    })
    return 'opened'
  } catch (error) {
    return String(error)
  } finally {
    await storage.close()
  }
}

process.stdout.write('ready\n')
for await (const file of createInterface({ input: process.stdin })) {
  process.stdout.write(`${await open(file)}\n`)
}
