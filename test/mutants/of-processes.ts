/** Faults between processes that share a database. */
import type { Mutant } from './mutant.ts'

export const PROCESS_MUTANTS: readonly Mutant[] = [
  {
    id: 'two-dispatchers',
    what: 'who does not get the lock dispatches all the same',
    rule: 'Q17',
    in: 'start',
    find: 'else if (answer.value) {',
    replace: 'else if (answer.ok) {',
  },
  {
    id: 'commits-of-others-unheard',
    what: 'the dispatcher does not look at what others have committed',
    rule: 'Q17',
    in: 'heardOfCommit',
    find: 'this.#reload(then)',
    replace: 'then()',
  },
  {
    id: 'receipts-deaf-to-others',
    what: 'a receipt is not told of an end in another process',
    rule: 'Q23',
    in: 'LiveHoldfast',
    find: 'onForeignChange: () => this.#receipts.recheck(),',
    replace: 'onForeignChange: () => undefined,',
  },
  {
    id: 'gone-is-completed',
    what: 'a receipt says completed of all that is gone, without a look at its outcome',
    rule: 'Q23',
    in: 'endOf',
    find: '  const { outcome, reason, status } = found.outcome\n',
    replace:
      "  const { reason, status } = found.outcome\n  const outcome = 'completed' as string as typeof found.outcome.outcome\n",
  },
  {
    id: 'no-look-after-a-lost-watch',
    what: 'a process whose watch has failed does not look',
    rule: 'Q17',
    in: '#lost',
    find: `    this.#lookLater()
    this.#host.atTurnEnd(() => {
      if (this.#listener !== null) this.#tellLoss(why)`,
    replace: `    this.#host.atTurnEnd(() => {
      if (this.#listener !== null) this.#tellLoss(why)`,
  },
  {
    id: 'removed-side-file-not-made-again',
    what: 'a process goes on watching a side file that was removed, and makes no new one',
    rule: 'Q17',
    in: '#heard',
    find: `if (kind === 'rename' && this.#isReplaced()) this.#watchAnew()`,
    replace: '',
    foundBy: {
      file: 'test/scenarios/q17-a-side-file-that-was-removed-is-made-and-watched-again.yaml',
    },
  },
  {
    id: 'lost-watch-not-told',
    what: 'WATCH_LOST is not told',
    rule: 'Q17',
    in: 'PortListeners',
    find: `if (!context.phase.isClosing) context.report('error', { error: watchLost(why) })`,
    replace: 'void why',
  },
  {
    id: 'commit-seen-within-is-not-told',
    what: 'a commit of another process that a transaction sees first is not told',
    rule: 'Q17',
    in: '#tellAtTurnEnd',
    find: 'if (this.#parts.isOpen())',
    replace: 'if (this.#isDue && this.#parts.isOpen())',
    foundBy: {
      file: 'test/dispatch-lock.test.ts',
      test: 'Q17: within a transaction of our own it is noticed too, and told after that',
    },
  },
  {
    id: 'waiting-process-gives-up',
    what: 'a process that did not get the lock does not try again',
    rule: 'Q17',
    in: 'used',
    find: `        this.#armIfPending()
`,
    replace: '',
    foundBy: {
      file: 'test/dispatch.test.ts',
      test: 'one that waits > has an alarm from its start on, where something is pending by then',
    },
  },
  {
    id: 'close-forgets-the-doubt-of-before',
    what: 'an orderly close forgets what the process before this one may have sent',
    rule: 'Q10',
    in: 'leaveBehind',
    find: 'isSent(lane) || lane.mayHaveBeenSent || lane.isOutcomeUnknown',
    replace: 'isSent(lane) || lane.isOutcomeUnknown',
    foundBy: {
      file: 'test/left-behind.test.ts',
      test: 'the head of a lane > cannot after a close either, if it has not been sent again since a crash',
    },
  },
]
