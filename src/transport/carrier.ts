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

/**
 * Follows no redirect, and sends a request once. Resolves with a reply as soon as its status is known and no more of it
 * will come: one that breaks off, or that is aborted, is cut (Q6). Rejects with `NotSentError` if no byte of the
 * request has left; else with the signal's reason, or a TypeError.
 */
export type Carrier = (cargo: Cargo) => Promise<Reply>

/** The body as text, cut off where it is too long. A byte order mark says only how the text is encoded. */
export function bodyOf(
  parts: readonly Uint8Array[],
  maxBytes: number,
): Pick<Reply, 'body' | 'isCut'> {
  const whole = parts.length === 1 && parts[0] instanceof Buffer ? parts[0] : Buffer.concat(parts)
  const text = whole.toString('utf8', 0, maxBytes)
  const body = text.startsWith('\uFEFF') ? text.slice(1) : text
  return whole.length > maxBytes ? { body, isCut: true } : { body }
}
