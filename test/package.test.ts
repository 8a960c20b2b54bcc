/** The package as its manifest says it is, and as the one who installs it gets it. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, test } from 'vitest'
import * as fromSource from '../src/index.ts'
import * as simulationFromSource from '../src/simulation/index.ts'
import { VERSION } from '../src/version.ts'
import { oldNodeMessage } from '../storage/sqlite/node-version.ts'
import { ROOT, sayNotBuilt, whyNotBuilt } from './support/built.ts'
import { leftOutOnWindows, NO_MODES } from './support/systems.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

interface Manifest {
  readonly version: string
  readonly engines: { readonly node: string }
  readonly bin: Readonly<Record<string, string>>
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>
  readonly dependencies: Readonly<Record<string, string>>
  readonly files: readonly string[]
}

const manifest = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as Manifest

const ENTRIES: readonly (readonly [name: string, module: object])[] = [
  ['holdfast', fromSource],
  ['holdfast/simulation', simulationFromSource],
]

test('VERSION is the version of the package', () => {
  expect(VERSION).toBe(manifest.version)
})

test('the oldest Node that the manifest names is the oldest that is let in', () => {
  const [, major, minor] = /^>=(\d+)\.(\d+)$/.exec(manifest.engines.node) ?? []
  expect(oldNodeMessage(`${major}.${minor}.0`)).toBeNull()
  expect(oldNodeMessage(`${major}.${Number(minor) - 1}.0`)).toContain(`${major}.${minor} or later`)
  expect(oldNodeMessage()).toBeNull()
})

test('every entry point of the manifest is tested here', () => {
  const paths = Object.keys(manifest.exports).filter((path) => !path.endsWith('.json'))
  expect(paths.map((path) => `holdfast${path.slice(1)}`)).toEqual(ENTRIES.map(([name]) => name))
})

test('every version of a dependency is exact', () => {
  for (const version of Object.values(manifest.dependencies))
    expect(version).toMatch(/^\d+\.\d+\.\d+$/)
})

const whyNot = whyNotBuilt()
sayNotBuilt('the built package', whyNot)
const hasNoModes = leftOutOnWindows('the execute bit of the command', NO_MODES)

/** What a fresh process prints that runs this code in the project's folder. */
function printed(type: 'module' | 'commonjs', code: string): unknown {
  const args = [`--input-type=${type}`, '--eval', code]
  return JSON.parse(execFileSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' }))
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
