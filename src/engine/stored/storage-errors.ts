/** Storage's errors as the app sees them: Holdfast's own, with the same code. */
import { StorageError } from '../../../storage/storage-error.ts'
import { HoldfastError } from '../../errors.ts'

/** What could not be stored, with the code of why. */
export function notStored(cause: Error, message: string): HoldfastError {
  const code = cause instanceof StorageError ? cause.code : 'STORAGE_UNAVAILABLE'
  return new HoldfastError(code, message, { cause, retryable: true })
}

export function storageErrorOfOurs(error: Error): Error {
  if (!(error instanceof StorageError)) return error
  const { code, message, cause, retryable } = error
  return new HoldfastError(code, message, { cause, retryable })
}
