/** A damaged database is set aside as a whole or not at all: after each try all its files are in one place (E5). */
import type { SeenSetAside } from '../seen.ts'
import { additionsTo, type Invariant } from './invariant.ts'

export const wholeSetAside: Invariant = (run) => {
  const tries = additionsTo(run.setAsides)
  return () =>
    tries()
      .filter((tried) => !isWhole(tried))
      .map(({ at, before, left, moved }) => ({ at, before, left, moved }))
}

function isWhole({ before, left, moved, error }: SeenSetAside): boolean {
  const [here, there] = error === null ? [moved, left] : [left, moved]
  return isSame(here, before) && there.every((content) => content === null)
}

function isSame(one: readonly (string | null)[], other: readonly (string | null)[]): boolean {
  return one.length === other.length && one.every((content, index) => content === other[index])
}
