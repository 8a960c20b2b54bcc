/** Choices that a seed repeats. */
import { SeededRandom } from '../seeded-random.ts'

export class Dice {
  readonly #random: SeededRandom

  constructor(seed: number) {
    this.#random = new SeededRandom(Math.imul(seed, 0x9e3779b1) ^ (seed >>> 16))
    // Neighbouring seeds begin alike.
    this.#random.fraction()
  }

  /** From 0 up to 1, without 1. */
  fraction(): number {
    return this.#random.fraction()
  }

  chance(of: number): boolean {
    return this.fraction() < of
  }

  /** A whole number, both ends included. */
  between(from: number, to: number): number {
    return from + Math.floor(this.fraction() * (to - from + 1))
  }

  of<T>(choices: readonly [T, ...T[]]): T {
    return choices[this.between(0, choices.length - 1)] ?? choices[0]
  }

  /** Null: there is nothing to choose from. */
  any<T>(choices: readonly T[]): T | null {
    return choices[this.between(0, choices.length - 1)] ?? null
  }

  /** The same, but more often one of the last. */
  late<T>(choices: readonly T[]): T | null {
    return choices[choices.length - 1 - Math.floor(this.fraction() ** 3 * choices.length)] ?? null
  }

  /** One of several things, as often as its weight says. */
  weighted<T>(choices: readonly (readonly [weight: number, choice: T])[]): T | null {
    let left = this.fraction() * choices.reduce((sum, [weight]) => sum + weight, 0)
    for (const [weight, choice] of choices) {
      left -= weight
      if (left < 0) return choice
    }
    return null
  }
}
