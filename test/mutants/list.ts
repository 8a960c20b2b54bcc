/** All mutants. The simulator must find each: see `hunt.ts`. */
import type { Mutant } from './mutant.ts'
import { DAMAGE_MUTANTS } from './of-damage.ts'
import { INTAKE_MUTANTS } from './of-intake.ts'
import { LOOK_MUTANTS } from './of-looks.ts'
import { PROCESS_MUTANTS } from './of-processes.ts'
import { READ_MUTANTS } from './of-reads.ts'
import { RECORD_MUTANTS } from './of-records.ts'
import { SECRET_MUTANTS } from './of-secrets.ts'
import { SENDING_MUTANTS } from './of-sending.ts'
import { STORAGE_MUTANTS } from './of-storage.ts'
import { QUEUE_MUTANTS } from './of-the-queue.ts'
import { TOKEN_MUTANTS } from './of-tokens.ts'
import { USER_MUTANTS } from './of-users.ts'

export const MUTANTS: readonly Mutant[] = [
  ...QUEUE_MUTANTS,
  ...SENDING_MUTANTS,
  ...INTAKE_MUTANTS,
  ...RECORD_MUTANTS,
  ...USER_MUTANTS,
  ...TOKEN_MUTANTS,
  ...READ_MUTANTS,
  ...LOOK_MUTANTS,
  ...PROCESS_MUTANTS,
  ...DAMAGE_MUTANTS,
  ...SECRET_MUTANTS,
  ...STORAGE_MUTANTS,
]

export function mutantOf(id: string): Mutant {
  const mutant = MUTANTS.find((one) => one.id === id)
  if (mutant === undefined) throw new Error(`there is no mutant ${id}`)
  return mutant
}
