/**
 * Notices commits of other processes: whoever has committed touches the empty side file `<file>-commits`, before
 * anybody hears of the commit; the operating system tells that it was touched, SQLite whether that was somebody
 * else. Nothing polls, unless the operating system does not tell. It is not the WAL that is watched and touched: there the one costs a turn of the event loop
 * for each write of one's own, and the other half again as long an fsync, which writes down the time of the file.
 *
 * A process that dies between its commit and that touch may leave something that the others have not
 * noticed. Nobody was told that it is stored, but it is, or, in a transaction of the app, the app may know.
 * It is noticed with the next touch of anybody: a commit, also one's own, or a process that begins or is
 * used and does not get the lock (`SqliteStorage.lock`).
 */
import type { Database, Statement } from 'better-sqlite3'
import type { StorageHost, WatchLoss } from '../storage.ts'
import type { System } from './system.ts'
import { TouchedFile } from './touched-file.ts'

/** How often it is looked where the file system does not tell of commits (Q17). */
const LOOK_MS = 30_000
/** So many commits at most wait for one touch. */
const MOST_AT_ONCE = 32

export class CommitWatch {
  readonly #database: Database
  readonly #system: System
  readonly #host: StorageHost
  readonly #file: TouchedFile
  readonly #outdated: () => void
  readonly #others: () => void
  readonly #dataVersionQuery: Statement
  #listener: (() => void) | null = null
  #tellLoss: (why: WatchLoss) => void = () => undefined
  /** Ends the looks that stand in for the watch. */
  #stopLooking: () => void = () => undefined
  #version: unknown
  #isDue = false
  /** Commits that nobody has been told of. */
  #untold = 0
  #isAnnouncing = false

  /**
   * `file`: the real path of the database. What is committed from now on is noticed, once it starts; `outdated` is called
   * at once, and within a transaction also where it is not known; `others` only if it is known.
   */
  constructor(
    database: Database,
    file: string,
    system: System,
    host: StorageHost,
    { outdated, others }: { readonly outdated: () => void; readonly others: () => void },
  ) {
    this.#database = database
    this.#system = system
    this.#host = host
    this.#outdated = outdated
    this.#others = others
    this.#file = new TouchedFile({
      path: `${file}-commits`,
      system,
      host,
      heard: () => this.#lookAtTurnEnd(),
      lost: (why) => this.#lost(why),
    })
    this.#dataVersionQuery = database.prepare('PRAGMA data_version').pluck()
    this.#version = this.#dataVersion()
  }

  /** `lost` is called if the file system does not tell of commits, or not any more: from then on it is looked now and then. */
  start(listener: () => void, lost: (why: WatchLoss) => void = () => undefined): void {
    this.stop()
    this.#listener = listener
    this.#tellLoss = lost
    this.#file.start()
    this.#lookAtTurnEnd()
  }

  stop(): void {
    if (this.#untold > 0) this.announce()
    this.#listener = null
    this.#stopLooking()
    this.#file.stop()
  }

  /** A transaction has begun here: it sees what others have committed, which costs least to ask now. */
  lookWithin(): void {
    if (this.#listener === null) {
      this.#outdated()
      if (this.#dataVersion() !== this.#version) this.#others()
      return
    }
    this.#isDue = false
    if (this.#look()) this.#tellAtTurnEnd()
  }

  /** The same for who dispatches, for whom nobody has to send anything: it may wait for the end of a run of commits. */
  announceSoon(): void {
    this.#untold += 1
    if (this.#untold === MOST_AT_ONCE) this.announce()
    else if (!this.#isAnnouncing) this.#announceUnlessMore(0)
  }

  #announceUnlessMore(before: number): void {
    this.#isAnnouncing = true
    this.#host.atTurnEnd(() => {
      this.#isAnnouncing = false
      if (this.#untold > before) this.#announceUnlessMore(this.#untold)
      else if (this.#untold > 0) this.announce()
    })
  }

  /** Something was committed here, and others can see it now. */
  announce(): void {
    this.#untold = 0
    this.#file.touch()
    if (!this.#file.isWatched) this.#lookAtTurnEnd()
  }

  #lost(why: WatchLoss): void {
    if (this.#listener === null) return
    this.#lookLater()
    this.#host.atTurnEnd(() => {
      if (this.#listener !== null) this.#tellLoss(why)
    })
  }

  #lookLater(): void {
    const alarm = this.#system.after(LOOK_MS, () => {
      this.#lookAtTurnEnd()
      this.#lookLater()
    })
    this.#stopLooking = () => alarm.cancel()
  }

  /** Unless a transaction begins before that. */
  #lookAtTurnEnd(): void {
    if (this.#isDue || this.#listener === null) return
    this.#isDue = true
    this.#host.atTurnEnd(() => {
      if (!this.#isDue) return
      this.#isDue = false
      if (this.#database.open && this.#look()) this.#listener?.()
    })
  }

  #tellAtTurnEnd(): void {
    this.#host.atTurnEnd(() => {
      if (this.#database.open) this.#listener?.()
    })
  }

  /** Has another connection committed since the last time? */
  #look(): boolean {
    const version = this.#dataVersion()
    const hasChanged = version !== this.#version
    this.#version = version
    if (hasChanged || version === null) this.#outdated()
    if (hasChanged) this.#others()
    return hasChanged
  }

  /** Changes with commits of other connections, not with our own; null: it cannot be told now. */
  #dataVersion(): unknown {
    try {
      return this.#dataVersionQuery.get()
    } catch {
      return null
    }
  }
}
