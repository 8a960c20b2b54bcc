/**
 * The files of the simulated database, with the file system of the machine over them: how a damaged database is set aside
 * in front of a program that has one of the files open (E5).
 */
import type { Instant } from '../model.ts'
import { moveAside, nameAside } from '../../storage/sqlite/set-aside.ts'
import type { System } from '../../storage/sqlite/system.ts'
import { MemoryFiles, type MemoryFilesParts } from './memory-files.ts'
import { ProcessFiles } from './process-files.ts'
import type { SeenSetAside } from './seen.ts'
import type { System as Kind } from './sleep.ts'
import type { Life } from './virtual-time.ts'
import { WindowsFiles } from './windows-files.ts'

/** No folder of a real machine has this name. */
const DATABASE = '/a simulated folder of holdfast/outbox.db'

const SIDE_FILE = `${DATABASE}-commits`

/** What a database in use consists of: its own file, and those beside it that SQLite makes. */
export const DATABASE_FILES = ['', '-wal', '-shm'] as const

export type DatabaseFile = (typeof DATABASE_FILES)[number]

export class DatabaseFiles {
  readonly #files: MemoryFiles
  readonly #parts: MemoryFilesParts
  /** Of the process that opens the database. */
  readonly #system: System
  /** Null: on this system no program keeps a file from being renamed. */
  readonly #windows: WindowsFiles | null
  #databaseCount = 0

  constructor(kind: Kind, parts: MemoryFilesParts) {
    this.#parts = parts
    this.#files = new MemoryFiles(parts)
    const system = new ProcessFiles(this.#files, parts.time, { isAlive: true })
    this.#windows = kind === 'windows' ? new WindowsFiles(system) : null
    this.#system = this.#windows ?? system
    this.#make()
  }

  get path(): string {
    return DATABASE
  }

  /** As a process has them. */
  of(life: Life): ProcessFiles {
    return new ProcessFiles(this.#files, this.#parts.time, life)
  }

  removeSideFile(): void {
    this.#files.remove(SIDE_FILE)
  }

  /** True if this process is not told of commits of others. */
  isDeaf(life: Life): boolean {
    return this.#files.isDeaf(life, SIDE_FILE)
  }

  failWatches(): void {
    this.#files.failWatches()
  }

  /** Another program has this file open for so many tries to rename it. */
  hold(file: DatabaseFile, tries: number): void {
    this.#windows?.hold(DATABASE + file, tries)
  }

  /** One try. If it succeeds, a new database is there. */
  setAside(wall: Instant): Omit<SeenSetAside, 'at'> {
    const aside = nameAside(DATABASE, wall, this.#system)
    const before = this.#contents(DATABASE)
    let error: Error | null = null
    try {
      moveAside(DATABASE, aside, this.#system)
    } catch (thrown) {
      error = thrown as Error
    }
    const seen = { before, left: this.#contents(DATABASE), moved: this.#contents(aside), error }
    if (error === null) this.#make()
    return seen
  }

  #make(): void {
    this.#databaseCount += 1
    for (const file of DATABASE_FILES) {
      this.#files.make(DATABASE + file, `database ${this.#databaseCount}${file}`)
    }
  }

  #contents(path: string): readonly (string | null)[] {
    return DATABASE_FILES.map((file) => this.#files.content(path + file))
  }
}
