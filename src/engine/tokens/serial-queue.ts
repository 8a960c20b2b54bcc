/** Lets steps wait until nothing of one user's token is being stored. */
export class SerialQueue {
  /** How many tokens and ends of a session are being stored. */
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
