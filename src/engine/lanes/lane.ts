/**
 * One lane in memory: a window of its rows from the head, and the known state of its envelopes. The rows in storage are
 * the truth. A lane in memory is never more than a copy of the first of these rows.
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

/** The maximum number of rows of a lane in memory. */
export const WINDOW_ROWS = 256

/** The distance between two consecutive places at the end of a lane (Q2). */
const PLACE_STEP = 1024

/** A place that the lane must have passed before a waiting part goes on. It moves with the operations (R1). */
export interface Barrier {
  through: number
}

/** The counts of pending operations and of dead letters, over all lanes. */
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
  /** Operations up to this place must be dropped. The operations that a logout added lie behind it (I7). 0: none. */
  discardThrough = 0
  /** The last place given in this lane, as far as this process knows. */
  tail = 0
  readonly barriers = new Set<Barrier>()
  /** The total distance by which operations have moved back, as far as this process knows. */
  #shifted = 0
  /** True if another process has marked operations of this lane as superseded, so that they must be dropped (I8). */
  hasSuperseded = false
  /** Operations that were here when another user took the device. They must not be sent, or not be sent again (I8). */
  readonly superseded = new Set<OperationId>()
  /** True if the operations of this lane are being dropped, and the change is not stored yet. */
  isBeingDropped = false
  /** Holds on this lane alone. */
  readonly holds = new Map<HoldName, Hold>()
  /** The attempt under way. */
  attempt: Attempt | null = null
  /** The number of attempts since the start. */
  attemptCount = 0
  /** Generations refused on the head since it became the head (T4). */
  refusedCount = 0
  /** True if the process before this one may have sent the head (Q10). */
  mayHaveBeenSent = false
  /** The count of replies when the head met a captive portal. If it is higher now, the head alone meets one (Q6). */
  repliesAtPortal: number | null = null
  /** The count of replies when the last attempt ended. If it is higher now, other requests were answered since (Q8). */
  repliesAtLastEnd: number | null = null
  #rows: OperationRow[] = []
  #firstPlaces = new FirstPlaces([])
  readonly #envelopes = new Map<number, EnvelopeRow>()
  /** Grows with every change of rows that no attempt made. Data read from the rows before is out of date then. */
  order = 0
  #changeCount = 0
  readonly #afterChanges: (() => void)[] = []

  /** From now on `totals` includes the counts of this lane. */
  constructor(row: LaneRow, envelopes: readonly EnvelopeRow[], totals: Totals) {
    this.#totals = totals
    this.id = row.lane
    this.user = row.user
    this.owner = { user: row.user }
    this.pending = row.pending
    this.#shifted = row.shifted ?? 0
    this.#stored(row, envelopes)
  }

  /** The number of pending operations, in storage. */
  get pending(): number {
    return this.#pending
  }

  set pending(count: number) {
    this.#totals.pending += count - this.#pending
    this.#pending = count
  }

  /** The number of dead letters of the lane. */
  get letters(): number {
    return this.#letters
  }

  set letters(count: number) {
    this.#totals.letters += count - this.#letters
    this.#letters = count
  }

  /** The lane is not one of the engine's lanes from now on, so the totals no longer include its counts. */
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

  /** The known envelope at the head. Before the rows were read: the first known envelope. */
  get envelope(): EnvelopeRow | null {
    const head = this.head
    if (head !== undefined) return this.#envelopes.get(head.place) ?? null
    const [first] = [...this.#envelopes.keys()].sort((a, b) => a - b)
    return first === undefined ? null : (this.#envelopes.get(first) ?? null)
  }

  /** The envelope at the head, as far as the first place of the lane is known. Only for parts that display the lane. */
  get shownEnvelope(): EnvelopeRow | null {
    const place = this.#firstPlace
    return place === undefined ? this.envelope : this.envelopeAt(place)
  }

  /** True if all pending rows are in the window. */
  get isWhole(): boolean {
    return this.#rows.length >= this.pending
  }

  envelopeAt(place: number): EnvelopeRow | null {
    return this.#envelopes.get(place) ?? null
  }

  /** The place of the last member of the envelope that was sent. Null: no envelope was sent (Q2). */
  get sentThrough(): number | null {
    if (this.attempt !== null) return this.attempt.members.at(-1)?.place ?? null
    if (this.mayHaveBeenSent && this.head !== undefined) return this.head.place
    const envelope = this.envelope
    return envelope === null || envelope.members.length === 0
      ? null
      : (envelope.members.at(-1) ?? null)
  }

  /**
   * The time since which the outcome of the envelope at the head is unknown. Null: the outcome is not unknown. An envelope
   * that a former process may have sent is marked when this process begins to dispatch (Q5).
   */
  get unknownSince(): Instant | null {
    return this.envelope?.unknownSince ?? null
  }

  get isOutcomeUnknown(): boolean {
    return this.unknownSince !== null
  }

  /** The envelope of unknown outcome with a member at this place. An adopted envelope may lie behind others (I3). */
  unknownAt(place: number): EnvelopeRow | null {
    const found = Array.from(this.#envelopes.values()).find(
      ({ unknownSince, members }) => unknownSince !== null && members.includes(place),
    )
    return found ?? null
  }

  /** True if rows of the lane are being changed, other than by an attempt. Rows in memory may be gone then. */
  get isChanging(): boolean {
    return this.#changeCount > 0
  }

  /** A change of rows begins: the lane sends nothing until `changeEnded()`. */
  changeBegun(): void {
    this.#changeCount += 1
  }

  changeEnded(): void {
    this.#changeCount -= 1
    this.order += 1
    while (!this.isChanging && this.#afterChanges.length > 0) this.#afterChanges.shift()?.()
  }

  /** Calls `then` once no change of rows is in progress. */
  whenUnchanged(then: () => void): void {
    this.#afterChanges.push(then)
  }

  /** True if, as far as this process knows, no other process has added an operation before this place. */
  isNext(place: number): boolean {
    return place === this.tail + PLACE_STEP
  }

  /** An operation was committed at the end of the lane. `isFirst`: storage had no other operation of it then. */
  arrived(row: OperationRow, isFirst: boolean): void {
    const wasWhole = this.isWhole
    // Otherwise another process may have put operations in between that this process does not know yet (Q17).
    const isNext = isFirst || this.isNext(row.place)
    this.tail = Math.max(this.tail, row.place)
    this.pending += 1
    if (wasWhole && isNext && this.#rows.length < WINDOW_ROWS) this.#rows.push(row)
  }

  /** A window of rows behind the last row in memory was read. */
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
    // Nearly always the removed operations are the first rows.
    if (places.every((place, index) => this.#rows[index]?.place === place)) {
      this.#rows.splice(0, places.length)
    } else this.#rows = this.#rows.filter((row) => !places.includes(row.place))
    // Operations that another process has put in may not be counted yet (Q17).
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

  /** All operations of this lane, the head included, continue in another lane (I3). */
  handedOver(): void {
    this.#forgetHead()
  }

  /** The order in storage has changed: the window must be read again. */
  reordered(pending: number): void {
    this.order += 1
    this.pending = pending
    this.#rows = []
    this.#firstPlaces = new FirstPlaces([])
  }

  /** Operations were inserted at these places, or came back to them. */
  inserted(places: readonly number[], shifts: readonly Shift[] = []): void {
    const known = this.head === undefined ? this.#firstPlaces : new FirstPlaces(this.#rows)
    const isWhole = known.count >= this.pending
    this.reordered(this.pending + places.length)
    this.#firstPlaces = known
    for (const shift of shifts) this.#shift(shift)
    this.#firstPlaces.inserted(places, isWhole)
    this.tail = Math.max(this.tail, ...places)
  }

  /** Takes the envelopes from storage, after places have changed or operations came back (Q8). */
  restored(envelopes: readonly EnvelopeRow[]): void {
    const known = new Map(this.#envelopes)
    this.#envelopes.clear()
    for (const stored of envelopes) {
      const same = known.get(stored.place)
      // An envelope whose wait was cut short need not wait again.
      const isWaited = same?.key === stored.key && same.attempts === stored.attempts
      this.recorded(isWaited ? { ...stored, retryAt: same.retryAt } : stored)
    }
  }

  /** Another process had this lane until now. The arguments say in which state, and if it may have sent the head. */
  takenOver(row: LaneRow, envelopes: readonly EnvelopeRow[], mayHaveBeenSent: boolean): void {
    this.reordered(row.pending)
    this.#shiftedElsewhere(row)
    this.mayHaveBeenSent = row.pending > 0 && mayHaveBeenSent
    this.#stored(row, envelopes)
  }

  /** Another process has changed this lane. `row` gives the least number of operations that the lane has. */
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

  /** The wait of the envelope at the head is over. */
  waited(): void {
    const { envelope } = this
    if (envelope !== null && envelope.retryAt !== null)
      this.recorded({ ...envelope, retryAt: null })
  }

  /** The members are sent one by one. `kept`: the envelope row that the head keeps; null: the head begins anew. */
  dissolved(place: number, through: number, kept: EnvelopeRow | null): void {
    this.soloThrough = Math.max(this.soloThrough, through)
    if (kept !== null) {
      this.recorded(kept)
      return
    }
    this.#envelopes.delete(place)
    this.#forgetHead()
  }

  /** The state of the lane, for a journal that begins here. Payloads stay out of it. */
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

  /** Takes the state of the lane from storage, except `pending` and `shifted`, which the caller sets. */
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

  /** Another process has moved operations back. `row` does not say which: an awaited operation may be among them (R1). */
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
