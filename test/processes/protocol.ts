/** What a test and the processes it starts say to each other: lines of JSON. */
import type { EventName, Settlement, Status } from '../../src/index.ts'

export interface AppSettings {
  readonly file: string
  readonly origin: string
  /** 32 bytes, in hex: the same for all, so that each can open what another sealed. */
  readonly vaultKey: string
  readonly requirement: 'required' | 'off'
  /** `hand`: time passes only by `pass`. */
  readonly clock: 'system' | 'hand'
  /** Default: `power-loss`. */
  readonly durability?: 'power-loss' | 'app-crash'
  /** Where its storage runs. Default: `main`. */
  readonly thread?: 'main' | 'worker'
}

/** What is enqueued in one turn of the event loop, by one user. */
export interface FloodTurn {
  readonly user: string | null
  readonly kinds: readonly ('note' | 'bundle')[]
}

/** An operation of which the server sees the text, in the body of its envelope. */
export interface Bundled {
  readonly id: string
  readonly text: string
}

/** Each is answered once, in any order. */
export interface Orders {
  open: { readonly args: null; readonly answer: null }
  /** Answers with the ids, once all are on disk. */
  enqueue: {
    readonly args: { readonly user: string | null; readonly count: number }
    readonly answer: readonly string[]
  }
  /** The same with a kind whose neighbours merge. */
  bundle: {
    readonly args: { readonly user: string | null; readonly count: number }
    readonly answer: readonly Bundled[]
  }
  /** Turn after turn; answers when all are on disk. */
  flood: { readonly args: { readonly turns: readonly FloodTurn[] }; readonly answer: null }
  /**
   * The next request stops on its way until `release`: before it leaves, or when its reply is there.
   * The process says so with a line of its own.
   */
  hold: { readonly args: 'sending' | 'replied'; readonly answer: null }
  release: { readonly args: null; readonly answer: null }
  /** Answers with how those operations ended that this process enqueued so far. */
  settled: { readonly args: null; readonly answer: readonly Settlement[] }
  /** Waits until nothing is pending any more, as far as this process knows. */
  drained: { readonly args: null; readonly answer: null }
  status: { readonly args: null; readonly answer: Status }
  login: {
    readonly args: { readonly user: string; readonly token: string }
    readonly answer: null
  }
  updateToken: {
    readonly args: { readonly user: string; readonly token: string }
    readonly answer: null
  }
  cancel: { readonly args: string; readonly answer: null }
  retry: { readonly args: string; readonly answer: null }
  discard: { readonly args: string; readonly answer: null }
  /** The delays of the timers that are armed; only of a clock by hand. */
  timers: { readonly args: null; readonly answer: readonly number[] }
  /** Lets time pass, in milliseconds; only of a clock by hand. */
  pass: { readonly args: number; readonly answer: null }
  close: { readonly args: null; readonly answer: null }
}

export type OrderName = keyof Orders

export interface Order {
  readonly order: number
  readonly name: OrderName
  readonly args: never
}

export type Line =
  | { readonly type: 'ready' }
  | { readonly type: 'held' }
  /** An operation is on disk: said as soon as its `enqueue()` has resolved. */
  | { readonly type: 'stored'; readonly id: string; readonly text: string }
  | { readonly type: 'answer'; readonly order: number; readonly value: unknown }
  | { readonly type: 'refusal'; readonly order: number; readonly code: string }
  | { readonly type: 'event'; readonly name: EventName; readonly id: string | null }
