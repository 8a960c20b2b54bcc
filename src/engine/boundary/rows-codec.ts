/** Rows in a journal: everything but the payload, of which only the size decides anything. */
import type { OperationRow } from '../../../storage/rows.ts'
import { show } from '../../checks/show.ts'
import { HoldfastError } from '../../errors.ts'
import type { Codec } from './boundary.ts'

export const rowsCodec: Codec<readonly OperationRow[]> = {
  write: (rows) =>
    rows.map(({ payload, ...row }) => ({ ...row, bytes: Buffer.byteLength(payload) })),
  read: (json) =>
    (
      json as unknown as readonly (Omit<OperationRow, 'payload'> & { readonly bytes: number })[]
    ).map(({ bytes, ...row }) => ({ ...row, payload: payloadOfSize(bytes) })),
}

/** No journal of a real run claims more (E6): a replay makes a text of that size. */
export const MOST_BYTES = 16 * 1024 * 1024

/**
 * What a replay has in a payload's stead: nothing of it but its size.
 *
 * @throws HoldfastError `JOURNAL_INVALID` if the size is none, or above 16 MiB.
 */
export function payloadOfSize(bytes: number): string {
  if (!Number.isSafeInteger(bytes) || bytes < 0 || bytes > MOST_BYTES) {
    const message = `a payload must have from 0 to ${MOST_BYTES} bytes, not ${show(bytes)}`
    throw new HoldfastError('JOURNAL_INVALID', message)
  }
  return '{}'.padEnd(bytes)
}
