/** One thing after another: what is being stored of one user's token, and what waits for that. */
export class SerialQueue {
  /** A token is being stored, or the end of a session: how many of these. */
  #count = 0
  readonly #waiting: (() => void)[] = []

  get isIdle(): boolean {
    return this.#count === 0
  }

  begin(): void {
    this.#count += 1
  }

  done(then: () => void): void {
    this.#count -= 1
    then()
    while (this.isIdle && this.#waiting.length > 0) this.#waiting.shift()?.()
  }

  whenIdle(then: () => void): void {
    if (this.isIdle) then()
    else this.#waiting.push(then)
  }
}
