/** The phase of the engine's life, and whether this process dispatches. All parts read this one object. */
export class EnginePhase {
  /** True from the turn after the start: from then on operations may be sent (Q2). */
  isBegun = false
  /** True from the call of `close()` (Q19). */
  isClosing = false
  /** True while this process dispatches the database (Q17). */
  dispatches = false
}
