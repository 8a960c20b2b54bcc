/** The package as its manifest says it is, and as the one who installs it gets it. */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, test } from 'vitest'
import * as fromSource from '../src/index.ts'
import * as simulationFromSource from '../src/simulation/index.ts'
import { VERSION } from '../src/version.ts'
import { oldNodeMessage } from '../storage/sqlite/node-version.ts'
import { ROOT, sayNotBuilt, whyNotBuilt } from './support/built.ts'
import { projectText, sectionOf } from './support/markdown.ts'
import { leftOutOnWindows, NO_MODES } from './support/systems.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

interface Manifest {
  readonly version: string
  readonly engines: { readonly node: string }
  readonly bin: Readonly<Record<string, string>>
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>
  readonly dependencies: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
  readonly files: readonly string[]
  readonly scripts: Readonly<Record<string, string>>
}

const manifest = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as Manifest

const ENTRIES: readonly (readonly [name: string, module: object])[] = [
  ['holdfast', fromSource],
  ['holdfast/simulation', simulationFromSource],
]

test('VERSION is the version of the package', () => {
  expect(VERSION).toBe(manifest.version)
})

test('the oldest versions of Node that the manifest names are the oldest that are let in', () => {
  const named = [...manifest.engines.node.matchAll(/(\d+)\.(\d+)/g)]
  expect(named).toHaveLength(2)
  for (const [oldest, major, minor] of named) {
    expect(oldNodeMessage(`${oldest}.0`)).toBeNull()
    expect(oldNodeMessage(`${major}.${Number(minor) - 1}.9`)).toContain(oldest)
  }
  expect(oldNodeMessage('20.19.0')).toContain('22.14')
  expect(oldNodeMessage('24.0.0')).toBeNull()
  expect(oldNodeMessage()).toBeNull()
})

test('every entry point of the manifest that an app imports is tested here', () => {
  const imported = Object.entries(manifest.exports).filter(
    ([, target]) => typeof target !== 'string',
  )
  const names = imported.map(([path]) => `holdfast${path.slice(1)}`)
  expect(names).toEqual(ENTRIES.map(([name]) => name))
  const others = Object.keys(manifest.exports).filter(
    (path) => typeof manifest.exports[path] === 'string',
  )
  expect(others).toEqual(['./storage-worker', './package.json'])
})

describe('the dependencies', () => {
  test('at run time are those of the engine, as ranges that another package of an app may share', () => {
    expect(Object.keys(manifest.dependencies)).toEqual(['better-sqlite3', 'jose', 'mitt', 'xstate'])
    for (const version of Object.values(manifest.dependencies))
      expect(version).toMatch(/^\^\d+\.\d+\.\d+$/)
  })

  test('of the development are exact', () => {
    for (const version of Object.values(manifest.devDependencies))
      expect(version).toMatch(/^\d+\.\d+\.\d+$/)
  })

  test('at run time begin their range with the version that the tests run with', () => {
    const lock = JSON.parse(readFileSync(`${ROOT}package-lock.json`, 'utf8')) as {
      readonly packages: Readonly<Record<string, { readonly version: string }>>
    }
    const tested = Object.keys(manifest.dependencies).map((name) => [
      name,
      `^${lock.packages[`node_modules/${name}`]?.version}`,
    ])
    expect(Object.fromEntries(tested)).toEqual(manifest.dependencies)
  })

  test('are locked by their contents, without the address of a registry', () => {
    const lock = readFileSync(`${ROOT}package-lock.json`, 'utf8')
    expect(lock).toContain('"integrity"')
    expect(lock).not.toContain('"resolved"')
  })

  test('at run time each have their reason in CHANGELOG.md', () => {
    const reasons = pointsOf(sectionOf(projectText('CHANGELOG.md'), '### Dependencies'))
    expect(reasons.toSorted()).toEqual(Object.keys(manifest.dependencies))
  })
})

describe('npm publish', () => {
  function statusWith(host: string): number | null {
    const address = `https://${host}/holdfast`
    const folder = temporaryFolder()
    const made = {
      homepage: address,
      repository: { url: `git+${address}` },
      bugs: { url: address },
    }
    writeFileSync(join(folder, 'package.json'), JSON.stringify(made))
    const args = ['--import', import.meta.resolve('tsx'), `${ROOT}scripts/check-address.ts`]
    return spawnSync(process.execPath, args, { cwd: folder }).status
  }

  test('is refused while the address of the project is made up', () => {
    expect(manifest.scripts['prepublishOnly']).toContain('scripts/check-address.ts')
    expect(statusWith('holdfast.example')).toBe(1)
    expect(statusWith('git.server.test')).toBe(0)
  })
})

const whyNot = whyNotBuilt()
sayNotBuilt('the built package', whyNot)
const hasNoModes = leftOutOnWindows('the execute bit of the command', NO_MODES)

/** What a fresh process prints that runs this code in the project's folder. */
function printed(type: 'module' | 'commonjs', code: string, ...flags: readonly string[]): unknown {
  const args = [...flags, `--input-type=${type}`, '--eval', code]
  return JSON.parse(execFileSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' }))
}

interface SourceMap {
  readonly sources: readonly string[]
  readonly sourcesContent: readonly string[]
}

function filesOf(folder: string, ending = '.js'): string[] {
  return readdirSync(ROOT + folder).filter((file) => file.endsWith(ending))
}

function builtText(file: string): string {
  return readFileSync(`${ROOT}dist/${file}`, 'utf8')
}

/** Null: the file has no code of a source, only of the bundler. */
function mapOf(file: string): SourceMap | null {
  if (!existsSync(`${ROOT}dist/${file}.map`)) return null
  return JSON.parse(builtText(`${file}.map`)) as SourceMap
}

/** The sources whose code is in this file of dist/, as paths from there. */
function sourcesOf(file: string): readonly string[] {
  return mapOf(file)?.sources ?? []
}

/** What a file of dist/ imports when it is loaded. */
function importsOf(file: string): string[] {
  const found = builtText(file).matchAll(/^(?:import|export)\b(?:[^"\n]*\bfrom\b)? *"([^"]+)";$/gm)
  return Array.from(found, ([, from]) => from ?? '')
}

function isPackage(from: string): boolean {
  return !from.startsWith('node:') && !from.startsWith('./')
}

/** This file of dist/ and all that are loaded along. */
function reachedFrom(entry: string, reached = new Set<string>()): string[] {
  reached.add(entry)
  for (const from of importsOf(entry)) {
    const file = from.slice(2)
    if (!isPackage(from) && from.startsWith('./') && !reached.has(file)) reachedFrom(file, reached)
  }
  return [...reached]
}

/** The code that each point of a list begins with. */
function pointsOf(markdown: string): string[] {
  return Array.from(markdown.matchAll(/^- `([^`]+)`/gm), ([, name]) => name ?? '')
}

describe.runIf(whyNot === null)('the built package', () => {
  test.each([...ENTRIES])(
    '%s exports what its source does, by import and by require()',
    (name, module) => {
      const names = Object.keys(module).sort()
      expect(names.length).toBeGreaterThan(5)
      const quoted = JSON.stringify(name)
      const tell = 'console.log(JSON.stringify(Object.keys(found).sort()))'
      expect(printed('module', `const found = await import(${quoted}); ${tell}`)).toEqual(names)
      expect(printed('commonjs', `const found = require(${quoted}); ${tell}`)).toEqual(names)
    },
  )

  it('has one class of errors for all entry points', () => {
    const code = `const { HoldfastError } = await import('holdfast')
      const { parseScenario, ReplayDivergedError } = await import('holdfast/simulation')
      const thrown = []
      try { parseScenario('steps: 1', 'wrong.yaml') } catch (error) { thrown.push(error) }
      thrown.push(new ReplayDivergedError(1, null, null))
      console.log(JSON.stringify(thrown.map((error) => [error.code, error instanceof HoldfastError])))`
    expect(printed('module', code)).toEqual([
      ['SCENARIO_INVALID', true],
      ['REPLAY_DIVERGED', true],
    ])
  })

  it('has every source in one file only, so that nothing is there twice', () => {
    const all = filesOf('dist').flatMap((file) => sourcesOf(file))
    expect(all.length).toBeGreaterThan(300)
    expect(all.filter((source, index) => all.indexOf(source) !== index)).toEqual([])
  })

  it('imports Node and its dependencies, and no other package', () => {
    const files = filesOf('dist')
    const packages = new Set(files.flatMap((file) => importsOf(file)).filter(isPackage))
    expect([...packages].toSorted()).toEqual(Object.keys(manifest.dependencies))
  })

  it.each(['index.js', 'holdfast-worker.js'])('loads nothing but its own code with %s', (entry) => {
    const sources = reachedFrom(entry).flatMap((file) => sourcesOf(file))
    expect(sources.length).toBeGreaterThan(20)
    expect(
      sources.filter((source) => /^\.\.\/(?:node_modules|src\/(?:simulation|cli))\//.test(source)),
    ).toEqual([])
  })

  it('(a control) finds the packages in the code of scenarios', () => {
    const sources = reachedFrom('simulation.js').flatMap((file) => sourcesOf(file))
    expect(
      sources.filter((source) => source.startsWith('../node_modules/zod/')).length,
    ).toBeGreaterThan(1)
  })

  it('has the licence of every package whose code or types are in it', () => {
    const sources = filesOf('dist').flatMap((file) => sourcesOf(file))
    const packages = sources.flatMap(
      (source) => /^\.\.\/node_modules\/([\w-]+)\//.exec(source)?.[1] ?? [],
    )
    const notices = readFileSync(`${ROOT}dist/THIRD-PARTY-NOTICES.txt`, 'utf8')
    const told = Array.from(notices.matchAll(/^(\S+) \d+\.\d+\.\d+ \(\w+\)$/gm), ([, name]) => name)
    expect(told).toEqual(['@standard-schema/spec', ...new Set(packages.toSorted())])
    expect(notices.match(/^Copyright /gm)).toHaveLength(told.length)
  })

  it('tells in a stack trace the names of its functions, and with source maps the lines of its sources', () => {
    const code = `const { sqliteStorage } = require('holdfast')
      try { sqliteStorage({}) } catch (error) { console.log(JSON.stringify(error.stack.split('\\n')[1])) }`
    expect(printed('commonjs', code)).toMatch(/at sqliteStorage \(.*dist.index\.js:\d+:\d+\)/)
    const line = projectText('src/sqlite-storage.ts')
      .split('\n')
      .findIndex((text) => text.includes('give either file'))
    expect(printed('commonjs', code, '--enable-source-maps')).toMatch(
      new RegExp(`at sqliteStorage \\(.*src.sqlite-storage\\.ts:${line + 1}:\\d+\\)`),
    )
  })

  it('has the sources in its maps', () => {
    const maps = filesOf('dist', '.js')
      .map((file) => mapOf(file))
      .filter((map) => map !== null)
    expect(maps.length).toBeGreaterThan(5)
    for (const { sources, sourcesContent } of maps) {
      expect(sourcesContent).toHaveLength(sources.length)
      expect(sourcesContent.every((text) => text.length > 0)).toBe(true)
    }
  })

  it('is the same module by import and by require()', () => {
    const code = `import { createRequire } from 'node:module'
      const required = createRequire(process.cwd() + '/x.js')('holdfast')
      const imported = await import('holdfast')
      console.log(JSON.stringify(required.HoldfastError === imported.HoldfastError))`
    expect(printed('module', code)).toBe(true)
  })

  it('keeps nothing running that was only imported', () => {
    expect(printed('module', `await import('holdfast'); console.log('"done"')`)).toBe('done')
  })

  it('stores on a worker thread, and lets the process end by itself', () => {
    const file = JSON.stringify(join(temporaryFolder(), 'outbox.db'))
    const code = `const { createHoldfast, defineOperation, sqliteStorage } = await import('holdfast')
      const any = { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } }
      const note = defineOperation({ kind: 'note', payload: any, request: () => null })
      const holdfast = await createHoldfast({
        storage: sqliteStorage({ file: ${file}, thread: 'worker' }),
        transport: { origin: 'https://server.test', send: () => new Promise(() => {}) },
        operations: [note],
        requirement: 'unknown',
      })
      const { id } = await holdfast.enqueue(note({ text: 'one' }))
      const found = await holdfast.operation(id)
      console.log(JSON.stringify(found.state))`
    expect(printed('module', code)).toBe('pending')
  })

  it('has every file that the manifest names, the command among them', () => {
    const targets = Object.values(manifest.exports).flatMap((target) =>
      typeof target === 'string' ? [target] : Object.values(target),
    )
    const named = [...targets, ...Object.values(manifest.bin)]
    expect(named.filter((target) => !existsSync(ROOT + target))).toEqual([])
    const command = ROOT + (manifest.bin.holdfast ?? '')
    expect(readFileSync(command, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/)
  })

  it.skipIf(hasNoModes)('has a command that may be executed', () => {
    expect(statSync(ROOT + (manifest.bin.holdfast ?? '')).mode & 0o111).toBe(0o111)
  })
})
