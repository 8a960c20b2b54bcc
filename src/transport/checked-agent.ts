/** The option `agent` of the transport over HTTP, checked at the door. */
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { showType } from '../checks/show.ts'

/**
 * Undefined: the app has given none.
 *
 * @throws TypeError if no request can go through it, or together with `fetch`.
 */
export function checkedAgent(
  agent: unknown,
  fetch: unknown,
  protocol: string,
): HttpAgent | undefined {
  if (agent === undefined) return undefined
  if (typeof (agent as { addRequest?: unknown } | null)?.addRequest !== 'function') {
    throw new TypeError(
      `httpTransport: agent must be an agent of node:http or node:https, not ${showType(agent)}; a dispatcher belongs to fetch`,
    )
  }
  if (fetch !== undefined) {
    throw new TypeError(
      'httpTransport: agent and fetch exclude each other: fetch sends through connections of its own; give it a dispatcher',
    )
  }
  // Agents of other packages may serve both protocols.
  const { constructor } = agent as object
  const wanted = protocol === 'https:' ? HttpsAgent : HttpAgent
  if (constructor !== wanted && (constructor === HttpAgent || constructor === HttpsAgent)) {
    throw new TypeError(
      `httpTransport: agent must be an agent of node:${protocol.slice(0, -1)}, because baseUrl is ${protocol}`,
    )
  }
  return agent as HttpAgent
}
