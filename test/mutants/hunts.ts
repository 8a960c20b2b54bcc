/** What a hunt is told, and what it answers. */

/** Which seeds are played under which mutant. */
export interface Hunt {
  readonly mutant: string
  readonly from: number
  readonly count: number
}

export interface Caught {
  readonly mutant: string
  /** The invariant that has failed, and the seed; null: none has. */
  readonly invariant: string | null
  readonly seed: number | null
  readonly triedCount: number
  readonly ms: number
}

/** As an argument of `hunt.ts`. */
export function writeHunt({ mutant, from, count }: Hunt): string {
  return `${mutant}:${from}:${count}`
}

export function readHunt(text: string): Hunt {
  const [mutant = '', from, count] = text.split(':')
  return { mutant, from: Number(from), count: Number(count) }
}
