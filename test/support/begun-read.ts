/** A read under way, and its end: the status of the reply, or the code of the error. */
import type { ReadOptions } from '../../src/api/call-options.ts'
import type { Rig, Sent } from './rig.ts'

/** Without another request: for `/messages`, and with the reading position where there is one. */
export function beginRead(rig: Rig, options: Partial<ReadOptions> = {}) {
  const ended: unknown[] = []
  const promise = rig.holdfast.read({
    request: ({ position }) => ({
      method: 'GET',
      path: '/messages',
      ...(position === null ? {} : { query: { position } }),
    }),
    ...options,
  })
  /** The error; undefined: the read was answered. */
  const failure = promise.then(
    ({ status }) => void ended.push(status),
    (error: { readonly code?: unknown }) => {
      ended.push(error.code)
      return error
    },
  )
  return { ended, promise, failure }
}

/** The requests of reads, in the order in which they were sent. */
export function readsOf(rig: Rig): Sent[] {
  return rig.sent.filter(({ request }) => request.kind === 'read')
}
