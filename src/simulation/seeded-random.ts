/** Randomness that a seed repeats: mulberry32, and nonces that are names or numbers. */
import type { Random } from '../ports/random.ts'

export class SeededRandom implements Random {
  #state: number
  #nonceCount = 0
  /** Two processes never draw the same. */
  readonly #prefix: string
  /** What the next nonce is to be: the simulation names its operations. */
  nextNonce: string | null = null

  constructor(seed: number, prefix = 'n') {
    this.#state = seed >>> 0
    this.#prefix = prefix
  }

  fraction(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let t = this.#state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }

  nonce(): string {
    const named = this.nextNonce
    this.nextNonce = null
    this.#nonceCount += 1
    return named ?? `${this.#prefix}${this.#nonceCount}`
  }
}
