/**
 * Which transaction to enqueue next, after whatever end the former life of the app had.
 *
 * The app keeps no progress of its own: it could be killed after `enqueue()` resolved and before it had
 * written that down, and would enqueue the same transaction twice. Instead it looks where the
 * transactions are. Each one that was ever stored is either still pending, then it is a row of the
 * outbox; or it has been completed, which only happens after the server applied it. A transaction whose
 * commit the kill prevented is in neither place, and is enqueued again. So the next one is that behind
 * the highest in either. A transaction of which the server has applied the request but whose reply was
 * never read is in both, which does no harm.
 *
 * The order matters: first the outbox, while nobody sends from it, then the server. The other way round
 * a transaction could leave the outbox between the two looks and be seen in neither.
 */
import { existsSync } from 'node:fs'
import SqliteDatabase from 'better-sqlite3'
import type { Assignment } from './reports.ts'
import type { ServerLink } from './server-link.ts'

const highestPending = `
  SELECT max(json_extract(payload, '$.index'))
  FROM holdfast_operations JOIN holdfast_lanes USING (lane)
  WHERE user = ? AND kind = 'edit' AND json_extract(payload, '$.document') = ?`

const hasTables = `SELECT 1 FROM sqlite_schema WHERE name = 'holdfast_operations'`

/** For each user the index to go on with. To be called before Holdfast opens the outbox. */
export async function whereToResume(
  outbox: string,
  server: ServerLink,
  assignments: readonly Assignment[],
): Promise<Map<string, number>> {
  const pending = pendingIn(outbox, assignments)
  const { documents } = await server.summary()
  return new Map(
    assignments.map(({ user, document }) => {
      const known = documents.find((found) => found.user === user && found.document === document)
      return [user, Math.max((pending.get(user) ?? -1) + 1, known?.next ?? 0)]
    }),
  )
}

/** The highest pending index of each user who has one. */
function pendingIn(outbox: string, assignments: readonly Assignment[]): Map<string, number> {
  const found = new Map<string, number>()
  if (!existsSync(outbox)) return found
  const database = new SqliteDatabase(outbox, { readonly: true })
  try {
    // A kill in the first moments leaves a file without tables.
    if (database.prepare(hasTables).get() === undefined) return found
    const query = database.prepare<[string, string], number | null>(highestPending).pluck()
    for (const { user, document } of assignments) {
      const index = query.get(user, document) ?? null
      if (index !== null) found.set(user, index)
    }
    return found
  } finally {
    database.close()
  }
}
