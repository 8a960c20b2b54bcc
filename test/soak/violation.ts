/** What a soak run found to be wrong, and what is needed to see it again. */
export class Violation extends Error {
  override readonly name = 'Violation'
  /** The files of it, if they were kept. */
  readonly folder: string | null

  constructor(what: string, complaints: readonly string[], folder: string | null = null) {
    const [first = '', ...others] = complaints
    const more = others.length === 0 ? '' : `\n  and ${others.length} more, next: ${others[0]}`
    super(`${what}: ${first}${more}`)
    this.folder = folder
  }
}
