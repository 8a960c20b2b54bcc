/**
 * An event that parts of the engine can subscribe to. The listeners are called in the order in which `engine.ts`
 * subscribed them.
 */
export class Signal<Detail = void> {
  readonly #listeners: ((detail: Detail) => void)[] = []

  subscribe(...listeners: readonly ((detail: Detail) => void)[]): void {
    this.#listeners.push(...listeners)
  }

  tell(detail: Detail): void {
    for (const listener of this.#listeners) listener(detail)
  }
}
