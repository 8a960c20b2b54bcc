/**
 * The simulator finds bugs: of every fault that is put into the engine an invariant speaks, at a seed
 * that is quiet without it. All of them hunted anew: `npm run mutants`.
 */
import { beforeAll, expect, test } from 'vitest'
import type { Caught } from './mutants/hunts.ts'
import { MUTANTS } from './mutants/list.ts'
import { mutate } from './mutants/mutant.ts'
import { runHunts } from './mutants/run-hunts.ts'
import { readSeeds } from './mutants/seeds.ts'

const CHILDREN = 2
const MOST_MS = 240_000

const seeds = readSeeds()
const caught = new Map<string, Caught>()

beforeAll(async () => {
  const hunts = MUTANTS.map(({ id }) => ({ mutant: id, from: seeds[id] ?? 1, count: 1 }))
  const portions = Array.from({ length: CHILDREN }, (_, nth) =>
    hunts.filter((_hunt, at) => at % CHILDREN === nth),
  )
  const answers = await Promise.all(portions.map((some) => runHunts(some, { timeoutMs: MOST_MS })))
  for (const one of answers.flat()) caught.set(one.mutant, one)
}, MOST_MS)

test.each(MUTANTS)('$id is found: $what ($rule)', ({ id }) => {
  // If plans or invariants have changed: npm run mutants -- --record
  expect(seeds[id], 'its seed').toBeDefined()
  expect(caught.get(id)?.invariant, `the invariant that fails at seed ${seeds[id]}`).toBeTruthy()
})

test('names are unique, and no seed is of a mutant that is gone', () => {
  const ids = MUTANTS.map(({ id }) => id)
  expect(new Set(ids).size).toBe(ids.length)
  expect(Object.keys(seeds).filter((id) => !ids.includes(id))).toEqual([])
})

test('a mutant that finds nothing to replace, or too much, says so', () => {
  const mutant = { id: 'm', what: '', rule: 'Q1', file: 'a.ts', find: 'x', replace: '$&y' }
  expect(mutate(mutant, 'a x b')).toBe('a $&y b')
  expect(() => mutate(mutant, 'a b')).toThrow('mutant m')
  expect(() => mutate(mutant, 'x x')).toThrow('2 times')
})
