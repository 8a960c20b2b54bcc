/** A mutant: one fault that somebody could put into the engine, as data. It never is in the product. */

export interface Mutant {
  readonly id: string
  /** What is wrong with it. */
  readonly what: string
  /** The rule it breaks. */
  readonly rule: string
  /** The file it is in, from the root of the project. */
  readonly file: string
  /** What is there exactly once, and what stands there instead. */
  readonly find: string
  readonly replace: string
}

/** The text of its file with the fault in it. Whatever it looks for must be there once: a mutant must not rot unseen. */
export function mutate({ id, file, find, replace }: Mutant, text: string): string {
  const count = text.split(find).length - 1
  if (count !== 1) {
    throw new Error(`mutant ${id}: what it replaces must be in ${file} once, and is ${count} times`)
  }
  return text.replace(find, () => replace)
}
