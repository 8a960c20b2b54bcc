/** A promise as a test sees it from outside, so that a test can say that it is still open. */

export class Watched<T> {
  readonly promise: Promise<T>
  #isOpen = true

  constructor(promise: Promise<T>) {
    this.promise = promise
    const settled = () => {
      this.#isOpen = false
    }
    promise.then(settled, settled)
  }

  /** True until the promise has settled, and one turn of microtasks more. */
  get isOpen(): boolean {
    return this.#isOpen
  }
}
