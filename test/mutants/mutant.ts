/**
 * A mutant: one fault that a change could put into the engine, as data. It never is in the product. It names a
 * function and a text in it, not a file, so that it survives moves: see `places.ts`.
 */

export interface Mutant {
  readonly id: string
  /** The fault. */
  readonly what: string
  /** The rule it breaks. */
  readonly rule: string
  /**
   * The function, method, accessor or module constant that has the fault; with `#` if it is private. A constructor has
   * the name of its class.
   */
  readonly in: string
  /** The text that is there exactly once, and the text in its place. */
  readonly find: string
  readonly replace: string
  /** What finds it where seeds do not. Without it, seeds must. */
  readonly foundBy?: Finder
}

export interface Finder {
  /** A scenario (`.yaml`) or a file of tests (`.test.ts`), from the root of the project. */
  readonly file: string
  /** The title of the one test that is run, with those of the groups it is in. Needed for a file of tests. */
  readonly test?: string
}
