/** Waiting for all that is under way at one moment, and for nothing that begins later. */

interface Waiting<T> {
  readonly left: Set<T>
  readonly run: () => void
}

export class Outstanding<T> {
  readonly #waiting = new Set<Waiting<T>>()

  /** Calls back when each of these is over; at once, if there is none. */
  whenOver(items: Iterable<T>, then: () => void): void {
    const left = new Set(items)
    if (left.size === 0) then()
    else this.#waiting.add({ left, run: then })
  }

  over(item: T): void {
    if (this.#waiting.size === 0) return
    for (const waiting of this.#waiting) {
      waiting.left.delete(item)
      if (waiting.left.size > 0) continue
      this.#waiting.delete(waiting)
      waiting.run()
    }
  }
}
