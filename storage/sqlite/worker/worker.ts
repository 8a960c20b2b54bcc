/**
 * The code of the thread that has the database. Never imported, only run by `StorageThread`. It answers
 * what it is asked with the very storage that would else be on the main thread, and decides nothing. What
 * it does not understand is a defect, and ends it.
 */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import type { StorageHost } from '../../storage.ts'
import { storageErrorOf } from '../error-of.ts'
import type { SqliteSettings } from '../options.ts'
import { SqliteStorage } from '../sqlite-storage.ts'
import { toPlainError } from './plain-error.ts'
import type { Asked, Handed, Question } from './protocol.ts'
import { Reports } from './reports.ts'

/** How long what is not ours, of a preload in NODE_OPTIONS say, may go on in this thread when we are done. */
const GRACE_MS = 100

if (parentPort !== null) {
  serve(parentPort, new SqliteStorage(workerData as SqliteSettings))
}

function serve(port: MessagePort, storage: SqliteStorage): void {
  let wall = 0
  let monotonic = 0
  let stopWatching: () => void = () => undefined
  const reports = new Reports(port)

  const host: Omit<StorageHost, 'newFingerprintKey'> = {
    // After all messages that have piled up: what came during one fsync shares the next.
    atTurnEnd: (run) => void setImmediate(run),
    // It stands still between two messages: nobody waits for this thread to let go.
    monotonic: () => monotonic,
    wall: () => wall,
  }

  const asked: Asked = {
    open: (facts) => storage.open({ ...host, ...facts }),
    commit: (changes, options) => storage.commit(changes, options),
    window: (lane, after, limit) => storage.window(lane, after, limit),
    find: (id) => storage.find(id),
    settled: (ids) => storage.settled(ids),
    letters: (filter) => storage.letters(filter),
    records: (locals) => storage.records(locals),
    position: (user, key) => storage.position(user, key),
    lock: () => storage.lock(),
    reload: () => storage.reload(),
    tidy: () => storage.tidy(),
    filesAside: () => storage.filesAside(),
    close: async () => {
      await storage.close()
      // Nothing of this file keeps the thread now: it ends once its answer is on its way.
      port.unref()
      setTimeout(() => process.exit(), GRACE_MS).unref()
    },
    watch: async () => {
      stopWatching = storage.watch(
        () => reports.addNews(),
        (why) => reports.addLoss(why),
      )
    },
    unwatch: async () => stopWatching(),
  }

  const put = ({ number, name, args }: Question) => {
    if (!Object.hasOwn(asked, name)) {
      throw new TypeError(`the storage thread was asked what it does not know: ${String(name)}`)
    }
    const ask = asked[name] as (...given: readonly unknown[]) => Promise<unknown>
    ask(...args).then(
      (value) => reports.add({ number, ok: true, value }),
      (error: unknown) =>
        reports.add({ number, ok: false, error: toPlainError(storageErrorOf(error)) }),
    )
  }

  port.on('message', (message: Handed | null) => {
    if (!Array.isArray(message?.questions)) {
      throw new TypeError('the storage thread was sent what it does not understand')
    }
    wall = message.wall
    monotonic = message.monotonic
    for (const question of message.questions) put(question)
  })
}
