/** Faults in records, in dead letters that come back, and in the places that they take. */
import type { Mutant } from './mutant.ts'

export const RECORD_MUTANTS: readonly Mutant[] = [
  {
    id: 'retry-wants-all-records',
    what: 'the retry of a creation brings back only what depends on nothing else',
    rule: 'Q12',
    in: '#dependentsOf',
    find: 'dependsOn.some((local) => locals.includes(local))',
    replace: 'dependsOn.every((local) => locals.includes(local))',
    foundBy: {
      file: 'test/records.test.ts',
      test: 'when a creation > is dead, what requires what its dependents create is dead too; retry brings all back',
    },
  },
  {
    id: 'expired-creation-wakes-no-lane',
    what: 'a lane that waits for a record does not hear that the creation has expired',
    rule: 'Q12',
    in: 'drop',
    find: 'areRecordsChanged: row.creates.length > 0,',
    replace: '',
    foundBy: { file: 'test/scenarios/q12-an-expired-creation-frees-the-lane-that-waits.yaml' },
  },
  {
    id: 'superseded-creation-wakes-no-lane',
    what: 'a lane that waits for a record does not hear that the creation is superseded',
    rule: 'I8',
    in: '#dropped',
    find: 'if (dropped.length > 0) this.#parts.records.changed()',
    replace: 'if (dropped.length === 0) this.#parts.records.changed()',
    foundBy: { file: 'test/scenarios/i8-a-creation-that-is-superseded-frees-who-waits.yaml' },
  },
  {
    id: 'adopted-creation-wakes-no-lane',
    what: 'a lane that waits for a record does not hear that the creation is adopted',
    rule: 'I3',
    in: '#adopted',
    find: `this.#parts.records.changed()
    if (from === undefined) return`,
    replace: `if (from === undefined) this.#parts.records.changed()
    if (from === undefined) return`,
    foundBy: {
      file: 'test/scenarios/q12-an-adopted-creation-behind-what-needs-it-is-out-of-reach.yaml',
    },
  },
  {
    id: 'dead-creation-wakes-no-lane',
    what: 'a lane that waits for a record does not hear that the creation is dead',
    rule: 'Q12',
    in: 'bury',
    find: 'areRecordsChanged: members.some((row) => row.creates.length > 0),',
    replace: '',
    foundBy: { file: 'test/scenarios/q12-a-creation-that-dies-frees-the-lane-that-waits.yaml' },
  },
  {
    id: 'one-letter-of-an-envelope-discarded',
    what: 'discard() of a dead letter leaves the other letters of its envelope of unknown outcome',
    rule: 'Q9',
    in: 'discard',
    find: 'const letters = this.#envelopeOf(letter)',
    replace: 'const letters = [letter]',
    foundBy: {
      file: 'test/storage.contract.test.ts',
      test: 'the SQLite storage on a file > discard removes a dead letter and retai…',
    },
  },
  {
    id: 'retried-letter-tears-an-envelope',
    what: 'a retried letter takes the place directly behind the head of a recorded envelope',
    rule: 'Q5',
    in: 'endAround',
    find: 'first <= place',
    replace: 'first < place',
    foundBy: {
      file: 'test/storage.contract.test.ts',
      test: 'the SQLite storage on a file > nor does a letter come behind the head …',
    },
  },
  {
    id: 'retried-letter-overtakes-an-older-one',
    what: 'a retried letter comes before an older one that stands behind its old place',
    rule: 'Q9',
    in: 'of',
    find: 'if (next === undefined || !wasMadeBefore(next.id, row)) break',
    replace:
      'if (next === undefined || next.place > row.place || !wasMadeBefore(next.id, row)) break',
    foundBy: {
      file: 'test/storage.contract.test.ts',
      test: 'the SQLite storage on a file > letters revived one by one behind a sen…',
    },
  },
  {
    id: 'half-a-shift-told',
    what: 'storage tells that it has moved places by half of what it has',
    rule: 'Q13',
    in: '#shift',
    find: 'this.#shifts.push({ lane, after, by: PLACE_STEP })',
    replace: 'this.#shifts.push({ lane, after, by: PLACE_STEP / 2 })',
    foundBy: {
      file: 'test/reads.test.ts',
      test: 'a read > waits for all of the lane, though many follow-ups have pushed it back',
    },
  },
]
