/** What can go wrong with storage, each with a stable code (E2). */

export type StorageErrorCode =
  | 'STORAGE_FULL'
  | 'STORAGE_READ_ONLY'
  | 'STORAGE_BUSY'
  | 'STORAGE_CORRUPT'
  /** The file was removed, replaced or cut while it was in use. */
  | 'STORAGE_GONE'
  | 'STORAGE_NEWER_SCHEMA'
  /** The database belongs to another origin than the transport's (E6). */
  | 'ORIGIN_CHANGED'
  | 'STORAGE_UNAVAILABLE'
  | 'CLOSED'

/** Can the same call succeed later without anybody repairing the database? */
const RETRYABLE: Readonly<Record<StorageErrorCode, boolean>> = {
  STORAGE_FULL: true,
  STORAGE_READ_ONLY: true,
  STORAGE_BUSY: true,
  STORAGE_CORRUPT: false,
  STORAGE_GONE: false,
  STORAGE_NEWER_SCHEMA: false,
  ORIGIN_CHANGED: false,
  STORAGE_UNAVAILABLE: true,
  CLOSED: false,
}

/** True of an error of this class, also of another copy of this module or of another realm. */
export function isStorageError(error: Error): error is StorageError {
  if (error instanceof StorageError) return true
  return (
    error.name === 'StorageError' &&
    'code' in error &&
    typeof error.code === 'string' &&
    Object.hasOwn(RETRYABLE, error.code)
  )
}

export class StorageError extends Error {
  override readonly name = 'StorageError'
  readonly code: StorageErrorCode
  readonly retryable: boolean

  constructor(code: StorageErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.retryable = RETRYABLE[code]
  }
}

const NEEDING_A_NEW_OPENING: ReadonlySet<StorageErrorCode> = new Set([
  'STORAGE_CORRUPT',
  'STORAGE_GONE',
  'ORIGIN_CHANGED',
])

/**
 * True if a storage that is open can do nothing any more after this error, and only a new opening helps (E2).
 */
export function needsNewOpening(error: Error): error is StorageError {
  if (!isStorageError(error)) return false
  return NEEDING_A_NEW_OPENING.has(error.code)
}
