/** Through a `fetch` that the app gives: a proxy, Electron's `net.fetch`. */
import { bodyOf, type Carrier } from './carrier.ts'

export function throughFetch(fetch: typeof globalThis.fetch): Carrier {
  return async ({ url, maxReplyBytes, ...cargo }) => {
    const response = await fetch(url, {
      method: cargo.method,
      headers: cargo.headers,
      body: cargo.body,
      redirect: 'manual',
      signal: cargo.signal,
    })
    return {
      status: response.status,
      headers: Object.fromEntries(response.headers),
      ...bodyOf(await read(response, maxReplyBytes), maxReplyBytes),
    }
  }
}

/** No more than it takes to know that it is too long. */
async function read({ body }: Response, maxBytes: number): Promise<readonly Uint8Array[]> {
  const parts: Uint8Array[] = []
  if (body === null) return parts
  let bytes = 0
  for await (const part of body) {
    parts.push(part)
    bytes += part.length
    if (bytes > maxBytes) break
  }
  return parts
}
