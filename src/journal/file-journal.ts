/**
 * A journal in a file that rotates by size: `run.jsonl`, and `run.jsonl.1` before it. Each begins with the start or a
 * summary of the state at that point, so each replays by itself; or its header says why it does not. No file ever grows
 * beyond the limit. Both are for the user alone, and nothing but plain files (E5).
 *
 * Where the system refuses to move the file, the same file is begun anew, and the next rotation tries again.
 */
import { flagOf } from '../checks/flags.ts'
import { show } from '../checks/show.ts'
import type { InLine, JournalHeader, JournalSink, OutLine } from './lines.ts'
import { type JournalFiles, rotated, systemFiles } from './journal-files.ts'
import { headerLine, numbered, unnumbered } from './segments.ts'

export interface FileJournalOptions {
  /**
   * Made for its user alone (mode 0600), and so is the one before it. A link, a FIFO or a file of another user in the
   * place of either is refused: the journal ends there, and `onError` is told. While another program has one of them
   * open and the system therefore refuses to move the file (Windows), the file is begun anew, without the one before it.
   */
  readonly file: string
  /**
   * The size that no file grows beyond, in bytes. A file that is half full makes way for the next one as soon as the
   * state can be said in a summary, and a full one at once. Default: 16777216 (16 MiB).
   */
  readonly maxBytes?: number
  /**
   * Replaces user ids by pseudonyms: digests with the key of the database, the same in all its journals. Default: false.
   */
  readonly pseudonyms?: boolean
  /** Told once of a file that cannot be written any more; the journal then ends there. */
  readonly onError?: (error: Error) => void
}

/** While the system refuses to open the file, so many offers of a summary are passed over between two tries. */
const OFFERS_BETWEEN_TRIES = 1000
const DEFAULT_MAX_BYTES = 16 * 1024 * 1024
const NO_HEADER: JournalHeader = { journal: 1, holdfast: '', payloads: 'digest', options: {} }

export class FileJournal implements JournalSink {
  readonly pseudonyms: boolean
  readonly #file: string
  readonly #maxBytes: number
  readonly #onError: (error: Error) => void
  readonly #files: JournalFiles
  #header: JournalHeader = NO_HEADER
  #descriptor: number | null = null
  #lineCount = 0
  #bytes = 0
  #hasFailed = false
  /** True if the file replays: it begins with the start or a summary. */
  #isWhole = true
  /** True if the last summary was larger than a file may be: the next one will be too. */
  #isTooLarge = false
  /** How often a summary was offered since the system refused to open the file. */
  #missedCount = 0
  /** Why there was no summary when one was wanted; null: none was wanted. */
  #why: string | null = null

  constructor(options: FileJournalOptions)
  /** @internal Tests give a file system that refuses. */
  constructor(options: FileJournalOptions, files: JournalFiles)
  constructor(
    {
      file,
      maxBytes = DEFAULT_MAX_BYTES,
      pseudonyms = false,
      onError = () => undefined,
    }: FileJournalOptions,
    files = systemFiles,
  ) {
    if (typeof file !== 'string' || file === '') {
      throw new TypeError(`fileJournal: file must be a path, not ${show(file)}`)
    }
    if (!(maxBytes > 0)) {
      throw new RangeError(`fileJournal: maxBytes must be more than 0, not ${show(maxBytes)}`)
    }
    this.pseudonyms = flagOf('fileJournal: pseudonyms', pseudonyms)
    this.#file = file
    this.#maxBytes = maxBytes
    this.#onError = onError
    this.#files = files
  }

  header(header: JournalHeader): void {
    this.#header = header
    this.#guarded(() => this.#begin(header))
  }

  wantsSummary(): boolean {
    if (this.#hasFailed) return false
    if (this.#descriptor === null) return (this.#missedCount += 1) > OFFERS_BETWEEN_TRIES
    return this.#bytes >= this.#maxBytes / 2 || !(this.#isWhole || this.#isTooLarge)
  }

  noSummary(why: string): void {
    this.#why = why
  }

  write(line: InLine | OutLine, t: number, wall?: number): void {
    this.#guarded(() => {
      const text = unnumbered(line, t, wall)
      if ('in' in line && line.in === 'summary') this.#beginAnew(text)
      else this.#add(text)
    })
  }

  /** Lets go of the file. */
  close(): void {
    if (this.#descriptor !== null) this.#files.close(this.#descriptor)
    this.#descriptor = null
    this.#hasFailed = true
  }

  #beginAnew(summary: string): void {
    const header = this.#header
    const size = sizeOf(headerLine(header)) + sizeOf(numbered(summary, 1))
    this.#isTooLarge = size > this.#maxBytes
    if (this.#isTooLarge) {
      this.#cut(
        `the summary of the state takes ${size} bytes, and a file at most ${this.#maxBytes}`,
      )
      return
    }
    this.#begin(header)
    this.#add(summary)
  }

  #add(text: string): void {
    if (!this.#fits(text))
      this.#cut(this.#why ?? 'more came at one moment than a file has room for')
    // A line that is larger than a whole file is left out.
    if (!this.#fits(text)) return
    this.#lineCount += 1
    this.#append(numbered(text, this.#lineCount))
  }

  #fits(text: string): boolean {
    return this.#bytes + sizeOf(numbered(text, this.#lineCount + 1)) <= this.#maxBytes
  }

  /** The file is full, and no summary can be made: what follows can be read, and not replayed. */
  #cut(why: string): void {
    this.#begin({ ...this.#header, beginningLost: true, why })
  }

  /** The file so far becomes the one before. */
  #begin(header: JournalHeader): void {
    const line = headerLine(header)
    if (sizeOf(line) > this.#maxBytes) {
      throw new RangeError(`fileJournal: maxBytes is ${this.#maxBytes}, the header alone is longer`)
    }
    this.#descriptor = rotated(this.#files, this.#file, this.#descriptor)
    this.#lineCount = 0
    this.#bytes = 0
    this.#missedCount = 0
    this.#why = null
    this.#isWhole = header.beginningLost !== true
    this.#append(line)
  }

  #append(text: string): void {
    if (this.#descriptor === null) return
    this.#bytes += this.#files.write(this.#descriptor, `${text}\n`, this.#bytes)
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

/** With the end of the line. */
function sizeOf(line: string): number {
  return Buffer.byteLength(line) + 1
}
