/** Faults in what happens after a page of the database was damaged (E2). */
import type { Mutant } from './mutant.ts'

export const DAMAGE_MUTANTS: readonly Mutant[] = [
  {
    id: 'acknowledges-after-damage',
    what: 'damage is taken for a fault that passes: enqueue() goes on acknowledging',
    rule: 'E2',
    in: 'NEEDING_A_NEW_OPENING',
    find: `  'STORAGE_CORRUPT',
  'STORAGE_GONE',
  'ORIGIN_CHANGED',
`,
    replace: `  'STORAGE_GONE',
  'ORIGIN_CHANGED',
`,
  },
  {
    id: 'salvage-forgets-letters',
    what: 'a salvage leaves the dead letters behind',
    rule: 'E2',
    in: 'salvage',
    find: `copy('letters', LETTERS, {`,
    replace: `copy('outcomes', OUTCOMES, {`,
  },
  {
    id: 'lost-envelope-formed-anew',
    what: 'an envelope that may have been sent and is unreadable is formed anew',
    rule: 'E2',
    in: 'salvageEnvelopes',
    find: 'if (gaps.some((gap) => isWithin(gap, [BigInt(lane), BigInt(place)]))) lose(lane, place)',
    replace: '',
  },
  {
    id: 'lost-places-given-again',
    what: 'after a salvage the places of lost operations are given again',
    rule: 'Q2',
    in: 'writeLanes',
    find: '(mayEndLater(gaps, lane, end) ? UNKNOWN_PLACES : 0)',
    replace: '0',
  },
  {
    id: 'set-aside-in-two-places',
    what: 'a set-aside that is refused does not move back what it has moved',
    rule: 'E5',
    in: 'moveAll',
    find: `      moveBack(moved, file, aside, system)
`,
    replace: '',
  },
]
