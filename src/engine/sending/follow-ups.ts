/** The operations that a reply yields (Q13): checked before the reply is judged, stored when it settles. */
import type { FollowUp } from '../../../storage/changes.ts'
import type { OperationId } from '../../model.ts'
import type { InterpretedFollowUp } from '../../operations/interpreted.ts'
import type { Core } from '../core.ts'
import { admit, type Admitted } from '../intake/admission.ts'
import { draftRow } from '../intake/draft-row.ts'

/** A follow-up as its kind has it stored. */
export type AdmittedFollowUp = Pick<InterpretedFollowUp, 'kind' | 'expiresInMs'> & Admitted

/** Hears them as they are to be stored, or why one of them cannot be. */
export function admitFollowUps(
  core: Core,
  followUps: readonly InterpretedFollowUp[],
  then: (admitted: readonly AdmittedFollowUp[] | Error) => void,
  former: readonly AdmittedFollowUp[] = [],
): void {
  const [first, ...rest] = followUps
  if (first === undefined) {
    then(former)
    return
  }
  const { kind, expiresInMs } = first
  admit(core, first, (admission) => {
    if (!admission.ok) then(admission.refusal)
    else admitFollowUps(core, rest, then, [...former, { kind, expiresInMs, ...admission.admitted }])
  })
}

/** Their ids are made of their parent's, so that a reply processed twice makes them once. */
export function followUpRows(
  core: Core,
  parent: OperationId | undefined,
  followUps: readonly AdmittedFollowUp[],
): FollowUp[] {
  return followUps.map((followUp, index) => ({
    id: `${parent}/${index}` as OperationId,
    ...draftRow(core, followUp),
  }))
}
