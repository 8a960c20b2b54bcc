/** From what a kind says of its request to what is sent, and what a journal keeps of it. */
import type { Boundary, Codec } from '../engine/boundary/boundary.ts'
import { readError, writeError } from '../engine/boundary/error-codec.ts'
import type { Json } from '../journal/lines.ts'
import type { RequestSpec } from './define-operation.ts'
import { checkHeaders, checkMethod, checkPath, checkQuery } from './request-checks.ts'

/** What goes out, made by a kind's code. */
export interface BuiltRequest {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | null
}

export type Built =
  | { readonly state: 'request'; readonly request: BuiltRequest }
  /** `combine` needs no request: all are completed at once (Q4). */
  | { readonly state: 'nothing' }
  | Unreadable

/** Stored payloads, or the kind's code, are of no use any more (Q14). */
export interface Unreadable {
  readonly state: 'unreadable'
  readonly why: string
  /** The operations of which that is known, by their index; none: only together they are of no use. */
  readonly which: readonly number[]
  /** What the code of the kind threw, or why no request can be like that; null: no code failed. */
  readonly thrown: Error | null
}

/** What a replay has in a request's stead. */
export const NO_REQUEST: BuiltRequest = { method: '', path: '', headers: {}, body: null }

/** A replay knows whether there was a request, not which. A body is written as its size and its digest (E6). */
export function builtCodecOf({ fileKey }: Pick<Boundary, 'fileKey'>): Codec<Built | 'later'> {
  return {
    write: (built) => {
      if (built === 'later') return 'later'
      if (built.state === 'nothing') return { state: 'nothing' }
      if (built.state === 'unreadable') {
        const { which, thrown } = built
        const error = thrown === null ? {} : { error: writeError(thrown) }
        return { state: 'unreadable', which: [...which], ...error }
      }
      const { body } = built.request
      if (body === null) return { state: 'request', body }
      const digest = fileKey.digest('body', body)
      return { state: 'request', body: { bytes: Buffer.byteLength(body), hmac: digest } }
    },
    read: (json) => {
      if (json === 'later') return 'later'
      const { state, which, error } = json as Pick<Unreadable, 'which'> &
        Pick<Built, 'state'> & { readonly error?: Json }
      const thrown = error === undefined ? null : readError(error)
      if (state === 'request') return { state, request: NO_REQUEST }
      return state === 'nothing' ? { state } : { state, why: 'replayed', which, thrown }
    },
  }
}

/** @throws TypeError if no request can be made of it: the message says which part is wrong, and why (Q6). */
export function render(spec: RequestSpec): BuiltRequest {
  if (typeof spec !== 'object' || spec === null) {
    throw new TypeError('a request must be an object with method and path')
  }
  const { method, path, query = {}, body, headers = {} } = spec
  checkMethod(method)
  checkPath(path)
  checkQuery(query)
  checkHeaders(headers)
  if (method === 'GET' && body !== undefined) throw new TypeError('a GET has no body')
  const search = spec.query === undefined ? '' : new URLSearchParams(query).toString()
  const lowered = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])
  return {
    method,
    path: search === '' ? path : `${path}?${search}`,
    headers: Object.fromEntries(lowered) as Record<string, string>,
    body: body === undefined ? null : jsonOf(body),
  }
}

function jsonOf(body: unknown): string {
  let text: unknown
  try {
    text = JSON.stringify(body)
  } catch (cause) {
    const why = cause instanceof Error ? `: ${cause.message}` : ''
    throw new TypeError(`its body cannot be written as JSON${why}`, { cause })
  }
  if (typeof text === 'string') return text
  throw new TypeError(`its body must be JSON, not a ${typeof body}`)
}
