/** What a status alone says of a request (Q6, Q8). Pure. */

/** Statuses that mean "not now", however long it lasts (Q8). */
const NOT_NOW: ReadonlySet<number> = new Set([408, 425, 429, 502, 503, 504])

/** True if a `retry` with this status counts towards death (Q8). */
export function countsTowardsDeath(status: number): boolean {
  return !NOT_NOW.has(status)
}

/** True if the server says by this status that it has done the request. */
export function isSuccess(status: number): boolean {
  return status >= 200 && status < 300
}
