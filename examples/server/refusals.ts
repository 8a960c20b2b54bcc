/**
 * Which genuine tokens the server refuses all the same: all of them, all of one user, or the tokens of a
 * user up to a serial number (revoked for ever; a newer token of that user is taken).
 */
export class Refusals {
  all = false
  readonly users = new Set<string>()
  readonly #revokedUpTo = new Map<string, number>()

  revoke(user: string, upToSerial: number): void {
    this.#revokedUpTo.set(user, Math.max(upToSerial, this.#revokedUpTo.get(user) ?? 0))
  }

  refuses(user: string, serial: number): boolean {
    return this.all || this.users.has(user) || serial <= (this.#revokedUpTo.get(user) ?? 0)
  }

  /** Ends `all` and `users`. What was revoked stays so. */
  lift(): void {
    this.all = false
    this.users.clear()
  }
}
