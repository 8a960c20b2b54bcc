/** Tells a process if others have committed, as `PRAGMA data_version` tells a connection. */
import type { Life } from './virtual-time.ts'

export class CommitCounts {
  #all = 0
  readonly #own = new WeakMap<Life, number>()
  readonly #asked = new WeakMap<Life, number>()

  committed(by: Life): void {
    this.#all += 1
    this.#own.set(by, this.#ownOf(by) + 1)
  }

  /** The answer changes with the commits of all processes but the one that asks. */
  askedBy(life: Life): number {
    const version = this.#versionFor(life)
    this.#asked.set(life, version)
    return version
  }

  /** True if others have committed since this process has asked. */
  hasNewsFor(life: Life): boolean {
    return this.#asked.get(life) !== this.#versionFor(life)
  }

  #versionFor(life: Life): number {
    return this.#all - this.#ownOf(life)
  }

  #ownOf(life: Life): number {
    return this.#own.get(life) ?? 0
  }
}
