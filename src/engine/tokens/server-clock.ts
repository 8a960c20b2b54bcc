/**
 * The wall clock, corrected by the server's `Date` header (T9): tokens expire by the server's time, and
 * the clocks of desktops are wrong.
 */
import type { Instant } from '../../model.ts'
import { parseHttpDate } from '../../transport/http-date.ts'

/** Differences below this say nothing: a `Date` header is in whole seconds and has travelled. */
const IGNORED_MS = 5000

export class ServerClock {
  offsetMs = 0

  /** Hears the `Date` of a reply of the server itself, which arrived at this moment of the wall clock. */
  heard(dateHeader: string | undefined, wall: Instant): void {
    const server = dateHeader === undefined ? null : parseHttpDate(dateHeader.trim(), wall)
    if (server === null) return
    const offsetMs = server - wall
    this.offsetMs = Math.abs(offsetMs) < IGNORED_MS ? 0 : offsetMs
  }

  now(wall: Instant): Instant {
    return wall + this.offsetMs
  }
}
