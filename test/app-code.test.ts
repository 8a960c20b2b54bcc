/**
 * Exceptions of the app's own code: each is told with the exception as its cause, none reaches the host,
 * and the engine goes on (E3, Q22). Every door is tried with everything that can be thrown.
 */
import { runInNewContext } from 'node:vm'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { HoldfastError, TokenDeniedError } from '../src/errors.ts'
import { MemoryJournal } from '../src/journal/memory-journal.ts'
import { replay } from '../src/journal/replay.ts'
import { defineOperation } from '../src/operations/define-operation.ts'
import { memoryVault } from '../src/ports/vault.ts'
import { type HostWatch, watchHost } from '../src/simulation/host-watch.ts'
import { sqliteStorage } from '../src/sqlite-storage.ts'
import { note, replying, Rig, type RigOptions } from './support/rig.ts'
import { sealedText } from './support/sealed-text.ts'
import { THROWN, WAYS } from './support/thrown-things.ts'

let host: HostWatch

beforeEach(() => {
  host = watchHost()
})

afterEach(async () => {
  await new Promise((resolve) => {
    setImmediate(resolve)
  })
  host.stop()
  if (host.faults.length > 0) throw new AggregateError(host.faults, 'faults that reached the host')
})

/** Fails at its first call only. */
function once(fail: () => unknown, otherwise: () => unknown): () => never {
  let calls = 0
  return () => {
    calls += 1
    return (calls === 1 ? fail() : otherwise()) as never
  }
}

/** Every error that the app has heard, also in the event of a token source. */
function heardErrors(rig: Rig): HoldfastError[] {
  const refresh = rig.eventsOf('token.refreshFailed').map(({ error }) => error)
  return [...rig.eventsOf('error').map(({ error }) => error), ...refresh]
}

/** A door: where the code of the app is called. `drive` answers what the app has been told. */
interface Door {
  readonly name: string
  /** True if it need not answer at once. */
  readonly mayWait: boolean
  readonly drive: (fail: () => unknown) => Promise<readonly (HoldfastError | Error)[]>
}

async function started(options: RigOptions): Promise<Rig> {
  return Rig.start({ answer: replying(200), ...options })
}

/** Enqueues a note of alice, and waits until it is completed. */
async function completes(rig: Rig): Promise<void> {
  await rig.enqueue('one')
  await rig.advance(120_000)
  expect(rig.eventsOf('operation.completed')).toHaveLength(1)
}

/** The same, where another kind may have been completed before. */
async function completesNote(rig: Rig): Promise<void> {
  await rig.enqueue('one')
  await rig.advance(120_000)
  const completed = rig.eventsOf('operation.completed').filter(({ kind }) => kind === 'note')
  expect(completed).toHaveLength(1)
}

const interpreting = (fail: () => unknown) =>
  defineOperation({
    kind: 'interpreting',
    payload: z.object({}),
    request: () => ({ method: 'POST', path: '/' }),
    interpret: once(fail, () => ({ outcome: 'accepted' })),
  })

/** A kind that fails in one part of it, each time. */
function failingAt(part: string, fail: () => unknown) {
  const code = (name: string, otherwise: () => unknown) =>
    part === name ? (fail as () => never) : (otherwise as () => never)
  const request = { method: 'POST', path: '/' }
  const combine = code('combine', () => request)
  return defineOperation({
    kind: 'failing',
    payload: z.object({}),
    request: code('request', () => request),
    ...(part === 'combine' || part === 'key'
      ? { merge: { key: code('key', () => ''), combine } }
      : {}),
    ...(part === 'needs' ? { needs: fail as () => never } : {}),
    ...(part === 'creates' ? { creates: fail as () => never } : {}),
    ...(part === 'onLogout' ? { onLogout: fail as () => never } : {}),
  })
}

const DOORS: readonly Door[] = [
  {
    name: 'a listener',
    mayWait: true,
    drive: async (fail) => {
      const rig = await started({})
      rig.holdfast.on(
        'operation.enqueued',
        once(fail, () => undefined),
      )
      await rig.login('alice', 'a1')
      await completes(rig)
      return heardErrors(rig)
    },
  },
  {
    name: 'a watcher',
    mayWait: true,
    drive: async (fail) => {
      const rig = await started({})
      rig.holdfast.subscribe(once(fail, () => undefined))
      await rig.login('alice', 'a1')
      await completes(rig)
      return heardErrors(rig)
    },
  },
  {
    name: 'a token source',
    mayWait: true,
    drive: async (fail) => {
      const rig = await started({ tokenSource: once(fail, () => 'a1') })
      await rig.login('alice')
      await completes(rig)
      return heardErrors(rig)
    },
  },
  {
    name: 'a requirement source',
    mayWait: true,
    drive: async (fail) => {
      const rig = await started({
        requirement: 'unknown',
        requirementSource: once(fail, () => 'required'),
      })
      await rig.login('alice', 'a1')
      await completes(rig)
      return heardErrors(rig)
    },
  },
  {
    name: 'seal() of a vault',
    mayWait: true,
    drive: async (fail) => {
      const seal = once(fail, () => new Uint8Array([1]))
      const rig = await started({ vault: { seal, unseal: () => 'a1' } })
      await rig.login('alice', 'a1')
      await completes(rig)
      return heardErrors(rig)
    },
  },
  {
    name: 'unseal() of a vault',
    mayWait: true,
    drive: async (fail) => {
      const rig = await started({ vault: memoryVault() })
      await rig.login('alice', 'a1')
      await rig.close()
      await rig.open({
        vault: { seal: () => new Uint8Array([1]), unseal: once(fail, () => sealedText('a1')) },
      })
      await completes(rig)
      return heardErrors(rig)
    },
  },
  {
    name: 'isOnline() of a platform',
    mayWait: false,
    drive: async (fail) => {
      const rig = await started({
        platform: { isOnline: once(fail, () => true), subscribe: () => () => undefined },
      })
      await rig.login('alice', 'a1')
      await completes(rig)
      return heardErrors(rig)
    },
  },
  {
    name: 'the end of a subscription to a platform',
    mayWait: false,
    drive: async (fail) => {
      const stop = once(fail, () => undefined)
      const rig = await started({ platform: { isOnline: () => true, subscribe: () => stop } })
      await rig.login('alice', 'a1')
      await completes(rig)
      await rig.close()
      return heardErrors(rig)
    },
  },
  {
    name: 'subscribe() of a platform',
    mayWait: false,
    drive: async (fail) => {
      const rig = Rig.prepare({ answer: replying(200) })
      const subscribe = once(fail, () => () => undefined)
      const opened = rig.open({ platform: { isOnline: () => true, subscribe } })
      const error = await opened.then(
        () => null,
        (refusal: Error) => refusal,
      )
      // Nothing is left open: the lock of the database is free.
      await rig.open()
      await rig.login('alice', 'a1')
      await completes(rig)
      return error === null ? [] : [error]
    },
  },
  {
    name: 'fraction() of chance',
    mayWait: false,
    drive: async (fail) => {
      const rig = await started({
        backoff: { jitter: true },
        random: { fraction: once(fail, () => 0.5), nonce: nonces() },
        answer: ({ reply }, index) => reply(index === 0 ? 500 : 200),
      })
      await rig.login('alice', 'a1')
      await completes(rig)
      return heardErrors(rig)
    },
  },
  {
    name: 'interpret of a kind',
    mayWait: false,
    drive: async (fail) => {
      const kind = interpreting(fail)
      const rig = await started({ operations: [kind] })
      await rig.login('alice', 'a1')
      await rig.whileResting(rig.holdfast.enqueue(kind({})))
      await rig.advance(120_000)
      expect(rig.eventsOf('operation.completed')).toHaveLength(1)
      return heardErrors(rig)
    },
  },
  ...(['request', 'combine', 'key', 'needs', 'creates', 'onLogout'] as const).map((part) => ({
    name: `${part} of a kind`,
    mayWait: false,
    drive: async (fail: () => unknown) => {
      const kind = failingAt(part, fail)
      const rig = await started({ operations: [note, kind] })
      await rig.login('alice', 'a1')
      const refusal = await rig
        .whileResting(rig.holdfast.enqueue(kind({})))
        .then(() => [])
        .catch((error: Error) => [error])
      await rig.advance(120_000)
      if (part === 'onLogout') await rig.whileResting(rig.holdfast.logout())
      await rig.login('alice', 'a1')
      await completesNote(rig)
      return [...heardErrors(rig), ...refusal]
    },
  })),
  {
    name: 'the request of a read',
    mayWait: false,
    drive: async (fail) => {
      const rig = await started({})
      await rig.login('alice', 'a1')
      const read = rig.holdfast.read({ request: () => fail() as never })
      const error = await rig.whileResting(read).catch((refusal: Error) => refusal)
      await completes(rig)
      return [error as Error]
    },
  },
  {
    name: 'find() of a storage',
    mayWait: true,
    drive: async (fail) => {
      const rig = Rig.prepare({ answer: replying(200) })
      const storage = sqliteStorage({ database: rig.database })
      const find = storage.find.bind(storage)
      await rig.open({
        storage: Object.assign(storage, { find: once(fail, () => find('' as never)) }),
      })
      await rig.login('alice', 'a1')
      const error = await rig.holdfast.operation('1.1.x').catch((refusal: Error) => refusal)
      await completes(rig)
      return [error as Error]
    },
  },
  {
    name: 'commit() of a storage',
    mayWait: true,
    drive: async (fail) => {
      const rig = Rig.prepare({ answer: replying(200) })
      const storage = sqliteStorage({ database: rig.database })
      const commit = storage.commit.bind(storage)
      await rig.open({ storage })
      await rig.login('alice', 'a1')
      let isFailing = true
      storage.commit = (changes, options) => {
        if (!isFailing) return commit(changes, options)
        isFailing = false
        return fail() as never
      }
      const enqueued = rig.holdfast.enqueue(note({ text: 'zero' }))
      const error = await rig.whileResting(enqueued).catch((refusal: Error) => refusal)
      await completes(rig)
      return [error as Error]
    },
  },
  {
    name: 'write() of a journal',
    mayWait: true,
    drive: async (fail) => {
      const rig = await started({
        journal: { header: () => undefined, write: once(fail, () => undefined) },
      })
      await rig.login('alice', 'a1')
      await completes(rig)
      return heardErrors(rig)
    },
  },
]

/** A source of nonces that are never the same twice. */
function nonces(): () => string {
  let count = 0
  return () => `n${(count += 1)}`
}

/** Enough for the ways that are slower to try. */
const FEW_THROWN = THROWN.filter(([name]) => /another realm|undefined|revoked/.test(name))

// E3, Q22
describe.each(DOORS)('$name', ({ mayWait, drive }) => {
  describe.each(WAYS)('that %s', (way, failWith) => {
    const things = way === 'throws' ? THROWN : FEW_THROWN
    test.each(things)('%s harms nothing, and the cause is told', async (_thing, thrown, tells) => {
      const [error] = await drive(() => failWith(thrown))
      expect(error).toBeInstanceOf(HoldfastError)
      const isRefused = way !== 'throws' && !mayWait
      const told = tells ?? 'a value that cannot be read was thrown'
      expect(textsOf(error).join('; ')).toContain(isRefused ? '' : told)
    })
  })
})

/** The message of an error and of all its causes. */
function textsOf(error: unknown): string[] {
  if (!(error instanceof Error)) return [String((error as Error | null | undefined)?.message ?? '')]
  return [error.message, ...textsOf(error.cause)]
}

// T6, T1
describe('an error of Holdfast of another copy of the module', () => {
  const foreign = (code: string) => Object.assign(new Error('of another copy'), { code })

  test('denies a token', async () => {
    const sources = [new TokenDeniedError(), foreign('AUTH_DENIED')]
    for (const error of sources) {
      const rig = await started({ tokenSource: () => Promise.reject(error) })
      await rig.login('alice')
      await rig.enqueue('one')
      await rig.advance(10_000)
      expect(rig.holdsOf('alice')).toContain('signed-out')
    }
  })

  test('keeps its code where it is of a storage', async () => {
    const full = runInNewContext(
      `Object.assign(new Error('full'), { name: 'StorageError', code: 'STORAGE_FULL' })`,
    ) as Error
    const rig = Rig.prepare()
    const storage = sqliteStorage({ database: rig.database })
    await rig.open({ storage })
    await rig.login('alice', 'a1')
    const commit = storage.commit.bind(storage)
    storage.commit = () => Promise.reject(full)
    const enqueued = rig.holdfast.enqueue(note({ text: 'one' }))
    await expect(rig.whileResting(enqueued)).rejects.toMatchObject({ code: 'STORAGE_FULL' })
    storage.commit = commit
  })

  test('says that a sealed token cannot be opened', async () => {
    const rig = await started({ vault: memoryVault() })
    await rig.login('alice', 'a1')
    rig.holdfast.pause()
    await rig.enqueue('one')
    await rig.close()
    const unseal = () => Promise.reject(foreign('AUTH_VAULT_UNREADABLE'))
    await rig.open({ vault: { seal: () => new Uint8Array([1]), unseal } })
    await rig.advance()
    expect(rig.eventsOf('token.needed')).toMatchObject([{ reason: 'unreadable' }])
    expect(rig.eventsOf('error')).toMatchObject([{ error: { code: 'AUTH_VAULT_UNREADABLE' } }])
  })
})

// V: replays
test('a journal with exceptions of the app replays, and has no more of them than name and code', async () => {
  const journal = new MemoryJournal()
  const kind = interpreting(() => {
    throw Object.assign(new Error('a secret message'), { code: 'E_APP' })
  })
  const rig = await started({
    journal,
    operations: [note, kind],
    backoff: { jitter: true },
    random: {
      fraction: once(
        () => {
          throw new Error('a secret message')
        },
        () => 0.5,
      ),
      nonce: nonces(),
    },
    platform: {
      isOnline: () => {
        throw new Error('a secret message')
      },
      subscribe: () => () => {
        throw new Error('a secret message')
      },
    },
  })
  await rig.login('alice', 'a1')
  await rig.whileResting(rig.holdfast.enqueue(kind({})))
  await rig.advance(60_000)
  expect(rig.eventsOf('operation.completed')).toHaveLength(1)
  await rig.close()
  const text = `${journal.lines().join('\n')}\n`
  expect(text).toContain('E_APP')
  expect(text).not.toContain('secret message')
  const { decided } = await replay(text)
  expect(decided).toBeGreaterThan(0)
})
