/** A scenario that expects something lists every call that rejects; one that is not listed is told with code and time. */
import { describe, expect, it, test } from 'vitest'
import type { Mismatch } from '../src/simulation/mismatch.ts'
import { parseScenario } from '../src/simulation/parse-scenario.ts'
import { runScenario } from '../src/simulation/run-scenario.ts'

const HEAD = `scenario: 1
name: a scenario
tokens: { a1: { user: alice } }
`
const LOGIN = '{ at: 0, login: { user: alice, token: a1 } }'
const NOTE = '{ at: 0, enqueue: { id: n1, kind: note, payload: { text: hi } } }'

interface Parts {
  readonly steps: readonly string[]
  readonly more?: string
  /** Null: the file has no `expect`. */
  readonly expected?: string | null
}

async function run({ steps, more = '', expected = '{}' }: Parts): Promise<readonly Mismatch[]> {
  const list = [LOGIN, ...steps].map((step) => `  - ${step}\n`).join('')
  const expectation = expected === null ? '' : `expect: ${expected}\n`
  const scenario = parseScenario(`${HEAD}${more}steps:\n${list}${expectation}`, 'file.yaml')
  return (await runScenario(scenario)).mismatches
}

/** Each call that may reject, and how it does. */
const DOORS: readonly (Parts & {
  readonly call: string
  readonly name: string
  readonly code: string
})[] = [
  {
    call: 'enqueue of an unknown kind',
    name: 'n1',
    code: 'UNKNOWN_KIND',
    steps: ['{ at: 5, enqueue: { id: n1, kind: nota, payload: { text: hi } } }'],
  },
  {
    call: 'enqueue of a payload that the kind refuses',
    name: 'n1',
    code: 'INVALID_PAYLOAD',
    steps: ['{ at: 5, enqueue: { id: n1, kind: note, payload: { txt: hi } } }'],
  },
  {
    call: 'enqueue without a payload',
    name: 'n1',
    code: 'INVALID_PAYLOAD',
    steps: ['{ at: 5, enqueue: { id: n1, kind: note } }'],
  },
  {
    call: 'enqueue above the limit',
    name: 'n2',
    code: 'QUEUE_FULL',
    more: 'config: { maxPending: 1 }\n',
    steps: [NOTE, NOTE.replace('n1', 'n2').replace('at: 0', 'at: 5')],
  },
  { call: 'cancel', name: 'n1', code: 'TOO_LATE', steps: [NOTE, '{ at: 5, cancel: n1 }'] },
  { call: 'discard', name: 'n1', code: 'TOO_LATE', steps: [NOTE, '{ at: 5, discard: n1 }'] },
  { call: 'retry', name: 'n1', code: 'NOT_RETRYABLE', steps: [NOTE, '{ at: 5, retry: n1 }'] },
  {
    call: 'read',
    name: 'r1',
    code: 'READ_FAILED',
    more: 'server: { latency: 5, replies: [{ match: { kind: read }, status: 404 }] }\n',
    steps: ['{ at: 0, read: { id: r1 } }'],
  },
  {
    call: 'login',
    name: 'login bob',
    code: 'CLOSED',
    steps: ['{ at: 5, disk: full }', '{ at: 5, login: { user: bob } }', '{ at: 5, restart: true }'],
  },
  {
    call: 'logout',
    name: 'logout',
    code: 'CLOSED',
    steps: ['{ at: 5, disk: full }', '{ at: 5, logout: keep }', '{ at: 5, restart: true }'],
  },
  {
    call: 'updateToken',
    name: 'updateToken bob',
    code: 'STORAGE_FULL',
    steps: ['{ at: 5, disk: full }', '{ at: 5, updateToken: { user: bob, token: a1 } }'],
  },
  {
    call: 'refreshToken',
    name: 'refreshToken \ud83d',
    code: 'TypeError',
    steps: [String.raw`{ at: 5, refreshToken: "\ud83d" }`],
  },
  {
    call: 'requirement',
    name: 'requirement',
    code: 'CLOSED',
    steps: ['{ at: 5, disk: full }', '{ at: 5, requirement: off }', '{ at: 5, restart: true }'],
  },
  {
    call: 'forget',
    name: 'forget alice',
    code: 'STORAGE_FULL',
    steps: ['{ at: 5, disk: full }', '{ at: 5, forget: alice }'],
  },
]

describe.each(DOORS)('$call', ({ call, name, code, ...parts }) => {
  it('that rejects fails the scenario, which says the call, the code and the time', async () => {
    const [word = ''] = call.split(' ')
    const told = name.startsWith(word) ? name : `${word} ${name}`
    expect(await run(parts)).toEqual([
      {
        what: `rejects.${name}`,
        expected: `not to reject, or to be listed: rejects: { ${name}: ${code} }`,
        seen: expect.stringMatching(new RegExp(`^${told}.* rejected with ${code} at 5 ms: \\S`)),
      },
    ])
  })

  it('that rejects may be listed, with its code', async () => {
    expect(
      await run({ ...parts, expected: `{ rejects: { ${JSON.stringify(name)}: ${code} } }` }),
    ).toEqual([])
  })

  it('that rejects with another code than the listed one fails the scenario', async () => {
    const other = code === 'CLOSED' ? 'TOO_LATE' : 'CLOSED'
    expect(
      await run({ ...parts, expected: `{ rejects: { ${JSON.stringify(name)}: ${other} } }` }),
    ).toEqual([{ what: `rejects.${name}`, expected: other, seen: code }])
  })

  it('may reject where the file expects nothing', async () => {
    expect(await run({ ...parts, expected: null })).toEqual([])
  })
})

describe('the list of the calls that reject', () => {
  it('names a step without an id by its word alone, for every user', async () => {
    const steps = [String.raw`{ at: 5, refreshToken: "\ud83d" }`]
    expect(await run({ steps, expected: '{ rejects: { refreshToken: TypeError } }' })).toEqual([])
  })

  it('has the codes of several calls of one id, in order', async () => {
    const steps = [NOTE, '{ at: 4, cancel: n1 }', '{ at: 5, retry: n1 }']
    const expected = '{ rejects: { n1: [TOO_LATE, NOT_RETRYABLE] } }'
    expect(await run({ steps, expected })).toEqual([])
    const what = 'rejects.n1'
    const seen = ['TOO_LATE', 'NOT_RETRYABLE']
    for (const wrong of [['NOT_RETRYABLE', 'TOO_LATE'], ['TOO_LATE'], [...seen, 'CLOSED']]) {
      const found = await run({ steps, expected: `{ rejects: { n1: [${wrong.join(', ')}] } }` })
      expect(found).toEqual([{ what, expected: wrong, seen }])
    }
    // One code for all of them.
    for (const wrong of seen) {
      const found = await run({ steps, expected: `{ rejects: { n1: ${wrong} } }` })
      expect(found).toEqual([{ what, expected: wrong, seen }])
    }
  })

  it('fails where a listed call does not reject', async () => {
    const expected = '{ rejects: { n1: TOO_LATE, login alice: TypeError, flush: CLOSED } }'
    expect(await run({ steps: [NOTE, '{ at: 500, flush: 0 }'], expected })).toEqual([
      { what: 'rejects.n1', expected: 'TOO_LATE', seen: null },
      { what: 'rejects.login alice', expected: 'TypeError', seen: null },
      { what: 'rejects.flush', expected: 'CLOSED', seen: null },
    ])
  })

  it('has no cancelled or failed read that is told under reads', async () => {
    const more = 'server: { replies: [{ match: { kind: read }, status: 404 }] }\n'
    const steps = ['{ at: 0, read: { id: r1 } }']
    expect(await run({ more, steps, expected: '{ final: { reads: { r1: failed } } }' })).toEqual([])
    const cancelled = ['{ at: 0, read: { id: r1 } }', '{ at: 5, logout: keep }']
    const expected = '{ final: { reads: { r1: cancelled } } }'
    expect(await run({ steps: cancelled, expected })).toEqual([])
    const found = await run({ steps: cancelled, expected: '{ final: { pending: [] } }' })
    expect(found).toMatchObject([{ what: 'rejects.r1', seen: expect.stringContaining('at 5 ms') }])
  })

  it('has each start of the process that the disk did not let through', async () => {
    const steps = ['{ at: 5, disk: full, times: 2 }', '{ at: 5, restart: true }']
    expect(await run({ steps, expected: '{ rejects: { start: STORAGE_FULL } }' })).toEqual([])
    expect(await run({ steps })).toMatchObject([
      { what: 'rejects.start', seen: expect.stringMatching(/^start .*STORAGE_FULL at 5 ms: /) },
    ])
  })

  it('has no call that a crash cut off', async () => {
    const steps = ['{ at: 0, read: { id: r1 } }', '{ at: 0, flush: 60000 }', NOTE]
    expect(await run({ steps: [...steps, '{ at: 5, crash: true }'] })).toEqual([])
  })

  test.each([
    ['a user whose name no storage can keep', '{ at: 5, login: { user: "\\ud83d" } }', 'login'],
    ['a user to forget without a name', '{ at: 5, forget: "\\0" }', 'forget'],
  ])('has a TypeError by its name: %s', async (_what, step, name) => {
    expect(await run({ steps: [step], expected: `{ rejects: { ${name}: TypeError } }` })).toEqual(
      [],
    )
  })
})
