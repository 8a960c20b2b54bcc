/** Mismatches as `holdfast simulate` and `holdfast fuzz` print them. */
import { inspect } from 'node:util'
import type { Mismatch } from '../simulation/mismatch.ts'
import { INVARIANTS } from '../simulation/invariants/index.ts'
import { printable, printableLines } from '../scrub/printable.ts'

/** The invariant that is not in the list, because the search itself checks it, on the journals of a plan. */
const REPLAYS = {
  what: 'invariant replays',
  rules: 'V',
  statement: 'replaying the journal of a run gives the same decisions',
}

/** One line. The line of an invariant also has its rules and its statement. */
export function headlineOf({ what }: Mismatch): string {
  const told = statementOf(what)
  return printable(told === null ? what : `${what} (${told.rules}): ${told.statement}`)
}

/** The expected value above the seen one. The headline of an invariant already has its statement. */
export function evidenceOf({ what, expected, seen }: Mismatch): string {
  const isTold = statementOf(what)?.statement === expected
  return `${isTold ? '' : `      expected ${show(expected)}\n`}      seen     ${show(seen)}\n`
}

interface Told {
  readonly rules: string
  readonly statement: string
}

/** Null: it is no invariant. */
function statementOf(what: string): Told | null {
  if (what === REPLAYS.what) return REPLAYS
  const invariant = INVARIANTS.find(({ id }) => what === `invariant ${id}`)
  if (invariant === undefined) return null
  return { rules: invariant.rules.join(', '), statement: invariant.statement }
}

function show(value: unknown): string {
  return printableLines(inspect(value, { depth: 6, breakLength: 100 })).replaceAll(
    '\n',
    '\n               ',
  )
}
