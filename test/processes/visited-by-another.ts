/**
 * A process whose database another process visits while it is in use: it enqueues, lets the other one come and go, enqueues
 * more, says how many were acknowledged, and is killed. Arguments: what else has the file open in this process, what the
 * visitor is (`node` or `python3`), its code, the file.
 */
import { spawnSync } from 'node:child_process'
import { readdirSync, readlinkSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import SqliteDatabase from 'better-sqlite3'
import { createHoldfast, type Holdfast, httpTransport, sqliteStorage } from '../../src/index.ts'
import type { Storage } from '../../storage/storage.ts'
import { storageOnThread } from '../support/on-thread.ts'
import { note } from './kinds.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const COUNT = 20
const [variant, tool = '', visit = '', file = ''] = process.argv.slice(2)

async function open(storage: Storage): Promise<Holdfast> {
  const holdfast = await createHoldfast({
    storage,
    transport: httpTransport({ baseUrl: 'http://127.0.0.1:9' }),
    operations: [note],
    requirement: 'off',
  })
  holdfast.pause()
  return holdfast
}

/** How many files of the database this process has open that nobody can find any more. */
function deletedCount(): number {
  const links = readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)]
    } catch {
      return []
    }
  })
  return links.filter((link) => link.startsWith(file) && link.endsWith('(deleted)')).length
}

const app = variant === 'app' ? new SqliteDatabase(file) : null
app?.pragma('journal_mode = WAL')
app?.exec('CREATE TABLE rows (n); INSERT INTO rows VALUES (1)')
const holdfast = await open(sqliteStorage({ file }))
let acknowledged = 0
const enqueue = async () => {
  await holdfast.enqueue(note({ text: String(acknowledged) }))
  acknowledged += 1
}
await enqueue()
if (variant === 'second') await open(sqliteStorage({ file }))
if (variant === 'thread') await open(storageOnThread({ file }))
const [program, flag] = tool === 'python3' ? [tool, '-c'] : [process.execPath, '-e']
const visited = spawnSync(program, [flag, visit, file], { cwd: ROOT, encoding: 'utf8' })
if (visited.status !== 0) throw new Error(visited.stderr)
while (acknowledged < COUNT) await enqueue()
for (let n = 2; n <= COUNT; n += 1) app?.prepare('INSERT INTO rows VALUES (?)').run(n)
const deleted = process.platform === 'linux' ? deletedCount() : 0
process.stdout.write(JSON.stringify({ acknowledged, deleted }), () =>
  process.kill(process.pid, 'SIGKILL'),
)
