/** Waits for all items that are under way at one moment, and never for an item that begins later. */

interface Waiting<T> {
  readonly left: Set<T>
  readonly run: () => void
}

export class Outstanding<T> {
  readonly #waiting = new Set<Waiting<T>>()

  /** Calls `then` when each of these items is over; at once if there are no items. */
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
