/**
 * A journal in a file that rotates by size: `run.jsonl`, and `run.jsonl.1` before it. Each begins with
 * the start or a summary of the state at that point, so each replays by itself.
 */
import { closeSync, openSync, renameSync, writeSync } from 'node:fs'
import { show } from '../checks/show.ts'
import type { InLine, JournalHeader, JournalSink, OutLine } from './lines.ts'
import { headerLine, numbered, unnumbered } from './segments.ts'

export interface FileJournalOptions {
  readonly file: string
  /** A file that has grown past this makes way, in bytes. Default: 16777216 (16 MiB). */
  readonly maxBytes?: number
  /** Told once of a file that cannot be written any more; the journal then ends there. */
  readonly onError?: (error: Error) => void
}

const DEFAULT_MAX_BYTES = 16 * 1024 * 1024

export class FileJournal implements JournalSink {
  readonly #file: string
  readonly #maxBytes: number
  readonly #onError: (error: Error) => void
  #header: JournalHeader | null = null
  #descriptor: number | null = null
  #lineCount = 0
  #bytes = 0
  #hasFailed = false

  constructor({
    file,
    maxBytes = DEFAULT_MAX_BYTES,
    onError = () => undefined,
  }: FileJournalOptions) {
    if (typeof file !== 'string' || file === '') {
      throw new TypeError(`fileJournal: file must be a path, not ${show(file)}`)
    }
    if (!(maxBytes > 0)) {
      throw new RangeError(`fileJournal: maxBytes must be more than 0, not ${show(maxBytes)}`)
    }
    this.#file = file
    this.#maxBytes = maxBytes
    this.#onError = onError
  }

  header(header: JournalHeader): void {
    this.#header = header
    this.#guarded(() => this.#begin())
  }

  wantsSummary(): boolean {
    return this.#bytes >= this.#maxBytes && !this.#hasFailed
  }

  write(line: InLine | OutLine, t: number, wall?: number): void {
    this.#guarded(() => {
      if ('in' in line && line.in === 'summary') this.#begin()
      this.#lineCount += 1
      this.#append(numbered(unnumbered(line, t, wall), this.#lineCount))
    })
  }

  /** Lets go of the file. */
  close(): void {
    if (this.#descriptor !== null) closeSync(this.#descriptor)
    this.#descriptor = null
    this.#hasFailed = true
  }

  /** The file so far becomes the one before. */
  #begin(): void {
    if (this.#descriptor !== null) closeSync(this.#descriptor)
    this.#descriptor = null
    try {
      renameSync(this.#file, `${this.#file}.1`)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
    this.#descriptor = openSync(this.#file, 'w')
    this.#lineCount = 0
    this.#bytes = 0
    if (this.#header !== null) this.#append(headerLine(this.#header))
  }

  #append(text: string): void {
    if (this.#descriptor !== null) this.#bytes += writeSync(this.#descriptor, `${text}\n`)
  }

  /** A journal that cannot be written is no reason to stop. */
  #guarded(write: () => void): void {
    if (this.#hasFailed) return
    try {
      write()
    } catch (error) {
      this.#hasFailed = true
      this.#onError(error as Error)
    }
  }
}

/** Writes the journal of a run to a file that rotates by size. */
export function fileJournal(options: FileJournalOptions): FileJournal {
  return new FileJournal(options)
}
