/**
 * The simulator and the suite find bugs: with every fault that is put into the engine something fails, at a seed
 * that is quiet without it, or in a scenario or a test. All of them hunted anew: `npm run mutants`.
 */
import { beforeAll, expect, test } from 'vitest'
import { brokenIn } from './mutants/broken-in.ts'
import { type Caught, type Hunt, THE_RUN } from './mutants/hunts.ts'
import { MUTANTS } from './mutants/list.ts'
import type { Mutant } from './mutants/mutant.ts'
import { mutate, mutated } from './mutants/places.ts'
import { runHunts } from './mutants/run-hunts.ts'
import { runTest } from './mutants/run-test.ts'
import { readSeeds } from './mutants/seeds.ts'

const CHILDREN = 2
const MOST_MS = 600_000

/** Less than in a search, so that the mutants that never end do not take most of the time. */
const LONGEST_RUN_MS = 15_000

const seeds = readSeeds()
const caught = new Map<string, Caught>()

/** Null: a test must find it. */
function huntOf({ id, foundBy }: Mutant): Hunt | null {
  const from = seeds[id]
  if (from !== undefined || foundBy === undefined) return { mutant: id, from: from ?? 1, count: 1 }
  return foundBy.file.endsWith('.yaml') ? { mutant: id, scenario: foundBy.file } : null
}

function portion<T>(all: readonly T[], nth: number): readonly T[] {
  return all.filter((_one, at) => at % CHILDREN === nth)
}

beforeAll(async () => {
  const hunts = MUTANTS.map(huntOf).filter((hunt) => hunt !== null)
  const tested = MUTANTS.filter((mutant) => huntOf(mutant) === null)
  const heard = (one: Caught): void => void caught.set(one.mutant, one)
  const work = async (nth: number): Promise<void> => {
    await runHunts(portion(hunts, nth), { runMs: LONGEST_RUN_MS, heard })
    for (const { id, foundBy } of portion(tested, nth)) {
      if (foundBy !== undefined) heard(await runTest(id, foundBy))
    }
  }
  await Promise.all(Array.from({ length: CHILDREN }, async (_, nth) => work(nth)))
}, MOST_MS)

test.each(MUTANTS)('$id is found: $what ($rule)', ({ id, foundBy }) => {
  // If plans or invariants have changed: npm run mutants -- --record
  expect(seeds[id] ?? foundBy, 'its seed, or what else finds it').toBeDefined()
  const where = seeds[id] ?? foundBy?.file
  expect(caught.get(id)?.by, `the check that fails at ${where}`).toBeTruthy()
})

test('a run that never ends is found, and the hunts behind it go on', () => {
  expect(caught.get('endless-loop')).toMatchObject({ by: THE_RUN, ms: LONGEST_RUN_MS })
  expect(caught.size).toBe(MUTANTS.length)
})

test('a run that breaks off is found', async () => {
  const broken = async (run: () => unknown) => brokenIn(async () => run() as never)
  expect(await broken(() => Promise.reject(new Error('no end')))).toBe(THE_RUN)
  expect(await broken(() => ({ mismatches: [] }))).toBe(null)
  expect(await broken(() => ({ mismatches: [{ what: 'invariant drains' }] }))).toBe('drains')
})

test('names are unique, and no seed is of a mutant that is gone', () => {
  const ids = MUTANTS.map(({ id }) => id)
  expect(new Set(ids).size).toBe(ids.length)
  expect(Object.keys(seeds).filter((id) => !ids.includes(id))).toEqual([])
})

test('every mutant changes one place of the engine, and names the one test that finds it', () => {
  for (const mutant of MUTANTS) {
    expect(mutant.replace).not.toBe(mutant.find)
    expect(mutated(mutant).text).toContain(mutant.replace)
  }
  // A whole file of tests would take too long.
  const untitled = MUTANTS.filter(({ foundBy = { file: '.yaml' } }) => {
    return !foundBy.file.endsWith('.yaml') && foundBy.test === undefined
  })
  expect(untitled).toEqual([])
})

const FILES = new Map([
  ['src/a.ts', 'class A {\n  #heard = () => x\n  heard(): void {\n    x()\n  }\n}\n'],
  ['src/b.ts', 'const x = 1\nfunction heard() {\n  y(x)\n}\nconst LIMIT = { x, most: 3 }\n'],
])

function sample(place: { readonly in: string; readonly find: string }): Mutant {
  return { id: 'm', what: '', rule: 'Q1', replace: '$&z', ...place }
}

test.each([
  ['a method', 'heard', 'x()', 'src/a.ts'],
  ['a private field', '#heard', 'x', 'src/a.ts'],
  ['a function of the same name, told apart by its text', 'heard', 'y(x)', 'src/b.ts'],
  ['a constant of the module', 'LIMIT', 'most: 3', 'src/b.ts'],
])('a mutant finds %s wherever it stands', (_title, name, find, file) => {
  const text = FILES.get(file) ?? ''
  const found = mutate(sample({ in: name, find }), FILES)
  expect(found.file).toBe(file)
  expect(found.text.length).toBe(text.length - find.length + '$&z'.length)
  expect(found.text).toContain('$&z')
})

test.each([
  ['nothing', 'heard', 'gone()', 'and is 0 times'],
  ['a text outside the function it names', 'heard', 'most: 3', 'and is 0 times'],
  ['a text that two functions of that name have', 'heard', 'x', 'src/a.ts:4, src/b.ts:3'],
  ['a name that nothing has', 'unheard', 'y(x)', 'and is 0 times'],
])('a mutant that names %s says so', (_title, name, find, message) => {
  expect(() => mutate(sample({ in: name, find }), FILES)).toThrow('mutant m: ')
  expect(() => mutate(sample({ in: name, find }), FILES)).toThrow(message)
})
