/** The main job as a process: its verdict, and that a verdict can also be false. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, test } from 'vitest'
import { startReferenceServer } from '../examples/server/reference-server.ts'
import { type Evidence, judge } from '../examples/main-job/verdict.ts'
import { makePlan } from '../examples/main-job/plan.ts'
import { leftOutOnWindows, NO_REQUESTS_TO_END } from './support/systems.ts'
import { temporaryFilesIn, temporaryFolder } from './support/temporary-folder.ts'

const START = fileURLToPath(new URL('../examples/main-job/start.ts', import.meta.url))
const COMMAND = ['--import', import.meta.resolve('tsx'), START]

const running = new Set<ChildProcess>()

afterEach(() => {
  for (const child of running) child.kill('SIGKILL')
  running.clear()
})

interface Run {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs the job to its end, with a temporary folder of its own. */
async function run(args: readonly string[], folder = temporaryFolder()): Promise<Run> {
  return new Promise((resolve) => {
    const env = temporaryFilesIn(folder)
    const child = execFile(
      process.execPath,
      [...COMMAND, ...args],
      { env },
      (error, ...outputs) => {
        running.delete(child)
        const [stdout, stderr] = outputs
        resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr })
      },
    )
    running.add(child)
  })
}

/** What the job left in its temporary folder; the cache of the loader is not its own. */
function leftIn(folder: string): string[] {
  return readdirSync(folder).filter((name) => name.startsWith('holdfast-'))
}

function traceFile(content: object | string): string {
  const file = join(temporaryFolder(), 'trace.json.gz')
  const text = typeof content === 'string' ? content : JSON.stringify(content)
  writeFileSync(file, gzipSync(text))
  return file
}

/** A short session: each transaction appends, and every tenth removes what was first. */
function shortTrace(count: number): string {
  let endContent = ''
  const txns = Array.from({ length: count }, (_, index) => {
    const removed = index % 10 === 9 ? 1 : 0
    const patches = [
      [endContent.length, 0, String(index)],
      [0, removed, ''],
    ]
    endContent = (endContent + String(index)).slice(removed)
    return { time: new Date(index).toISOString(), patches }
  })
  return traceFile({ startContent: '', endContent, txns })
}

const isNotAsked = leftOutOnWindows('a main job that is stopped', NO_REQUESTS_TO_END)

describe('the main job', () => {
  test('delivers the recorded session through faults and kills', async () => {
    const folder = temporaryFolder()
    const args = ['--trace', shortTrace(600), '--kills', '2', '--speed', '1000']
    const { code, stdout } = await run(args, folder)
    expect(stdout).toContain('verdict: true')
    expect(stdout).not.toContain('NOT ok')
    expect(stdout).toMatch(/ok +alice\/main: the server's text equals the recorded end/)
    expect(stdout).toMatch(/ok +alice: 600 of 600 operations acknowledged, 600 applied/)
    expect(stdout).toMatch(/ok +kills survived: 2 of 2; acknowledged operations lost by them: 0/)
    expect(code).toBe(0)
    expect(leftIn(folder)).toEqual([])
  }, 30_000)

  test('leaves nothing behind when it is stopped', async ({ skip }) => {
    skip(isNotAsked)
    const folder = temporaryFolder()
    const env = temporaryFilesIn(folder)
    const child = spawn(process.execPath, COMMAND, { env, stdio: ['ignore', 'pipe', 'inherit'] })
    running.add(child)
    const closed = once(child, 'close')
    await new Promise<void>((resolve) => {
      child.stdout.on('data', (text) => {
        if (String(text).includes('alice')) resolve()
      })
    })
    expect(leftIn(folder).length).toBe(1)
    child.kill('SIGINT')
    expect(await closed).toEqual([130, null])
    expect(leftIn(folder)).toEqual([])
  }, 30_000)

  test.each([
    ['a file that is not there', () => join(temporaryFolder(), 'none.json.gz'), 'there is no file'],
    ['a folder', () => temporaryFolder(), 'cannot be read'],
    [
      'a file that is not gzipped',
      () => {
        const file = join(temporaryFolder(), 'trace.json')
        writeFileSync(file, '{}')
        return file
      },
      'is not gzipped',
    ],
    ['a file without transactions', () => traceFile({ startContent: '', endContent: '' }), 'txns'],
    ['a file that is no JSON', () => traceFile('{'), 'holds no JSON'],
    [
      'transactions that do not give the end',
      () => traceFile({ startContent: '', endContent: 'b', txns: [{ patches: [[0, 0, 'a']] }] }),
      'do not give its endContent',
    ],
  ])('%s is bad input', async (_what, file, message) => {
    const { code, stderr } = await run(['--trace', file()])
    expect(stderr).toContain(message)
    expect(code).toBe(2)
  })

  test('so is a seed that is not a number', async () => {
    const { code, stderr } = await run(['--seed', 'x'])
    expect(stderr).toContain('--seed')
    expect(code).toBe(2)
  })
})

test('the same seed gives the same fault plan, another seed another one', () => {
  expect(makePlan(3, 5)).toEqual(makePlan(3, 5))
  expect(makePlan(4, 5)).not.toEqual(makePlan(3, 5))
})

describe('the verdict', () => {
  async function goodEvidence(): Promise<Evidence> {
    const server = await startReferenceServer()
    const { token } = await server.mint('alice')
    await fetch(`${server.origin}/users/alice/operations`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'idempotency-key': 'k1' },
      body: JSON.stringify({ document: 'main', index: 0, patches: [[0, 0, 'hi']] }),
    })
    const summary = server.summary()
    const found = server.documentText('alice', 'main') ?? ''
    await server.close()
    const document = { user: 'alice', document: 'main', transactionCount: 1, acknowledged: 1 }
    return {
      documents: [{ ...document, expected: 'hi', found }],
      summary,
      kills: { planned: 2, survived: 2, lost: 0 },
      faults: { planned: 3, done: 3 },
      anonymous: { enqueued: ['n1'], dropped: new Map([['n1', 'anonymous']]) },
      problems: [],
    }
  }

  const failures = (evidence: Evidence) =>
    judge(evidence).flatMap(({ ok, text }) => (ok ? [] : [text]))

  function withCount(evidence: Evidence, name: string, count: number): Evidence {
    const alice = { ...evidence.summary.users['alice'], [name]: count }
    const users = { alice } as unknown as Evidence['summary']['users']
    return { ...evidence, summary: { ...evidence.summary, users } }
  }

  test('is good for a good run', async () => {
    expect(failures(await goodEvidence())).toEqual([])
  })

  test('fails when a text differs', async () => {
    const evidence = await goodEvidence()
    const documents = evidence.documents.map((one) => ({ ...one, found: 'ho' }))
    expect(failures({ ...evidence, documents })).toEqual([expect.stringContaining('differs')])
  })

  test('fails when something acknowledged was not applied', async () => {
    const evidence = await goodEvidence()
    const documents = evidence.documents.map((one) => ({ ...one, acknowledged: 2 }))
    expect(failures({ ...evidence, documents })).toHaveLength(1)
  })

  test.each([
    'appliedTwice',
    'forbidden403',
    'appliedUnderWrongToken',
    'refusedAgain',
    'keyReusedWithOtherBody',
  ])('fails when the server counted %s', async (name) => {
    expect(failures(withCount(await goodEvidence(), name, 1))).toHaveLength(1)
  })

  test('fails when an edit came out of order', async () => {
    const evidence = await goodEvidence()
    const documents = evidence.summary.documents.map((one) => ({ ...one, orderViolations: 1 }))
    const summary = { ...evidence.summary, documents }
    expect(failures({ ...evidence, summary })).toEqual([expect.stringContaining('1 out of order')])
  })

  test('fails when a kill was not survived, or cost something acknowledged', async () => {
    const evidence = await goodEvidence()
    const kills = [
      { planned: 2, survived: 1, lost: 0 },
      { planned: 2, survived: 2, lost: 1 },
    ]
    for (const one of kills) expect(failures({ ...evidence, kills: one })).toHaveLength(1)
  })

  test('fails when an anonymous operation was not reported, or a fault not done', async () => {
    const evidence = await goodEvidence()
    const anonymous = { ...evidence.anonymous, dropped: new Map<string, string>() }
    expect(failures({ ...evidence, anonymous })).toHaveLength(1)
    expect(failures({ ...evidence, faults: { planned: 3, done: 2 } })).toHaveLength(1)
  })

  test('fails when anything went wrong that nobody planned', async () => {
    const evidence = { ...(await goodEvidence()), problems: ['x is a dead letter'] }
    expect(failures(evidence)).toEqual([expect.stringContaining('x is a dead letter')])
  })
})
