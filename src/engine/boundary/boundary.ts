/**
 * The boundary between the engine and everything else. All that comes from outside enters here, one
 * thing at a time, and is run to completion; all that is asked of the outside leaves here. That is
 * what makes a run repeatable: `LiveBoundary` talks to the world (and may write a journal),
 * `ReplayBoundary` to a journal.
 */
import type { Instant } from '../../model.ts'
import type { Json, JsonRecord, OutLine } from '../../journal/lines.ts'
import type { FileKey } from './file-key.ts'

/** How a value is written to a journal, redacted, and read back from it. */
export interface Codec<T> {
  write(value: T): Json
  read(json: Json): T
}

const PLAIN: Codec<unknown> = { write: (value) => value as Json, read: (json) => json }

/** A value that is JSON already and holds nothing to redact. */
export function plain<T>(): Codec<T> {
  return PLAIN as Codec<T>
}

export type Answered<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: Error }

/** Something asked of the outside, answered later. */
export interface Question<T> {
  /** `commit`, `send`, `source`, … */
  readonly name: string
  readonly args: () => Json
  readonly codec: Codec<T>
  /** Asks it for real. It may throw or reject. */
  readonly put: () => T | Promise<T>
}

/** What becomes of a call. */
export interface Settle<T> {
  /** The number of the call, where there is a journal. */
  readonly call?: number
  resolve(value: T): void
  reject(error: Error): void
}

/** Settles a call whose result nothing waits for. */
export const IGNORED: Settle<void> = { resolve: () => undefined, reject: () => undefined }

/** Something the app may call. */
export interface Service<Args, T> {
  readonly name: string
  readonly codec: Codec<Args>
  readonly run: (args: Args, settle: Settle<T>) => void
}

/** The boundary as a journal's summary has it. */
export interface SavedBoundary {
  readonly callCount: number
  readonly askCount: number
  readonly turnCount: number
  readonly alarms: readonly string[]
  /** The questions that have no answer yet. */
  readonly open: readonly { readonly ask: number; readonly name: string }[]
}

/** The state of the engine for a journal that begins now. A text says why the state cannot be told now. */
export type Summarize = (boundary: SavedBoundary) => Json

export interface Boundary {
  /** The times of the thing that is being dealt with. */
  readonly wall: Instant
  readonly monotonic: number
  /** For the digests of a journal. */
  readonly fileKey: FileKey

  /** Offers something to be called; answers the function that calls it. */
  serve<Args, T>(service: Service<Args, T>): (args: Args, settle: Settle<T>) => void

  /** Asks the outside; `answered` runs later, as a thing of its own. Answers the question's number. */
  ask<T>(question: Question<T>, answered: (answer: Answered<T>) => void): number

  /** Asks the outside and waits for nothing: the answer is there. A throw is an answer too. */
  pull<T>(name: string, codec: Codec<T>, take: () => T): T

  /** An answer is awaited already, in a journal that begins here. */
  reask<T>(ask: number, question: Question<T>, answered: (answer: Answered<T>) => void): void

  /** A call has no answer yet, in a journal that begins here. */
  recall<T>(call: number): Settle<T>

  /** An alarm is armed already, in a journal that begins here. */
  rearm(name: string, run: () => void): void

  /** Arms the alarm of this name, or arms it anew. */
  arm(name: string, delayMs: number, run: () => void): void
  disarm(name: string): void
  /** The end: disarms every alarm, arms none any more, and hears no answer. */
  silence(): void

  /** Runs something in the next turn of the event loop. */
  nextTurn(run: () => void): void

  /** Runs something as soon as what the app does just now has run to its end. */
  soon(run: () => void): void

  /** True if this was thrown to end a replay: nobody must catch it. */
  isEnd(thrown: unknown): boolean

  /** Asked when a journal that is full begins anew. */
  summarizeWith(summarize: Summarize): void

  /** Writes down what was decided. The line is only made where somebody reads it. */
  decide(line: () => OutLine): void

  /** Tells the log of the app, which is no journal, of something that decides nothing. */
  note(name: string, level: 'debug' | 'info', fields: () => JsonRecord): void

  /** Runs something once, as the last part of what is being dealt with. */
  lastly(run: () => void): void

  /** Runs something for the app (listeners) after what is being dealt with, outside of it. */
  afterwards(run: () => void): void
}
