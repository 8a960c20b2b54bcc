/** Through a `fetch` that the app gives: a proxy, Electron's `net.fetch`. */
import type { Reply } from '../ports/transport.ts'
import { bodyOf, type Carrier } from './carrier.ts'
import { failureOfFetch } from './failure-of-fetch.ts'

export function throughFetch(fetch: typeof globalThis.fetch): Carrier {
  return async ({ url, maxReplyBytes, ...cargo }) => {
    const { signal } = cargo
    let response: Response
    try {
      response = await fetch(url, {
        method: cargo.method,
        headers: cargo.headers,
        body: cargo.body,
        redirect: 'manual',
        signal,
      })
    } catch (error) {
      throw signal.aborted ? (signal.reason as Error) : failureOfFetch(error)
    }
    return {
      status: response.status,
      headers: Object.fromEntries(response.headers),
      ...(await read(response, maxReplyBytes, signal)),
    }
  }
}

/** No more than it takes to know that it is too long. A body that breaks off is cut: the status is known (Q6). */
async function read(
  { body }: Response,
  maxBytes: number,
  signal: AbortSignal,
): Promise<Pick<Reply, 'body' | 'isCut'>> {
  const parts: Uint8Array[] = []
  if (body === null) return bodyOf(parts, maxBytes)
  const iterator = body[Symbol.asyncIterator]()
  const aborted = endOf(signal)
  try {
    for (let bytes = 0; bytes <= maxBytes;) {
      const next = await Promise.race([iterator.next(), aborted])
      if (next === null) return cut(parts, maxBytes)
      if (next.done === true) return bodyOf(parts, maxBytes)
      parts.push(next.value)
      bytes += next.value.length
    }
    return bodyOf(parts, maxBytes)
  } catch {
    return cut(parts, maxBytes)
  } finally {
    // The rest is not wanted, and a body that is broken already has no rest.
    iterator.return?.().catch(() => undefined)
  }
}

function cut(parts: readonly Uint8Array[], maxBytes: number): Pick<Reply, 'body' | 'isCut'> {
  return { ...bodyOf(parts, maxBytes), isCut: true }
}

/** Resolves at the abort, also where the body of a `fetch` does not hear of it. */
function endOf(signal: AbortSignal): Promise<null> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(null)
    else signal.addEventListener('abort', () => resolve(null), { once: true })
  })
}
