/** The operations that a reply yields (Q13): checked before the reply is judged, stored when it settles. */
import type { FollowUp } from '../../../storage/changes.ts'
import type { OperationId } from '../../model.ts'
import type { InterpretedFollowUp } from '../../operations/interpreted.ts'
import type { Context } from '../context.ts'
import { admit, type Admission, type Admitted } from '../intake/admission.ts'
import { draftRow } from '../intake/draft-row.ts'

/** A follow-up in the form that its kind stores. */
export type AdmittedFollowUp = Pick<InterpretedFollowUp, 'kind' | 'expiresInMs'> & Admitted

/** Passes the follow-ups in the form to store, or the reason why one follow-up cannot be stored. */
export function admitFollowUps(
  context: Context,
  followUps: readonly InterpretedFollowUp[],
  then: (admitted: readonly AdmittedFollowUp[] | Error) => void,
): void {
  const admissions = new Map<number, Admission>()
  if (followUps.length === 0) then([])
  // All follow-ups are admitted at once: the server decides their number, so no admission may be nested in another.
  followUps.forEach((followUp, index) => {
    admit(context, followUp, (admission) => {
      admissions.set(index, admission)
      if (admissions.size === followUps.length) then(admittedOf(followUps, admissions))
    })
  })
}

function admittedOf(
  followUps: readonly InterpretedFollowUp[],
  admissions: ReadonlyMap<number, Admission>,
): readonly AdmittedFollowUp[] | Error {
  const admitted: AdmittedFollowUp[] = []
  for (const [index, { kind, expiresInMs }] of followUps.entries()) {
    const admission = admissions.get(index)
    if (admission?.ok === false) return admission.refusal
    if (admission?.ok === true) admitted.push({ kind, expiresInMs, ...admission.admitted })
  }
  return admitted
}

/** The ids of follow-ups are made of their parent's id, so that a reply processed twice makes them once. */
export function followUpRows(
  context: Context,
  parent: OperationId | undefined,
  followUps: readonly AdmittedFollowUp[],
): FollowUp[] {
  return followUps.map((followUp, index) => ({
    id: `${parent}/${index}` as OperationId,
    ...draftRow(context, followUp),
  }))
}
