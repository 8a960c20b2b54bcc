/**
 * A random sample of edits: for one seed and the same sources the same on every machine. The lot of an edit depends on its
 * id alone, so the samples of two similar trees are nearly the same, and their scores can be compared.
 */
import { createHash } from 'node:crypto'
import type { Edit } from './edit.ts'

export interface Sample {
  /** In the order in which they were drawn: a smaller sample is the beginning of a larger one. */
  readonly edits: readonly Edit[]
  /** The number of edits that were drawn and refused. */
  readonly unsoundCount: number
}

interface Options {
  readonly seed: number
  readonly count: number
  /** Called with each edit that is drawn: false refuses it. */
  readonly isSound: (edit: Edit) => boolean
}

export function sampleOf(all: readonly Edit[], { seed, count, isSound }: Options): Sample {
  const lots = all.map((edit) => ({ edit, lot: lotOf(seed, edit) }))
  lots.sort((one, other) => (one.lot < other.lot ? -1 : 1))
  const edits: Edit[] = []
  let unsoundCount = 0
  for (const { edit } of lots) {
    if (edits.length === count) break
    if (isSound(edit)) edits.push(edit)
    else unsoundCount += 1
  }
  return { edits, unsoundCount }
}

function lotOf(seed: number, { id }: Edit): string {
  return createHash('sha256').update(`${seed} ${id}`).digest('hex')
}
