/**
 * Says of the error of a `fetch` whether any byte of the request may have left (Q6). A `fetch` tells no facts about its
 * connection, only names of failures. Here are the names of failures that can only happen before there is a connection;
 * every other one means that the request may have arrived.
 */
import { NotSentError } from '../errors.ts'
import { proxyRefusal } from './proxy-refusal.ts'

/** `EHOSTUNREACH` and the like are not among them: an open connection can end so too. */
const BEFORE_THE_CONNECTION: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
  // The certificate was not accepted: Node's words for OpenSSL's answers.
  'CERT_CHAIN_TOO_LONG',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_REJECTED',
  'CERT_REVOKED',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'HOSTNAME_MISMATCH',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'PATH_LENGTH_EXCEEDED',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_DECRYPT_CERT_SIGNATURE',
  'UNABLE_TO_GET_CRL',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  // Chromium's, as Electron's `net.fetch` has them in its messages.
  'ERR_CONNECTION_REFUSED',
  'ERR_CONNECTION_TIMED_OUT',
  'ERR_INTERNET_DISCONNECTED',
  'ERR_NAME_NOT_RESOLVED',
  'ERR_NAME_RESOLUTION_FAILED',
  'ERR_NETWORK_ACCESS_DENIED',
  'ERR_PROXY_CONNECTION_FAILED',
  'ERR_TUNNEL_CONNECTION_FAILED',
])

/** Chromium's names of certificates that were not accepted: `ERR_CERT_DATE_INVALID` and the like. */
const CHROMIUM_CERTIFICATE = /^ERR_CERT_[A-Z_]+$/

/** What the system was asked for when it failed, where that comes before every byte. */
const CONNECTING = new Set(['connect', 'getaddrinfo'])

/** An error, its cause and the cause of that: no `fetch` wraps its failure more often. */
const DEEPEST = 3

/** `NotSentError` if certainly no byte of the request has left; else the error itself. */
export function failureOfFetch(error: unknown): unknown {
  const refusal = refusalIn(error, DEEPEST)
  if (refusal !== null) return refusal
  const reason = reasonOf(error, DEEPEST)
  if (reason === null) return error
  return new NotSentError(`the request was not sent: ${reason}`, { reason, cause: error })
}

/** That of a proxy, which may be the cause of the cause; null: there is none. */
function refusalIn(error: unknown, depth: number): NotSentError | null {
  if (typeof error !== 'object' || error === null || depth === 0) return null
  return proxyRefusal(error) ?? refusalIn((error as { readonly cause?: unknown }).cause, depth - 1)
}

/** Null: the request may have left. */
function reasonOf(error: unknown, depth: number): string | null {
  if (typeof error !== 'object' || error === null || depth === 0) return null
  const { code, syscall, message, errors, cause } = error as Readonly<Record<string, unknown>>
  if (Array.isArray(errors) && errors.length > 0) {
    // Several addresses were tried: each must have failed before there was a connection.
    const reasons = errors.map((one) => reasonOf(one, depth - 1))
    return reasons.includes(null) ? null : (reasons[0] ?? null)
  }
  const name = typeof code === 'string' ? code : chromiumName(message)
  if (name === null) return reasonOf(cause, depth - 1)
  const isBefore = BEFORE_THE_CONNECTION.has(name) || CHROMIUM_CERTIFICATE.test(name)
  if (isBefore || (typeof syscall === 'string' && CONNECTING.has(syscall))) return name
  return reasonOf(cause, depth - 1)
}

function chromiumName(message: unknown): string | null {
  const found = typeof message === 'string' ? /^net::(ERR_[A-Z_]+)/.exec(message) : null
  return found?.[1] ?? null
}
