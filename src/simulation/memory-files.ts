/**
 * The files of a simulated machine, in memory: by path, each with a number and one word for its content. All processes of
 * the machine share them; what one of them has of them is a `ProcessFiles`. SQLite neither reads nor writes these files:
 * its database is in memory too.
 *
 * Faults: a watch that cannot be made, one that tells nothing, and one that ends by itself later.
 */
import type { FileFacts, Watcher } from '../../storage/sqlite/system.ts'
import type { SeenTurn } from './seen.ts'
import type { Life, VirtualTime } from './virtual-time.ts'

/** What a watch on a file does: it tells of changes; it is made and tells nothing; it cannot be made. */
export const WATCHES = ['works', 'silent', 'fails'] as const

export type Watches = (typeof WATCHES)[number]

interface StoredFile {
  /** No other file ever has it. */
  readonly number: bigint
  readonly content: string
  /** In milliseconds since 1970. */
  touchedAt: number
}

interface Watching {
  /** Of the file that is watched, whatever its name is by now. */
  readonly number: bigint
  /** The process that watches. */
  readonly life: Life
  readonly heard: (kind: 'change' | 'rename') => void
  readonly failed: () => void
}

export interface MemoryFilesParts {
  readonly time: VirtualTime
  /** Of every watch. */
  readonly watches: Watches
  readonly told: (turn: SeenTurn['turn']) => void
}

export class MemoryFiles {
  readonly #parts: MemoryFilesParts
  readonly #files = new Map<string, StoredFile>()
  readonly #watching = new Set<Watching>()
  readonly #removed = new Set<string>()
  #lastNumber = 0n

  constructor(parts: MemoryFilesParts) {
    this.#parts = parts
  }

  has(path: string): boolean {
    return this.#files.has(path)
  }

  /** Null: there is no such file. */
  content(path: string): string | null {
    return this.#files.get(path)?.content ?? null
  }

  facts(path: string): FileFacts | undefined {
    const file = this.#files.get(path)
    if (file === undefined) return undefined
    const ctimeNs = BigInt(file.touchedAt) * 1_000_000n
    return { dev: 1n, ino: file.number, nlink: 1n, birthtimeNs: file.number, ctimeNs }
  }

  /** Makes a file where there is none. */
  make(path: string, content: string): void {
    this.#lastNumber += 1n
    this.#files.set(path, { number: this.#lastNumber, content, touchedAt: 0 })
    if (this.#removed.delete(path)) this.#parts.told('side-file-made-again')
  }

  /** @throws ENOENT */
  touch(path: string, at: number): void {
    const file = this.#find(path)
    file.touchedAt = at
    this.#tell(file, 'change')
  }

  /** A file in the new place is replaced. @throws ENOENT */
  rename(from: string, to: string): void {
    const file = this.#find(from)
    const replaced = this.#files.get(to)
    this.#files.delete(from)
    this.#files.set(to, file)
    this.#tell(file, 'rename')
    if (replaced !== undefined) this.#tell(replaced, 'rename')
  }

  /** Somebody deletes a file, if it is there. */
  remove(path: string): void {
    const file = this.#files.get(path)
    if (file === undefined) return
    this.#files.delete(path)
    this.#removed.add(path)
    this.#parts.told('side-file-removed')
    this.#tell(file, 'rename')
  }

  /** @throws ENOENT, or EMFILE where no watch can be made */
  watch(path: string, watching: Omit<Watching, 'number'>): Watcher {
    const { number } = this.#find(path)
    if (this.#parts.watches === 'fails') throw failure('EMFILE', path)
    const added: Watching = { number, ...watching }
    this.#watching.add(added)
    return { close: () => this.#watching.delete(added) }
  }

  /** True if this process is not told of a touch of the file. */
  isDeaf(life: Life, path: string): boolean {
    const number = this.#files.get(path)?.number
    const hears = [...this.#watching].some((one) => one.life === life && one.number === number)
    return !hears || this.#parts.watches === 'silent'
  }

  /** Every watch that there is ends by itself, and says so. */
  failWatches(): void {
    this.#parts.told('watch-failed')
    for (const watching of this.#watching) {
      this.#watching.delete(watching)
      this.#parts.time.atTurnEnd(watching.life, watching.failed)
    }
  }

  /** Each in a turn of its own, as a system does it. */
  #tell({ number }: StoredFile, kind: 'change' | 'rename'): void {
    if (this.#parts.watches === 'silent') return
    for (const watching of this.#watching) {
      if (watching.number !== number) continue
      this.#parts.time.atTurnEnd(watching.life, () => {
        if (this.#watching.has(watching)) watching.heard(kind)
      })
    }
  }

  #find(path: string): StoredFile {
    const file = this.#files.get(path)
    if (file === undefined) throw failure('ENOENT', path)
    return file
  }
}

function failure(code: string, path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${path}`), { code })
}
