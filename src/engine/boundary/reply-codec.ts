/** Replies in a journal: what decides, not what they say. */
import type { Reply } from '../../ports/transport.ts'
import type { Codec } from './boundary.ts'

export const replyCodec: Codec<Reply> = {
  write: ({ status, headers, body, isCut }) => ({
    status,
    cut: isCut,
    retryAfter: headers['retry-after'],
    date: headers.date,
    location: headers.location === undefined ? undefined : 'redacted',
    type: headers['content-type'],
    bytes: Buffer.byteLength(body),
  }),
  read: (json) => {
    const { status, retryAfter, date, type } = json as {
      readonly status: number
      readonly retryAfter?: string
      readonly date?: string
      readonly type?: string
    }
    return {
      status,
      body: '',
      headers: {
        ...(retryAfter === undefined ? {} : { 'retry-after': retryAfter }),
        ...(date === undefined ? {} : { date }),
        ...(type === undefined ? {} : { 'content-type': type }),
      },
    }
  },
}
