/** All mutants. The simulator must find each: see `hunt.ts`. */
import type { Mutant } from './mutant.ts'
import { DAMAGE_MUTANTS } from './of-damage.ts'
import { PROCESS_MUTANTS } from './of-processes.ts'
import { QUEUE_MUTANTS } from './of-the-queue.ts'
import { SECRET_MUTANTS } from './of-secrets.ts'
import { TOKEN_MUTANTS } from './of-tokens.ts'
import { USER_MUTANTS } from './of-users.ts'

export const MUTANTS: readonly Mutant[] = [
  ...QUEUE_MUTANTS,
  ...USER_MUTANTS,
  ...TOKEN_MUTANTS,
  ...PROCESS_MUTANTS,
  ...DAMAGE_MUTANTS,
  ...SECRET_MUTANTS,
]

export function mutantOf(id: string): Mutant {
  const mutant = MUTANTS.find((one) => one.id === id)
  if (mutant === undefined) throw new Error(`there is no mutant ${id}`)
  return mutant
}
