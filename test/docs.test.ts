/** The documentation agrees with the code. */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { EVENT_NAMES, type EventName } from '../src/events.ts'
import { logLineOf } from '../src/log/log-line.ts'
import { parseScenario } from '../src/simulation/parse-scenario.ts'
import { replay } from '../src/journal/replay.ts'
import { INVARIANTS } from '../src/simulation/invariants/index.ts'
import { runScenario } from '../src/simulation/run-scenario.ts'
import { scenarioKinds } from '../src/simulation/scenario-kinds.ts'
import { StorageError, type StorageErrorCode } from '../storage/storage-error.ts'
import {
  codeBlocks,
  codeIn,
  linkedFiles,
  projectText,
  sectionOf,
  tableRows,
} from './support/markdown.ts'
import { sourcesIn } from './support/sources.ts'
import { complaintsOfCompiler, writeSnippets } from './support/snippets.ts'

const documents = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'docs/architecture.md',
  'docs/behind-a-proxy.md',
  'docs/bundlers.md',
  'docs/errors.md',
  'docs/machines.md',
  'docs/observability.md',
  'docs/performance.md',
  'docs/rules.md',
  'docs/scenarios.md',
  'docs/server.md',
  'docs/simulation.md',
  'docs/where-to-put-the-file.md',
]

describe('docs/errors.md', () => {
  const rows = tableRows(projectText('docs/errors.md')).filter((row) => 'code' in row)

  test('tells of every code, once, and of no other', () => {
    const told = rows.flatMap((row) => codeIn(row['code']))
    const known = [
      ...literalsOf('src/errors.ts', 'ErrorCode'),
      ...literalsOf('storage/storage-error.ts', 'StorageErrorCode'),
    ]
    expect(known.length).toBeGreaterThan(20)
    expect(told.toSorted()).toEqual(known.toSorted())
  })

  test('tells every reason of death', () => {
    const reasons = tableRows(projectText('docs/errors.md')).filter((row) => 'reason' in row)
    const union = /export type DeadReason =([^]*?)\n\n/.exec(projectText('src/model.ts'))?.[1] ?? ''
    const known = Array.from(union.matchAll(/'([\w-]+)'/g), ([, reason]) => reason ?? '')
    expect(known.length).toBeGreaterThan(5)
    expect(reasons.flatMap((row) => codeIn(row['reason'])).toSorted()).toEqual(known.toSorted())
  })

  test('tells rightly which errors of storage are retryable', () => {
    const storage = new Set(literalsOf('storage/storage-error.ts', 'StorageErrorCode'))
    const told = rows
      .map((row) => [codeIn(row['code'])[0] ?? '', row['retryable']] as const)
      .filter(([code]) => storage.has(code))
    const known = told.map(([code]) => {
      const { retryable } = new StorageError(code as StorageErrorCode, 'for the test')
      return [code, retryable ? 'yes' : 'no']
    })
    expect(told).toEqual(known)
  })
})

describe('docs/scenarios.md', () => {
  test('shows a scenario that holds, and replays', async () => {
    const [text = ''] = codeBlocks(projectText('docs/scenarios.md'), 'yaml')
    const { mismatches, journal } = await runScenario(parseScenario(text, 'docs/scenarios.md'))
    expect(mismatches).toEqual([])
    expect((await replay(journal.join('\n'))).decided).toBeGreaterThan(0)
  })

  test('shows a scenario that would not hold without what it is about', async () => {
    const [text = ''] = codeBlocks(projectText('docs/scenarios.md'), 'yaml')
    const without = text.replace('accepted: false', 'accepted: true')
    expect(without).not.toBe(text)
    const { ok } = await runScenario(parseScenario(without, 'docs/scenarios.md'))
    expect(ok).toBe(false)
  })
})

describe('the tables of docs/scenarios.md', () => {
  test('name every invariant that is checked, and no other', () => {
    const rows = tableRows(projectText('docs/scenarios.md')).filter((row) => 'invariant' in row)
    const told = rows.flatMap((row) => codeIn(row['invariant']))
    expect(told).toEqual(INVARIANTS.map(({ id }) => id))
    expect(rows.map((row) => row['rules'])).toEqual(INVARIANTS.map(({ rules }) => rules.join(', ')))
  })

  test('name every built-in kind, and no other', () => {
    const rows = tableRows(projectText('docs/scenarios.md')).filter((row) => 'kind' in row)
    const told = rows.flatMap((row) => codeIn(row['kind']))
    expect(told).toEqual(scenarioKinds.map(({ kind }) => kind))
  })
})

describe('docs/observability.md', () => {
  const text = projectText('docs/observability.md')
  const lines = tableRows(text).filter((row) => 'level' in row)

  test('tells the level of the line of every event', () => {
    const told = new Map(lines.map((row) => [codeIn(row['line'])[0] ?? '', row['level']]))
    // The line of an error is made elsewhere.
    const levelOf = (name: EventName) => logLineOf({ out: 'event', name, detail: {} }, 0)?.level
    const known = EVENT_NAMES.map((name) => [name, levelOf(name) ?? 'error'])
    expect(EVENT_NAMES.map((name) => [name, told.get(name)])).toEqual(known)
  })

  test('tells every note that the engine makes, with its level', () => {
    const told = lines.map((row) => `${codeIn(row['line'])[0]} ${row['level']}`)
    const made = sourcesIn('src/engine').flatMap(({ code }) =>
      Array.from(
        code.matchAll(/boundary\.note\(\s*'([\w.]+)', '(\w+)'/g),
        ([, name, level]) => `${name} ${level}`,
      ),
    )
    expect(made.length).toBeGreaterThan(3)
    expect(made.filter((note) => !told.includes(note))).toEqual([])
  })

  test.each([
    ['### `holdfast.attempt`', 'src/channels/attempt-message.ts', 'AttemptFacts', 'property'],
    [
      '### `holdfast:settlement`',
      'src/channels/settlement-channel.ts',
      'SettlementMessage',
      'property',
    ],
    ['## Counters', 'src/engine/status.ts', 'Totals', 'counter'],
    ['## The report', 'src/api/report.ts', 'Report', 'member'],
  ])('%s tells every member of %s, interface %s', (heading, file, name, column) => {
    const rows = tableRows(sectionOf(text, heading)).filter((row) => column in row)
    const told = rows.flatMap((row) => codeIn(row[column]))
    const body = new RegExp(`export interface ${name} \\{\n([^]*?)\n\\}`).exec(projectText(file))
    const known = Array.from((body?.[1] ?? '').matchAll(/^ {2}readonly (\w+)/gm), ([, m]) => m)
    expect(known.length).toBeGreaterThan(4)
    expect(told.filter((member) => member !== 'result' && member !== 'error')).toEqual(known)
  })
})

test('every snippet compiles', { timeout: 30_000 }, () => {
  const snippets = documents
    .filter((document) => document !== 'README.md')
    .flatMap((document) => codeBlocks(projectText(document), 'ts'))
  expect(snippets.length).toBeGreaterThan(0)
  const { folder } = writeSnippets(snippets)
  expect(complaintsOfCompiler(folder)).toEqual([])
})

test.each(documents)('the links of %s lead to files that are there', (document) => {
  const root = fileURLToPath(new URL('..', import.meta.url))
  const missing = linkedFiles(projectText(document)).filter(
    (target) => !existsSync(join(root, dirname(document), target)),
  )
  expect(missing).toEqual([])
})

/** The strings of a union type. */
function literalsOf(file: string, name: string): string[] {
  const union = new RegExp(`export type ${name} =\n([^]*?)\n\n`).exec(projectText(file))?.[1] ?? ''
  return Array.from(union.matchAll(/^ {2}\| '(\w+)'/gm), ([, code]) => code ?? '')
}
