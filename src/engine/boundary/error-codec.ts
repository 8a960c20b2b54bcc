/**
 * Errors in a journal: what they are called, their code and the system's, where these are plain words (E6). Never their
 * message, which may quote anything.
 */
import { StorageError, type StorageErrorCode } from '../../../storage/storage-error.ts'
import {
  type ErrorCode,
  HoldfastError,
  NotSentError,
  TokenDeniedError,
  VaultUnreadableError,
} from '../../errors.ts'
import { failureCodeOf } from '../../failure.ts'
import type { Json } from '../../journal/lines.ts'
import { plainName, plainWord } from '../../scrub/plain-word.ts'
import { codeIn } from '../../thrown.ts'
import type { Codec } from './boundary.ts'

export function writeError(error: Error): Json {
  const code = plainWord(codeIn(error))
  const reason = failureCodeOf(error)
  return {
    name: plainName(error.name),
    code,
    ...(reason === null || reason === code ? {} : { reason }),
  }
}

export function readError(json: Json): Error {
  const { name, code, reason } = json as {
    readonly name: string
    readonly code: string | null
    /** What the system calls the failure, where the error's own code does not say it (Q22). */
    readonly reason?: string
  }
  switch (name) {
    case 'StorageError':
      return new StorageError(code as StorageErrorCode, 'replayed')
    case 'TokenDeniedError':
      return new TokenDeniedError('replayed')
    case 'VaultUnreadableError':
      return new VaultUnreadableError('replayed')
    case 'HoldfastError':
      return new HoldfastError(code as ErrorCode, 'replayed')
    case 'NotSentError':
      return new NotSentError('replayed', reason === undefined ? {} : { reason })
    default: {
      const options = reason === undefined ? undefined : { cause: { code: reason } }
      const error = new Error('replayed', options)
      error.name = name
      return code === null ? error : Object.assign(error, { code })
    }
  }
}

/** The error that something came to; null: it came to none. */
export const failureCodec: Codec<Error | null> = {
  write: (error) => (error === null ? null : writeError(error)),
  read: (json) => (json === null ? null : readError(json)),
}

/** How an error is named where there is only one word for it. */
export function codeOf(error: Error): string {
  return plainWord(codeIn(error)) ?? plainName(error.name)
}
