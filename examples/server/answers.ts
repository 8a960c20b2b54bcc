/** The answers that are not a success, each in one place, and the breaking of a connection. */
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { Context } from 'hono'
import type { ApiEnv } from './api-env.ts'
import type { RetryAfter } from './faults.ts'

export function problem(
  status: number,
  error: string,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return Response.json({ error, message }, { status, headers })
}

/** No token where one is due. Without an error code, as RFC 6750 wants it. */
export function tokenMissing(): Response {
  return problem(401, 'token_missing', 'this request needs a bearer token', {
    'WWW-Authenticate': 'Bearer',
  })
}

/** A token that does not hold: forged, expired, of a rotated key, or refused. */
export function tokenInvalid(): Response {
  return problem(401, 'invalid_token', 'the token is not accepted; get a fresh one', {
    'WWW-Authenticate': 'Bearer error="invalid_token"',
  })
}

export function failure(status: number, retryAfter: RetryAfter): Response {
  const wait = retryAfter === null ? {} : { 'Retry-After': String(retryAfter) }
  const challenge = status === 401 ? { 'WWW-Authenticate': 'Bearer error="invalid_token"' } : {}
  return problem(status, 'injected_failure', `injected failure ${status}`, {
    ...wait,
    ...challenge,
  })
}

/** What a hotel's network answers in the API's place. */
export function captivePortal(context: Context<ApiEnv>): Response {
  return context.html('<!doctype html><title>Welcome</title><p>Please accept our terms.</p>')
}

/** Breaks the connection; the client gets no reply. */
export function breakConnection(context: Context<ApiEnv>): Response {
  context.env.incoming.socket.destroy()
  return RESPONSE_ALREADY_SENT
}
