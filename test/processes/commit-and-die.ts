/**
 * A process that dies between its commit and telling the others of it: whoever asks for the time then is
 * the one who is about to. It says nothing, as nobody was told that anything is stored. Argument: the file.
 */
import { SqliteStorage } from '../../storage/sqlite/sqlite-storage.ts'

const [file = ''] = process.argv.slice(2)
const storage = new SqliteStorage({ file, busyTimeoutMs: 10_000 })
let isCommitting = false

await storage.open({
  atTurnEnd: (end) => void setImmediate(end),
  monotonic: () => performance.now(),
  wall: () => {
    if (isCommitting) process.kill(process.pid, 'SIGKILL')
    return Date.now()
  },
  newFingerprintKey: 'fingerprint key',
})
isCommitting = true
await storage.commit([
  {
    change: 'enqueue',
    user: null,
    nonce: 'orphan',
    kind: 'note',
    version: 1,
    payload: JSON.stringify({ text: 'orphan' }),
    enqueuedAt: Date.now(),
    expiresAt: null,
  },
])
process.stdout.write('resolved\n')
