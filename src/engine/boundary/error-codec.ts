/** Errors in a journal: what they are called and their code, never their message, which may quote anything. */
import { StorageError, type StorageErrorCode } from '../../../storage/storage-error.ts'
import {
  type ErrorCode,
  HoldfastError,
  TokenDeniedError,
  VaultUnreadableError,
} from '../../errors.ts'
import type { Json } from '../../journal/lines.ts'
import { codeIn } from '../../thrown.ts'
import type { Codec } from './boundary.ts'

export function writeError(error: Error): Json {
  return { name: error.name, code: codeIn(error) }
}

export function readError(json: Json): Error {
  const { name, code } = json as { readonly name: string; readonly code: string | null }
  switch (name) {
    case 'StorageError':
      return new StorageError(code as StorageErrorCode, 'replayed')
    case 'TokenDeniedError':
      return new TokenDeniedError('replayed')
    case 'VaultUnreadableError':
      return new VaultUnreadableError('replayed')
    case 'HoldfastError':
      return new HoldfastError(code as ErrorCode, 'replayed')
    default: {
      const error = new Error('replayed')
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
  return codeIn(error) ?? error.name
}
