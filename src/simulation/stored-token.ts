/** A token as its row tells of it. */
import type { Row } from './row-log.ts'
import { numberOf } from './row-values.ts'

export interface StoredToken {
  readonly user: string
  readonly generation: number
  readonly epoch: number
  readonly isRefused: boolean
  /** Is there one at all? Not after the end of the session. */
  readonly isHeld: boolean
  readonly expiresAt: number | null
  /** The life in which this generation was stored. */
  readonly life: number
  readonly at: number
}

/** Something that happened to an operation; `order` grows. */

/** `former`: the token of this user in the row before; null: there was none. */
export function tokenOf(
  row: Row,
  former: StoredToken | null,
  { at, life }: Pick<StoredToken, 'at' | 'life'>,
): StoredToken {
  const generation = Number(row['generation'])
  const isNew = former?.generation !== generation
  return {
    user: String(row['user']),
    generation,
    epoch: Number(row['epoch']),
    isRefused: row['refused'] === 1,
    isHeld: row['fingerprint'] !== null,
    expiresAt: numberOf(row['expires_at']),
    life: isNew ? life : former.life,
    at: isNew ? at : former.at,
  }
}
