/** Rows in a journal: everything but the payload, of which only the size decides anything. */
import type { OperationRow } from '../../../storage/storage.ts'
import type { Codec } from './boundary.ts'

export const rowsCodec: Codec<readonly OperationRow[]> = {
  write: (rows) =>
    rows.map(({ payload, ...row }) => ({ ...row, bytes: Buffer.byteLength(payload) })),
  read: (json) =>
    (
      json as unknown as readonly (Omit<OperationRow, 'payload'> & { readonly bytes: number })[]
    ).map(({ bytes, ...row }) => ({ ...row, payload: payloadOfSize(bytes) })),
}

/** What a replay has in a payload's stead: nothing of it but its size. */
export function payloadOfSize(bytes: number): string {
  return '{}'.padEnd(bytes)
}
