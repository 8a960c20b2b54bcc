/** The command prints an invariant that is broken with its rules, and each call that rejected. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, test, vi } from 'vitest'
import { evidenceOf, headlineOf } from '../src/cli/show-mismatch.ts'
import { INVARIANTS } from '../src/simulation/invariants/index.ts'
import { fromSource, withFault } from './support/command.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

// Some tests start a process.
vi.setConfig({ testTimeout: 60_000 })

let folder: string

beforeEach(() => {
  folder = temporaryFolder()
})

function file(text: string): string {
  const path = join(folder, 'one.yaml')
  writeFileSync(path, text)
  return path
}

const HEAD = `scenario: 1
name: a scenario
tokens: { a1: { user: alice } }
`
const STEPS = `steps:
  - { at: 0, login: { user: alice, token: a1 } }
  - { at: 0, enqueue: { id: n1, kind: note, payload: { text: hi } } }
`

describe('an invariant', () => {
  test.each(INVARIANTS)('$id names its rules, each once', ({ rules }) => {
    expect(rules.length).toBeGreaterThan(0)
    expect(new Set(rules).size).toBe(rules.length)
  })

  it('that is broken is told in one line, with its rules, and only the evidence below', () => {
    const mismatch = {
      what: 'invariant effect-once',
      expected: 'the server applies an operation at most once',
      seen: 'n1',
    }
    expect(headlineOf(mismatch)).toBe(
      'invariant effect-once (Q5, Q6): the server applies an operation at most once',
    )
    expect(evidenceOf(mismatch)).toBe("      seen     'n1'\n")
  })

  it('replays is told in the same way, with the line of the journal that was expected', () => {
    const mismatch = { what: 'invariant replays', expected: { out: 'sent' }, seen: null }
    expect(headlineOf(mismatch)).toBe(
      'invariant replays (V): replaying the journal of a run gives the same decisions',
    )
    expect(evidenceOf(mismatch)).toBe("      expected { out: 'sent' }\n      seen     null\n")
  })

  it('that is not in the list, and another mismatch, is told by its name alone', () => {
    const mismatch = { what: 'invariant of\u001b[2Jmine', expected: 1, seen: 2 }
    expect(headlineOf(mismatch)).toBe(String.raw`invariant of\u001b[2Jmine`)
    expect(evidenceOf(mismatch)).toBe('      expected 1\n      seen     2\n')
  })
})

describe('under a fault of the engine', () => {
  const faulty = withFault('new-key-per-retry')

  // Q5
  it('holdfast simulate says which rule is broken', async () => {
    const lost = 'server: { replies: [{ match: { op: n1 }, lost: reply, times: 1 }] }\n'
    const { status, stdout } = await faulty('simulate', file(HEAD + lost + STEPS))
    expect(status).toBe(1)
    expect(stdout).toMatch(
      /\n {4}invariant stable-key \(Q5\): an envelope of unknown outcome is sent again under the same key, .*\n {6}seen /,
    )
  })

  // Q5
  it('holdfast fuzz says which rule is broken', async () => {
    const { status, stdout, stderr } = await faulty('fuzz', '--seed', '1', '--save', folder)
    expect(status).toBe(1)
    const told = /: invariant [a-z-]+ \([QITREV][^)]*\): \S.*\n/
    expect(stderr).toMatch(told)
    expect(stdout).toMatch(told)
    expect(stdout).toMatch(/^not ok seed 1: invariant [a-z-]+ \(.*\): .*\n {6}seen /)
  })
})

describe('a scenario that fails', () => {
  it('says which call rejected, with which code and when', async () => {
    const text = `${HEAD}${STEPS}  - { at: 7, enqueue: { id: n2, kind: nott } }\nexpect: {}\n`
    const { status, stdout } = await fromSource('simulate', file(text))
    expect(status).toBe(1)
    expect(stdout).toMatch(/\n {6}seen {5}.enqueue n2 rejected with UNKNOWN_KIND at 7 ms: .*nott/)
    expect(stdout.match(/UNKNOWN_KIND at/g)).toHaveLength(1)
  })

  it('for another reason says so too', async () => {
    const expected = 'expect: { rejects: { n1: TOO_LATE }, final: { completed: [] } }'
    const text = `${HEAD}${STEPS}  - { at: 7, cancel: n1 }\n${expected}\n`
    const { status, stdout } = await fromSource('simulate', file(text))
    expect(status).toBe(1)
    const [, , , , last] = stdout.split('\n')
    expect(last).toMatch(/^ {4}cancel n1 rejected with TOO_LATE at 7 ms: \S/)
    const holds = text.replace('completed: []', 'completed: [n1]')
    expect((await fromSource('simulate', file(holds))).stdout).toMatch(/^ok .*: a scenario\n$/)
  })

  it('tells the rejections in JSON as well', async () => {
    const text = `${HEAD}${STEPS}  - { at: 7, cancel: n1 }\nexpect: { rejects: { n1: TOO_LATE } }\n`
    const { stdout } = await fromSource('simulate', '--json', file(text))
    expect(JSON.parse(stdout)).toMatchObject({
      ok: true,
      seen: { rejections: [{ at: 7, call: 'cancel', id: 'n1', user: 'alice', code: 'TOO_LATE' }] },
    })
  })
})

it('a misspelt event ends with 2, its line, and the name that was probably meant', async () => {
  const path = file(`${HEAD}${STEPS}expect:\n  never: [operation.dropt]\n`)
  const { status, stdout, stderr } = await fromSource('simulate', path)
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
  expect(stderr).toBe(
    `${path}:8: expect.never.0: there is no event operation.dropt; do you mean operation.dropped?\n`,
  )
})
