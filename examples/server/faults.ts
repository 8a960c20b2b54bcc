/**
 * What goes wrong with a request. Counted faults hit the next N requests for the API; behind them falls
 * the rain, on operations only. At most one fault hits a request.
 */
import { Rain } from './rain.ts'
import type { RainRates } from './rain.ts'
import type { Owner } from './owner.ts'

/** Seconds, or an HTTP date that is sent as it is; null sends no `Retry-After`. */
export type RetryAfter = number | string | null

export type Fault =
  | { readonly type: 'none' | 'refuse' | 'dropRequest' | 'dropReply' | 'html' }
  | { readonly type: 'fail'; readonly status: number; readonly retryAfter: RetryAfter }

export interface FailNext {
  readonly count: number
  readonly status: number
  readonly retryAfter: RetryAfter
}

const none: Fault = { type: 'none' }

export class Faults {
  dropRequestCount = 0
  dropReplyCount = 0
  htmlCount = 0
  failNext: FailNext | null = null
  #rain: Rain | null = null

  get rain(): RainRates | null {
    return this.#rain?.rates ?? null
  }

  /** Begins anew, each stream from its first draw. */
  setRain(rates: RainRates | null): void {
    this.#rain = rates === null ? null : new Rain(rates)
  }

  stop(): void {
    this.dropRequestCount = 0
    this.dropReplyCount = 0
    this.htmlCount = 0
    this.failNext = null
    this.#rain = null
  }

  /** The fault of a request that arrives now. */
  onArrival(owner: Owner, isOperation: boolean): Fault {
    // Drawn in any case, so that a counted fault does not shift the stream.
    const fallen = isOperation ? this.#draw(owner) : none
    if (this.dropRequestCount > 0) {
      this.dropRequestCount -= 1
      return { type: 'dropRequest' }
    }
    if (this.htmlCount > 0) {
      this.htmlCount -= 1
      return { type: 'html' }
    }
    if (this.failNext !== null) {
      const { count, status, retryAfter } = this.failNext
      this.failNext = count > 1 ? { count: count - 1, status, retryAfter } : null
      return { type: 'fail', status, retryAfter }
    }
    return fallen
  }

  /** Is the reply to an operation that has just succeeded lost? */
  losesReply(fault: Fault): boolean {
    if (fault.type === 'dropReply') return true
    if (this.dropReplyCount === 0) return false
    this.dropReplyCount -= 1
    return true
  }

  #draw(owner: Owner): Fault {
    const fallen = this.#rain?.draw(owner)
    const retryAfter = this.#rain?.rates.retryAfter ?? null
    if (fallen === undefined) return none
    if (fallen === 'fail503') return { type: 'fail', status: 503, retryAfter }
    if (fallen === 'fail429') return { type: 'fail', status: 429, retryAfter }
    return { type: fallen }
  }
}
