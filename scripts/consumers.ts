// Apps that use the package, compiled by the strictest rules as the compiler finds the package in them. Each app is in a folder of
// its own outside of this project, with the package and with zod: nothing else that a declaration may import is found there.

import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { codeBlocks, projectText, sectionOf } from '../test/support/markdown.ts'

/** The kinds of app, by the options of the compiler. */
const KINDS = {
  node16: { module: 'node16', moduleResolution: 'node16' },
  nodenext: { module: 'nodenext', moduleResolution: 'nodenext' },
  bundler: { module: 'esnext', moduleResolution: 'bundler' },
  'bundler of both kinds of module': { module: 'preserve', moduleResolution: 'bundler' },
} as const

/** Those in which a CommonJS file may `require()` the package. */
const REQUIRING: readonly string[] = ['nodenext', 'bundler of both kinds of module']

/** The oldest compiler that is supported, and the newest. */
const COMPILERS = [
  'node_modules/@typescript/typescript6/bin/tsc6',
  'node_modules/typescript/bin/tsc',
] as const

const OPTIONS = {
  target: 'es2022',
  types: [],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: false,
  noEmit: true,
}

/** What the samples use of Node, as its types are not there. */
const GLOBALS = `
declare const process: { readonly env: { readonly [name: string]: string | undefined } }
`

/** What belongs to both entry points has one type. */
const BOTH = `
import { type Clock, HoldfastError, type Random, sqliteStorage, type Storage } from 'holdfast'
import {
  readJournal, replay, ReplayDivergedError, SeededRandom, storageContract, type StorageSubject, VirtualTime,
} from 'holdfast/simulation'

export const clock: Clock = new VirtualTime().clock({ isAlive: true })
export const random: Random = new SeededRandom(1)
export const storage: Storage = sqliteStorage({ file: ':memory:' })
export const error: HoldfastError = new ReplayDivergedError(1, null, null)
export async function judge(subject: Omit<StorageSubject, 'create'>, journal: string): Promise<number> {
  for (const rule of storageContract) await rule.run({ ...subject, create: () => storage })
  return (await replay(journal)).decided + readJournal(journal).lines.length
}
`

const REQUIRED = `
import holdfast = require('holdfast')
import simulation = require('holdfast/simulation')

export const path: string = holdfast.path\`/users/\${'alice'}\`
export const scenario: simulation.Scenario = simulation.parseScenario('', 'empty.yaml')
export const options: holdfast.SqliteStorageOptions = { file: 'outbox.db', thread: 'worker' }
`

/** A CommonJS app of a compiler that does not let it \`require()\`. */
const IMPORTED_LATE = `
export async function start(): Promise<string> {
  const { path } = await import('holdfast')
  const { WALL_START } = await import('holdfast/simulation')
  return path\`/since/\${WALL_START}\`
}
`

/** What the compilers complain of, by app; empty: every app compiles. `holdfast`: the folder of the package, as it is packed. */
export function complaintsOfConsumers(
  holdfast: string,
  kinds = Object.keys(KINDS) as (keyof typeof KINDS)[],
): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-consumer-'))
  try {
    install(holdfast, join(folder, 'node_modules', 'holdfast'))
    install(resolve('node_modules/zod'), join(folder, 'node_modules', 'zod'))
    return kinds.flatMap((kind) => complaintsOf(folder, kind))
  } finally {
    rmSync(folder, { recursive: true, maxRetries: 10 })
  }
}

function install(from: string, to: string): void {
  cpSync(from, to, { recursive: true, filter: (file) => !/\.(?:js|cjs|map)$/.test(file) })
}

function complaintsOf(folder: string, kind: keyof typeof KINDS): string[] {
  const app = join(folder, kind.replaceAll(' ', '-'))
  const quickStart = codeBlocks(sectionOf(projectText('README.md'), '## Quick start'), 'ts')
  const ownKinds = codeBlocks(
    sectionOf(projectText('docs/simulation.md'), '### For your own kinds'),
    'ts',
  )
  const samples = [...quickStart, ...ownKinds]
  if (quickStart.length === 0 || ownKinds.length === 0) throw new Error('the samples are gone')
  const files = {
    'package.json': JSON.stringify({ type: 'module' }),
    'tsconfig.json': JSON.stringify({ compilerOptions: { ...OPTIONS, ...KINDS[kind] } }),
    'globals.d.ts': GLOBALS,
    'both.ts': BOTH,
    'commonjs.cts': REQUIRING.includes(kind) ? REQUIRED : IMPORTED_LATE,
    ...Object.fromEntries(samples.map((code, index) => [`sample-${index + 1}.ts`, code])),
  }
  mkdirSync(app)
  for (const [name, text] of Object.entries(files)) writeFileSync(join(app, name), text)
  return COMPILERS.flatMap((compiler) => {
    const { stdout, status } = spawnSync(process.execPath, [resolve(compiler), '-p', app], {
      cwd: app,
      encoding: 'utf8',
    })
    return status === 0 ? [] : [`an app of the kind ${kind}, by ${compiler}:\n${stdout}`]
  })
}
