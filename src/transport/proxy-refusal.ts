/**
 * A proxy that refuses the tunnel to the server, as the clients of Node tell of it. No byte of the request has left then (Q6),
 * and the status of the proxy says what to do: 407 means that it wants a name and a password (Q22).
 */
import { NotSentError } from '../errors.ts'

/** The words of undici, which is behind Node's `fetch`. */
const WORDS_OF_UNDICI = /^Proxy response \((\d{3})\) !== 200 when HTTP Tunneling$/

/** Null: the error is of another kind. */
export function proxyRefusal(error: unknown): NotSentError | null {
  const status = statusOf(error)
  if (status === null) return null
  return new NotSentError(`the request was not sent: the proxy answered ${status}`, {
    // A plain word, as a code must be one.
    reason: status === 407 ? 'PROXY_AUTHENTICATION_REQUIRED' : 'ERR_PROXY_TUNNEL',
    cause: error,
  })
}

/** What the proxy answered; null: it did not refuse a tunnel. */
function statusOf(error: unknown): number | null {
  if (typeof error !== 'object' || error === null) return null
  const { code, statusCode, message } = error as Readonly<Record<string, unknown>>
  if (code === 'ERR_PROXY_TUNNEL' && typeof statusCode === 'number') return statusCode
  if (code !== 'UND_ERR_ABORTED' || typeof message !== 'string') return null
  const status = WORDS_OF_UNDICI.exec(message)?.[1]
  return status === undefined ? null : Number(status)
}
