/** A name in a scenario that stands for nothing, and where it is. */
import { meant } from './nearest.ts'

/** The beginning of a message about a user. */
export const NO_USER = 'no step and no token has the user'

export interface NameProblem {
  readonly path: readonly PropertyKey[]
  readonly what: string
}

/** The problem of a name that is not known. `is` is the beginning of the message, such as `there is no event`. */
export function unknownName(
  path: readonly PropertyKey[],
  is: string,
  name: string,
  known: Iterable<string>,
): NameProblem {
  return { path, what: `${is} ${name}${meant(name, known)}` }
}

/** Of the names that are not known, the problems. */
export function* unlessKnown(
  path: readonly PropertyKey[],
  is: string,
  name: string | null | undefined,
  known: ReadonlySet<string>,
): Iterable<NameProblem> {
  if (name === null || name === undefined || known.has(name)) return
  yield unknownName(path, is, name, known)
}
