import { asHoldfastError, HoldfastError } from '../errors.ts'

/** The payload as JSON text. @throws HoldfastError `INVALID_PAYLOAD` if the payload is not JSON. */
export function payloadText(kind: string, payload: unknown): string {
  let text: string | undefined
  try {
    text = JSON.stringify(payload)
  } catch (error) {
    throw asHoldfastError(error, 'INVALID_PAYLOAD', `the payload of ${kind} is not JSON`)
  }
  // JSON.rawJSON() can bring half a character in, which storage would change (Q21).
  if (text?.isWellFormed() === true) return text
  throw new HoldfastError('INVALID_PAYLOAD', `the payload of ${kind} is not JSON`)
}
