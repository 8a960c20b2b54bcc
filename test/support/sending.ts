/** Sends one request through the transport over HTTP, in both ways that it has. */
import { inspect } from 'node:util'
import { expect } from 'vitest'
import { httpTransport, type HttpTransportOptions } from '../../src/index.ts'
import type { OperationId, UserId } from '../../src/model.ts'
import type { OutgoingRequest, Reply, Transport } from '../../src/ports/transport.ts'

export const TOKEN = 'a-token-that-nobody-may-see'

interface Sending {
  readonly request?: Partial<OutgoingRequest>
  readonly token?: string | null
  readonly signal?: AbortSignal
  readonly options?: Partial<HttpTransportOptions>
}

type Way = Pick<HttpTransportOptions, 'fetch'>

export const WAYS: readonly [string, Way][] = [
  ['Node itself', {}],
  ['the fetch that is given', { fetch: globalThis.fetch }],
]

export type Send = (baseUrl: string, sending?: Sending) => Promise<Reply>

const REQUEST: OutgoingRequest = {
  method: 'POST',
  path: '/notes',
  headers: { 'content-type': 'application/json', 'idempotency-key': 'key-1' },
  body: '{"text":"hi"}',
  kind: 'note',
  user: 'alice' as UserId,
  operations: ['1.sg.n1' as OperationId],
}

export function sendThrough(way: Way): Send {
  return async (baseUrl, sending = {}) => {
    const { request, token = TOKEN, signal = new AbortController().signal, options } = sending
    const whole = { ...REQUEST, ...request }
    return httpTransport({ baseUrl, ...way, ...options }).send(whole, { token, signal })
  }
}

/** The same through a transport that is there already. */
export function sendWith(
  transport: Transport,
  signal = new AbortController().signal,
): Promise<Reply> {
  return transport.send(REQUEST, { token: TOKEN, signal })
}

/** The error that it rejected with; nothing in it may tell the token. */
export async function failure(sent: Promise<unknown>): Promise<Error> {
  const error = await sent.then(
    () => null,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(Error)
  const everything = inspect(error, { depth: 20, showHidden: true, getters: true })
  expect(everything).not.toContain(TOKEN.slice(0, 12))
  return error as Error
}
