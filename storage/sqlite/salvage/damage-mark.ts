/**
 * The mark beside a database (E2): a small side file, `<file>-damaged`. It says one of two things: damage was found while
 * an engine ran, so the next opening checks every table; or a set-aside has begun, so the next opening finishes it. The
 * mark is a file of its own: no database file is opened to read or to write it. A mark that cannot be written costs
 * nothing but the check.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { openNew, openToRead } from '../../private-files.ts'

export interface Mark {
  /** Where the damaged database is being moved to, and its rows are taken from; null: no set-aside has begun. */
  readonly setAsideAs: string | null
}

const ONLY_DAMAGED: Mark = { setAsideAs: null }

export class DamageMark {
  readonly #file: string

  /** `file`: the real path of the database. */
  constructor(file: string) {
    this.#file = `${file}-damaged`
  }

  /** Null: there is no mark. A mark that makes no sense still means: check. */
  read(): Mark | null {
    if (!existsSync(this.#file)) return null
    try {
      const { setAsideAs } = JSON.parse(textOf(this.#file)) as Mark
      return typeof setAsideAs === 'string' ? { setAsideAs } : ONLY_DAMAGED
    } catch {
      return ONLY_DAMAGED
    }
  }

  /** Damage was found. It never throws: the caller already has an error to tell. */
  leave(): void {
    try {
      if (this.read() === null) this.#write(ONLY_DAMAGED)
    } catch {
      // The next opening finds the damage when it meets it.
    }
  }

  /** A set-aside begins. The mark is on the disk before anything moves. */
  begin(setAsideAs: string): void {
    this.#write({ setAsideAs })
  }

  /** Nothing is wrong any more. A mark that cannot be removed costs another check. */
  remove(): void {
    try {
      rmSync(this.#file, { force: true })
      syncFolder(dirname(this.#file))
    } catch {
      // As above.
    }
  }

  /** Whole or not at all: a crash leaves the former mark, or none. */
  #write(mark: Mark): void {
    const draft = `${this.#file}.new`
    // Of a process that died as it wrote.
    rmSync(draft, { force: true })
    const handle = openNew(draft)
    try {
      writeSync(handle, JSON.stringify(mark))
      fsyncSync(handle)
    } finally {
      closeSync(handle)
    }
    renameSync(draft, this.#file)
    syncFolder(dirname(this.#file))
  }
}

function textOf(file: string): string {
  const handle = openToRead(file)
  try {
    return readFileSync(handle, 'utf8')
  } finally {
    closeSync(handle)
  }
}

/** Makes renames in a folder survive a power cut, where the platform can do that. */
export function syncFolder(folder: string): void {
  try {
    const handle = openSync(folder, 'r')
    try {
      fsyncSync(handle)
    } finally {
      closeSync(handle)
    }
  } catch {
    // Windows opens no folder.
  }
}
