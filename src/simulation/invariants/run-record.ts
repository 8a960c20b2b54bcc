/** What the invariants look at: a run from outside, and the rows as the database has them. */
import type { Status } from '../../engine/status.ts'
import type { Instant, Requirement } from '../../model.ts'
import type { AnyOperationKind } from '../../operations/define-operation.ts'
import type { Settings } from '../../options.ts'
import type { Watches } from '../memory-files.ts'
import type { SeenRequest } from '../scripted-server.ts'
import type {
  Acknowledgement,
  DemandCall,
  HeardEvent,
  SeenCall,
  SeenLateListener,
  SeenLife,
  SeenReceipt,
  SeenSetAside,
  SeenSubscription,
  SeenTurn,
  SourceCall,
} from '../seen.ts'
import type { StoredRows } from '../stored-rows.ts'

/** What is known of the tokens of a run, by name. */
interface KnownTokens {
  user(name: string): string | null
  isAccepted(name: string, now: number): boolean
  /** When it ends by its own claim, by the wall clock; null: never. */
  expiresAt(name: string): Instant | null
  /** Before when the server refuses it, by its own claim; null: it says nothing of it. */
  notBefore(name: string): Instant | null
  secrets(): readonly string[]
}

export interface RunRecord {
  readonly settings: Pick<
    Settings,
    | 'anonymous'
    | 'backoff'
    | 'batchWindowMs'
    | 'concurrency'
    | 'hasRequirementSource'
    | 'hasSource'
    | 'hasVault'
    | 'maxSourceCalls'
    | 'maxAttempts'
    | 'maxPayloadBytes'
    | 'maxPending'
    | 'onDead'
    | 'origin'
    | 'patienceMs'
    | 'replyTimeoutMs'
    | 'whileUnknown'
  >
  readonly kinds: ReadonlyMap<string, AnyOperationKind>
  readonly tokens: KnownTokens
  /** Virtual time, and the client's wall clock. */
  readonly now: number
  readonly wall: Instant

  /** The present life of the process that dispatches; what follows is as it is there. */
  readonly life: number
  readonly identity: string | null
  readonly requirement: Requirement
  readonly isOnline: boolean
  /** What the platform says of it. */
  readonly isSaidToBeOnline: boolean
  readonly isAwake: boolean
  readonly isPaused: boolean
  /** True if it closes with a deadline, which is not over yet: what is in flight may still end (Q19). */
  readonly isClosing: boolean

  // Each list only grows.
  readonly lives: readonly SeenLife[]
  readonly calls: readonly SeenCall[]
  readonly acknowledged: readonly Acknowledgement[]
  /** Those that are awaited from their beginning: every second one. */
  readonly receipts: readonly SeenReceipt[]
  readonly subscriptions: readonly SeenSubscription[]
  /** Listeners that a step has added, with what they heard at once (T5). */
  readonly lateListeners: readonly SeenLateListener[]
  readonly turns: readonly SeenTurn[]
  readonly requests: readonly SeenRequest[]
  readonly heard: readonly HeardEvent[]
  /** Every try to set a damaged database aside. */
  readonly setAsides: readonly SeenSetAside[]
  readonly sourceCalls: readonly SourceCall[]
  readonly demandCalls: readonly DemandCall[]
  /** The journal's lines. */
  readonly journal: readonly string[]
  /** Promises that rejected unheard, and exceptions that nobody caught. */
  readonly faults: readonly unknown[]

  readonly rows: StoredRows
  /** What the engine says of itself, to be compared with all this. */
  readonly status: Status
  /** Alarms that the engine has armed, and listeners it has at the platform. */
  readonly timerCount: number
  readonly listenerCount: number
  /** How many payloads the schemas of slow kinds have not answered yet. */
  readonly checkCount: number
  /** Is nothing armed, in flight or still to be done? Then nothing more will ever happen by itself. */
  readonly isQuiet: boolean
  /** True from the moment in which a page of the database is damaged, until a salvage. */
  readonly isDamaged: boolean
  /** Operations whose rows SQLite did not find any more at a salvage. */
  readonly lost: ReadonlySet<string>
  /** Operations that became dead letters at a salvage, because their envelope may have been sent and was not whole. */
  readonly buried: ReadonlySet<string>
  /** What each watch on the commits of others does. */
  readonly watches: Watches
  /** `unavailable`: some tries to open a sealed token fail; `unreadable`: some find one that nobody can open (T1). */
  readonly vault: 'works' | 'unavailable' | 'unreadable'
  /** True if the process that dispatches has to look before it can know of commits of others (Q17). */
  readonly isUnaware: boolean
  /** The whole database, as bytes. */
  bytes(): Uint8Array
  /** The ids of what is pending and dead, read from those bytes over a connection of their own. */
  idsInDatabase(): { readonly pending: readonly string[]; readonly dead: readonly string[] }
}
