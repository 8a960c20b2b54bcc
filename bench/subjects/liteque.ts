/** The peer `liteque`: an ORM over SQLite, a runner that polls. */
import { join } from 'node:path'
import type { Database } from 'better-sqlite3'
import { buildDBClient, Runner, SqliteQueue } from 'liteque'
import type { Durability } from './durability.ts'
import { type PAYLOAD, payloadSchema } from './payload.ts'

export type Liteque = SqliteQueue<typeof PAYLOAD>

export function openLiteque(
  folder: string,
  durability: Durability,
): { readonly queue: Liteque; readonly close: () => void } {
  const client = buildDBClient(join(folder, 'liteque.db'), { runMigrations: true })
  const { session } = client as unknown as { readonly session: { readonly client: Database } }
  // It sets NORMAL itself.
  session.client.pragma(`synchronous = ${durability}`)
  allowPromises(session.client)
  const queue: Liteque = new SqliteQueue('note', client, {
    defaultJobArgs: { numRetries: 2 },
    keepFailedJobs: false,
  })
  return { queue, close: () => session.client.close() }
}

export async function runUntilEmpty(queue: Liteque): Promise<void> {
  const runner = new Runner<typeof PAYLOAD>(
    queue,
    { run: async () => undefined },
    { concurrency: 1, pollIntervalMs: 1, timeoutSecs: 60, validator: payloadSchema },
  )
  await runner.runUntilEmpty()
}

/** It hands async functions to `transaction()`, which better-sqlite3 refuses nowadays; formerly it committed what ran at once. */
function allowPromises(database: Database): void {
  const deferred = (run: (transaction: unknown) => unknown) => (transaction: unknown) => {
    database.exec('BEGIN')
    const result = run(transaction)
    database.exec('COMMIT')
    return result
  }
  Object.assign(database, {
    transaction: (run: (transaction: unknown) => unknown) => ({ deferred: deferred(run) }),
  })
}
