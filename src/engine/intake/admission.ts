/**
 * Decides whether an operation may be stored: known kind, payload, limits, schema, records (E1, Q12, Q14, Q16). No other
 * file decides this.
 */
import { HoldfastError } from '../../errors.ts'
import type { Unfit } from '../../operations/checked.ts'
import type { Storable } from '../../operations/payloads.ts'
import type { Context } from '../context.ts'

/** The arguments of `enqueue()` and `enqueueWithin()`. */
export interface Draft {
  readonly kind: string
  /** JSON text. */
  readonly payload: string
  /** The object that the text was made of, if the caller has it. It is never recorded. */
  readonly given?: unknown
  readonly expiresInMs: number | null
}

/** The reason to refuse the operation before its schema is asked; null: there is none. */
export function refusalOf(context: Context, draft: Draft): HoldfastError | null {
  const { settings, lanes } = context
  const refusal = refusalOfLetter(context, draft)
  if (refusal !== null) return refusal
  const { maxPending } = settings
  if (lanes.count('pending') + lanes.unstoredCount >= maxPending) {
    const message = `${maxPending} operations are pending, as many as maxPending allows`
    const subject = { option: 'maxPending', limit: maxPending }
    return new HoldfastError('QUEUE_FULL', message, { retryable: true, ...subject })
  }
  return null
}

/** The same for the new payload of a dead letter, which no limit of pending operations keeps out. */
export function refusalOfLetter(
  { kinds, settings }: Context,
  { kind, payload }: Draft,
): HoldfastError | null {
  if (kinds.facts(kind) !== undefined) return tooLarge(settings, kind, payload)
  const message = `the kind ${kind} is unknown; give its definition to createHoldfast({ operations })`
  return new HoldfastError('UNKNOWN_KIND', message, { option: 'operations' })
}

/** The parts of an operation that its kind decides, in the form to store. */
export interface Admitted {
  /** JSON text: the result of the schema for the payload, or the payload itself (Q14). */
  readonly payload: string
  /** The records that it creates (Q12). */
  readonly creates: readonly string[]
}

export type Admission =
  | { readonly ok: true; readonly admitted: Admitted }
  | { readonly ok: false; readonly refusal: Error }

type Asked = Pick<Draft, 'given' | 'kind' | 'payload'>

/** Asks the code of the kind, whose schema may take long. */
export function admit(
  { kinds }: Pick<Context, 'kinds'>,
  asked: Asked,
  then: (admission: Admission) => void,
): void {
  kinds.check(asked, (storable) => then(admissionOf(kinds, asked, storable)))
}

/** Does the same for a caller that cannot wait: if the schema does not answer at once, the operation is refused. */
export function admitAtOnce({ kinds }: Pick<Context, 'kinds'>, asked: Asked): Admission {
  return admissionOf(kinds, asked, kinds.checkAtOnce(asked))
}

function admissionOf(
  kinds: Context['kinds'],
  { kind, payload: given }: Asked,
  storable: Storable,
): Admission {
  if (!storable.ok) return { ok: false, refusal: unfit(kind, storable) }
  const payload = storable.text ?? given
  const use = kinds.recordsOf(kind, payload, kinds.facts(kind)?.version ?? 1)
  return 'error' in use
    ? { ok: false, refusal: use.error }
    : { ok: true, admitted: { payload, creates: use.creates } }
}

/** A schema may make a payload longer, say by its defaults (Q16). */
export function withinLimit(
  { settings }: Context,
  { kind, payload }: Asked,
  admission: Admission,
): Admission {
  if (!admission.ok || admission.admitted.payload === payload) return admission
  const refusal = tooLarge(settings, kind, admission.admitted.payload)
  return refusal === null ? admission : { ok: false, refusal }
}

function tooLarge(
  { maxPayloadBytes }: Context['settings'],
  kind: string,
  payload: string,
): HoldfastError | null {
  const bytes = Buffer.byteLength(payload)
  if (bytes <= maxPayloadBytes) return null
  const message = `the payload of ${kind} has ${bytes} bytes, maxPayloadBytes is ${maxPayloadBytes}`
  const subject = { option: 'maxPayloadBytes', limit: maxPayloadBytes }
  return new HoldfastError('PAYLOAD_TOO_LARGE', message, subject)
}

function unfit(kind: string, { why, thrown }: Unfit): HoldfastError {
  const message = `the payload of ${kind} does not fit its schema: ${why}`
  return new HoldfastError('INVALID_PAYLOAD', message, { cause: thrown })
}
