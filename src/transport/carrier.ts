/** How a request gets to the server and its reply back: through Node itself, or a `fetch` that the app gives. */
import type { Reply } from '../ports/transport.ts'

/** One request, ready to go. */
export interface Cargo {
  readonly url: URL
  readonly method: string
  /** Lower-case names, with the credential. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | null
  readonly signal: AbortSignal
  /** So much of the reply's body is read at most. */
  readonly maxReplyBytes: number
}

/** Follows no redirect. Rejects with the signal's reason, or a TypeError where there is no whole reply. */
export type Carrier = (cargo: Cargo) => Promise<Reply>

/** The body as text, cut off where it is too long. */
export function bodyOf(
  parts: readonly Uint8Array[],
  maxBytes: number,
): Pick<Reply, 'body' | 'isCut'> {
  const whole = parts.length === 1 && parts[0] instanceof Buffer ? parts[0] : Buffer.concat(parts)
  const body = whole.toString('utf8', 0, maxBytes)
  return whole.length > maxBytes ? { body, isCut: true } : { body }
}
