/** Faults in the storage, and in what a journal's summary has. */
import type { Mutant } from './mutant.ts'

export const STORAGE_MUTANTS: readonly Mutant[] = [
  {
    id: 'rest-of-a-call-applied',
    what: 'after a change that missed, the rest of its call is applied',
    rule: 'Q11',
    in: '#applyAll',
    find: 'missed ||= !answer.applied',
    replace: 'missed &&= !answer.applied',
    foundBy: {
      file: 'test/storage.contract.test.ts',
      test: 'the SQLite storage on a file > after a change that missed the rest of …',
    },
  },
  {
    id: 'outcomes-kept-for-minutes',
    what: 'an outcome is kept for 10 minutes, not for a week',
    rule: 'Q18',
    in: 'KEPT_MS',
    find: '7 * DAY_MS',
    replace: '10 * 60 * 1000',
    foundBy: {
      file: 'test/storage.contract.test.ts',
      test: 'the SQLite storage on a file > how an operation ended is forgotten at …',
    },
  },
  {
    id: 'newest-outcomes-forgotten',
    what: 'where there are too many outcomes, the newest are forgotten',
    rule: 'Q18',
    in: 'Outcomes',
    find: 'const isSurplus = `number < ?',
    replace: 'const isSurplus = `number >= ?',
    foundBy: {
      file: 'test/storage.contract.test.ts',
      test: 'the SQLite storage on a file > of more than 10,000 ends of before the …',
    },
  },
  {
    id: 'question-overtakes-commits',
    what: 'a question to the thread of the storage overtakes the commits that were handed in before it',
    rule: 'Q2',
    in: 'ask',
    find: `this.#outbox.push(call)
      if (name === 'commit') this.#sendAtTurnEnd()
      else this.#send()`,
    replace: `if (name === 'commit') {
        this.#outbox.push(call)
        this.#sendAtTurnEnd()
      } else this.#post([call])`,
    foundBy: {
      file: 'test/worker-storage.test.ts',
      test: 'an engine with its storage on a thread > stores what was enqueued when it closes',
    },
  },
  {
    id: 'summary-loses-a-field',
    what: 'a journal that begins in the middle does not know which attempts were refused',
    rule: 'E2',
    in: 'restore',
    find: 'this.refusedCount = saved.refusedCount\n',
    replace: '',
    foundBy: {
      file: 'test/ring-journal.test.ts',
      test: 'a ring of 12 lines replays: test/scenarios/t8-a-reply-of-a-proxy-accepts-no-token.yaml',
    },
  },
  {
    id: 'forget-leaves-positions',
    what: 'forget() leaves the reading positions of the user',
    rule: 'I12',
    in: '#forget',
    find: 'this.#positions.forgetLane(lane)',
    replace: '',
    foundBy: {
      file: 'test/forget.test.ts',
      test: 'a file of our own > holds nothing of who is forgotten, nor does its -wal',
    },
  },
  {
    id: 'forget-leaves-records',
    what: 'forget() leaves the records of the user',
    rule: 'I12',
    in: '#forget',
    find: 'this.#records.forgetLane(lane, at)',
    replace: '',
    foundBy: {
      file: 'test/forget.test.ts',
      test: 'a file of our own > holds nothing of who is forgotten, nor does its -wal',
    },
  },
]
