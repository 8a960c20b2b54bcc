/** The first known places of a lane while its rows are not in memory. Only for parts that display the lane. */
export class FirstPlaces {
  #places: readonly number[]

  /** `rows`: the first rows of the lane, in their order. */
  constructor(rows: readonly { readonly place: number }[]) {
    this.#places = rows.map(({ place }) => place)
  }

  get head(): number | undefined {
    return this.#places[0]
  }

  get count(): number {
    return this.#places.length
  }

  removed(places: readonly number[]): void {
    this.#places = this.#places.filter((place) => !places.includes(place))
  }

  moved(move: (place: number) => number): void {
    this.#places = this.#places.map(move)
  }

  /** `isWhole`: the lane has no other places than the known ones. */
  inserted(places: readonly number[], isWhole: boolean): void {
    // Behind the last known place there may be unknown places.
    const last = isWhole
      ? Number.POSITIVE_INFINITY
      : (this.#places.at(-1) ?? Number.NEGATIVE_INFINITY)
    const known = places.filter((place) => place < last)
    this.#places = [...this.#places, ...known].toSorted((a, b) => a - b)
  }
}
