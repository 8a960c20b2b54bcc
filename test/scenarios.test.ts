/** Every scenario file holds: those of the project, and the shared ones where they are there. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { parseScenario } from '../src/simulation/parse-scenario.ts'
import { runScenario } from '../src/simulation/run-scenario.ts'

const OWN = fileURLToPath(new URL('scenarios/', import.meta.url))
const SHARED = fileURLToPath(new URL('../../shared/scenarios/', import.meta.url))

/** Shared scenarios of what is not built yet: reads, adoption, records, device-scoped kinds. */
const notYet: ReadonlySet<string> = new Set([
  '06-stale-stale-fresh-fresh.yaml',
  '10-adopt-anonymous-at-login.yaml',
  '18-translated-ids.yaml',
  '19-dependents-of-a-dead-creation.yaml',
  '21-device-scoped-superseded.yaml',
  '22-read-your-writes.yaml',
  '23-read-race-with-a-fresh-token.yaml',
])

function filesOf(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.yaml'))
    .sort()
}

async function mismatchesOf(folder: string, name: string) {
  const file = join(folder, name)
  return (await runScenario(parseScenario(readFileSync(file, 'utf8'), file))).mismatches
}

/** Does it hold? One that cannot even be run does not. */
async function holds(folder: string, name: string): Promise<boolean> {
  return mismatchesOf(folder, name).then(
    (mismatches) => mismatches.length === 0,
    () => false,
  )
}

describe('the scenarios of this project', () => {
  test('there are some', () => {
    expect(filesOf(OWN).length).toBeGreaterThan(0)
  })

  test.each(filesOf(OWN))('%s', async (name) => {
    expect(await mismatchesOf(OWN, name)).toEqual([])
  })
})

const isSharedThere = existsSync(SHARED)
if (!isSharedThere) console.warn(`the shared scenarios are not run: there is no ${SHARED}`)

describe.runIf(isSharedThere)('the shared scenarios', () => {
  const names = isSharedThere ? filesOf(SHARED) : []

  test.each(names.filter((name) => !notYet.has(name)))('%s', async (name) => {
    expect(await mismatchesOf(SHARED, name)).toEqual([])
  })

  test('those that are not expected to hold yet are there', () => {
    expect(names).toEqual(expect.arrayContaining([...notYet]))
  })

  test.each([...notYet])('%s does not hold yet; once it does, it leaves the list', async (name) => {
    expect(await holds(SHARED, name)).toBe(false)
  })
})
