/** One difference between a run and its expectation, or between a run and an invariant. */
export interface Mismatch {
  /** `requests[1].token`, `final.pending`, … */
  readonly what: string
  readonly expected: unknown
  readonly seen: unknown
}
