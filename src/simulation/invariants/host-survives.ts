/** No promise rejects unheard and no exception goes uncaught, whatever the outside does (E3). */
import { additionsTo, type Invariant } from './invariant.ts'

export const hostSurvives: Invariant = (run) => additionsTo(run.faults)
