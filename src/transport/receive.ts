/** Reads a reply whose head has arrived: whole, or what comes of it (Q6). */
import type { IncomingMessage } from 'node:http'
import { pipeline, type Readable, type Transform } from 'node:stream'
import { constants, createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'
import type { Reply } from '../ports/transport.ts'
import { bodyOf } from './carrier.ts'

/** As `fetch` does it: a server that leaves the end of the stream away is understood. */
const LENIENT = { flush: constants.Z_SYNC_FLUSH, finishFlush: constants.Z_SYNC_FLUSH }
const LENIENT_BROTLI = {
  flush: constants.BROTLI_OPERATION_FLUSH,
  finishFlush: constants.BROTLI_OPERATION_FLUSH,
}

const BODILESS: ReadonlySet<number> = new Set([204, 304])

/** Answers the function that stops the reading: the reply is then what has arrived of it. */
export function receive(
  response: IncomingMessage,
  maxBytes: number,
  settled: (reply: Reply) => void,
): () => void {
  const status = response.statusCode ?? 0
  const parts: Buffer[] = []
  let bytes = 0
  let isOver = false
  const finish = (isWhole: boolean) => {
    if (isOver) return
    isOver = true
    const reply = { status, headers: headersOf(response), ...bodyOf(parts, maxBytes) }
    settled(isWhole ? reply : { ...reply, isCut: true })
  }
  const cutOff = () => finish(false)
  const stream = decoded(response, status)
  stream
    .on('data', (part: Buffer) => {
      parts.push(part)
      bytes += part.length
      if (bytes <= maxBytes) return
      cutOff()
      stream.destroy()
    })
    .on('end', () => finish(response.complete))
    .on('error', cutOff)
    .on('close', cutOff)
  return cutOff
}

function decoded(response: IncomingMessage, status: number): Readable {
  const encodings = BODILESS.has(status) ? '' : (response.headers['content-encoding'] ?? '')
  // The last one that was applied is the first to be taken off. One that is not known leaves all as it is.
  const decoders = encodings.split(',').map(decoderOf).reverse()
  const known = decoders.filter((decoder) => decoder !== null)
  if (known.length === 0 || known.length < decoders.length) return response
  const last = known.at(-1) as Transform
  // Its errors come out of the last stream too.
  pipeline([response, ...known], () => undefined)
  return last
}

function decoderOf(encoding: string): Transform | null {
  switch (encoding.trim().toLowerCase()) {
    case 'gzip':
    case 'x-gzip':
      return createGunzip(LENIENT)
    case 'deflate':
      return createInflate(LENIENT)
    case 'br':
      return createBrotliDecompress(LENIENT_BROTLI)
    default:
      return null
  }
}

function headersOf({ headers }: IncomingMessage): Reply['headers'] {
  const named: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) named[name] = typeof value === 'string' ? value : value.join(', ')
  }
  return named
}
