/** What the code of the app says of a reply to a read, checked (R5). */
import { atOnce } from '../app-code.ts'
import type { Codec } from '../engine/boundary/boundary.ts'
import { readError, writeError } from '../engine/boundary/error-codec.ts'
import type { Json } from '../journal/lines.ts'
import type { Reply } from '../ports/transport.ts'
import { errorOf } from '../thrown.ts'
import type { InterpretContext, Interpretation } from './define-operation.ts'
import { outcomeOf } from './interpreted.ts'

/** What the `interpret` of a read knows beside the reply. */
export type ReadInterpretContext = Pick<InterpretContext, 'owner' | 'reply'>

/** What a reply means for a read. */
export type ReadInterpretation = Pick<Interpretation, 'outcome'>

/** Judges a reply to a read. */
export type ReadInterpret = (reply: Reply, context: ReadInterpretContext) => ReadInterpretation

export type ReadOutcome = ReadInterpretation['outcome']

/** The code threw, or its answer made no sense. */
export interface MisjudgedRead {
  readonly cause: Error
}

/** A journal has the outcome, or the error, and nothing of the reply. */
export const readOutcomeCodec: Codec<ReadOutcome | MisjudgedRead> = {
  write: (judged) => (typeof judged === 'string' ? judged : { error: writeError(judged.cause) }),
  read: (json) => {
    if (typeof json === 'string') return json as ReadOutcome
    return { cause: readError((json as { readonly error: Json }).error) }
  },
}

export function readOutcomeOf(
  interpret: ReadInterpret,
  reply: Reply,
  context: ReadInterpretContext,
): ReadOutcome | MisjudgedRead {
  try {
    return outcomeOf(atOnce(interpret(reply, context)))
  } catch (thrown) {
    return { cause: errorOf(thrown) }
  }
}
