/** What the app and the job say to each other: settings as the one argument, then JSON lines on stdout. */

/** Whose document the app fills with which recording. */
export interface Assignment {
  readonly user: string
  readonly document: string
  /** The recording's file. */
  readonly file: string
}

export interface AppSettings {
  /** The reference server. */
  readonly origin: string
  /** The file of the outbox. */
  readonly database: string
  /** Chooses which token needs are answered late, and so on. Another one in each life of the app. */
  readonly seed: number
  /** Operations per second, of all users together; null: as fast as they are taken. */
  readonly speed: number | null
  /** May neighbours travel in one request? */
  readonly merges: boolean
  readonly assignments: readonly Assignment[]
}

export interface LaneReport {
  readonly user: string | null
  readonly pending: number
  readonly holds: readonly string[]
}

export type Report =
  /** A life of the app begins: the transaction it goes on with, for each user. */
  | { readonly type: 'resumed'; readonly next: Readonly<Record<string, number>> }
  /** `enqueue` has resolved for all transactions of this user before `next`. */
  | { readonly type: 'acknowledged'; readonly user: string; readonly next: number }
  | { readonly type: 'anonymousEnqueued'; readonly id: string }
  | {
      readonly type: 'dropped'
      readonly id: string
      readonly user: string | null
      readonly reason: string
    }
  | { readonly type: 'lanes'; readonly lanes: readonly LaneReport[] }
  /** Something that must not happen, such as a dead letter. */
  | { readonly type: 'problem'; readonly message: string }
  /** All is enqueued and nothing is pending. */
  | { readonly type: 'finished' }

/** A pipe is written synchronously, so what was said before a SIGKILL has been said. */
export function say(report: Report): void {
  process.stdout.write(`${JSON.stringify(report)}\n`)
}
