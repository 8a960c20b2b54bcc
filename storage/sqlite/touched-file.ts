/**
 * The empty side file `<file>-commits`: whoever has committed touches it, and the operating system tells the others. The
 * watch has to prove itself by a touch of its own (Q17): on network drives and in shared folders a watch can be made that
 * never tells anything. A file that is removed or replaced is made again and watched anew, because what is watched is the
 * file and not its name.
 */
import type { StorageHost, WatchLoss } from '../storage.ts'
import type { FileFacts, System, Watcher } from './system.ts'

/** By then the touch of its own must have been told. */
const PROOF_MS = 2000

export interface TouchedParts {
  readonly path: string
  readonly system: System
  readonly host: StorageHost
  /** It was touched, by whomever. */
  readonly heard: () => void
  /** Nothing is told any more. Called once of each start. */
  readonly lost: (why: WatchLoss) => void
}

export class TouchedFile {
  readonly #parts: TouchedParts
  #watcher: Watcher | null = null
  /** The file that is watched. */
  #watched: FileFacts | undefined
  #cancelProof: () => void = () => undefined
  #lastTouch = 0

  constructor(parts: TouchedParts) {
    this.#parts = parts
  }

  get isWatched(): boolean {
    return this.#watcher !== null
  }

  start(): void {
    this.stop()
    if (this.#watch()) this.#prove()
    else this.#parts.lost('failed')
  }

  stop(): void {
    this.#cancelProof()
    this.#watcher?.close()
    this.#watcher = null
  }

  /** Each touch of a process has a time of its own: some systems do not tell of one that changes nothing. */
  touch(): void {
    const { path, system, host } = this.#parts
    this.#lastTouch = Math.max(host.wall(), this.#lastTouch + 1)
    try {
      system.touch(path, this.#lastTouch)
    } catch (error) {
      // Any other failure costs a delay: whoever commits looks anyway.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') this.#makeAgain()
    }
  }

  #makeAgain(): void {
    const { path, system } = this.#parts
    if (this.isWatched) {
      this.#watchAnew()
      return
    }
    try {
      system.make(path)
      system.touch(path, this.#lastTouch)
    } catch {
      // As above.
    }
  }

  #watch(): boolean {
    const { path, system } = this.#parts
    try {
      system.make(path)
      this.#watched = system.facts(path)
      this.#watcher = system.watch(
        path,
        (kind) => this.#heard(kind),
        () => this.#lose('failed'),
      )
      return true
    } catch {
      return false
    }
  }

  #prove(): void {
    const alarm = this.#parts.system.after(PROOF_MS, () => this.#lose('unproved'))
    this.#cancelProof = () => alarm.cancel()
    this.touch()
  }

  #heard(kind: 'change' | 'rename'): void {
    if (!this.isWatched) return
    this.#cancelProof()
    if (kind === 'rename' && this.#isReplaced()) this.#watchAnew()
    this.#parts.heard()
  }

  #isReplaced(): boolean {
    const found = this.#parts.system.facts(this.#parts.path)
    const former = this.#watched
    if (found === undefined || former === undefined) return true
    if (found.ino !== former.ino || found.dev !== former.dev) return true
    // ext4 gives the number of a removed file to the next one that is made.
    return found.birthtimeNs !== former.birthtimeNs
  }

  #watchAnew(): void {
    this.stop()
    if (this.#watch()) this.#prove()
    else this.#parts.lost('gone')
  }

  #lose(why: WatchLoss): void {
    if (!this.isWatched) return
    this.stop()
    this.#parts.lost(why)
  }
}
