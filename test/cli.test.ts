/** The command `holdfast`: what it prints, and the exit status that a script may rely on. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, test, vi } from 'vitest'
import { VERSION } from '../src/version.ts'
import { sayNotBuilt, whyNotBuilt } from './support/built.ts'
import { built, type Command, fromSource } from './support/command.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

// Each test starts processes.
vi.setConfig({ testTimeout: 60_000 })

const HOLDS = `scenario: 1
name: a note is delivered
tokens: { a1: { user: alice } }
steps:
  - { at: 0, login: { user: alice, token: a1 } }
  - { at: 0, enqueue: { id: n1, kind: note, payload: { text: hi } } }
expect:
  requests: [{ user: alice, ops: [n1], token: a1, status: 200 }]
  final: { completed: [n1] }
`
const FAILS = HOLDS.replace('completed: [n1]', 'completed: []')
  .replace('status: 200 }', 'status: 201 }')
  .replace('is delivered', 'is delivered twice')

let folder: string

beforeEach(() => {
  folder = temporaryFolder()
})

function file(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

/** No stack ever reaches the user. */
const STACK = /\n\s+at .*:\d+:\d+/

const whyNot = whyNotBuilt()
sayNotBuilt('the built command', whyNot)
const commands: [string, Command][] = [['from source', fromSource]]
if (whyNot === null) commands.push(['built', built])

describe.each(commands)('holdfast simulate, %s', (_where, holdfast) => {
  it('ends with 0 and a line per file where all hold', async () => {
    const [one, two] = [file('one.yaml', HOLDS), file('two.yaml', HOLDS)]
    expect(await holdfast('simulate', one, two)).toEqual({
      status: 0,
      stdout: `ok ${one}: a note is delivered\nok ${two}: a note is delivered\n`,
      stderr: '',
    })
  })

  it('ends with 1 where some do not, what was expected above what was seen', async () => {
    const [one, two] = [file('one.yaml', FAILS), file('two.yaml', HOLDS)]
    const { status, stdout, stderr } = await holdfast('simulate', one, two)
    expect({ status, stderr }).toEqual({ status: 1, stderr: '' })
    expect(stdout.split('\n')).toEqual([
      `not ok ${one}: a note is delivered twice`,
      '    requests[0].status',
      '      expected 201',
      '      seen     200',
      '    final.completed',
      '      expected []',
      "      seen     [ 'n1' ]",
      `ok ${two}: a note is delivered`,
      '',
    ])
  })

  it('ends with 2 and runs nothing where one is malformed, each of them named', async () => {
    const one = file('one.yaml', HOLDS)
    const two = file('two.yaml', `${HOLDS}until: soon\n`)
    const three = join(folder, 'three.yaml')
    const { status, stdout, stderr } = await holdfast('simulate', one, two, three)
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr).toContain(`${two}:10: until: `)
    expect(stderr).toContain(`${three}: ENOENT: no such file`)
    expect(stderr).not.toMatch(STACK)
  })

  test.each([
    [
      'an unknown key',
      HOLDS.replace('tokens:', 'token:'),
      /:3: unknown key token; do you mean tokens\?$/,
    ],
    [
      'a wrong type',
      HOLDS.replace('at: 0, login', 'at: soon, login'),
      /:5: steps\.0\.at: .*number/,
    ],
    [
      'an unknown token',
      HOLDS.replace('token: a1 } }\n  -', 'token: a2 } }\n  -'),
      /:5: .* no token a2 /,
    ],
    ['a syntax error', HOLDS.replace('text: hi } } }', 'text: hi }'), /:7: /],
    [
      'a step without an action',
      HOLDS.replace('login: { user: alice, token: a1 }', ''),
      /:5: steps\.0: a step needs one of/,
    ],
    [
      'a step with two actions',
      HOLDS.replace('at: 0, login', 'at: 0, crash: true, login'),
      /:5: steps\.0: .* not crash and login/,
    ],
    ['no YAML at all', '\0\u0001', /:1: /],
  ])('names file and line of %s', async (_what, text, message) => {
    const bad = file('bad.yaml', text)
    const { status, stdout, stderr } = await holdfast('simulate', bad)
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr.startsWith(bad)).toBe(true)
    expect(stderr.slice(bad.length).trimEnd()).toMatch(message)
    expect(stderr.trimEnd()).not.toContain('\n')
  })

  it('prints the whole result as JSON, a line per file', async () => {
    const [one, two] = [file('one.yaml', HOLDS), file('two.yaml', FAILS)]
    const { status, stdout } = await holdfast('simulate', '--json', one, two)
    expect(status).toBe(1)
    const results = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as object)
    expect(results).toMatchObject([
      {
        file: one,
        name: 'a note is delivered',
        ok: true,
        mismatches: [],
        seen: { applied: ['n1'] },
      },
      {
        file: two,
        ok: false,
        mismatches: [
          { what: 'requests[0].status', expected: 201, seen: 200 },
          { what: 'final.completed' },
        ],
      },
    ])
  })

  it('says which journal it cannot write', async () => {
    const nowhere = join(folder, 'no-such-folder', 'run.jsonl')
    const { status, stderr } = await holdfast(
      'simulate',
      file('one.yaml', HOLDS),
      '--journal',
      nowhere,
    )
    expect(status).toBe(2)
    expect(stderr).toContain(`${nowhere}: ENOENT`)
    expect(stderr).not.toMatch(STACK)
  })
})

describe.each(commands)('holdfast replay, %s', (_where, holdfast) => {
  async function recorded(): Promise<string> {
    const journal = join(folder, 'run.jsonl')
    const { status } = await holdfast('simulate', file('one.yaml', HOLDS), '--journal', journal)
    expect(status).toBe(0)
    return journal
  }

  it('ends with 0 where the decisions are the same', async () => {
    const journal = await recorded()
    const { status, stdout, stderr } = await holdfast('replay', journal)
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout).toMatch(
      /^ok .*run\.jsonl: \d+ decisions made again from \d+ events, on a fresh database\n$/,
    )
    const json = await holdfast('replay', '--json', journal)
    expect(JSON.parse(json.stdout)).toMatchObject({ file: journal, ok: true, withStorage: true })
  })

  it('ends with 1 at the first that differs, what was expected above what was decided', async () => {
    const journal = await recorded()
    const lines = readFileSync(journal, 'utf8').split('\n')
    const index = lines.findIndex((line) => line.includes('operation.completed'))
    const altered = file(
      'altered.jsonl',
      lines.with(index, (lines[index] ?? '').replace('note', 'tag')).join('\n'),
    )
    const { status, stdout, stderr } = await holdfast('replay', altered)
    expect({ status, stderr }).toEqual({ status: 1, stderr: '' })
    const [first, expected, actual] = stdout.split('\n')
    expect(first).toBe(`not ok ${altered}: REPLAY_DIVERGED at line ${index}`)
    expect(expected).toMatch(/^ {4}expected \{.*"kind":"tag".*\}$/)
    expect(actual).toMatch(/^ {4}actual {3}\{.*"kind":"note".*\}$/)
    const json = await holdfast('replay', '--json', altered)
    expect(json.status).toBe(1)
    expect(JSON.parse(json.stdout)).toMatchObject({
      ok: false,
      code: 'REPLAY_DIVERGED',
      line: index,
    })
  })

  it('ends with 2 where the file is no journal, or not there', async () => {
    const garbage = file('garbage.jsonl', 'this is no journal\n')
    const missing = join(folder, 'missing.jsonl')
    for (const [path, message] of [
      [garbage, 'line 1 of the file: it is not the header of a journal'],
      [missing, 'ENOENT: no such file'],
      [folder, 'EISDIR'],
    ] as const) {
      const { status, stdout, stderr } = await holdfast('replay', path)
      expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
      expect(stderr).toContain(`${path}: ${message}`)
      expect(stderr).not.toMatch(STACK)
    }
  })
})

describe.each(commands)('holdfast, %s', (_where, holdfast) => {
  it('explains itself, and tells its version', async () => {
    for (const args of [['--help'], ['simulate', '--help'], ['replay', '--help'], ['help']]) {
      const { status, stdout, stderr } = await holdfast(...args)
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
      expect(stdout).toContain('Usage: holdfast')
    }
    expect(await holdfast('--version')).toMatchObject({ status: 0, stdout: `${VERSION}\n` })
  })

  it('ends with 2 where it is not understood', async () => {
    for (const args of [
      [],
      ['simulat'],
      ['simulate'],
      ['replay'],
      ['simulate', '--jsn', 'x.yaml'],
    ]) {
      const { status, stdout, stderr } = await holdfast(...args)
      expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
      expect(stderr).toMatch(/error: |Usage: /)
      expect(stderr).not.toMatch(STACK)
    }
  })
})

// E6
describe.each(commands)('control characters of a file are escaped, %s', (_where, holdfast) => {
  // oxlint-disable-next-line no-control-regex
  const CONTROL = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/
  const EVIL = String.raw`\e]0;pwned\a\e[2J\x9b1m\nok evil\u202e`

  it('in the name and the keys of a scenario', async () => {
    const named = HOLDS.replace('a note is delivered', () => `"${EVIL}"`)
    const one = await holdfast('simulate', file('one.yaml', named))
    expect(one.status).toBe(0)
    expect(one.stdout).not.toMatch(CONTROL)
    expect(one.stdout.split('\n')).toHaveLength(2)
    expect(one.stdout).toContain(String.raw`\u001b]0;pwned\u0007`)
    const json = await holdfast('simulate', '--json', file('one.yaml', named))
    expect(json.stdout).not.toMatch(CONTROL)
    expect(JSON.parse(json.stdout)).toHaveProperty('name', expect.stringContaining('\u009b1m'))
    const two = await holdfast('simulate', file('two.yaml', `${HOLDS}"${EVIL}": 1\n`))
    expect(two.status).toBe(2)
    expect(two.stderr).not.toMatch(CONTROL)
    expect(two.stderr.split('\n')).toHaveLength(2)
    const three = await holdfast(
      'simulate',
      file(
        'three.yaml',
        FAILS.replace('n1, n2', () => `n1, "${EVIL}"`),
      ),
    )
    expect(three.stdout + three.stderr).not.toMatch(CONTROL)
  })

  it('in the lines of a journal', async () => {
    const journal = join(folder, 'run.jsonl')
    await holdfast('simulate', '--journal', journal, file('one.yaml', HOLDS))
    const lines = readFileSync(journal, 'utf8')
    const evil = String.raw`\u001b[2J\u009b1m\nok`
    for (const changed of [
      lines.replace('"name":"login"', () => `"name":"${evil}"`),
      lines.replace(
        '"out":"event","name":"operation.sent"',
        () => `"out":"event","name":"${evil}"`,
      ),
      lines.replace('"journal":1', () => `"journal":"${evil}"`),
    ]) {
      expect(changed).not.toBe(lines)
      for (const args of [[], ['--json']]) {
        const { status, stdout, stderr } = await holdfast(
          'replay',
          ...args,
          file('evil.jsonl', changed),
        )
        expect(status).not.toBe(0)
        expect(stdout + stderr).not.toMatch(CONTROL)
        expect(stdout + stderr).toContain('u001b[2J')
      }
    }
  })
})
