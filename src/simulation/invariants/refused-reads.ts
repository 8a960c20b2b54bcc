/**
 * A read whose token was refused by a reply that was no 401 is sent again with a newer token alone, and no third time.
 * Nothing else is sent again but after a 401 or a reply that asks for it (R3, R5).
 */
import { additionsTo, type Invariant, isRead, show } from './invariant.ts'
import { earlierOf, isDoubt, readCameTo, readOf } from './judged-reads.ts'
import type { SeenRequest } from '../scripted-server.ts'
import type { RunRecord } from './run-record.ts'

export const refusedReads: Invariant = (run) => {
  const requests = additionsTo(run.requests)
  return () =>
    requests()
      .filter(isRead)
      .flatMap((request) => {
        const why = faultOf(run, request)
        return why === null ? [] : [{ ...show(request), why }]
      })
}

function faultOf(run: RunRecord, request: SeenRequest): string | null {
  const call = readOf(run, request)
  if (call === undefined) return null
  const earlier = earlierOf(run, request)
  const outcomes = earlier.map((sent) => readCameTo(call, sent))
  const isOver = outcomes.some((outcome) => outcome !== 'refused-token' && outcome !== 'retry')
  if (isOver) return 'the reply before has ended the read'
  if (outcomes.filter((outcome) => outcome === 'retry').length > 1) return 'its last try is over'
  const refusals = earlier.filter((_, index) => outcomes[index] === 'refused-token')
  const doubts = refusals.filter((sent) => isDoubt(run, sent))
  if (doubts.length > 0 && refusals.length > 1) return 'the second refusal has ended the read'
  const isSame = doubts.some((sent) => generationOf(sent) === generationOf(request))
  return isSame ? 'the token is the one that was refused' : null
}

/** As the database had it when the request left; null: it was unsigned. */
function generationOf({ token, client }: SeenRequest): number | null {
  return token === null ? null : (client.token?.generation ?? null)
}
