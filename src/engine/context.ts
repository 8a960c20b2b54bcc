/**
 * The objects that all parts of the engine share. `engine.ts` makes the context; a part gets other parts through its
 * constructor.
 */
import type { EventName, HoldfastEvents } from '../events.ts'
import type { Kinds } from '../operations/kinds.ts'
import type { Ports, Settings } from '../options.ts'
import type { Boundary } from './boundary/boundary.ts'
import type { LaneEvents } from './lanes/lane-events.ts'
import type { Lanes } from './lanes/lanes.ts'
import type { Pilot } from './pilot/pilot.ts'
import type { AttemptGuard } from './sending/attempt-guard.ts'
import type { EnginePhase } from './phase.ts'
import type { Lifetimes } from './sending/lifetimes.ts'
import type { Store } from './stored/store.ts'

export interface Context {
  readonly boundary: Boundary
  readonly settings: Settings
  readonly ports: Ports
  readonly kinds: Kinds
  readonly store: Store
  readonly lanes: Lanes
  /** Which operations are past their own time (Q8). */
  readonly lifetimes: Lifetimes
  readonly pilot: Pilot
  readonly laneEvents: LaneEvents
  readonly phase: EnginePhase
  /** Tells the app, after the current piece of work is done. */
  readonly report: <Name extends EventName>(name: Name, detail: HoldfastEvents[Name]) => void
  /** A step of the attempt of this lane: a fault in it ends the attempt (E3). */
  readonly guarded: AttemptGuard['guarded']
}
