/** What a soak run found to be wrong, and what is needed to see it again. */
export class Violation extends Error {
  override readonly name = 'Violation'
  constructor(what: string, complaints: readonly string[]) {
    const [first = '', ...others] = complaints
    const more = others.length === 0 ? '' : `\n  and ${others.length} more, next: ${others[0]}`
    super(`${what}: ${first}${more}`)
  }
}
