/** `thread: 'worker'` under an engine: what it stores, what it costs, how it ends, and what a crash of it is (E2, Q11). */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { afterEach, describe, expect, test } from 'vitest'
import type { HoldfastError } from '../src/errors.ts'
import { replay } from '../src/journal/replay.ts'
import type { OperationId, UserId } from '../src/model.ts'
import { sqliteStorage } from '../src/sqlite-storage.ts'
import type { Answer, Change } from '../storage/changes.ts'
import type { WorkerStorage } from '../storage/sqlite/worker/worker-storage.ts'
import type { StorageHost } from '../storage/storage.ts'
import { storageOnThread } from './support/on-thread.ts'
import { note } from './support/rig.ts'
import { enqueueing, NOW } from './support/sqlite-life.ts'
import { temporaryFolder } from './support/temporary-folder.ts'
import { ThreadedEngine } from './support/threaded-engine.ts'
import { transactionsInWal } from './support/wal-transactions.ts'

const host: StorageHost = {
  atTurnEnd: (run) => void setImmediate(run),
  monotonic: () => 0,
  wall: () => NOW,
  newFingerprintKey: 'fingerprint key',
}

const storages: WorkerStorage[] = []

afterEach(async () => {
  for (const storage of storages.splice(0)) await storage.close()
})

function newFile(): string {
  return join(temporaryFolder(), 'outbox.db')
}

/** A storage by itself, open. */
async function opened(file: string): Promise<WorkerStorage> {
  const storage = storageOnThread({ file })
  storages.push(storage)
  await storage.open(host)
  return storage
}

/** What another connection finds in the file. */
function operationsIn(file: string): number {
  const database = new SqliteDatabase(file, { readonly: true })
  const count = database.prepare<[], number>('SELECT count(*) FROM holdfast_operations').pluck()
  const found = count.get() ?? 0
  database.close()
  return found
}

describe('an engine with its storage on a thread', () => {
  test('has on disk what it acknowledged, and drains it in order', async () => {
    const file = newFile()
    const engine = await ThreadedEngine.open(file)
    engine.holdfast.pause()
    const ids = []
    for (const text of ['one', 'two', 'three']) {
      ids.push(await engine.enqueue(text))
      expect(operationsIn(file)).toBe(ids.length)
    }
    expect(await engine.pendingIds()).toEqual(ids)
    engine.holdfast.resume()
    await engine.hears('queue.drained')
    expect(engine.eventsOf('operation.completed').map(({ id }) => id)).toEqual(ids)
    expect(operationsIn(file)).toBe(0)
    await engine.close()
    const next = await ThreadedEngine.open(file)
    expect(next.holdfast.status().counts).toMatchObject({ pending: 0, dead: 0 })
  })

  test('stores what was enqueued when it closes', async () => {
    const file = newFile()
    const engine = await ThreadedEngine.open(file)
    engine.holdfast.pause()
    const receipt = engine.holdfast.enqueue(note({ text: 'one' }))
    await engine.close()
    const { id } = await receipt
    expect(await (await ThreadedEngine.open(file)).holdfast.operation(id)).not.toBeNull()
  })

  test('makes one message, one transaction and one answer of a hundred calls in one turn', async () => {
    const file = newFile()
    const engine = await ThreadedEngine.open(file)
    engine.holdfast.pause()
    // What the start has stored is there by then.
    await engine.pendingIds()
    const [messages, transactions] = [engine.thread.messageCount, transactionsInWal(file)]
    let reportCount = 0
    engine.thread.worker.on('message', () => (reportCount += 1))
    await Promise.all(Array.from({ length: 100 }, (_, n) => engine.enqueue(String(n))))
    expect(engine.thread.messageCount - messages).toBe(1)
    expect(reportCount).toBe(1)
    expect(transactionsInWal(file) - transactions).toBe(1)
    expect(operationsIn(file)).toBe(100)
  })

  test('a hundred calls in a hundred turns would be seen as that', async () => {
    const file = newFile()
    const engine = await ThreadedEngine.open(file)
    engine.holdfast.pause()
    await engine.pendingIds()
    const [messages, transactions] = [engine.thread.messageCount, transactionsInWal(file)]
    for (let n = 0; n < 100; n += 1) await engine.enqueue(String(n))
    expect(engine.thread.messageCount - messages).toBe(100)
    expect(transactionsInWal(file) - transactions).toBe(100)
  })

  // I12
  test('leaves nothing of who is forgotten in the file or its -wal', async () => {
    const file = newFile()
    const engine = await ThreadedEngine.open(file)
    engine.accepts = false
    await engine.holdfast.login('user-of-old')
    const text = 'text-of-old '.repeat(8000)
    await engine.enqueue(text)
    await engine.enqueue(text)
    const traces = () =>
      [file, `${file}-wal`]
        .filter((name) => existsSync(name))
        .flatMap((name) => readFileSync(name, 'latin1').match(/(?:user|text)-of-old/) ?? [])
    expect(traces()).not.toEqual([])
    await engine.holdfast.forget('user-of-old')
    expect(traces()).toEqual([])
  })

  test('has no transaction of the app to join, and says so as one with a file does', async () => {
    const engine = await ThreadedEngine.open(newFile())
    const database = new SqliteDatabase(':memory:')
    database.exec('BEGIN')
    expect(() => engine.holdfast.enqueueWithin(database, note({ text: 'one' }))).toThrow(
      new TypeError(
        'enqueueWithin: the connection is not the one given to sqliteStorage({ database })',
      ),
    )
    database.close()
  })

  test('works in memory', async () => {
    const engine = await ThreadedEngine.open(storageOnThread({ file: ':memory:' }))
    await engine.enqueue('one')
    await engine.hears('queue.drained')
    expect(engine.sent).toHaveLength(1)
  })
})

const ENDED =
  /^the thread that has the database has ended \(.+\); close\(\) this engine and make a new one on the same file: nothing that was acknowledged is lost/

/** Both ways in which a thread may end unasked. */
const CRASHES = [
  ['is ended from outside', (engine: ThreadedEngine) => engine.crash(), 'exit code 1'],
  [
    'fails inside',
    async (engine: ThreadedEngine) => engine.thread.worker.postMessage('nonsense'),
    'the storage thread was sent what it does not understand',
  ],
  [
    'is asked what it does not know',
    async (engine: ThreadedEngine) =>
      engine.thread.worker.postMessage({ wall: 0, questions: [{ number: 0, name: 'dance' }] }),
    'the storage thread was asked what it does not know: dance',
  ],
] as const

// E2, Q11
describe('a thread that ends unasked', () => {
  test.each(CRASHES)(
    'and %s while nothing is under way is an error and a hold; a new engine finds everything',
    async (_how, crash, why) => {
      const file = newFile()
      const engine = await ThreadedEngine.open(file)
      engine.holdfast.pause()
      const ids = [await engine.enqueue('one'), await engine.enqueue('two')]
      expect(engine.clock.delays).toEqual([])
      await crash(engine)
      await engine.hears('error')
      expect(engine.eventsOf('error')).toMatchObject([
        { error: { code: 'STORAGE_UNAVAILABLE', cause: { code: 'STORAGE_UNAVAILABLE' } } },
      ])
      const { cause } = engine.eventsOf('error')[0]?.error ?? {}
      expect((cause as Error).message).toMatch(ENDED)
      expect((cause as Error).message).toContain(`(${why})`)
      expect(engine.holds).toEqual(['paused', 'storage-failed'])
      engine.holdfast.resume()
      const refused = { name: 'HoldfastError', code: 'STORAGE_UNAVAILABLE', retryable: true }
      await expect(engine.enqueue('three')).rejects.toMatchObject(refused)
      await expect(engine.enqueue('three')).rejects.toThrow(ENDED)
      await expect(engine.holdfast.pending()).rejects.toMatchObject(refused)
      expect(engine.sent).toEqual([])
      await engine.close()
      expect((await replay(engine.journal.lines().join('\n'))).decided).toBeGreaterThan(0)
      const next = await ThreadedEngine.open(file)
      await next.hears('queue.drained')
      expect(next.eventsOf('operation.completed').map(({ id }) => id)).toEqual(ids)
    },
  )

  test('fails what was under way; what was acknowledged is there, and is sent under the same key', async () => {
    const file = newFile()
    const engine = await ThreadedEngine.open(file)
    engine.accepts = false
    const acknowledged = [await engine.enqueue('one'), await engine.enqueue('two')]
    expect(engine.sent).toHaveLength(1)
    const calls = Array.from({ length: 50 }, (_, n) => engine.enqueue(String(n)))
    const crashed = engine.crash()
    const settled = await Promise.allSettled(calls)
    await crashed
    const reasons = new Set<unknown>()
    for (const call of settled) {
      if (call.status === 'fulfilled') acknowledged.push(call.value)
      else reasons.add((call.reason as HoldfastError).code)
    }
    expect(reasons).toEqual(new Set(['STORAGE_UNAVAILABLE']))
    engine.sent[0]?.accept()
    await engine.hears('error', 2)
    expect(engine.holds).toEqual(['storage-failed'])
    expect(engine.eventsOf('operation.completed')).toEqual([])
    await engine.close()
    const next = await ThreadedEngine.open(file)
    await next.hears('queue.drained')
    const completed = next.eventsOf('operation.completed').map(({ id }) => id as string)
    expect(completed).toEqual(expect.arrayContaining(acknowledged))
    const [first, second] = [engine, next].map(({ sent }) => sent[0]?.request.headers)
    expect(second?.['idempotency-key']).toBe(first?.['idempotency-key'])
  })

  test('is asked again ever more seldom, and never answers again', async () => {
    const engine = await ThreadedEngine.open(newFile())
    engine.accepts = false
    await engine.enqueue('one')
    await engine.crash()
    await engine.hears('error')
    engine.sent[0]?.accept()
    await engine.hears('error', 2)
    for (let round = 0; round < 6; round += 1) {
      const waitMs = 1000 * 2 ** round
      expect(engine.clock.delays).toEqual([waitMs, waitMs])
      engine.clock.pass(waitMs)
      await engine.hears('error', 4 + 2 * round)
    }
    expect(engine.eventsOf('error')).toHaveLength(14)
    expect(engine.holds).toEqual(['storage-failed'])
  })

  test('while it opens rejects createHoldfast(), and the same storage can be opened again', async () => {
    const storage = storageOnThread({ file: newFile() })
    const engine = new ThreadedEngine(storage)
    const opening = engine.open()
    await engine.crash()
    await expect(opening).rejects.toMatchObject({
      name: 'HoldfastError',
      code: 'STORAGE_UNAVAILABLE',
    })
    await expect(opening).rejects.toThrow(ENDED)
    expect(storage.thread).toBeNull()
    await engine.open()
    await engine.enqueue('one')
    await engine.hears('queue.drained')
  })

  test('lets go of the lock, and the same storage can be opened again once it is closed', async () => {
    const storage = storageOnThread({ file: newFile() })
    const engine = await ThreadedEngine.open(storage)
    engine.holdfast.pause()
    const id = await engine.enqueue('one')
    await engine.crash()
    await engine.close()
    await engine.open()
    await engine.hears('queue.drained')
    expect(engine.eventsOf('operation.completed')).toMatchObject([{ id }])
  })

  test('also tells who begins to watch only then, and close() resolves', async () => {
    const storage = await opened(newFile())
    await storage.thread?.worker.terminate()
    const { promise, resolve } = Promise.withResolvers<void>()
    storage.watch(resolve)
    await promise
    await expect(storage.reload()).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' })
    await expect(storage.close()).resolves.toBeUndefined()
    await expect(storage.reload()).rejects.toMatchObject({ code: 'CLOSED' })
  })

  test('while it closes leaves nothing open', async () => {
    const storage = await opened(newFile())
    const { worker } = storage.thread ?? {}
    const committed = storage.commit([enqueueing(null)])
    const closing = storage.close()
    await Promise.all([worker?.terminate(), committed.catch(() => null)])
    await expect(closing).resolves.toBeUndefined()
    expect(worker?.threadId).toBe(-1)
  })
})

describe('a storage on a thread, by itself,', () => {
  test('answers in the order of the questions', async () => {
    const storage = await opened(newFile())
    const order: string[] = []
    const note = (name: string) => () => void order.push(name)
    await Promise.all([
      storage.commit([enqueueing(null)]).then(note('commit')),
      storage.reload().then(note('reload')),
      storage.commit([enqueueing(null)]).then(note('second commit')),
      storage.find('0.sg.nobody' as OperationId).then(note('find')),
    ])
    expect(order).toEqual(['commit', 'reload', 'second commit', 'find'])
  })

  test('fails a call alone that holds what is no plain data', async () => {
    const storage = await opened(newFile())
    const bad = { ...enqueueing(null), payload: () => undefined } as unknown as Change
    const calls = [[enqueueing(null)], [bad], [enqueueing(null)]].map((changes) =>
      storage.commit(changes),
    )
    const settled = await Promise.allSettled(calls)
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    await expect(calls[1]).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' })
    expect((await storage.reload()).lanes).toMatchObject([{ pending: 2 }])
  })

  test('ends by itself when it is closed, and not before its last commit is stored', async () => {
    const file = newFile()
    const storage = await opened(file)
    const ended = Promise.withResolvers<number>()
    storage.thread?.worker.on('exit', ended.resolve)
    const committed = storage.commit([enqueueing(null)])
    await storage.close()
    // It would be 1, had it been terminated.
    expect(await ended.promise).toBe(0)
    await committed
    expect(operationsIn(file)).toBe(1)
  })

  test('is for one engine at a time', async () => {
    const storage = await opened(newFile())
    await expect(storage.open(host)).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' })
    await expect(storage.reload()).resolves.toMatchObject({ identity: null })
  })

  test('that was not opened has no thread, rejects with CLOSED, and closes', async () => {
    const storage = sqliteStorage({ file: newFile(), thread: 'worker' })
    await expect(storage.lock()).rejects.toMatchObject({ name: 'StorageError', code: 'CLOSED' })
    expect(() => storage.watch(() => undefined)).toThrow('not open')
    await expect(storage.close()).resolves.toBeUndefined()
  })

  test('gives back what a large drain has freed', async () => {
    const file = newFile()
    const storage = await opened(file)
    const made: Answer[] = []
    for (let n = 0; n < 10; n += 1) {
      const changes = Array.from({ length: 300 }, () => enqueueing(null, 'x'.repeat(2000)))
      made.push(...(await storage.commit(changes)))
    }
    const members = made.flatMap((answer) => (answer.applied ? answer.affected : []))
    await storage.commit([{ change: 'complete', lane: members[0]?.lane ?? (0 as never), members }])
    const pages = () => pagesOf(file)
    const before = pages()
    await storage.tidy()
    expect(pages()).toBeLessThan(before / 2)
  })

  // T1
  test('gives back byte by byte what a vault has sealed', async () => {
    const file = newFile()
    const storage = await opened(file)
    const sealed = Buffer.from('a whole buffer')
    await storage.commit([
      {
        change: 'token',
        user: 'alice' as UserId,
        expected: 0,
        generation: 1,
        fingerprint: 'print',
        expiresAt: null,
        refreshAt: null,
        sealed: sealed.subarray(2, 7),
      },
    ])
    const [token] = (await storage.reload()).tokens
    expect(Buffer.from(token?.sealed ?? []).toString()).toBe('whole')
  })
})

function pagesOf(file: string): number {
  const database = new SqliteDatabase(file, { readonly: true })
  const pages = database.pragma('page_count', { simple: true }) as number
  database.close()
  return pages
}
