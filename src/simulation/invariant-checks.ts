/** Asks every invariant of a run, and keeps what was found. */
import type { Mismatch } from './mismatch.ts'
import { AFTER_CLOSE, INVARIANTS, WHILE_OPEN } from './invariants/index.ts'
import type { Moment } from './invariants/invariant.ts'
import type { RunRecord } from './invariants/run-record.ts'

/** What is broken once is often broken ever after: so much of it is enough. */
const MOST_OF_EACH = 3

export class InvariantChecks {
  readonly mismatches: Mismatch[] = []
  readonly #run: RunRecord
  readonly #checks

  constructor(run: RunRecord) {
    this.#run = run
    this.#checks = INVARIANTS.map(({ id, statement, begin }) => ({
      what: `invariant ${id}`,
      lasts: AFTER_CLOSE.has(id),
      isOfOpen: WHILE_OPEN.has(id),
      expected: statement,
      ask: begin(run),
      count: 0,
    }))
  }

  look(moment: Moment): void {
    for (const check of this.#checks) {
      if (moment === 'closed' && !check.lasts) continue
      if (this.#run.isClosing && check.isOfOpen) continue
      for (const seen of check.ask(moment)) {
        check.count += 1
        if (check.count > MOST_OF_EACH) continue
        this.mismatches.push({ what: check.what, expected: check.expected, seen })
      }
    }
  }
}
