/** The operations that a reply yields (Q13): checked before the reply is judged, stored when it settles. */
import type { FollowUp } from '../../../storage/changes.ts'
import type { OperationId } from '../../model.ts'
import type { InterpretedFollowUp } from '../../operations/interpreted.ts'
import type { Core } from '../core.ts'
import { draftRow } from '../intake/draft-row.ts'

/** Hears why one of them cannot be stored, or null: they all can. */
export function checkFollowUps(
  core: Core,
  followUps: readonly InterpretedFollowUp[],
  then: (why: string | null) => void,
): void {
  const [first, ...rest] = followUps
  if (first === undefined) {
    then(null)
    return
  }
  core.kinds.check(first.kind, first.payload, (why) => {
    if (why !== null) then(`${first.kind}: ${why}`)
    else checkFollowUps(core, rest, then)
  })
}

/** Their ids are made of their parent's, so that a reply processed twice makes them once. */
export function followUpRows(
  core: Core,
  parent: OperationId | undefined,
  followUps: readonly InterpretedFollowUp[],
): FollowUp[] {
  return followUps.map((followUp, index) => ({
    id: `${parent}/${index}` as OperationId,
    ...draftRow(core, followUp),
  }))
}
