/** Whether a database is one for this transport (E6). */
import { show } from '../../checks/show.ts'
import { canonicalOrigin } from '../../origin.ts'
import { StorageError } from '../../../storage/storage-error.ts'

/** True if a database of this origin is for a transport with that one. A database without an origin is for every one. */
export function isForOrigin(stored: string | null | undefined, origin: string): boolean {
  return (stored ?? null) === null || stored === canonicalOrigin(origin)
}

export function originChanged(stored: string | null, origin: string): StorageError {
  return new StorageError(
    'ORIGIN_CHANGED',
    `the database belongs to ${show(stored)}, and the transport sends to ${show(canonicalOrigin(origin))}: ` +
      'open another database; or, if the server has moved, name its former origin in the option formerOrigins',
  )
}

export function formerOriginInUse(stored: string): StorageError {
  return new StorageError(
    'STORAGE_BUSY',
    `the database belongs to ${show(stored)}, and another engine still sends to it; open the database after that engine has closed`,
  )
}
