/**
 * Group commit: the calls of one turn of the event loop are one transaction and one fsync. If that
 * transaction fails, its calls are tried again one by one, so that a failing one fails alone.
 *
 * Calls that cause no fsync need not wait for the end of the turn, where nothing else does: they share a transaction
 * with those that are handed in while what is under way just now runs to its end. But only for a while, lest a run of
 * them keep the event loop from turning. Under `app-crash` no call causes one.
 */
import type { Answer, Change } from '../changes.ts'
import type { CommitOptions, StorageHost } from '../storage.ts'
import { needsNewOpening, type StorageError, type StorageErrorCode } from '../storage-error.ts'
import type { Transaction } from './transaction.ts'

/** A transaction takes no more than this, lest it block the thread; nor does a run of them within a turn. */
const MOST_CHANGES = 512
const MOST_MS = 4

interface Call {
  readonly changes: readonly Change[]
  /** Does it cause an fsync? */
  readonly synced: boolean
  /** Does it store what the app is told is safe? Anything else is only done once more if it is lost. */
  readonly mustLast: boolean
  /** Does each of its changes stand for itself? */
  readonly apart: boolean
  readonly resolve: (answers: readonly Answer[]) => void
  readonly reject: (error: Error) => void
}

export interface GroupCommitOptions {
  readonly transaction: Transaction
  readonly host: StorageHost
  /** Does a call that wants to be synced get an fsync? */
  readonly powerLoss: boolean
  /** What the caller hears of something that was thrown. */
  readonly failureOf: (thrown: unknown) => StorageError
  readonly apply: (change: Change) => Answer
  /** Changes that stand for themselves. */
  readonly applyApart: (changes: readonly Change[]) => readonly Answer[]
}

export class GroupCommit {
  readonly #options: GroupCommitOptions
  #calls: Call[] = []
  #isScheduled = false
  #isScheduledSoon = false
  /** When the first commit of this turn was wanted that does not wait for its end; null: none was. */
  #runBegan: number | null = null

  constructor(options: GroupCommitOptions) {
    this.#options = options
  }

  /** `soon`: need it not wait for the end of the turn? Only where it causes no fsync. */
  submit(
    changes: readonly Change[],
    { synced: isWanted = true, apart = false }: CommitOptions,
    soon: boolean,
  ): Promise<readonly Answer[]> {
    const synced = isWanted && this.#options.powerLoss
    return new Promise((resolve, reject) => {
      this.#calls.push({ changes, synced, mustLast: isWanted, apart, resolve, reject })
      if (synced || !soon) this.#schedule()
      else this.#scheduleSoon()
    })
  }

  /** Commits all that was handed in. */
  flush(): void {
    while (this.#calls.length > 0) this.#commitGroup()
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    this.#options.host.atTurnEnd(() => {
      this.#isScheduled = false
      if (this.#calls.length > 0) this.#commitGroup()
      if (this.#calls.length > 0) this.#schedule()
    })
  }

  /** As soon as what is under way has run to its end; with the rest of the turn, where that waits for an fsync. */
  #scheduleSoon(): void {
    if (this.#isScheduled || this.#isScheduledSoon) return
    if (this.#isLongRun()) {
      this.#schedule()
      return
    }
    this.#isScheduledSoon = true
    void Promise.resolve().then(this.#commitSoon)
  }

  readonly #commitSoon = (): void => {
    this.#isScheduledSoon = false
    if (this.#isScheduled || this.#calls.length === 0) return
    // The app may have a transaction open until the end of the turn that began it.
    if (this.#options.transaction.isAppsOpen) {
      this.#schedule()
      return
    }
    this.#commitGroup(true)
    if (this.#calls.length > 0) this.#schedule()
  }

  /**
   * Has the event loop been kept from turning for as long as it may be? Only its turning ends a run: between two
   * commits the app may compute for a while, and nothing else has its turn then either.
   */
  #isLongRun(): boolean {
    const { host } = this.#options
    const now = host.monotonic()
    if (this.#runBegan !== null) return now - this.#runBegan >= MOST_MS
    this.#runBegan = now
    host.atTurnEnd(() => {
      this.#runBegan = null
    })
    return false
  }

  /** `inRun`: need it not wait for the end of the turn? */
  #commitGroup(inRun = false): void {
    const { transaction } = this.#options
    const calls = this.#calls
    const group: Call[] = []
    const answers: (readonly Answer[])[] = []
    try {
      transaction.begin(calls.some(isSynced))
      this.#applyGroup(calls, group, answers)
      transaction.end(group.some(mustLast) ? (inRun ? 'in a run' : 'alone') : 'repeatable')
    } catch (error) {
      transaction.undo()
      // After damage nothing of the group is tried again.
      this.#options.failureOf(error)
      this.#calls = calls.slice(group.length)
      for (const call of group) this.#commitAlone(call)
      if (group.length === 0) this.#rejectAll(error)
      return
    }
    this.#calls = group.length === calls.length ? [] : calls.slice(group.length)
    for (let index = 0; index < group.length; index += 1) {
      group[index]?.resolve(answers[index] ?? [])
    }
  }

  /** As many of the calls as there is room and time for; the last of the group is the one that fails. */
  #applyGroup(calls: readonly Call[], group: Call[], answers: (readonly Answer[])[]): void {
    const { host } = this.#options
    const started = calls.length > 1 ? host.monotonic() : 0
    let changeCount = 0
    for (const call of calls) {
      if (changeCount > 0 && changeCount + call.changes.length > MOST_CHANGES) return
      if (group.length > 0 && host.monotonic() - started >= MOST_MS) return
      group.push(call)
      answers.push(this.#applyAll(call))
      changeCount += call.changes.length
    }
  }

  /** The transaction could not even begin. Tried one by one, each call would wait for the lock again. */
  #rejectAll(error: unknown): void {
    const calls = this.#calls
    this.#calls = []
    const failure = this.#options.failureOf(error)
    for (const call of calls) call.reject(failure)
  }

  #commitAlone(call: Call): void {
    const { transaction, failureOf } = this.#options
    try {
      transaction.begin(call.synced)
      const answers = this.#applyAll(call)
      transaction.end()
      call.resolve(answers)
    } catch (error) {
      transaction.undo()
      const failure = failureOf(error)
      // Somebody has the lock: each of its changes would wait for it again. After damage all of them fail.
      const isForAll = failure.code === 'STORAGE_BUSY' || needsNewOpening(failure)
      const canBeParted = call.apart && call.changes.length > 1 && !isForAll
      if (canBeParted) call.resolve(this.#commitApart(call))
      else call.reject(failure)
    }
  }

  /** Each change in a transaction of its own. */
  #commitApart({ changes, synced }: Call): readonly Answer[] {
    const { transaction, apply, failureOf } = this.#options
    let failed: StorageErrorCode | null = null
    return changes.map((change) => {
      // Somebody has the lock: each of the others would wait for it again.
      if (failed === 'STORAGE_BUSY') return { applied: false, failed }
      try {
        transaction.begin(synced)
        const answer = apply(change)
        transaction.end()
        return answer
      } catch (error) {
        transaction.undo()
        failed = failureOf(error).code
        return { applied: false, failed }
      }
    })
  }

  /** After a change that missed, the rest of its call is missed too, unless they are apart. */
  #applyAll({ changes, apart }: Call): readonly Answer[] {
    const { apply, applyApart } = this.#options
    const [first] = changes
    if (first !== undefined && changes.length === 1) return [apply(first)]
    if (apart) return applyApart(changes)
    const answers: Answer[] = []
    let missed = false
    for (const change of changes) {
      const answer: Answer = missed ? { applied: false } : apply(change)
      missed ||= !answer.applied
      answers.push(answer)
    }
    return answers
  }
}

function isSynced({ synced }: Call): boolean {
  return synced
}

function mustLast(call: Call): boolean {
  return call.mustLast
}
