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
import type { StorageHost, WatchLoss } from '../storage.ts'
import type { System } from './system.ts'
import { TouchedFile } from './touched-file.ts'

/** How often it is looked where the file system does not tell of commits (Q17). */
const LOOK_MS = 30_000
/** So many commits at most wait for one touch. */
const MOST_AT_ONCE = 32

export interface WatchedParts {
  /** The real path of the database. */
  readonly file: string
  readonly system: System
  readonly host: StorageHost
  /** Changes with commits of other connections, not with those of this one; null: it cannot be told now. */
  readonly version: () => unknown
  /** True while the connection may be used. */
  readonly isOpen: () => boolean
  /** Another one may have committed. Called at once, and within a transaction also where it is not known. */
  readonly outdated: () => void
  /** Another one has committed. */
  readonly others: () => void
}

export class CommitWatch {
  readonly #parts: WatchedParts
  readonly #system: System
  readonly #host: StorageHost
  readonly #file: TouchedFile
  #listener: (() => void) | null = null
  #tellLoss: (why: WatchLoss) => void = () => undefined
  /** Ends the looks that stand in for the watch. */
  #stopLooking: () => void = () => undefined
  #version: unknown
  #isDue = false
  /** Commits that nobody has been told of. */
  #untold = 0
  #isAnnouncing = false

  /** What is committed from now on is noticed, once it starts. */
  constructor(parts: WatchedParts) {
    const { file, system, host } = parts
    this.#parts = parts
    this.#system = system
    this.#host = host
    this.#file = new TouchedFile({
      path: `${file}-commits`,
      system,
      host,
      heard: () => this.#lookAtTurnEnd(),
      lost: (why) => this.#lost(why),
    })
    this.#version = parts.version()
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
      this.#parts.outdated()
      if (this.#parts.version() !== this.#version) this.#parts.others()
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
      if (this.#parts.isOpen() && this.#look()) this.#listener?.()
    })
  }

  #tellAtTurnEnd(): void {
    this.#host.atTurnEnd(() => {
      if (this.#parts.isOpen()) this.#listener?.()
    })
  }

  /** Has another connection committed since the last time? */
  #look(): boolean {
    const version = this.#parts.version()
    const hasChanged = version !== this.#version
    this.#version = version
    if (hasChanged || version === null) this.#parts.outdated()
    if (hasChanged) this.#parts.others()
    return hasChanged
  }
}
