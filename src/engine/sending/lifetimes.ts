/**
 * Decides alone whether an operation is past its own time (`expiresInMs`, Q8), and how long ago a moment was (Q5). The
 * row keeps two times of the wall clock, `enqueuedAt` and `expiresAt`; the difference is the operation's life. The wall
 * clock may be set while a process lives, so the age is not `wall - enqueuedAt`. This class never drops an operation, and
 * never counts a sleep of the machine as no time.
 *
 * The time of this process, here called lived time: `lived = monotonic + slept`. `slept` is the time that the machine slept
 * while the monotonic clock stood still (Linux). `Clock.uptime()` tells it; without that method, each noticed wake adds
 * the gap by which the wall clock is ahead (the larger of the two times).
 *
 * The age is `lived - bornAt`, and `bornAt` is the lived time of the `enqueue()`:
 *
 * - Enqueued by this process: known exactly, whatever the wall clock did before or after (`#own`).
 * - From before this process: `bornAt = enqueuedAt - offset`, with `offset = wall - lived` of the start. So the age at the
 *   start is what the wall clock says, and lived time comes on top. If `enqueuedAt` lies ahead, the clock went backward:
 *   that counts as no time, and the age at the start is 0.
 * - Enqueued by another process while this one lives: both have the same wall clock, so `enqueuedAt - offset` with the
 *   offset of that moment. The offsets that this process has seen are the stretches. After a clock that went backward,
 *   an hour may occur in two stretches; then the later moment counts, so nothing is dropped too early.
 *
 * Nothing changes the two times of a row: adoption, a move to another place, an upgrade, death and retry leave the age as
 * it is. The class looks at no row but the given one, so rows beyond the window in memory need nothing.
 */
import type { OperationRow } from '../../../storage/rows.ts'
import { atOnce } from '../../app-code.ts'
import type { Instant, OperationId } from '../../model.ts'
import type { Clock } from '../../ports/clock.ts'
import { type Boundary, plain } from '../boundary/boundary.ts'

/** A smaller difference is not a clock that was set, nor a sleep: two clocks are not read in the same moment. */
const TOLERANCE_MS = 500

/** The maximum number of own operations in memory: about 1 MB. The age of further operations comes from the stretches. */
const MOST_OWN = 4096

/** The maximum number of stretches; each setting of the clock begins one. More settings are not worth the memory. */
const MOST_STRETCHES = 64

/** A time in which the wall clock ran on without being set. */
interface Stretch {
  /** `wall - lived`. */
  readonly offset: number
  /** Lived time at which the stretch before was last seen; this stretch began later. Null: this is the first stretch. */
  readonly after: number | null
  /** Lived time at which the next stretch was first seen. Null: this stretch goes on. */
  until: number | null
}

/** The lifetimes in the summary of a journal. */
export interface SavedLifetimes {
  readonly beganAt: number
  readonly slept: number
  readonly uptimeAhead: number | null
  readonly seenAt: number
  readonly stretches: readonly Stretch[]
  readonly own: readonly (readonly [OperationId, number])[]
  readonly knowsAll: boolean
}

type Times = Pick<OperationRow, 'id' | 'enqueuedAt' | 'expiresAt'>

export interface LifetimesParts {
  readonly boundary: Boundary
  readonly clock: Clock
}

export class Lifetimes {
  readonly #parts: LifetimesParts
  /** Lived time of the first look at the clocks; null: no operation has had a time of its own. */
  #beganAt: number | null = null
  #slept = 0
  /** `uptime - monotonic` at the beginning; null: the clock does not tell. */
  #uptimeAhead: number | null = null
  /** Lived time of the last look at the clocks. */
  #seenAt = 0
  #stretches: Stretch[] = []
  /** When the operations that this process has enqueued were born, in lived time. */
  readonly #own = new Map<OperationId, number>()
  /** True as long as every operation that was enqueued since the beginning is one of `#own`. */
  #knowsAll = true

  constructor(parts: LifetimesParts) {
    this.#parts = parts
  }

  /** Looks at the clocks; does nothing more if neither was set. */
  look(): void {
    if (this.#beganAt === null) this.#begin()
    else this.#compare(false)
  }

  /** The machine is awake. */
  woke(): void {
    if (this.#beganAt !== null) this.#compare(true)
  }

  /** Another process has used the database, and may have enqueued. */
  heardOfOthers(): void {
    this.#knowsAll = false
    this.look()
  }

  /** This process has just enqueued the operation. */
  enqueued({ id, enqueuedAt, expiresAt }: Times): void {
    if (expiresAt === null) return
    this.look()
    if (this.#own.size < MOST_OWN) this.#own.set(id, this.#lastMomentOf(enqueuedAt) ?? this.#lived)
    else this.#knowsAll = false
  }

  /** The operations have settled, and never come back. */
  settled(operations: readonly Pick<OperationRow, 'id'>[]): void {
    if (this.#own.size > 0) for (const { id } of operations) this.#own.delete(id)
  }

  /** True if the operation is past its own time. False for an operation without such a time. */
  isOver(row: Times): boolean {
    if (row.expiresAt === null) return false
    this.look()
    const bornAt = this.#own.get(row.id) ?? this.#bornAt(row.enqueuedAt)
    return this.#lived - bornAt >= row.expiresAt - row.enqueuedAt
  }

  /**
   * How long ago the wall clock had this time, at most, in milliseconds; 0 for null. A clock that was set back makes no
   * moment younger. If the clock was set back before this process began, the true age cannot be known.
   */
  ageMs(since: Instant | null): number {
    this.look()
    if (since === null) return 0
    const [first = Number.NEGATIVE_INFINITY] = this.#momentsOf(since)
    return Math.max(this.#parts.boundary.wall - since, this.#lived - first)
  }

  /** The state for a journal that begins here; null: no operation has had a time of its own. */
  save(): SavedLifetimes | null {
    if (this.#beganAt === null) return null
    return {
      beganAt: this.#beganAt,
      slept: this.#slept,
      uptimeAhead: this.#uptimeAhead,
      seenAt: this.#seenAt,
      stretches: this.#stretches.map((stretch) => ({ ...stretch })),
      own: [...this.#own],
      knowsAll: this.#knowsAll,
    }
  }

  /** `undefined`: the journal is older than this part of the summary. */
  restore(saved: SavedLifetimes | null | undefined): void {
    if (saved === null || saved === undefined) return
    this.#beganAt = saved.beganAt
    this.#slept = saved.slept
    this.#uptimeAhead = saved.uptimeAhead
    this.#seenAt = saved.seenAt
    this.#stretches = saved.stretches.map((stretch) => ({ ...stretch }))
    for (const [id, bornAt] of saved.own) this.#own.set(id, bornAt)
    this.#knowsAll = saved.knowsAll
  }

  get #lived(): number {
    return this.#parts.boundary.monotonic + this.#slept
  }

  #begin(): void {
    const { wall, monotonic } = this.#parts.boundary
    const uptime = this.#uptime()
    this.#uptimeAhead = uptime === null ? null : uptime - monotonic
    this.#beganAt = monotonic
    this.#seenAt = monotonic
    this.#stretches = [{ offset: wall - monotonic, after: null, until: null }]
  }

  /** Detects whether the wall clock was set since the last look, or whether the machine slept. */
  #compare(isAwake: boolean): void {
    const current = this.#stretches.at(-1)
    if (current === undefined) return
    let ahead = this.#parts.boundary.wall - this.#lived - current.offset
    if (isAwake || Math.abs(ahead) > TOLERANCE_MS) {
      const asleepMs = this.#asleepMs(ahead, isAwake)
      this.#slept += asleepMs
      ahead -= asleepMs
    }
    if (Math.abs(ahead) > TOLERANCE_MS) {
      current.until = this.#lived
      const offset = current.offset + ahead
      this.#stretches.push({ offset, after: this.#seenAt, until: null })
      // The first stretch is kept: it tells the age of operations from before this process.
      if (this.#stretches.length > MOST_STRETCHES) this.#stretches.splice(1, 1)
    }
    this.#seenAt = this.#lived
  }

  /** How long the machine has slept while the monotonic clock stood still, by `Clock.uptime()` if the clock tells it. */
  #asleepMs(ahead: number, isAwake: boolean): number {
    const uptime = this.#uptimeAhead === null ? null : this.#uptime()
    const ms =
      uptime === null || this.#uptimeAhead === null
        ? isAwake
          ? ahead
          : 0
        : uptime - this.#uptimeAhead - this.#lived
    return ms > TOLERANCE_MS ? ms : 0
  }

  #uptime(): number | null {
    return this.#parts.boundary.pull('uptime', plain<number | null>(), () =>
      uptimeOf(this.#parts.clock),
    )
  }

  #bornAt(enqueuedAt: Instant): number {
    const beganAt = this.#beganAt ?? 0
    const [first] = this.#stretches
    if (this.#knowsAll) return Math.min(beganAt, enqueuedAt - (first?.offset ?? 0))
    return this.#lastMomentOf(enqueuedAt) ?? beganAt
  }

  /** Lived time at which the wall clock last had this time; null: it never had. */
  #lastMomentOf(wall: Instant): number | null {
    const moments = this.#momentsOf(wall)
    return moments.length === 0 ? null : Math.max(...moments)
  }

  /** Lived times at which the wall clock had this time, the earliest first. */
  #momentsOf(wall: Instant): number[] {
    const lived = this.#lived
    const moments = this.#stretches.flatMap(({ offset, after, until }) => {
      const moment = wall - offset
      const isLate = moment > (until ?? lived) + TOLERANCE_MS
      const isEarly = after !== null && moment < after - TOLERANCE_MS
      return isLate || isEarly ? [] : [Math.min(moment, lived)]
    })
    return moments.sort((a, b) => a - b)
  }
}

/** The uptime of the clock. Null: the app's clock has no such method, throws, or answers no time. */
function uptimeOf(clock: Clock): number | null {
  try {
    const uptime = clock.uptime === undefined ? null : atOnce(clock.uptime())
    return Number.isFinite(uptime) ? uptime : null
  } catch {
    return null
  }
}
