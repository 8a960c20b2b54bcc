/** What replies to reads came to, judged anew by the step of the read or by R5, and not by the engine's own code. */
import type { SeenRequest } from '../scripted-server.ts'
import type { SeenCall } from '../seen.ts'
import { isRead } from './invariant.ts'
import { type Came, outcomeOf } from './outcome.ts'
import type { RunRecord } from './run-record.ts'

/** The call that this request is of; undefined: another life has made it. */
export function readOf(
  { calls }: Pick<RunRecord, 'calls'>,
  { ops, client, at }: SeenRequest,
): SeenCall | undefined {
  return calls.find(
    (call) =>
      call.name === 'read' && call.step === ops[0] && call.life === client.life && call.at <= at,
  )
}

/** `threw`: the code of the app failed. */
export function readCameTo(call: SeenCall, request: SeenRequest): Came | 'threw' {
  const came = outcomeOf(request)
  if (call.interpret === null || ['portal', 'unsent', 'unknown'].includes(came)) {
    // Without code of the app only these two are asked again (R5).
    if (came !== 'retry') return came
    return request.status === 425 || request.status === 429 ? 'retry' : 'rejected'
  }
  const outcome = call.interpret[String(request.status)]
  return outcome === 'throws' ? 'threw' : (outcome ?? came)
}

/** True if the app has judged a reply that was no 401 as a refused token (R3). */
export function isDoubt(run: Pick<RunRecord, 'calls'>, request: SeenRequest): boolean {
  const call = isRead(request) && request.status !== 401 ? readOf(run, request) : undefined
  return call !== undefined && readCameTo(call, request) === 'refused-token'
}

/** The earlier requests of the read of this request, in the same life. */
export function earlierOf(
  { requests }: Pick<RunRecord, 'requests'>,
  request: SeenRequest,
): readonly SeenRequest[] {
  return requests
    .slice(0, requests.indexOf(request))
    .filter(
      (sent) =>
        isRead(sent) && sent.ops[0] === request.ops[0] && sent.client.life === request.client.life,
    )
}
