/** The records that a read needs: it waits for their creations, and names them as the server does (Q12, Q23, R1). */
import { describe, expect, test } from 'vitest'
import type { ReadOptions } from '../src/api/call-options.ts'
import { replay } from '../src/journal/replay.ts'
import { memoryVault } from '../src/ports/vault.ts'
import { sqliteStorage } from '../src/sqlite-storage.ts'
import { BeginningAnew } from './support/beginning-anew.ts'
import { beginRead, readsOf } from './support/begun-read.ts'
import { HeldAnswers } from './support/held-answers.ts'
import { create, echo, positioned } from './support/kinds.ts'
import { neighbours } from './support/neighbours.ts'
import { note, replying, Rig, type RigOptions } from './support/rig.ts'

const operations = [note, create, positioned]

async function start(options: RigOptions = {}): Promise<Rig> {
  const rig = await Rig.start({ operations, vault: memoryVault(), ...options })
  await rig.login('alice', 'a1')
  return rig
}

/** A read that names these records, and its end. */
function begin(rig: Rig, options: Partial<ReadOptions> = {}) {
  const { required = [], optional = [] } = options.needs ?? {}
  return beginRead(rig, {
    request: ({ record, optionalRecord }) => ({
      method: 'GET',
      path: '/records',
      query: { ids: [...required.map(record), ...optional.map(optionalRecord)].join() },
    }),
    after: [],
    ...options,
  })
}

const asked = (rig: Rig) =>
  readsOf(rig).map(({ request }) =>
    new URL(request.path, 'https://server.test').searchParams.get('ids'),
  )

const failureOf = (rig: Rig, promise: Promise<unknown>) =>
  rig.whileResting(promise.catch((error: unknown) => error))

async function put(rig: Rig, record: string): Promise<string> {
  return (await rig.whileResting(rig.holdfast.enqueue(create({ record })))).id
}

async function answer(rig: Rig): Promise<void> {
  echo(rig.last)
  await rig.advance()
}

describe('a read with needs', () => {
  test('waits for the creations that are pending, and names the records as the server does', async () => {
    const rig = await start()
    await put(rig, 'r1')
    await put(rig, 'r2')
    begin(rig, { needs: { required: ['r1'], optional: ['r2'] } })
    await rig.advance()
    await answer(rig)
    expect(asked(rig)).toEqual([])
    await answer(rig)
    expect(asked(rig)).toEqual(['srv-r1,srv-r2'])
  })

  test('waits for a creation that is just being stored', async () => {
    const rig = await start()
    void rig.holdfast.enqueue(create({ record: 'r1' }))
    begin(rig, { needs: { required: ['r1'] } })
    await rig.advance()
    expect(asked(rig)).toEqual([])
    await answer(rig)
    expect(asked(rig)).toEqual(['srv-r1'])
  })

  test('waits for a creation of the anonymous identity that is just being stored', async () => {
    const rig = Rig.prepare({ operations, requirement: 'off' })
    const held = new HeldAnswers(sqliteStorage({ database: rig.database }))
    await rig.open({ storage: held.storage })
    held.hold('enqueue')
    void rig.holdfast.enqueue(create({ record: 'r1' }))
    void rig.login('alice', 'a1')
    begin(rig, { needs: { required: ['r1'] } })
    await rig.advance()
    expect(asked(rig)).toEqual([])
    held.release('enqueue')
    await rig.advance()
    expect(asked(rig)).toEqual([])
    await answer(rig)
    expect(asked(rig)).toEqual(['srv-r1'])
  })

  test('waits for nothing else of the lane if it names no operations', async () => {
    const rig = await start()
    await put(rig, 'r1')
    await rig.enqueue('behind')
    begin(rig, { needs: { required: ['r1'] } })
    await answer(rig)
    expect(asked(rig)).toEqual(['srv-r1'])
  })

  test('waits for the lane too where `after` is left out, and for nothing enqueued after the call', async () => {
    const rig = await start()
    await put(rig, 'r1')
    await rig.enqueue('two')
    const read = rig.holdfast.read({
      request: ({ record }) => ({ method: 'GET', path: `/records/${record('r1')}` }),
      needs: { required: ['r1'] },
    })
    await rig.enqueue('three')
    await answer(rig)
    expect(readsOf(rig)).toEqual([])
    rig.last.reply(200)
    await rig.advance()
    readsOf(rig)[0]?.reply(200)
    expect(await rig.whileResting(read)).toMatchObject({ status: 200 })
    expect(readsOf(rig).map(({ request }) => request.path)).toEqual(['/records/srv-r1'])
  })

  test('names a record that was made before the restart', async () => {
    const rig = await start()
    await put(rig, 'r1')
    await answer(rig)
    await rig.close()
    await rig.open()
    begin(rig, { needs: { required: ['r1'] } })
    await rig.advance()
    expect(asked(rig)).toEqual(['srv-r1'])
  })

  test('takes an id that no operation created for the server’s own', async () => {
    const rig = await start()
    begin(rig, { needs: { required: ['srv-7'], optional: ['srv-8'] } })
    await rig.advance()
    expect(asked(rig)).toEqual(['srv-7,srv-8'])
  })

  test('waits for the reading position that the reply to the creation registered', async () => {
    const rig = await start()
    await rig.whileResting(rig.holdfast.enqueue(positioned({ token: 'w1', delayMs: 300 })))
    await put(rig, 'r1')
    begin(rig, { needs: { required: ['r1'] } })
    await answer(rig)
    await answer(rig)
    expect(asked(rig)).toEqual([])
    await rig.advance(300)
    expect(asked(rig)).toEqual(['srv-r1'])
  })

  test('looks again where the creation of its record is pending once more at the moment of the send', async () => {
    const rig = await start()
    rig.holdfast.pause()
    const first = await rig.enqueue('one')
    begin(rig, { after: [first], needs: { required: ['r1'] } })
    await rig.advance()
    await put(rig, 'r1')
    rig.holdfast.resume()
    await rig.advance()
    rig.last.reply(200)
    await rig.advance()
    expect(asked(rig)).toEqual([])
    await answer(rig)
    expect(asked(rig)).toEqual(['srv-r1'])
  })

  test('has the records of the moment of its last try (R5)', async () => {
    const rig = await start()
    begin(rig, { needs: { optional: ['r1'] } })
    await rig.advance()
    await put(rig, 'r1')
    readsOf(rig)[0]?.reply(429)
    await rig.advance(1000)
    expect(asked(rig)).toEqual(['r1'])
    await answer(rig)
    expect(asked(rig)).toEqual(['r1', 'srv-r1'])
  })

  test.each([
    ['is rejected', (rig: Rig) => rig.last.reply(400)],
    ['is cancelled', (rig: Rig, id: string) => rig.holdfast.cancel(id)],
    ['is discarded', (rig: Rig, id: string) => rig.holdfast.discard(id)],
  ])('rejects if the creation of a required record %s', async (name, end) => {
    const rig = await start()
    if (name !== 'is rejected') await rig.enqueue('ahead')
    const id = await put(rig, 'r1')
    const required = begin(rig, { needs: { required: ['r1', 'srv-7'] } })
    const optional = begin(rig, { needs: { optional: ['r1'] } })
    await rig.advance()
    void end(rig, id)
    await rig.advance()
    expect(required.ended).toEqual(['READ_FAILED'])
    await expect(required.promise).rejects.toMatchObject({
      message: 'the read requires the record r1, whose creation failed',
      retryable: false,
    })
    expect(optional.ended).toEqual([])
    expect(asked(rig)).toEqual([''])
  })

  test('rejects at once if a required record was lost before, and is sent without an optional one', async () => {
    const rig = await start()
    rig.answer = ({ request, reply }) => reply(request.kind === 'create' ? 400 : 200)
    await put(rig, 'r1')
    await put(rig, 'r2')
    await rig.advance()
    const { promise } = begin(rig, { needs: { required: ['r1', 'r2'] } })
    const message = 'the read requires the records r1, r2, whose creation failed'
    expect(await failureOf(rig, promise)).toMatchObject({ code: 'READ_FAILED', message })
    const { ended } = begin(rig, { needs: { optional: ['r1'] } })
    await rig.advance()
    expect(ended).toEqual([200])
  })

  test('rejects if its code asks record() for an optional record whose creation failed', async () => {
    const rig = await start()
    rig.answer = replying(400)
    await put(rig, 'r1')
    await rig.advance()
    const { promise } = begin(rig, {
      request: ({ record }) => ({ method: 'GET', path: `/records/${record('r1')}` }),
      needs: { optional: ['r1'] },
    })
    expect(await failureOf(rig, promise)).toMatchObject({
      code: 'APP_CODE_FAILED',
      cause: { message: expect.stringContaining('use optionalRecord()') as string },
    })
  })

  test('goes on once a lost creation was retried', async () => {
    const rig = await start()
    const id = await put(rig, 'r1')
    rig.last.reply(400)
    await rig.advance()
    await rig.whileResting(rig.holdfast.retry(id))
    begin(rig, { needs: { required: ['r1'] } })
    await rig.advance()
    expect(asked(rig)).toEqual([])
    await answer(rig)
    expect(asked(rig)).toEqual(['srv-r1'])
  })

  test('rejects where storage cannot be asked for its records', async () => {
    const rig = Rig.prepare({ operations })
    const inner = sqliteStorage({ database: rig.database })
    const failing = () => Promise.reject(new Error('the scripted read failed'))
    await rig.open({
      storage: new Proxy(inner, {
        get: (target, name) => {
          const value: unknown = name === 'records' ? failing : Reflect.get(target, name)
          return typeof value === 'function' ? (value.bind(target) as unknown) : value
        },
      }),
    })
    await rig.login('alice', 'a1')
    const { ended } = begin(rig, { needs: { required: ['r1'] } })
    await rig.advance()
    expect(ended).toEqual(['STORAGE_UNAVAILABLE'])
  })

  test('rejects with CLOSED if the engine closes while it waits for a creation', async () => {
    const rig = await start()
    await put(rig, 'r1')
    const { ended } = begin(rig, { needs: { required: ['r1'] } })
    await rig.advance()
    await rig.close()
    expect(ended).toEqual(['CLOSED'])
  })

  test('is cancelled with a switch of users while it waits for a creation (R4)', async () => {
    const rig = await start()
    await put(rig, 'r1')
    const { ended } = begin(rig, { needs: { required: ['r1'] } })
    await rig.advance()
    await rig.login('bob', 'b1')
    await answer(rig)
    expect(ended).toEqual(['READ_CANCELLED'])
    expect(asked(rig)).toEqual([])
  })

  test('waits for a creation that another process sends (Q17)', async () => {
    const { first, second } = neighbours({ operations, vault: memoryVault() })
    await first.rig.open()
    await first.rig.login('alice', 'a1')
    await second.rig.open()
    await second.rig.login('alice')
    await put(second.rig, 'r1')
    await first.hear()
    begin(second.rig, { needs: { required: ['r1'] } })
    await second.rig.advance()
    expect(asked(second.rig)).toEqual([])
    expect(await second.rig.whileResting(second.rig.holdfast.record('r1'))).toBeNull()
    echo(first.rig.last)
    await first.rig.advance()
    await second.hear()
    expect(asked(second.rig)).toEqual(['srv-r1'])
    expect(await second.rig.whileResting(second.rig.holdfast.record('r1'))).toBe('srv-r1')
  })

  test('replays from a journal that begins while it waits for a creation', async () => {
    const journal = new BeginningAnew()
    const rig = await start({ journal })
    await put(rig, 'r1')
    const { ended } = begin(rig, { needs: { required: ['r1'], optional: ['srv-7'] } })
    await rig.advance()
    await rig.enqueue('meanwhile')
    await answer(rig)
    readsOf(rig)[0]?.reply(200)
    await rig.advance()
    expect(ended).toEqual([200])
    await rig.close()
    const beginnings = journal.beginnings()
    for (const { text } of beginnings) await replay(text)
    const waiting = beginnings.filter(({ summary }) =>
      summary.reads.some(({ awaited, args }) => awaited.length > 0 && args.needs !== undefined),
    )
    expect(waiting.length).toBeGreaterThan(0)
  })
})

describe('read() refuses', () => {
  test.each([
    [{ needs: 7 }, 'read: needs must be { required, optional }, not 7'],
    [{ needs: null }, 'read: needs must be { required, optional }, not null'],
    [{ needs: { required: 'r1' } }, "read: needs.required must be a list of ids, not 'r1'"],
    [
      { needs: { optional: [''] } },
      "read: needs.optional: an id must be a non-empty string, not ''",
    ],
  ])('%j as a TypeError', async (options, message) => {
    const rig = await start()
    const { promise } = begin(rig, {
      request: () => ({ method: 'GET', path: '/' }),
      ...(options as object),
    })
    await expect(promise).rejects.toThrow(new TypeError(message))
  })
})
