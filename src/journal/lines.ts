/**
 * The journal's lines: what came in from outside, and what was decided. One journal replays to the
 * same decisions, because between two `in` lines the engine runs to completion without asking
 * anybody. Tokens, payloads and bodies are redacted before a line is made.
 */

export type Json =
  null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json | undefined }

/** A record of plain JSON. */
export type JsonRecord = { readonly [name: string]: Json | undefined }

/** What came from outside. */
export type InLine =
  /** A process began: the first line, and again after each crash or restart in one recording. */
  | { readonly in: 'start'; readonly requirement: string }
  /** The state of a process in the middle of its life: where a journal begins that has lost its beginning. */
  | { readonly in: 'summary'; readonly state: Json }
  /** The app called, or the platform told something. */
  | { readonly in: 'call'; readonly call: number; readonly name: string; readonly args: Json }
  /** An answer to the question of this number: of storage, transport, source, vault or a kind's code. */
  | { readonly in: 'answer'; readonly ask: number; readonly value?: Json; readonly error?: Json }
  | { readonly in: 'alarm'; readonly name: string }
  /** The turn of the event loop after the engine was ready. */
  | { readonly in: 'turn' }
  /** What the app does just now has run to its end: the operations it has enqueued meanwhile go to storage together. */
  | { readonly in: 'soon' }
  /** Asked for and answered at once: a random draw, a kind's own code, the state of the platform. */
  | { readonly in: 'pull'; readonly name: string; readonly value?: Json; readonly error?: Json }

/** What was decided. */
export type OutLine =
  /** A question to the outside: changes to commit, a request to send, a source to call, … */
  | { readonly out: 'ask'; readonly ask: number; readonly name: string; readonly args: Json }
  | { readonly out: 'event'; readonly name: string; readonly detail: Json }
  | { readonly out: 'alarm'; readonly name: string; readonly at: number }
  | { readonly out: 'alarm.cancelled'; readonly name: string }
  | { readonly out: 'need'; readonly user: string; readonly reason: string | null }
  | { readonly out: 'call.rejected'; readonly call: number; readonly code: string }

/** A line as it is written: numbered without gaps, with the time. */
export type JournalLine = (InLine | OutLine) & {
  readonly line: number
  /** Monotonic milliseconds (virtual or real). */
  readonly t: number
  /** Wall-clock time; on `in` lines that the engine takes its time from. */
  readonly wall?: number
}

export interface JournalHeader {
  readonly journal: 1
  readonly holdfast: string
  /** Which fields the rows in its lines have (`former-rows.ts`). Default: 1. */
  readonly rows?: number
  /** `payloads: 'digest'`: payloads and bodies are kept as size and digest only. */
  readonly payloads: 'digest' | 'full'
  /** The resolved options that decide anything, and the facts about each kind. */
  readonly options: JsonRecord
  /** True if the journal was cut where no summary could be made: it can be read, not replayed. */
  readonly beginningLost?: boolean
  /** Why no summary could be made there. */
  readonly why?: string
  /** True if each user id is a pseudonym (E6). */
  readonly pseudonyms?: boolean
}

/** Where a journal goes. Called in the middle of a decision: it must not throw and not call back. */
export interface JournalSink {
  /** True if user ids are to be replaced by pseudonyms (E6). Left out: false. */
  readonly pseudonyms?: boolean
  /** The first line; again after each summary. */
  header(header: JournalHeader): void
  write(line: InLine | OutLine, t: number, wall?: number): void
  /**
   * Is it time to begin anew, with a summary of the state, so that what came before may go? Asked
   * between two things that come in. Left out: never.
   */
  wantsSummary?(): boolean
  /** Told why there is none, whenever one was wanted. */
  noSummary?(why: string): void
}
