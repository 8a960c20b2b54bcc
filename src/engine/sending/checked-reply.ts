/**
 * Checks the answer of a transport, which may be any value. An answer that is not a reply counts as no reply, and the
 * request may have arrived (Q6, E3).
 */
import type { Reply } from '../../ports/transport.ts'

/** @throws TypeError if the answer is no reply. */
export function checkedReply(answer: unknown): Reply {
  const { status, headers, body } = (answer ?? {}) as Partial<Record<keyof Reply, unknown>>
  const isReply =
    Number.isSafeInteger(status) &&
    typeof headers === 'object' &&
    headers !== null &&
    Object.values(headers).every((value) => typeof value === 'string') &&
    typeof body === 'string'
  if (!isReply) throw new TypeError('the transport answered what is no reply')
  return answer as Reply
}
