/** Where the engine stands in its life, and whether it is the process that dispatches. One object, which all parts read. */
export class EnginePhase {
  /** True from the turn after the start: from then on operations may be sent (Q2). */
  isBegun = false
  /** True from the call of `close()` (Q19). */
  isClosing = false
  /** True while this process is the one that dispatches the database (Q17). */
  dispatches = false
}
