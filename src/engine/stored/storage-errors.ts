/** Storage's errors as the app sees them: Holdfast's own, with the same code. */
import {
  isStorageError,
  StorageError,
  type StorageErrorCode,
} from '../../../storage/storage-error.ts'
import { HoldfastError } from '../../errors.ts'
import { errorOf } from '../../thrown.ts'

/** The options of Holdfast that decide about errors of storage. */
const OPTIONS: Readonly<Partial<Record<StorageErrorCode, string>>> = {
  ORIGIN_CHANGED: 'formerOrigins',
}

/** What could not be stored, with the code of why. */
export function notStored(cause: Error, message: string): HoldfastError {
  const { code, retryable } = codedError(cause)
  return new HoldfastError(code, message, { cause, retryable })
}

/** An error of a storage with a code, though the storage may be of the app and throw any error (E2). */
export function codedError(error: Error): StorageError {
  if (error instanceof StorageError) return error
  // One of another copy of the module, or of another realm, keeps its code.
  if (isStorageError(error)) return new StorageError(error.code, error.message, error)
  return new StorageError('STORAGE_UNAVAILABLE', 'the storage failed', error)
}

export function storageErrorOfOurs(error: Error): Error {
  if (!isStorageError(error)) return error
  const { code, message, cause, retryable } = error
  const option = OPTIONS[code]
  const subject = option === undefined ? {} : { option }
  return new HoldfastError(code, message, { cause, retryable, ...subject })
}

/** The error of a question that a client puts to storage itself: misuse as it is, anything else with a code (E1, E2). */
export function refusalOf(thrown: unknown): Error {
  const error = errorOf(thrown)
  const isMisuse = error instanceof TypeError || error instanceof RangeError
  return isMisuse ? error : storageErrorOfOurs(codedError(error))
}
