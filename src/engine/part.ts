/** The methods of a part that the lifecycle and a journal call. Each part has only the methods that it needs. */
import type { Settle } from './boundary/boundary.ts'

/** The facts of a journal that begins in the middle, for a part that is restored from it. */
export interface Resumed {
  /** The alarms that are armed. */
  readonly alarms: ReadonlySet<string>
  /** Finds the object that settles a call without an answer. */
  readonly settleOf: (call: number) => Settle<never>
}

export interface StoppingPart {
  /** `close()` was called: nothing new begins (Q19). */
  stop?(): void
  /** The queue is closed: nothing more is sent. */
  end?(): void
}

export interface SavedPart<Saved> {
  /** The state for a journal that begins here. If this is left out, the part is restored from the alarms alone. */
  save?(): Saved
  restore(saved: Saved, resumed: Resumed): void
  /** The numbers of the calls in the saved state. */
  savedCalls?(): readonly number[]
}
