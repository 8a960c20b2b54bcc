/**
 * A storage on a worker thread that runs the build. From source, Node would take the types off the thread's
 * code with WebAssembly, compiled anew for each: that is slow, and while such threads come and go, V8 loses
 * count of its pages and ends the process (nodejs/node#64500).
 */
import { pathToFileURL } from 'node:url'
import type { SqliteSettings } from '../../storage/sqlite/options.ts'
import { WorkerStorage } from '../../storage/sqlite/worker/worker-storage.ts'
import { ROOT, whyNotBuilt } from './built.ts'

const CODE = pathToFileURL(`${ROOT}dist/holdfast-worker.js`)

let isBuilt = false

export function storageOnThread(options: SqliteSettings): WorkerStorage {
  if (!isBuilt) {
    const whyNot = whyNotBuilt()
    if (whyNot !== null) throw new Error(`no storage can run on a thread, because ${whyNot}`)
    isBuilt = true
  }
  return new WorkerStorage(options, CODE)
}
