/** How the file of a journal makes way for the next one (E5), also on systems that refuse it for a while. */
import { closeSync, ftruncateSync, renameSync, writeSync } from 'node:fs'
import { keepPrivate, openEmptied, openNew } from '../../storage/private-files.ts'
import { codeIn } from '../thrown.ts'

/** What a journal asks of the file system. */
export interface JournalFiles {
  readonly rename: (from: string, to: string) => void
  /** Makes a file that must not be there yet. */
  readonly openNew: (path: string) => number
  /** Opens a file that is there, and empties it. */
  readonly openEmptied: (path: string) => number
  readonly empty: (descriptor: number) => void
  readonly write: (descriptor: number, text: string, position: number) => number
  readonly close: (descriptor: number) => void
}

export const systemFiles: JournalFiles = {
  rename: renameSync,
  openNew,
  openEmptied,
  empty: (descriptor) => ftruncateSync(descriptor, 0),
  write: (descriptor, text, position) => writeSync(descriptor, text, position),
  close: closeSync,
}

/** Another process with the same journal may make the file between the two steps of the making: so often at most in a row. */
const MOST_TRIES = 8

/** A system that does not move or open a file while another program (an editor, a scanner) has it open: Windows. */
const REFUSED: ReadonlySet<string | null> = new Set(['EPERM', 'EACCES', 'EBUSY'])

/**
 * Moves the file out of the way, and opens a new one. Where the system refuses to move it, the same file is begun anew: the
 * lines in it are lost, and the file before it stays. Answers null if the system refuses that too, for now.
 *
 * `open`: the file that has been written so far; null: none. It is closed, or is the answer.
 *
 * @throws StorageError if a link, say, is in the place of either.
 */
export function rotated(files: JournalFiles, file: string, open: number | null): number | null {
  const former = `${file}.1`
  for (let triesLeft = MOST_TRIES; ; triesLeft -= 1) {
    keepPrivate(former)
    keepPrivate(file)
    // Before the file is closed: it is there still if it cannot be moved.
    if (!isMoved(files, file, former)) return begunAnew(files, file, open)
    try {
      const next = files.openNew(file)
      if (open !== null) files.close(open)
      return next
    } catch (error) {
      if (triesLeft === 0 || codeIn(error) !== 'EEXIST') throw error
    }
  }
}

/** False: the system refuses it. Nothing to move counts as moved. */
function isMoved(files: JournalFiles, file: string, former: string): boolean {
  try {
    files.rename(file, former)
    return true
  } catch (error) {
    if (isRefusal(error)) return false
    if (codeIn(error) !== 'ENOENT') throw error
    return true
  }
}

function begunAnew(files: JournalFiles, file: string, open: number | null): number | null {
  if (open !== null) {
    files.empty(open)
    return open
  }
  try {
    return files.openEmptied(file)
  } catch (error) {
    if (isRefusal(error)) return null
    throw error
  }
}

function isRefusal(error: unknown): boolean {
  const code = codeIn(error)
  return typeof code === 'string' && REFUSED.has(code)
}
