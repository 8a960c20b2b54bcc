/**
 * Group commit: the calls of one turn of the event loop are one transaction and one fsync. If that
 * transaction fails, its calls are tried again one by one, so that a failing one fails alone.
 */
import type { Database } from 'better-sqlite3'
import type { Answer, Change } from '../changes.ts'
import type { StorageHost } from '../storage.ts'
import type { Synchronous } from './connection.ts'
import { storageErrorOf } from './error-of.ts'

/** A transaction takes no more than this, lest it block the thread. */
const MOST_CHANGES = 512
const MOST_MS = 4

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
  readonly apply: (change: Change) => Answer
  /** Told when a transaction was rolled back, so that nothing it read or made is remembered. */
  readonly forget: () => void
}

export class GroupCommit {
  readonly #options: GroupCommitOptions
  #calls: Call[] = []
  #isScheduled = false
  #isVerified = false

  constructor(options: GroupCommitOptions) {
    this.#options = options
  }

  submit(changes: readonly Change[], synced: boolean): Promise<readonly Answer[]> {
    return new Promise((resolve, reject) => {
      this.#calls.push({ changes, synced, resolve, reject })
      this.#schedule()
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

  #commitGroup(): void {
    const { host } = this.#options
    const group: Call[] = []
    const answers: (readonly Answer[])[] = []
    try {
      this.#begin(this.#calls.some((call) => call.synced))
      const started = host.monotonic()
      let changeCount = 0
      for (const call of this.#calls) {
        if (changeCount > 0 && changeCount + call.changes.length > MOST_CHANGES) break
        if (group.length > 0 && host.monotonic() - started >= MOST_MS) break
        group.push(call)
        answers.push(this.#applyAll(call.changes))
        changeCount += call.changes.length
      }
      this.#commit()
    } catch {
      this.#rollBack()
      const failed = group.length > 0 ? group : this.#calls.slice(0, 1)
      this.#calls = this.#calls.slice(failed.length)
      for (const call of failed) this.#commitAlone(call)
      return
    }
    this.#calls = this.#calls.slice(group.length)
    for (const [index, call] of group.entries()) call.resolve(answers[index] ?? [])
  }

  #commitAlone(call: Call): void {
    let answers: readonly Answer[]
    try {
      this.#begin(call.synced)
      answers = this.#applyAll(call.changes)
      this.#commit()
    } catch (error) {
      this.#rollBack()
      call.reject(storageErrorOf(error))
      return
    }
    call.resolve(answers)
  }

  #begin(synced: boolean): void {
    const { database, synchronous, powerLoss } = this.#options
    synchronous.set(powerLoss && synced ? 'FULL' : 'NORMAL')
    database.exec('BEGIN IMMEDIATE')
  }

  #commit(): void {
    this.#options.database.exec('COMMIT')
    if (this.#isVerified) return
    this.#options.synchronous.verify()
    this.#isVerified = true
  }

  #rollBack(): void {
    const { database, forget } = this.#options
    forget()
    if (database.inTransaction) database.exec('ROLLBACK')
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
