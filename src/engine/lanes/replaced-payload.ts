/** A dead letter, and the payload that is to take the place of its own (Q9). */
import type { OperationId } from '../../model.ts'
import type { Codec } from '../boundary/boundary.ts'
import { payloadOfSize } from '../boundary/rows-codec.ts'

export interface ReplacedPayload {
  readonly id: OperationId
  /** JSON text. */
  readonly payload: string
  /** The object that the text was made of, if the caller has it. It is never recorded. */
  readonly given?: unknown
}

/** Of the payload a journal has the size. */
export const replacedPayloadCodec: Codec<ReplacedPayload> = {
  write: ({ id, payload }) => ({ id, bytes: Buffer.byteLength(payload) }),
  read: (json) => {
    const { id, bytes } = json as { readonly id: OperationId; readonly bytes: number }
    return { id, payload: payloadOfSize(bytes) }
  },
}
