/** How many transactions a WAL holds: what tells from outside how many there were. */
import { existsSync, readFileSync } from 'node:fs'

const WAL_HEADER = 32
const FRAME_HEADER = 24

export function transactionsInWal(databaseFile: string): number {
  const file = `${databaseFile}-wal`
  const wal = existsSync(file) ? readFileSync(file) : Buffer.alloc(0)
  if (wal.length < WAL_HEADER) return 0
  const frameBytes = FRAME_HEADER + wal.readUInt32BE(8)
  let count = 0
  for (let at = WAL_HEADER; at + frameBytes <= wal.length; at += frameBytes) {
    // What an earlier round has left.
    if (!wal.subarray(at + 8, at + 16).equals(wal.subarray(16, 24))) break
    // The last frame of a transaction says how large the database is after it.
    if (wal.readUInt32BE(at + 4) > 0) count += 1
  }
  return count
}
