/** Faults in reads. */
import type { Mutant } from './mutant.ts'

export const READ_MUTANTS: readonly Mutant[] = [
  {
    id: 'read-ignores-the-last-write',
    what: 'a read does not wait for the last of the writes before it',
    rule: 'R1',
    in: '#advance',
    find: 'first > barrier.through',
    replace: 'first >= barrier.through',
    foundBy: { file: 'test/scenarios/r1-a-position-without-a-delay-is-waited-for-500-ms.yaml' },
  },
  {
    id: 'barrier-stays-behind',
    what: 'the place that a read waits for does not move when the operations move',
    rule: 'R1',
    in: '#shift',
    find: 'for (const barrier of this.barriers) barrier.through = move(barrier.through)',
    replace: '',
    foundBy: {
      file: 'test/reads.test.ts',
      test: 'a read > waits for all of the lane, though many follow-ups have pushed it back',
    },
  },
  {
    id: 'waits-for-one-position-only',
    what: 'a read does not wait for the delay of a position that was told while it waited for another one',
    rule: 'R1',
    in: '#lookForPosition',
    find: 'read.waitedFor === position.token',
    replace: 'read.waitedFor !== null',
  },
  {
    id: 'logout-cancels-no-read',
    what: 'a logout does not cancel the reads of the user',
    rule: 'R4',
    in: '#cancelOthers',
    find: 'if (read.user !== user)',
    replace: 'if (user !== null && read.user !== user)',
    foundBy: { file: 'test/scenarios/r4-a-logout-cancels-pending-reads.yaml' },
  },
]
