/** The answer of a transport, which may be anything: what is no reply counts as none, and may have arrived (Q6, E3). */
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
