/**
 * The open token needs, and when the app was last told of each (T5). The app is told of an open need again, without
 * any timer: at a login of its user, at the return of the network, at the wake from sleep, and by work of its user if
 * the last time is long ago. So one failed fetch of a token never parks a user for good.
 */
import type { TokenNeed } from '../../../machines/token.machine.ts'
import type { Context } from '../context.ts'
import type { HoldfastEvents } from '../../events.ts'
import type { Instant, UserId } from '../../model.ts'

/** Shortest time after which work tells a need again: an app that enqueues a lot must not fetch a lot. */
const TOLD_FOR_MS = 30_000

export interface OpenNeed {
  readonly user: UserId
  readonly need: TokenNeed
  /** Null: the app has not been told. */
  readonly toldAt: Moment | null
}

/** A time by both clocks: either clock may stand still while the machine sleeps. */
interface Moment {
  readonly monotonic: number
  readonly wall: Instant
}

export interface NeedsParts {
  readonly context: Context
}

export class Needs {
  readonly #context: Context
  readonly #open = new Map<UserId, OpenNeed>()

  constructor(parts: NeedsParts) {
    this.#context = parts.context
  }

  open(user: UserId, need: TokenNeed): void {
    this.#open.set(user, { user, need, toldAt: null })
  }

  /** The app is told of it now. */
  tell(user: UserId, need: TokenNeed): void {
    const { monotonic, wall } = this.#context.boundary
    this.#open.set(user, { user, need, toldAt: { monotonic, wall } })
  }

  close(user: UserId): void {
    this.#open.delete(user)
  }

  isOpen(user: UserId): boolean {
    return this.#open.has(user)
  }

  all(): Iterable<OpenNeed> {
    return this.#open.values()
  }

  /** The needs that the app has been told of. */
  *announced(): Iterable<HoldfastEvents['token.needed']> {
    for (const { user, need } of this.all()) {
      if (need.announced) yield { user, reason: need.reason, generation: need.refused }
    }
  }

  loggedIn(user: UserId): void {
    if (this.#open.has(user))
      this.#context.pilot.token(user, { type: 'need.recalled', by: 'login' })
  }

  /** The network is back, or the machine has woken. */
  returned(): void {
    for (const user of Array.from(this.#open.keys())) {
      this.#context.pilot.token(user, { type: 'need.recalled', by: 'return' })
    }
  }

  /** The app has enqueued something for this user. */
  readonly worked = (user: UserId | null): void => {
    if (this.#open.size === 0 || user === null) return
    const toldAt = this.#open.get(user)?.toldAt ?? null
    if (toldAt === null || this.#ageOf(toldAt) < TOLD_FOR_MS) return
    this.#context.pilot.token(user, { type: 'need.recalled', by: 'work' })
  }

  #ageOf({ monotonic, wall }: Moment): number {
    const { boundary } = this.#context
    return Math.max(boundary.monotonic - monotonic, boundary.wall - wall)
  }

  /** For a journal that begins here. */
  save(): readonly OpenNeed[] {
    return [...this.#open.values()]
  }

  restore(saved: readonly OpenNeed[]): void {
    for (const open of saved) this.#open.set(open.user, open)
  }
}
