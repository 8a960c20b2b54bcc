/**
 * Files as Windows has them, over the files of another system, for tests and the simulator:
 *
 * - Sharing: a file that another program has open without FILE_SHARE_DELETE cannot be renamed (EPERM). A virus scanner, an
 *   indexer or a synchronising client lets go after a while, or does not.
 * - Length: a path has fewer than 260 characters, with the zero at its end.
 * - Case: the names of a folder are the same in upper and in lower case; the system resolves them to the true case.
 * - Short names: a file may have a second name of 8 and 3 characters, which only the system resolves.
 *
 * SQLite itself opens the files of the other system: what it would meet on Windows is not shown here.
 */
import { readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import {
  type Alarm,
  type FileFacts,
  type System,
  THIS_SYSTEM,
  type Watcher,
} from '../../storage/sqlite/system.ts'

/** MAX_PATH of Windows, without the zero. */
const LONGEST_PATH = 259

export class WindowsFiles implements System {
  readonly platform = 'win32'
  /** For how long the thread was blocked, in milliseconds. It is not blocked here. */
  pausedMs = 0
  readonly #below: System
  /** How many more tries another program keeps a file open for. */
  readonly #held = new Map<string, number>()
  readonly #longNames = new Map<string, string>()

  constructor(below: System = THIS_SYSTEM) {
    this.#below = below
  }

  /** Another program opens this file; so many tries to rename it fail. Default: all of them. */
  hold(path: string, tries = Number.POSITIVE_INFINITY): void {
    this.#held.set(keyOf(path), tries)
  }

  /** That program closes it. */
  letGo(path: string): void {
    this.#held.delete(keyOf(path))
  }

  /** Gives a file a short name beside its own. */
  shorten(path: string, short: string): void {
    this.#longNames.set(keyOf(join(dirname(path), short)), path)
  }

  exists(path: string): boolean {
    return path.length <= LONGEST_PATH && this.#below.exists(this.#trueName(path))
  }

  isTaken(path: string): boolean {
    return this.exists(path) || this.#below.isTaken(path)
  }

  make(path: string): void {
    this.#below.make(this.#trueName(path))
  }

  facts(path: string): FileFacts | undefined {
    return this.#below.facts(this.#trueName(path))
  }

  rename(from: string, to: string): void {
    if (Math.max(from.length, to.length) > LONGEST_PATH) throw failure('ENOENT', from)
    const tries = this.#held.get(keyOf(from)) ?? 0
    this.#held.set(keyOf(from), Math.max(0, tries - 1))
    if (tries > 0) throw failure('EPERM', from)
    this.#below.rename(this.#trueName(from), to)
  }

  realPathOfSystem(path: string): string {
    return this.#below.realPathOfSystem(this.#trueName(path))
  }

  /** Follows links, and leaves the names as they are. */
  realPathOfNode(path: string): string {
    if (!this.exists(path)) throw failure('ENOENT', path)
    return path
  }

  touch(path: string, at: number): void {
    this.#below.touch(this.#trueName(path), at)
  }

  watch(path: string, heard: (kind: 'change' | 'rename') => void, failed: () => void): Watcher {
    return this.#below.watch(this.#trueName(path), heard, failed)
  }

  after(ms: number, run: () => void): Alarm {
    return this.#below.after(ms, run)
  }

  pause(ms: number): void {
    this.pausedMs += ms
  }

  #trueName(path: string): string {
    const long = this.#longNames.get(keyOf(path)) ?? path
    if (this.#below.exists(long)) return long
    const name = namesIn(dirname(long)).find((other) => keyOf(other) === keyOf(basename(long)))
    return name === undefined ? long : join(dirname(long), name)
  }
}

function keyOf(path: string): string {
  return path.toLowerCase()
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function failure(code: string, path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${path}`), { code })
}
