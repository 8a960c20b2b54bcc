/** Journals of apps: kinds of their own, a real clock, a real file, a real server; and what they keep to themselves. */
import { join } from 'node:path'
import { afterEach, describe, expect, it, test } from 'vitest'
import { z } from 'zod'
import { type ReferenceServer, startReferenceServer } from '../examples/server/reference-server.ts'
import {
  createHoldfast,
  defineOperation,
  type Holdfast,
  type HoldfastOptions,
  httpTransport,
  interpretReply,
  memoryVault,
  sqliteStorage,
} from '../src/index.ts'
import { MemoryJournal } from '../src/journal/memory-journal.ts'
import { replay } from '../src/journal/replay.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const running: ReferenceServer[] = []
const opened: Holdfast[] = []

afterEach(async () => {
  await Promise.all(opened.splice(0).map(async (holdfast) => holdfast.close({ deadlineMs: 0 })))
  await Promise.all(running.splice(0).map(async (server) => server.close()))
})

/** A kind whose every part throws from the moment it is disarmed. */
function explosiveKind() {
  const state = { isArmed: false, calls: 0 }
  const touch = () => {
    if (state.isArmed) throw new Error('a kind of the recording was called')
    state.calls += 1
  }
  const schema = z.object({ user: z.string(), text: z.string() }).refine(() => {
    touch()
    return true
  })
  const pathOf = (user = '') => `/users/${user}/operations`
  const kind = defineOperation({
    kind: 'memo',
    payload: schema,
    request: ({ payload }) => {
      touch()
      return { method: 'POST', path: pathOf(payload.user), body: { kind: 'memo', ...payload } }
    },
    merge: {
      // Three neighbours merge.
      key: ({ text }) => {
        touch()
        return String(Math.trunc(Number(text.split(' ')[1]) / 3))
      },
      combine: (payloads) => {
        touch()
        const path = pathOf(payloads[0]?.user)
        return { method: 'POST', path, body: { kind: 'memo', payloads } }
      },
    },
    interpret: (reply, context) => {
      touch()
      return interpretReply(reply, context)
    },
  })
  return { kind, state }
}

async function serve(): Promise<ReferenceServer> {
  const server = await startReferenceServer()
  running.push(server)
  return server
}

async function open(options: HoldfastOptions): Promise<Holdfast> {
  const holdfast = await createHoldfast(options)
  opened.push(holdfast)
  return holdfast
}

/** Lets go of what was enqueued during a pause; resolves when nothing is pending any more. */
function drained(holdfast: Holdfast): Promise<void> {
  return new Promise((resolve) => {
    holdfast.on('queue.drained', () => resolve())
    holdfast.resume()
  })
}

function textOf(journal: MemoryJournal): string {
  return `${journal.lines().join('\n')}\n`
}

/** Reached by nobody. */
const NOWHERE = httpTransport({ baseUrl: 'http://127.0.0.1:9' })

describe('over a real file, a real clock and a real server', () => {
  it('a run with faults replays, without the kind, the server and the source', async () => {
    const server = await serve()
    const { kind, state } = explosiveKind()
    const journal = new MemoryJournal()
    const rates = { dropRequest: 0.1, dropReply: 0.1, fail503: 0.1, fail429: 0.1, html: 0.1 }
    await server.control.apply({ faults: { seed: 7, ...rates, retryAfter: null } })
    let sourceCalls = 0
    const holdfast = await open({
      storage: sqliteStorage({ file: join(temporaryFolder(), 'outbox.db') }),
      transport: httpTransport({ baseUrl: server.origin }),
      operations: [kind],
      requirement: 'required',
      vault: memoryVault(),
      backoff: { baseMs: 1, capMs: 5 },
      tokenSource: async ({ user }) => {
        sourceCalls += 1
        return (await server.mint(user)).token
      },
      journal,
    })
    holdfast.pause()
    for (const user of ['alice', 'bob']) {
      await holdfast.login(user, { token: (await server.mint(user)).token })
      await server.control.apply({ revokeUser: user })
      const texts = Array.from({ length: 40 }, (_, index) => `${user} ${index}`)
      await Promise.all(texts.map((text) => holdfast.enqueue(kind({ user, text }))))
    }
    await drained(holdfast)
    await holdfast.close()
    const applied = server.summary()
    const [calls, sources] = [state.calls, sourceCalls]
    state.isArmed = true
    await server.close()

    const report = await replay(textOf(journal))
    expect(report.withStorage).toBe(true)
    expect(report.fed + report.decided).toBe(journal.lines().length - 1)
    expect(report.decided).toBeGreaterThan(80)
    expect([state.calls, sourceCalls]).toEqual([calls, sources])
    expect(sources).toBe(2)
    expect(server.summary()).toEqual(applied)
  })

  it('the journal of a process on a database that is not new replays with its answers', async () => {
    const server = await serve()
    const { kind, state } = explosiveKind()
    const file = join(temporaryFolder(), 'outbox.db')
    const vault = memoryVault()
    const options = { operations: [kind], requirement: 'required', vault } as const
    const former = await open({ ...options, storage: sqliteStorage({ file }), transport: NOWHERE })
    former.pause()
    await former.login('alice', { token: (await server.mint('alice')).token })
    for (const text of ['one', 'two', 'three']) await former.enqueue(kind({ user: 'alice', text }))
    await former.close()

    const journal = new MemoryJournal()
    const later = await open({
      ...options,
      storage: sqliteStorage({ file }),
      transport: httpTransport({ baseUrl: server.origin }),
      journal,
    })
    await drained(later)
    await later.close()
    state.isArmed = true
    const report = await replay(textOf(journal))
    expect(report.withStorage).toBe(false)
    expect(report.decided).toBeGreaterThan(5)
    expect(textOf(journal)).toContain('operation.completed')
  })
})

const SECRETS = {
  token: 'opaque-and-very-secret-token',
  fresh: 'fresh-and-very-secret-token',
  text: 'what nobody but the server may read',
  answer: 'what the server told in its reply',
  query: 'what is asked for',
  thrown: 'what the source threw',
} as const

describe('a redacted journal', () => {
  async function recordSecrets(): Promise<string> {
    const journal = new MemoryJournal()
    const secretive = defineOperation({
      kind: 'secretive',
      payload: z.object({ text: z.string(), code: z.number().optional() }),
      request: ({ payload }) => ({
        method: 'POST',
        path: '/secrets',
        query: { q: SECRETS.query },
        body: payload,
      }),
    })
    let sends = 0
    const holdfast = await open({
      storage: sqliteStorage({ file: join(temporaryFolder(), 'outbox.db') }),
      transport: {
        origin: 'https://server.test',
        send: async () => {
          sends += 1
          const status = sends === 1 ? 401 : sends === 2 ? 422 : 200
          const headers = { 'content-type': 'application/json', 'set-cookie': SECRETS.answer }
          return { status, headers, body: JSON.stringify({ said: SECRETS.answer }) }
        },
      },
      operations: [secretive],
      requirement: 'required',
      vault: memoryVault(),
      tokenSource: async () => {
        if (sends === 0) throw new Error(SECRETS.thrown)
        return SECRETS.fresh
      },
      backoff: { baseMs: 1, capMs: 1 },
      journal,
    })
    holdfast.pause()
    await holdfast.login('alice', { token: SECRETS.token })
    await holdfast.enqueue(secretive({ text: SECRETS.text }))
    await holdfast.enqueue(secretive({ text: SECRETS.text, code: 1 }))
    const broken = { kind: 'secretive', payload: { text: SECRETS.text, code: SECRETS.text } }
    await expect(holdfast.enqueue(broken)).rejects.toMatchObject({ code: 'INVALID_PAYLOAD' })
    await drained(holdfast)
    expect((await holdfast.deadLetters()).items).toHaveLength(1)
    await holdfast.close()
    return textOf(journal)
  }

  test.each(Object.entries(SECRETS))(
    'holds nothing of the %s, in any encoding',
    async (_what, secret) => {
      const journal = await recordSecrets()
      for (const encoding of ['utf8', 'base64', 'base64url', 'hex'] as const) {
        expect(journal).not.toContain(Buffer.from(secret).toString(encoding).slice(0, 16))
      }
      expect(journal).not.toContain(encodeURIComponent(secret))
    },
  )

  it('replays all the same', async () => {
    expect((await replay(await recordSecrets())).withStorage).toBe(true)
  })
})
