/** Which holds are set, on whom: every lane, one owner, one lane. Lanes made later get theirs from here. */
import type { Hold, HoldName } from '../../../machines/holds.ts'
import type { LaneId, UserId } from '../../model.ts'
import type { Core } from '../core.ts'
import type { LaneLine } from './lane-line.ts'

type Book = Map<HoldName, Hold>

/** A lane that is excepted from a hold on every lane, to try whether it still must be. */
interface Exempt {
  readonly line: LaneLine
  readonly name: HoldName
}

/** The holds as a journal's summary has them; those of single lanes stand with the lanes. */
export interface SavedHolds {
  readonly every: readonly Hold[]
  readonly owners: readonly { readonly user: UserId | null; readonly holds: readonly Hold[] }[]
  readonly exempt: { readonly lane: LaneId; readonly name: HoldName } | null
}

export class Holds {
  /** Told when a hold is lifted from an owner. */
  onOwnerLifted: (name: HoldName) => void = () => undefined
  exempt: Exempt | null = null
  readonly #core: Core
  readonly #every: Book = new Map()
  readonly #owners = new Map<UserId | null, Book>()

  constructor(core: Core) {
    this.#core = core
  }

  /** All holds that a lane has now. One that is on every lane too (`storage-failed`) is told once. */
  of(line: LaneLine): Hold[] {
    const owner = this.#owners.get(line.user)
    const holds = [...this.#every.values(), ...(owner?.values() ?? [])]
    for (const hold of line.holds.values()) if (!this.#every.has(hold.name)) holds.push(hold)
    const { exempt } = this
    return exempt?.line === line ? holds.filter((hold) => hold.name !== exempt.name) : holds
  }

  /** Has it none? Asked before each step of an attempt. */
  isFree(line: LaneLine): boolean {
    const isBare = this.#every.size === 0 && line.holds.size === 0
    if (isBare && (this.#owners.get(line.user)?.size ?? 0) === 0) return true
    return this.of(line).length === 0
  }

  /** For a journal that begins here. */
  save(): SavedHolds {
    return {
      every: [...this.#every.values()],
      owners: [...this.#owners].map(([user, book]) => ({ user, holds: [...book.values()] })),
      exempt: this.exempt === null ? null : { lane: this.exempt.line.lane, name: this.exempt.name },
    }
  }

  restore(saved: SavedHolds): void {
    for (const hold of saved.every) this.#every.set(hold.name, hold)
    for (const { user, holds } of saved.owners) {
      this.#owners.set(user, new Map(holds.map((hold) => [hold.name, hold])))
    }
    const line = saved.exempt === null ? undefined : this.#core.lanes.get(saved.exempt.lane)
    if (saved.exempt !== null && line !== undefined) {
      this.exempt = { line, name: saved.exempt.name }
    }
  }

  isOnEvery(name: HoldName): boolean {
    return this.#every.has(name)
  }

  setOnEvery(name: HoldName, cause: string): void {
    this.#set(this.#every, name, cause, () => this.#core.lanes.all())
  }

  liftFromEvery(name: HoldName): void {
    this.#lift(this.#every, name, () => this.#core.lanes.all())
  }

  /** Exempts one lane from a hold on every lane, or (null) nobody any more. */
  setExempt(exempt: Exempt | null): void {
    const former = this.exempt
    this.exempt = exempt
    if (former !== null) {
      const hold = this.#every.get(former.name)
      if (hold !== undefined) this.#core.pilot.lane(former.line, { type: 'hold.set', hold })
    }
    if (exempt !== null) {
      this.#core.pilot.lane(exempt.line, { type: 'hold.lifted', name: exempt.name })
    }
  }

  isOnOwner(user: UserId | null, name: HoldName): boolean {
    return this.#owners.get(user)?.has(name) ?? false
  }

  setOnOwner(user: UserId | null, name: HoldName, cause: string): void {
    const book = this.#owners.get(user) ?? new Map<HoldName, Hold>()
    this.#owners.set(user, book)
    this.#set(book, name, cause, () => this.#linesOf(user))
  }

  liftFromOwner(user: UserId | null, name: HoldName): void {
    const book = this.#owners.get(user)
    if (book?.has(name) !== true) return
    this.#lift(book, name, () => this.#linesOf(user))
    if (book.size === 0) this.#owners.delete(user)
    this.onOwnerLifted(name)
  }

  setOnLane(line: LaneLine, name: HoldName, cause: string): void {
    this.#set(line.holds, name, cause, () => [line])
  }

  liftFromLane(line: LaneLine, name: HoldName): void {
    this.#lift(line.holds, name, () => [line])
  }

  #linesOf(user: UserId | null): LaneLine[] {
    const line = this.#core.lanes.ofUser(user)
    return line === undefined ? [] : [line]
  }

  /** Also where nothing is pending just now: an attempt may be under way, and something more may come. */
  #set(book: Book, name: HoldName, cause: string, lines: () => Iterable<LaneLine>): void {
    if (book.has(name)) return
    // The app sees it in `status()`.
    const hold = Object.freeze<Hold>({ name, cause, since: this.#core.boundary.wall })
    book.set(name, hold)
    for (const line of lines()) this.#core.pilot.lane(line, { type: 'hold.set', hold })
  }

  /** A lane keeps the hold if another of this name is on it. */
  #lift(book: Book, name: HoldName, lines: () => Iterable<LaneLine>): void {
    if (!book.delete(name)) return
    for (const line of lines()) {
      if (this.of(line).some((hold) => hold.name === name)) continue
      this.#core.pilot.lane(line, { type: 'hold.lifted', name })
    }
  }
}
