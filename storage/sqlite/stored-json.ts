/** JSON that stands in a column. Holdfast wrote it: if it is none any more, the database is damaged (E2). */
import { StorageError } from '../storage-error.ts'

/** @throws StorageError `STORAGE_CORRUPT` */
export function parseStored<T>(text: string): T {
  try {
    return JSON.parse(text) as T
  } catch {
    // What the parser says quotes the text.
    throw new StorageError(
      'STORAGE_CORRUPT',
      'the database is damaged: a row makes no sense; set it aside and recover it',
    )
  }
}
