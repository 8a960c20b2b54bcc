/** What the parts of the engine share. `engine.ts` makes it; no part knows more of another than this. */
import type { IdentityEvent } from '../../machines/identity.machine.ts'
import type { LaneEvent } from '../../machines/lane.machine.ts'
import type { TokenEvent } from '../../machines/token.machine.ts'
import type { EventName, HoldfastEvents } from '../events.ts'
import type { Requirement, UserId } from '../model.ts'
import type { Kinds } from '../operations/kinds.ts'
import type { Ports, Settings } from '../options.ts'
import type { Boundary } from './boundary/boundary.ts'
import type { Lanes } from './lanes/lanes.ts'
import type { Lane } from './lanes/lane.ts'
import type { Faults } from './sending/faults.ts'
import type { EnginePhase } from './phase.ts'
import type { Lifetimes } from './sending/lifetimes.ts'
import type { Store } from './stored/store.ts'

/** How the parts tell the machines what has become true. Only `engine.ts` implements it. */
export interface Pilot {
  readonly user: UserId | null
  readonly requirement: Requirement
  lane(lane: Lane, event: LaneEvent): void
  token(user: UserId, event: TokenEvent): void
  identity(event: IdentityEvent): void
  /** The attempt of this lane is over, and all that follows from it has been told. */
  attemptEnded(lane: Lane): void
  /** Something more of this lane is pending now. */
  operationsAdded(lane: Lane): void
  /** The app has enqueued something for this owner, and it is stored. */
  enqueued(user: UserId | null): void
  /** Nothing came of what this owner had on its way into storage. */
  enqueueAbandoned(user: UserId | null): void
  /** What this lane has in flight is erased: nobody waits for the reply. */
  abandon(lane: Lane): void
  /** Operations of this lane are gone, other than by an attempt. */
  operationsRemoved(lane: Lane): void
}

export interface Core {
  readonly boundary: Boundary
  readonly settings: Settings
  readonly ports: Ports
  readonly kinds: Kinds
  readonly store: Store
  readonly lanes: Lanes
  /** Which operations are past their own time (Q8). */
  readonly lifetimes: Lifetimes
  readonly pilot: Pilot
  readonly phase: EnginePhase
  /** Tells the app, after what is being dealt with. */
  readonly report: <Name extends EventName>(name: Name, detail: HoldfastEvents[Name]) => void
  /** A step of the attempt of this lane: a fault in it ends the attempt (E3). */
  readonly guarded: Faults['guarded']
  /** Another process has changed what is stored. `then`: it has been read and heard, or could not be read. */
  readonly reread: (then: () => void) => void
}
