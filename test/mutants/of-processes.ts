/** Faults between processes that share a database. */
import type { Mutant } from './mutant.ts'

export const PROCESS_MUTANTS: readonly Mutant[] = [
  {
    id: 'two-dispatchers',
    what: 'who does not get the lock dispatches all the same',
    rule: 'Q17',
    file: 'src/engine/life/dispatch.ts',
    find: 'else if (answer.value) {',
    replace: 'else if (answer.ok) {',
  },
  {
    id: 'commits-of-others-unheard',
    what: 'the dispatcher does not look at what others have committed',
    rule: 'Q17',
    file: 'src/engine/life/dispatch.ts',
    find: `  heardOfCommit(): void {
    this.#reload()`,
    replace: '  heardOfCommit(): void {',
  },
]
