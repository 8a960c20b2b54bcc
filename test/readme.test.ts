/** README.md says what is so: its quick start runs, its tables agree with the code. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterEach, describe, expect, test } from 'vitest'
import { type ReferenceServer, startReferenceServer } from '../examples/server/reference-server.ts'
import { type HoldfastOptions, resolveOptions } from '../src/options.ts'
import { sqliteStorage } from '../src/sqlite-storage.ts'
import { httpTransport } from '../src/transport/http-transport.ts'
import { codeBlocks, codeIn, projectText, sectionOf, tableRows } from './support/markdown.ts'
import { complaintsOfCompiler, writeSnippets } from './support/snippets.ts'

const readme = projectText('README.md')

describe('the quick start', () => {
  const servers: ReferenceServer[] = []

  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.close()))
  })

  test(
    'runs as it stands, and the server has taken the operation',
    { timeout: 30_000 },
    async () => {
      const server = await startReferenceServer()
      servers.push(server)
      const snippets = codeBlocks(sectionOf(readme, '## Quick start'), 'ts')
      expect(snippets).toHaveLength(1)
      const { folder, files } = writeSnippets(snippets)

      const { stdout, stderr } = await promisify(execFile)(
        process.execPath,
        ['--import', import.meta.resolve('tsx'), files[0] ?? ''],
        { cwd: folder, env: { ...process.env, API_URL: server.origin } },
      )

      expect(stderr).toBe('')
      expect(stdout).toContain(`outcome: 'completed'`)
      const applied = server.applied().entries
      expect(applied.map(({ user, body }) => ({ user, body }))).toEqual([
        { user: 'alice', body: { kind: 'note', text: 'hi' } },
      ])
    },
  )

  test('compiles, and so does every other snippet', { timeout: 30_000 }, () => {
    const { folder } = writeSnippets(codeBlocks(readme, 'ts'))
    expect(complaintsOfCompiler(folder)).toEqual([])
  })
})

describe('the table of the options', () => {
  const rows = tableRows(sectionOf(readme, '### createHoldfast'))
  const named = new Map(rows.map((row) => [nameOf(row), row]))

  test('of createHoldfast names every option there is, and no other', () => {
    const names = [...named.keys()].filter((name) => !name.startsWith('backoff.'))
    expect(names.toSorted()).toEqual(members('src/options.ts', HOLDFAST_OPTIONS).toSorted())
    const ofBackoff = [...named.keys()].filter((name) => name.startsWith('backoff.'))
    expect(ofBackoff).toEqual(
      members('src/options.ts', 'BackoffOptions').map((name) => `backoff.${name}`),
    )
  })

  test('of createHoldfast tells the defaults that are taken', () => {
    const { backoff, ...settings } = resolveOptions(least).settings
    const prefixed = Object.entries(backoff).map(([name, value]) => [`backoff.${name}`, value])
    const taken = [...Object.entries(settings), ...prefixed].filter(
      ([name, value]) => named.has(String(name)) && value !== null && !(String(name) in least),
    )
    expect(taken.length).toBeGreaterThan(10)
    const told = taken.map(([name]) => [name, literal(named.get(String(name)))])
    expect(told).toEqual(taken)
  })

  test('of createHoldfast calls required what the types require', () => {
    const told = rows.filter((row) => row['default'] === 'required').map(nameOf)
    const required = bodyOf('src/options.ts', HOLDFAST_OPTIONS).matchAll(/^ {2}readonly (\w+):/gm)
    expect(told).toEqual(Array.from(required, ([, member]) => member))
  })

  test.each([
    ['### sqliteStorage', 'storage/sqlite/options.ts', SQLITE_OPTIONS, ''],
    ['### httpTransport', 'src/transport/http-transport.ts', 'HttpTransportOptions', ''],
    ['### read', 'src/api/call-options.ts', 'ReadOptions', ''],
    ['## The journal', 'src/journal/ring-journal.ts', 'RingJournalOptions', 'ringJournal.'],
    ['## The journal', 'src/journal/file-journal.ts', 'FileJournalOptions', 'fileJournal.'],
  ])('%s: %s, %s', (heading, file, name, prefix) => {
    const told = tableRows(sectionOf(readme, heading)).filter((row) =>
      nameOf(row).startsWith(prefix),
    )
    const known = members(file, name).map((member) => prefix + member)
    expect(told.map(nameOf).toSorted()).toEqual(known.toSorted())
    const documented = told.map((row) =>
      documentedDefault(file, name, nameOf(row).slice(prefix.length)),
    )
    const values = told.map((row, index) =>
      documented[index] === null ? null : String(literal(row)),
    )
    expect(values).toEqual(documented)
  })

  test('of defineOperation names everything that a kind may say', () => {
    const told = tableRows(sectionOf(readme, '### defineOperation')).map(nameOf)
    const known = [
      ...members('src/operations/define-operation.ts', 'KindSpec'),
      ...members('src/operations/define-operation.ts', 'OperationSpec'),
    ]
    expect(told.toSorted()).toEqual(known.toSorted())
  })
})

test('the table of the events names every event, with what it tells', () => {
  const told = tableRows(sectionOf(readme, '## Events')).flatMap((row) => codeIn(row['event']))
  const events = /interface HoldfastEvents \{\n([^]*?)\n\}/.exec(projectText('src/events.ts'))?.[1]
  const known = Array.from(
    (events ?? '').matchAll(/^ {2}'?([\w.]+)'?:/gm),
    ([, name]) => name ?? '',
  )
  expect(known.length).toBeGreaterThan(10)
  expect(told.toSorted()).toEqual(known.toSorted())
})

test.each([
  ['operation.dropped', 'DropReason'],
  ['operation.dead', 'DeadReason'],
])('the event %s tells every %s there is', (event, name) => {
  const row = tableRows(sectionOf(readme, '## Events')).find(
    (one) => codeIn(one['event'])[0] === event,
  )
  const union = new RegExp(`export type ${name} =([^]*?)\n(?:\n|$)`).exec(
    projectText('src/model.ts'),
  )
  const known = Array.from((union?.[1] ?? '').matchAll(/'([\w-]+)'/g), ([, reason]) => reason ?? '')
  expect(known.length).toBeGreaterThan(5)
  expect(codeIn(row?.['when']).toSorted()).toEqual(known.toSorted())
})

/** No more than must be given. */
const least = {
  storage: sqliteStorage({ file: ':memory:' }),
  transport: httpTransport({ baseUrl: 'https://api.example.com' }),
  operations: [],
  requirement: 'required',
} satisfies HoldfastOptions

function nameOf(row: Readonly<Record<string, string>>): string {
  return codeIn(row['option'])[0] ?? ''
}

/** The default that a row tells, where it is a value. */
function literal(row: Readonly<Record<string, string>> | undefined): unknown {
  const [code = ''] = codeIn(row?.['default'])
  if (code.startsWith("'")) return code.slice(1, -1)
  if (code.startsWith('[')) return JSON.parse(code)
  if (code === 'true' || code === 'false') return code === 'true'
  return /^\d+$/.test(code) ? Number(code) : code
}

/** The names of the interfaces that the options are made of, with `|` between them. */
const HOLDFAST_OPTIONS = 'CommonOptions|RequirementOption'
const SQLITE_OPTIONS = 'FileOption|DatabaseOption|CommonSqliteOptions'

/** The bodies of the interfaces with these names, with `|` between them. */
function bodyOf(file: string, names: string): string {
  return names
    .split('|')
    .map((name) => bodyOfOne(file, name))
    .join('\n')
}

function bodyOfOne(file: string, name: string): string {
  const found = new RegExp(`interface ${name}\\b[^{]*(?:extends [^]*?)?\\{\\n([^]*?)\\n\\}`).exec(
    projectText(file),
  )
  if (found?.[1] === undefined) throw new Error(`there is no interface ${name} in ${file}`)
  return found[1]
}

/** The members of an interface, in order. */
function members(file: string, name: string): string[] {
  const found = bodyOf(file, name).matchAll(/^ {2}(?:readonly )?(\w+)\??: (?!never|'main'\n)/gm)
  return Array.from(found, ([, member]) => member ?? '')
}

/** What the comment above a member says after "Default:", where that is a value. */
function documentedDefault(file: string, name: string, member: string): string | null {
  const [before = ''] = bodyOf(file, name).split(new RegExp(`^ {2}readonly ${member}\\??:`, 'm'))
  const comment = before.slice(before.lastIndexOf('/**'))
  if (/^ {2}readonly /m.test(comment)) return null
  return /Default: `?(\d+|[\w-]+(?=`))/.exec(comment)?.[1] ?? null
}
