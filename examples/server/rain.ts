/**
 * A steady rain of faults by rate and seed. Each owner has a stream of its own, with one draw for each
 * of its operation requests: what falls on an owner depends on the seed and on the number of the
 * request alone, however the requests of several owners interleave.
 */
import { z } from 'zod'
import type { Owner } from './owner.ts'

export const rainFaults = [
  'refuse',
  'dropRequest',
  'dropReply',
  'fail503',
  'fail429',
  'html',
] as const

export type RainFault = (typeof rainFaults)[number]

const rate = z.number().min(0).max(1).default(0)

export const rainSchema = z
  .strictObject({
    seed: z.number().int(),
    /** 401, and the token that came is revoked from then on. Never falls on an unsigned request. */
    refuse: rate,
    /** The connection breaks before the operation is applied. */
    dropRequest: rate,
    /** The operation is applied, then the connection breaks. */
    dropReply: rate,
    fail503: rate,
    fail429: rate,
    /** A captive portal's page instead of the API. */
    html: rate,
    /** Seconds, the `Retry-After` of fail503 and fail429; null sends none. Default 1. */
    retryAfter: z.number().int().nonnegative().nullable().default(1),
  })
  .refine((rates) => rainFaults.reduce((sum, fault) => sum + rates[fault], 0) <= 1, {
    error: 'the rates add up to more than 1',
  })

export type RainRates = z.output<typeof rainSchema>

export class Rain {
  readonly rates: RainRates
  readonly #streams = new Map<Owner, () => number>()

  constructor(rates: RainRates) {
    this.rates = rates
  }

  /** What falls on the next operation request of that owner. */
  draw(owner: Owner): RainFault | undefined {
    const stream = this.#streams.get(owner) ?? randomStream(this.rates.seed, owner ?? '')
    this.#streams.set(owner, stream)
    let left = stream()
    return rainFaults.find((fault) => {
      left -= this.rates[fault]
      return left < 0
    })
  }
}

/** mulberry32, seeded by the seed and an FNV-1a hash of the name. Yields 0 <= x < 1. */
function randomStream(seed: number, name: string): () => number {
  let hash = 0x811c9dc5 ^ seed
  for (let i = 0; i < name.length; i += 1) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193)
  let state = hash >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
  }
}
