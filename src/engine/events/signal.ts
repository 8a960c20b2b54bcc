/** Something that other parts may hear of: the listeners are called in the order in which the root subscribed them. */
export class Signal<Detail = void> {
  readonly #listeners: ((detail: Detail) => void)[] = []

  subscribe(...listeners: readonly ((detail: Detail) => void)[]): void {
    this.#listeners.push(...listeners)
  }

  tell(detail: Detail): void {
    for (const listener of this.#listeners) listener(detail)
  }
}
