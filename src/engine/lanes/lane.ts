/**
 * One lane in memory: a window on its rows from the head, and what is known of its envelopes. The rows
 * in storage are the truth; this is never more than a copy of the first of them.
 */
import type { Hold, HoldName } from '../../../machines/holds.ts'
import type { Shift } from '../../../storage/changes.ts'
import { withoutMembers } from '../../../storage/without-members.ts'
import type { EnvelopeRow, LaneRow, OperationRow } from '../../../storage/rows.ts'
import type { Instant, LaneId, OperationId, Owner, UserId } from '../../model.ts'
import type { Attempt } from '../sending/attempt.ts'
import { FirstPlaces } from './first-places.ts'
import { rowsCodec } from '../boundary/rows-codec.ts'
import type { SavedLane } from './saved-lane.ts'

/** How many rows of a lane are in memory at most. */
export const WINDOW_ROWS = 256

/** From one place to the next that is given at the end of a lane (Q2). */
const PLACE_STEP = 1024

/** A place that somebody waits for the lane to have passed; it moves with the operations (R1). */
export interface Barrier {
  through: number
}

/** How much all lanes have together. */
export interface Totals {
  pending: number
  letters: number
}

export class Lane {
  readonly id: LaneId
  readonly owner: Owner
  /** Null: the lane of the anonymous identity. */
  readonly user: UserId | null
  #totals: Totals
  #pending = 0
  #letters = 0
  /** Operations up to this place are sent alone (Q4). */
  soloThrough = 0
  /** Operations up to this place are to be dropped: what a logout has added lies behind it (I7). 0: none. */
  discardThrough = 0
  /** The last place given in this lane, as far as is known. */
  tail = 0
  readonly barriers = new Set<Barrier>()
  /** How far operations have moved back in all, as far as is known. */
  #shifted = 0
  /** Another process has marked operations of it, which are to be dropped (I8). */
  hasSuperseded = false
  /** Operations that were here when another user took the device: not to be sent, or not again (I8). */
  readonly superseded = new Set<OperationId>()
  /** What is here is being dropped, and that is on its way into storage. */
  isBeingDropped = false
  /** Holds on this lane alone. */
  readonly holds = new Map<HoldName, Hold>()
  /** The attempt under way. */
  attempt: Attempt | null = null
  /** How many attempts there have been since the start. */
  attemptCount = 0
  /** Generations refused on the head since it became the head (T4). */
  refusedCount = 0
  /** The head may have been sent by the process before this one (Q10). */
  mayHaveBeenSent = false
  /** Replies of the server so far when the head met a captive portal: if there are more by now, it meets it alone (Q6). */
  repliesAtPortal: number | null = null
  /** And when its last attempt ended: if there are more by now, others were answered since (Q8). */
  repliesAtLastEnd: number | null = null
  #rows: OperationRow[] = []
  #firstPlaces = new FirstPlaces([])
  readonly #envelopes = new Map<number, EnvelopeRow>()
  /** Grows whenever rows were changed other than by an attempt: what was taken from them before is out of date. */
  order = 0
  #changeCount = 0
  readonly #afterChanges: (() => void)[] = []

  /** `totals` counts what this lane has, too, from now on. */
  constructor(row: LaneRow, envelopes: readonly EnvelopeRow[], totals: Totals) {
    this.#totals = totals
    this.id = row.lane
    this.user = row.user
    this.owner = { user: row.user }
    this.pending = row.pending
    this.#shifted = row.shifted ?? 0
    this.#stored(row, envelopes)
  }

  /** How many operations are pending, in storage. */
  get pending(): number {
    return this.#pending
  }

  set pending(count: number) {
    this.#totals.pending += count - this.#pending
    this.#pending = count
  }

  /** How many dead letters the lane has. */
  get letters(): number {
    return this.#letters
  }

  set letters(count: number) {
    this.#totals.letters += count - this.#letters
    this.#letters = count
  }

  /** It is none of the lanes any more: nothing of it is counted. */
  forgotten(): void {
    this.#totals.pending -= this.#pending
    this.#totals.letters -= this.#letters
    this.#totals = { pending: this.#pending, letters: this.#letters }
  }

  get rows(): readonly OperationRow[] {
    return this.#rows
  }

  get head(): OperationRow | undefined {
    return this.#rows[0]
  }

  /** What is known of the envelope at the head, or, before its rows were read, of the first one. */
  get envelope(): EnvelopeRow | null {
    const head = this.head
    if (head !== undefined) return this.#envelopes.get(head.place) ?? null
    const [first] = [...this.#envelopes.keys()].sort((a, b) => a - b)
    return first === undefined ? null : (this.#envelopes.get(first) ?? null)
  }

  /** The envelope at the head, as far as it is known where the lane begins: for those who look only. */
  get shownEnvelope(): EnvelopeRow | null {
    const place = this.#firstPlace
    return place === undefined ? this.envelope : this.envelopeAt(place)
  }

  /** Are all pending rows in the window? */
  get isWhole(): boolean {
    return this.#rows.length >= this.pending
  }

  envelopeAt(place: number): EnvelopeRow | null {
    return this.#envelopes.get(place) ?? null
  }

  /** The last place that an envelope which has been sent reaches to, or null (Q2). */
  get sentThrough(): number | null {
    if (this.attempt !== null) return this.attempt.members.at(-1)?.place ?? null
    if (this.mayHaveBeenSent && this.head !== undefined) return this.head.place
    const envelope = this.envelope
    return envelope === null || envelope.members.length === 0
      ? null
      : (envelope.members.at(-1) ?? null)
  }

  /**
   * Since when the outcome of the envelope at the head is unknown; null: it is not. What a former process
   * may have sent is marked when this one begins to dispatch (Q5).
   */
  get unknownSince(): Instant | null {
    return this.envelope?.unknownSince ?? null
  }

  get isOutcomeUnknown(): boolean {
    return this.unknownSince !== null
  }

  /** The envelope of unknown outcome that has a member at this place: one that was adopted may lie behind others (I3). */
  unknownAt(place: number): EnvelopeRow | null {
    const found = Array.from(this.#envelopes.values()).find(
      ({ unknownSince, members }) => unknownSince !== null && members.includes(place),
    )
    return found ?? null
  }

  /** Are rows of it being changed, other than by an attempt? Then what is in memory may be gone. */
  get isChanging(): boolean {
    return this.#changeCount > 0
  }

  /** Rows are about to be changed: nothing is sent until `changeEnded()`. */
  changeBegun(): void {
    this.#changeCount += 1
  }

  changeEnded(): void {
    this.#changeCount -= 1
    this.order += 1
    while (!this.isChanging && this.#afterChanges.length > 0) this.#afterChanges.shift()?.()
  }

  /** Runs it once nothing is being changed. */
  whenUnchanged(then: () => void): void {
    this.#afterChanges.push(then)
  }

  /** True if nobody else has added to the lane before this place, as far as is known. */
  isNext(place: number): boolean {
    return place === this.tail + PLACE_STEP
  }

  /** An operation was committed at the end of the lane; `isFirst`: nothing else of it was in storage then. */
  arrived(row: OperationRow, isFirst: boolean): void {
    const wasWhole = this.isWhole
    // Otherwise another process may have put something in between that is not known here yet (Q17).
    const isNext = isFirst || this.isNext(row.place)
    this.tail = Math.max(this.tail, row.place)
    this.pending += 1
    if (wasWhole && isNext && this.#rows.length < WINDOW_ROWS) this.#rows.push(row)
  }

  /** A window was read behind the last row in memory. */
  loaded(rows: readonly OperationRow[]): void {
    const last = this.#rows.at(-1)?.place ?? Number.NEGATIVE_INFINITY
    this.#rows.push(...rows.filter((row) => row.place > last))
    this.#firstPlaces = new FirstPlaces([])
    this.tail = Math.max(this.tail, rows.at(-1)?.place ?? 0)
    this.pending = Math.max(this.pending, this.#rows.length)
  }

  /** Rows have another payload and version now, at the same places. */
  rewritten(rows: readonly OperationRow[]): void {
    const at = new Map(rows.map((row) => [row.place, row]))
    this.#rows = this.#rows.map((row) => at.get(row.place) ?? row)
  }

  /** Operations are gone from storage. */
  removed(places: readonly number[]): void {
    const first = this.#firstPlace
    // Nearly always it is the first of them that are gone.
    if (places.every((place, index) => this.#rows[index]?.place === place)) {
      this.#rows.splice(0, places.length)
    } else this.#rows = this.#rows.filter((row) => !places.includes(row.place))
    // What another process has put in may not be counted yet (Q17).
    const countedCount = places.filter((place) => place <= this.tail).length
    this.pending = Math.max(this.pending - countedCount, this.#rows.length)
    for (const envelope of Array.from(this.#envelopes.values())) {
      const left = withoutMembers(envelope, places)
      if (left === null) this.#envelopes.delete(envelope.place)
      else this.recorded(left)
    }
    if (first === undefined || places.includes(first)) this.#forgetHead()
    this.#firstPlaces.removed(places)
  }

  /** All that was here, the head too, goes on in another lane (I3). */
  handedOver(): void {
    this.#forgetHead()
  }

  /** The order in storage has changed: the window is to be read again. */
  reordered(pending: number): void {
    this.order += 1
    this.pending = pending
    this.#rows = []
    this.#firstPlaces = new FirstPlaces([])
  }

  /** Operations have come in between, or back. */
  inserted(places: readonly number[], shifts: readonly Shift[] = []): void {
    const known = this.head === undefined ? this.#firstPlaces : new FirstPlaces(this.#rows)
    const isWhole = known.count >= this.pending
    this.reordered(this.pending + places.length)
    this.#firstPlaces = known
    for (const shift of shifts) this.#shift(shift)
    this.#firstPlaces.inserted(places, isWhole)
    this.tail = Math.max(this.tail, ...places)
  }

  /** What storage knows of the envelopes, after places have changed or some came back (Q8). */
  restored(envelopes: readonly EnvelopeRow[]): void {
    const known = new Map(this.#envelopes)
    this.#envelopes.clear()
    for (const stored of envelopes) {
      const same = known.get(stored.place)
      // One whose wait was cut short need not wait again.
      const isWaited = same?.key === stored.key && same.attempts === stored.attempts
      this.recorded(isWaited ? { ...stored, retryAt: same.retryAt } : stored)
    }
  }

  /** Another process had this lane until now; this is what it left, and whether it may have sent the head. */
  takenOver(row: LaneRow, envelopes: readonly EnvelopeRow[], mayHaveBeenSent: boolean): void {
    this.reordered(row.pending)
    this.#shiftedElsewhere(row)
    this.mayHaveBeenSent = row.pending > 0 && mayHaveBeenSent
    this.#stored(row, envelopes)
  }

  /** Another process has changed this lane: what is known of its length is at least this. */
  refreshed(row: LaneRow): void {
    const isQuiet = this.attempt === null && !this.isChanging
    this.tail = Math.max(this.tail, row.tail ?? 0)
    this.#shiftedElsewhere(row)
    this.letters = row.letters
    this.discardThrough = row.discardThrough ?? 0
    this.hasSuperseded = row.hasSuperseded ?? false
    if (isQuiet && row.pending < this.pending) this.reordered(row.pending)
    else this.pending = Math.max(this.pending, row.pending)
  }

  recorded(envelope: EnvelopeRow): void {
    this.#envelopes.set(envelope.place, envelope)
  }

  /** The envelope at the head need not wait any more. */
  waited(): void {
    const { envelope } = this
    if (envelope !== null && envelope.retryAt !== null)
      this.recorded({ ...envelope, retryAt: null })
  }

  /** The members are sent one by one. `kept`: what is still known of the head; null: the head begins anew. */
  dissolved(place: number, through: number, kept: EnvelopeRow | null): void {
    this.soloThrough = Math.max(this.soloThrough, through)
    if (kept !== null) {
      this.recorded(kept)
      return
    }
    this.#envelopes.delete(place)
    this.#forgetHead()
  }

  /** For a journal that begins here; payloads stay out of it. */
  save(): SavedLane {
    const { id: laneId, user, pending, letters, soloThrough, discardThrough, tail } = this
    const shifted = this.#shifted
    const { refusedCount, mayHaveBeenSent } = this
    return {
      row: { lane: laneId, user, pending, letters, soloThrough, discardThrough, tail, shifted },
      envelopes: [...this.#envelopes.values()],
      rows: rowsCodec.write(this.#rows),
      holds: [...this.holds.values()],
      refusedCount,
      mayHaveBeenSent,
      superseded: [...this.superseded],
      repliesAtPortal: this.repliesAtPortal,
      repliesAtLastEnd: this.repliesAtLastEnd,
    }
  }

  restore(saved: SavedLane): void {
    this.#rows = [...rowsCodec.read(saved.rows)]
    for (const hold of saved.holds) this.holds.set(hold.name, hold)
    this.refusedCount = saved.refusedCount
    this.mayHaveBeenSent = saved.mayHaveBeenSent
    for (const id of saved.superseded) this.superseded.add(id)
    this.repliesAtPortal = saved.repliesAtPortal
    this.repliesAtLastEnd = saved.repliesAtLastEnd
  }

  /** What storage says of the lane; `pending` and `shifted` are the caller's. */
  #stored(row: LaneRow, envelopes: readonly EnvelopeRow[]): void {
    this.letters = row.letters
    this.soloThrough = row.soloThrough
    this.discardThrough = row.discardThrough ?? 0
    this.hasSuperseded = row.hasSuperseded ?? false
    this.tail = row.tail ?? this.tail
    this.#firstPlaces = new FirstPlaces(row.head === undefined ? [] : [{ place: row.head }])
    this.#envelopes.clear()
    for (const envelope of envelopes) this.#envelopes.set(envelope.place, envelope)
  }

  /** Another process has moved some back. It does not say which: what is awaited may be among them (R1). */
  #shiftedElsewhere({ shifted = 0 }: LaneRow): void {
    const by = Math.max(0, shifted - this.#shifted)
    this.#shifted += by
    for (const barrier of this.barriers) barrier.through += by
  }

  /** Places have moved back to make room. */
  #shift({ after, by }: Shift): void {
    this.#shifted += by
    const move = (place: number) => (place > after ? place + by : place)
    this.tail = move(this.tail)
    this.#firstPlaces.moved(move)
    this.soloThrough = move(this.soloThrough)
    this.discardThrough = move(this.discardThrough)
    for (const barrier of this.barriers) barrier.through = move(barrier.through)
    const envelopes = [...this.#envelopes.values()]
    this.#envelopes.clear()
    for (const envelope of envelopes) {
      const { place, members } = envelope
      this.recorded({ ...envelope, place: move(place), members: members.map(move) })
    }
  }

  get #firstPlace(): number | undefined {
    return this.head?.place ?? this.#firstPlaces.head
  }

  #forgetHead(): void {
    this.refusedCount = 0
    this.mayHaveBeenSent = false
    this.repliesAtPortal = null
    this.repliesAtLastEnd = null
  }
}
