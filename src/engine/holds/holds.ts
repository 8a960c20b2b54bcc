/**
 * Keeps which holds are set: on every lane, on an owner, and on a single lane. A lane that is made later gets its
 * holds from here.
 */
import type { Hold, HoldName } from '../../../machines/holds.ts'
import type { LaneId, UserId } from '../../model.ts'
import type { Context } from '../context.ts'
import { Signal } from '../events/signal.ts'
import type { Lane } from '../lanes/lane.ts'

type Book = Map<HoldName, Hold>

/** A lane that is excepted from a hold on every lane, to probe whether that hold is still needed. */
interface Exempt {
  readonly lane: Lane
  readonly name: HoldName
}

/** The holds as a journal's summary has them; the holds of single lanes are saved with the lanes. */
export interface SavedHolds {
  readonly every: readonly Hold[]
  readonly owners: readonly { readonly user: UserId | null; readonly holds: readonly Hold[] }[]
  readonly exempt: { readonly lane: LaneId; readonly name: HoldName } | null
}

export interface HoldsParts {
  readonly context: Context
}

export class Holds {
  /** Told after a hold was lifted from an owner. */
  readonly ownerReleased = new Signal<HoldName>()
  exempt: Exempt | null = null
  readonly #context: Context
  readonly #every: Book = new Map()
  readonly #owners = new Map<UserId | null, Book>()

  constructor(parts: HoldsParts) {
    this.#context = parts.context
  }

  /** All holds that a lane has now. A hold that is on every lane too (`storage-failed`) is listed once. */
  of(lane: Lane): Hold[] {
    const owner = this.#owners.get(lane.user)
    const holds = [...this.#every.values(), ...(owner?.values() ?? [])]
    for (const hold of lane.holds.values()) if (!this.#every.has(hold.name)) holds.push(hold)
    const { exempt } = this
    return exempt?.lane === lane ? holds.filter((hold) => hold.name !== exempt.name) : holds
  }

  /** True if the lane has no hold. Asked before each step of an attempt. */
  isFree(lane: Lane): boolean {
    const isBare = this.#every.size === 0 && lane.holds.size === 0
    if (isBare && (this.#owners.get(lane.user)?.size ?? 0) === 0) return true
    return this.of(lane).length === 0
  }

  /** For a journal that begins here. */
  save(): SavedHolds {
    return {
      every: [...this.#every.values()],
      owners: [...this.#owners].map(([user, book]) => ({ user, holds: [...book.values()] })),
      exempt: this.exempt === null ? null : { lane: this.exempt.lane.id, name: this.exempt.name },
    }
  }

  restore(saved: SavedHolds): void {
    for (const hold of saved.every) this.#every.set(hold.name, hold)
    for (const { user, holds } of saved.owners) {
      this.#owners.set(user, new Map(holds.map((hold) => [hold.name, hold])))
    }
    const lane = saved.exempt === null ? undefined : this.#context.lanes.get(saved.exempt.lane)
    if (saved.exempt !== null && lane !== undefined) {
      this.exempt = { lane, name: saved.exempt.name }
    }
  }

  /** A lane has operations: if it has no machine, its machine begins with these holds. */
  readonly startLane = (lane: Lane): void => {
    const { pilot } = this.#context
    if (!pilot.hasLane(lane)) pilot.startLane(lane, this.of(lane))
  }

  isOnEvery(name: HoldName): boolean {
    return this.#every.has(name)
  }

  setOnEvery(name: HoldName, cause: string): void {
    this.#set(this.#every, name, cause, () => this.#context.lanes.all())
  }

  liftFromEvery(name: HoldName): void {
    this.#lift(this.#every, name, () => this.#context.lanes.all())
  }

  /** Exempts one lane from a hold on every lane; null ends the exemption. */
  setExempt(exempt: Exempt | null): void {
    const former = this.exempt
    this.exempt = exempt
    if (former !== null) {
      const hold = this.#every.get(former.name)
      if (hold !== undefined) this.#context.pilot.lane(former.lane, { type: 'hold.set', hold })
    }
    if (exempt !== null) {
      this.#context.pilot.lane(exempt.lane, { type: 'hold.lifted', name: exempt.name })
    }
  }

  isOnOwner(user: UserId | null, name: HoldName): boolean {
    return this.#owners.get(user)?.has(name) ?? false
  }

  setOnOwner(user: UserId | null, name: HoldName, cause: string): void {
    const book = this.#owners.get(user) ?? new Map<HoldName, Hold>()
    this.#owners.set(user, book)
    this.#set(book, name, cause, () => this.#lanesOf(user))
  }

  liftFromOwner(user: UserId | null, name: HoldName): void {
    const book = this.#owners.get(user)
    if (book?.has(name) !== true) return
    this.#lift(book, name, () => this.#lanesOf(user))
    if (book.size === 0) this.#owners.delete(user)
    this.ownerReleased.tell(name)
  }

  setOnLane(lane: Lane, name: HoldName, cause: string): void {
    this.#set(lane.holds, name, cause, () => [lane])
  }

  liftFromLane(lane: Lane, name: HoldName): void {
    this.#lift(lane.holds, name, () => [lane])
  }

  #lanesOf(user: UserId | null): Lane[] {
    const lane = this.#context.lanes.ofUser(user)
    return lane === undefined ? [] : [lane]
  }

  /** Sets the hold, even where nothing is pending just now: an attempt may be under way, and operations may come. */
  #set(book: Book, name: HoldName, cause: string, lanes: () => Iterable<Lane>): void {
    if (book.has(name)) return
    // The app sees it in `status()`.
    const hold = Object.freeze<Hold>({ name, cause, since: this.#context.boundary.wall })
    book.set(name, hold)
    for (const lane of lanes()) this.#context.pilot.lane(lane, { type: 'hold.set', hold })
  }

  /** Lifts the hold. A lane keeps it if another hold of the same name is on the lane. */
  #lift(book: Book, name: HoldName, lanes: () => Iterable<Lane>): void {
    if (!book.delete(name)) return
    for (const lane of lanes()) {
      if (this.of(lane).some((hold) => hold.name === name)) continue
      this.#context.pilot.lane(lane, { type: 'hold.lifted', name })
    }
  }
}
