/**
 * Group commit: the calls of one turn of the event loop are one transaction and one fsync. If that
 * transaction fails, its calls are tried again one by one, so that a failing one fails alone.
 *
 * Calls that need no fsync may not wait for the end of the turn, where nothing else does: they share a transaction
 * with those that are handed in while what is under way just now runs to its end. But only for a while, lest a run of
 * them keep the event loop from turning.
 */
import type { Database } from 'better-sqlite3'
import type { Answer, Change } from '../changes.ts'
import { StorageError } from '../storage-error.ts'
import type { StorageHost } from '../storage.ts'
import type { Synchronous } from './connection.ts'
import { storageErrorOf } from './error-of.ts'

/** A transaction takes no more than this, lest it block the thread; nor does a run of them within a turn. */
const MOST_CHANGES = 512
const MOST_MS = 4

/** Commits that follow each other within so many milliseconds are a run. */
const RUN_GAP_MS = 1

interface Call {
  readonly changes: readonly Change[]
  readonly synced: boolean
  readonly resolve: (answers: readonly Answer[]) => void
  readonly reject: (error: Error) => void
}

export interface GroupCommitOptions {
  readonly database: Database
  readonly host: StorageHost
  readonly synchronous: Synchronous
  /** Do synced calls use `synchronous=FULL`? */
  readonly powerLoss: boolean
  /** Told when a transaction has begun, before anything is applied. */
  readonly begun: () => void
  readonly apply: (change: Change) => Answer
  /** Told after each transaction, before anybody hears of it. */
  readonly committed: () => void
  /** Told when a transaction was rolled back, so that nothing it read or made is remembered. */
  readonly forget: () => void
}

export class GroupCommit {
  readonly #options: GroupCommitOptions
  readonly #begin
  readonly #commit
  readonly #rollback
  #calls: Call[] = []
  #isScheduled = false
  #isScheduledSoon = false
  /** The run of commits that did not wait for the end of a turn: when it began, and when its last one ended. */
  #runBegan = Number.NEGATIVE_INFINITY
  #runEnded = Number.NEGATIVE_INFINITY

  constructor(options: GroupCommitOptions) {
    this.#options = options
    this.#begin = options.database.prepare('BEGIN IMMEDIATE')
    this.#commit = options.database.prepare('COMMIT')
    this.#rollback = options.database.prepare('ROLLBACK')
  }

  /** `soon`: need it not wait for the end of the turn? Only where it is not synced. */
  submit(changes: readonly Change[], synced: boolean, soon: boolean): Promise<readonly Answer[]> {
    return new Promise((resolve, reject) => {
      this.#calls.push({ changes, synced, resolve, reject })
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
    void Promise.resolve().then(() => {
      this.#isScheduledSoon = false
      if (this.#isScheduled || this.#calls.length === 0) return
      // The app may have a transaction open until the end of the turn that began it.
      if (this.#options.database.inTransaction) {
        this.#schedule()
        return
      }
      this.#commitGroup()
      this.#runEnded = this.#options.host.monotonic()
      if (this.#calls.length > 0) this.#schedule()
    })
  }

  /** Has the event loop been kept from turning for as long as it may be? Then the next run begins after this turn. */
  #isLongRun(): boolean {
    const now = this.#options.host.monotonic()
    if (now - this.#runEnded > RUN_GAP_MS) this.#runBegan = now
    if (now - this.#runBegan < MOST_MS) return false
    this.#runEnded = Number.NEGATIVE_INFINITY
    return true
  }

  #commitGroup(): void {
    const { host } = this.#options
    const calls = this.#calls
    const group: Call[] = []
    const answers: (readonly Answer[])[] = []
    try {
      this.#transact(
        calls.some((call) => call.synced),
        () => {
          const started = host.monotonic()
          let changeCount = 0
          for (const call of calls) {
            if (changeCount > 0 && changeCount + call.changes.length > MOST_CHANGES) break
            if (group.length > 0 && host.monotonic() - started >= MOST_MS) break
            group.push(call)
            answers.push(this.#applyAll(call.changes))
            changeCount += call.changes.length
          }
        },
      )
    } catch (error) {
      this.#calls = calls.slice(group.length)
      for (const call of group) this.#commitAlone(call)
      if (group.length === 0) this.#rejectAll(error)
      return
    }
    this.#calls = calls.slice(group.length)
    for (const [index, call] of group.entries()) call.resolve(answers[index] ?? [])
  }

  /** The transaction could not even begin. Tried one by one, each call would wait for the lock again. */
  #rejectAll(error: unknown): void {
    const calls = this.#calls
    this.#calls = []
    for (const call of calls) call.reject(storageErrorOf(error))
  }

  #commitAlone(call: Call): void {
    try {
      call.resolve(this.#transact(call.synced, () => this.#applyAll(call.changes)))
    } catch (error) {
      call.reject(storageErrorOf(error))
    }
  }

  /** A transaction that was not begun here is the app's own: it is left alone. */
  #transact<T>(synced: boolean, run: () => T): T {
    const { database, synchronous, powerLoss, begun, committed, forget } = this.#options
    if (database.inTransaction) {
      throw new StorageError(
        'STORAGE_BUSY',
        'a transaction of the app is open on the connection it gave; end it in the turn that began it',
      )
    }
    synchronous.set(powerLoss && synced ? 'FULL' : 'NORMAL')
    try {
      this.#begin.run()
      begun()
      const result = run()
      this.#commit.run()
      committed()
      return result
    } catch (error) {
      forget()
      if (database.inTransaction) this.#rollback.run()
      throw error
    } finally {
      synchronous.rest()
    }
  }

  /** After a change that missed, the rest of its call is missed too. */
  #applyAll(changes: readonly Change[]): readonly Answer[] {
    const answers: Answer[] = []
    let missed = false
    for (const change of changes) {
      const answer: Answer = missed ? { applied: false } : this.#options.apply(change)
      missed ||= !answer.applied
      answers.push(answer)
    }
    return answers
  }
}
