/** May an operation be stored at all? Known kind, payload, limits, schema (E1, Q16): the one place that says. */
import { asHoldfastError, HoldfastError } from '../../errors.ts'
import type { Core } from '../core.ts'

/** What `enqueue()` and `enqueueWithin()` were called with. */
export interface Draft {
  readonly kind: string
  /** JSON text. */
  readonly payload: string
  readonly expiresInMs: number | null
}

/** The payload as JSON text. @throws HoldfastError `INVALID_PAYLOAD` where it is not JSON. */
export function payloadText(kind: string, payload: unknown): string {
  let text: string | undefined
  try {
    text = JSON.stringify(payload)
  } catch (error) {
    throw asHoldfastError(error, 'INVALID_PAYLOAD', `the payload of ${kind} is not JSON`)
  }
  if (text === undefined) {
    throw new HoldfastError('INVALID_PAYLOAD', `the payload of ${kind} is not JSON`)
  }
  return text
}

/** Why it cannot be taken, before its schema is asked; null: it can. */
export function refusalOf(
  { kinds, settings, lanes }: Core,
  { kind, payload }: Draft,
): HoldfastError | null {
  if (kinds.facts(kind) === undefined) {
    const message = `the kind ${kind} is unknown; give its definition to createHoldfast({ operations })`
    return new HoldfastError('UNKNOWN_KIND', message)
  }
  const { maxPayloadBytes, maxPending } = settings
  const bytes = Buffer.byteLength(payload)
  if (bytes > maxPayloadBytes) {
    const message = `the payload of ${kind} has ${bytes} bytes, maxPayloadBytes is ${maxPayloadBytes}`
    return new HoldfastError('PAYLOAD_TOO_LARGE', message)
  }
  if (lanes.count('pending') + lanes.comingCount >= maxPending) {
    const message = `${maxPending} operations are pending, as many as maxPending allows`
    return new HoldfastError('QUEUE_FULL', message, { retryable: true })
  }
  return null
}

/** Asks the schema, which may take its time; `then` hears why it refuses, or null. */
export function checkSchema(
  { kinds }: Core,
  { kind, payload }: Draft,
  then: (refusal: HoldfastError | null) => void,
): void {
  kinds.check(kind, payload, (why) => then(why === null ? null : unfit(kind, why)))
}

/** The same for who cannot wait: a schema that does not answer at once refuses. */
export function checkSchemaAtOnce({ kinds }: Core, { kind, payload }: Draft): HoldfastError | null {
  const why = kinds.checkAtOnce(kind, payload)
  return why === null ? null : unfit(kind, why)
}

function unfit(kind: string, why: string): HoldfastError {
  const message = `the payload of ${kind} does not fit its schema: ${why}`
  return new HoldfastError('INVALID_PAYLOAD', message)
}
