/** The peer `plainjob`: synchronous calls, a worker that takes one job after the other. */
import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { better, defineQueue, defineWorker, type Queue } from 'plainjob'
import type { Durability } from './durability.ts'
import { PAYLOAD } from './payload.ts'

const SILENT = { error: ignore, warn: ignore, info: ignore, debug: ignore }

const TYPE = 'note'

export function openPlainjob(folder: string, durability: Durability): Queue {
  const database = new SqliteDatabase(join(folder, 'plainjob.db'))
  const queue = defineQueue({ connection: better(database), logger: SILENT })
  // It sets NORMAL itself.
  database.pragma(`synchronous = ${durability}`)
  return queue
}

export function addJob(queue: Queue): void {
  queue.add(TYPE, PAYLOAD)
}

/** Works off this many jobs, and stops. */
export async function workOff(queue: Queue, count: number): Promise<void> {
  let left = count
  const { promise: done, resolve } = Promise.withResolvers<void>()
  const worker = defineWorker(TYPE, async () => undefined, {
    queue,
    logger: SILENT,
    onCompleted: () => {
      left -= 1
      if (left === 0) resolve()
    },
  })
  const stopped = worker.start()
  await done
  await worker.stop()
  await stopped
}

function ignore(): void {}
