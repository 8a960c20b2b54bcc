/** The workflow of GitHub, which nothing here can run, is at least what GitHub would read, and tests what it says. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parseDocument } from 'yaml'
import { z } from 'zod'

const FOLDER = '.github/workflows'
const TEXT = readFileSync(`${FOLDER}/ci.yml`, 'utf8')

/** What ubuntu-latest, macos-latest and windows-latest are. */
const SYSTEMS = ['linux-x64', 'darwin-arm64', 'win32-x64'] as const

interface Lock {
  readonly packages: Readonly<
    Record<string, { readonly optionalDependencies?: Readonly<Record<string, string>> }>
  >
}

function isFor(system: string): (name: string) => boolean {
  return (name) => new RegExp(`${system}(?:-gnu|-msvc)?$`).test(name)
}

/** The binaries that packages name for the three systems, and that `npm ci` would not install. */
function missingFrom({ packages }: Lock): string[] {
  return Object.values(packages)
    .flatMap(({ optionalDependencies = {} }) => Object.keys(optionalDependencies))
    .filter((name) => SYSTEMS.some((system) => isFor(system)(name)))
    .filter((name) => packages[`node_modules/${name}`] === undefined)
}

const name = z.string().min(1)
const scalar = z.union([z.string(), z.number(), z.boolean()])
const variables = z.record(z.string().regex(/^[A-Za-z_]\w*$/), scalar)
const filter = z.strictObject({ branches: z.array(name).optional() }).nullable()

/** A step runs an action of a fixed version, or a command; never both. */
const step = z.union([
  z.strictObject({
    name: name.optional(),
    uses: z.string().regex(/^[\w-]+\/[\w-]+@(?:v\d+|[0-9a-f]{40})$/),
    with: variables.or(z.record(name, scalar)).optional(),
  }),
  z.strictObject({ name: name.optional(), run: name, env: variables.optional() }),
])

/** The parts of GitHub's format that this project uses; anything else is a mistake. */
const workflow = z.strictObject({
  name,
  on: z.strictObject({
    push: filter.optional(),
    pull_request: filter.optional(),
    workflow_dispatch: z.null().optional(),
  }),
  permissions: z.strictObject({ contents: z.enum(['read', 'none']) }),
  concurrency: z.strictObject({ group: name, 'cancel-in-progress': z.boolean() }).optional(),
  jobs: z.record(
    z.string().regex(/^[A-Za-z_][\w-]*$/),
    z.strictObject({
      name: name.optional(),
      'runs-on': name,
      'timeout-minutes': z.int().positive(),
      strategy: z.strictObject({
        'fail-fast': z.boolean(),
        matrix: z.record(z.string().regex(/^[A-Za-z_]\w*$/), z.array(scalar).min(1)),
      }),
      env: variables.optional(),
      steps: z.array(step).min(1),
    }),
  ),
})

type Workflow = z.infer<typeof workflow>

function read(text: string): Workflow {
  const document = parseDocument(text, { uniqueKeys: true })
  const [mistake] = [...document.errors, ...document.warnings]
  if (mistake !== undefined) throw mistake
  return workflow.parse(document.toJS())
}

/** The names that expressions of a text take from the matrix. */
function ofMatrix(text: string): string[] {
  return Array.from(text.matchAll(/\$\{\{ matrix\.(\w+) \}\}/g), ([, key]) => key ?? '')
}

describe('the workflow', () => {
  test('is the only one', () => {
    expect(readdirSync(FOLDER)).toEqual(['ci.yml'])
  })

  test('has the form that GitHub reads', () => {
    expect(Object.keys(read(TEXT).jobs)).toEqual(['test'])
  })

  test('runs on Linux, macOS and Windows with Node 22 and 24', () => {
    const { matrix } = read(TEXT).jobs['test']?.strategy ?? {}
    expect(matrix).toEqual({
      os: ['ubuntu-latest', 'macos-latest', 'windows-latest'],
      node: [22, 24],
    })
  })

  test('uses each name of its matrix, and no other', () => {
    const { strategy, ...job } = read(TEXT).jobs['test'] ?? {}
    const used = new Set(ofMatrix(JSON.stringify(job)))
    expect([...used].toSorted()).toEqual(Object.keys(strategy?.matrix ?? {}).toSorted())
  })

  test('installs what the lock file says, and runs what runs here', () => {
    const { steps = [], env } = read(TEXT).jobs['test'] ?? {}
    const commands = steps.flatMap((one) => ('run' in one ? one.run : []))
    expect(commands).toEqual(['npm ci --ignore-scripts', 'npm test'])
    expect(env).toEqual({ HOLDFAST_NODE: 'machine' })
  })

  test('finds every binary that a package has for its three systems in the lock file', () => {
    const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as Lock
    expect(missingFrom({ packages })).toEqual([])
    const wanted = SYSTEMS.map((system) => Object.keys(packages).filter(isFor(system)).length)
    expect(Math.min(...wanted)).toBeGreaterThan(5)
    const cut = { a: { optionalDependencies: { '@a/win32-x64': '1' } } }
    expect(missingFrom({ packages: cut })).toEqual(['@a/win32-x64'])
  })

  test.each(SYSTEMS)('finds the binary of better-sqlite3 for %s', (system) => {
    expect(existsSync(`node_modules/better-sqlite3/prebuilds/${system}.node`)).toBe(true)
  })

  test.each([
    ['a key that GitHub does not know', 'runs-on:', 'run-on:', /Unrecognized key/],
    ['a step without a command', 'run: npm test', 'name: test', /Invalid input/],
    ['an action without a version', 'checkout@v7', 'checkout', /must match pattern/],
    [
      'a matrix without systems',
      '[ubuntu-latest, macos-latest, windows-latest]',
      '[]',
      /Too small/,
    ],
    ['leave to write', 'contents: read', 'contents: write', /Invalid option/],
    ['a key that comes twice', 'permissions:', 'name: again\n\npermissions:', /must be unique/],
  ])('(a control) %s is noticed', (_what, from, to, message) => {
    expect(TEXT).toContain(from)
    expect(() => read(TEXT.replace(from, to))).toThrow(message)
  })
})
