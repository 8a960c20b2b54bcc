/** The shape of a part of the engine: what the lifecycle and a journal ask of it. Each part has what it needs of this. */
import type { Settle } from './boundary/boundary.ts'

/** What a part that is restored may ask of the journal that begins in the middle. */
export interface Resumed {
  /** The alarms that are armed. */
  readonly alarms: ReadonlySet<string>
  /** What settles a call that has no answer yet. */
  readonly settleOf: (call: number) => Settle<never>
}

export interface StoppingPart {
  /** `close()` was called: nothing new begins (Q19). */
  stop?(): void
  /** The queue is closed: nothing is sent any more. */
  end?(): void
}

export interface SavedPart<Saved> {
  /** For a journal that begins here. Left out: the part is restored from the alarms alone. */
  save?(): Saved
  restore(saved: Saved, resumed: Resumed): void
  /** The calls that are in what is saved. */
  savedCalls?(): readonly number[]
}
