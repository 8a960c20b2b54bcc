/** Writes down what the invariants look at: what the app called, each life of the process, the rows. */
import type { Database } from 'better-sqlite3'
import type { Status } from '../engine/status.ts'
import type { EventName } from '../events.ts'
import type { AnyOperationKind } from '../operations/define-operation.ts'
import type { Salvaged } from './disk-damage.ts'
import type { ProcessName } from './process-name.ts'
import type {
  Acknowledgement,
  HeardEvent,
  LeftOfUser,
  SeenCall,
  SeenLateListener,
  SeenLife,
  SeenReceipt,
  SeenSetAside,
  SeenSubscription,
  SeenTurn,
} from './seen.ts'
import { allRows, RowLog } from './row-log.ts'
import { StoredRows } from './stored-rows.ts'
import type { VirtualTime } from './virtual-time.ts'

type CallFacts = Pick<SeenCall, 'name' | 'user'> & Partial<SeenCall>

/** A connection, and what is asked of it again and again. */
interface Watched {
  readonly database: Database
  readonly log: RowLog
  readonly head: (user: string | null, count: number) => readonly string[]
}

export class Recorder {
  readonly rows = new StoredRows()
  readonly lives: SeenLife[] = []
  readonly calls: SeenCall[] = []
  readonly acknowledged: Acknowledgement[] = []
  readonly receipts: SeenReceipt[] = []
  readonly subscriptions: SeenSubscription[] = []
  readonly lateListeners: SeenLateListener[] = []
  readonly turns: SeenTurn[] = []
  readonly heard: HeardEvent[] = []
  readonly setAsides: SeenSetAside[] = []
  /** What salvages could not read, and what they have made dead letters of. */
  readonly lost = new Set<string>()
  readonly buried = new Set<string>()
  readonly #time: VirtualTime
  #watched: Watched | null = null

  constructor(time: VirtualTime) {
    this.#time = time
  }

  /** A process begins. A database that has no tables yet can be listened to only once it has started. */
  begin(
    process: ProcessName,
    beganBy: SeenLife['beganBy'],
    database: Database,
    kinds: readonly AnyOperationKind[],
  ): number {
    const hasTables = this.lives.length > 0
    const kept = hasTables ? idsIn(database) : new Set<string>()
    const versions = new Map(kinds.map(({ kind, spec }) => [kind, spec.version ?? 1]))
    this.lives.push({
      process,
      startedAt: this.#time.now,
      wall: this.#time.wall(),
      endedAt: null,
      closingAt: null,
      beganBy,
      kept,
      after: {
        acknowledged: this.acknowledged.length,
        transitions: this.rows.transitions.length,
      },
      versions,
      leftover: null,
    })
    if (hasTables) this.#watch(database)
    return this.lives.length - 1
  }

  /** A new database stands in the place of a damaged one. */
  salvaged({ database, report, unreadable }: Salvaged): void {
    this.turn('salvage')
    for (const id of unreadable) this.lost.add(id)
    for (const { id } of report.buried) this.buried.add(id)
    // The life that follows tells of it.
    this.rows.salvaged(allRows(database), this.#time.now, this.lives.length)
  }

  /** It has started. */
  begun(database: Database, life: number): void {
    if (this.#watched !== null) return
    this.rows.apply(allRows(database), this.#time.now, life)
    this.#watch(database)
  }

  /** Takes in what a process has committed until now. */
  look(life: number): void {
    // What a transaction of the app may still roll back is not there yet.
    if (this.#watched?.database.inTransaction === true) return
    const changes = this.#watched?.log.take() ?? []
    if (changes.length > 0) this.rows.apply(changes, this.#time.now, life)
  }

  ended(life: number): void {
    const ended = this.lives[life]
    if (ended !== undefined) ended.endedAt = this.#time.now
  }

  closing(life: number): void {
    const begun = this.lives[life]
    if (begun !== undefined) begun.closingAt = this.#time.now
  }

  /** A process has closed, and this was left of it. */
  closed(life: number, leftover: NonNullable<SeenLife['leftover']>): void {
    const closed = this.lives[life]
    if (closed !== undefined) closed.leftover = leftover
  }

  call(life: number, facts: CallFacts): SeenCall {
    const call: SeenCall = {
      at: this.#time.now,
      wall: this.#time.wall(),
      life,
      step: null,
      token: null,
      draft: null,
      pending: null,
      filter: null,
      key: null,
      after: null,
      needs: [],
      interpret: null,
      deadlineMs: null,
      left: null,
      settledAt: null,
      result: undefined,
      error: null,
      ...facts,
    }
    this.calls.push(call)
    return call
  }

  resolve(call: SeenCall, result: unknown): void {
    call.settledAt = this.#time.now
    call.result = result
    if (LEAVING.has(call.name)) call.left = this.#leftOf(call)
  }

  reject(call: SeenCall, error: unknown): void {
    call.settledAt = this.#time.now
    call.error = error
  }

  acknowledge(call: SeenCall, id: string): void {
    const { database } = this.#watched ?? {}
    const isReadable = database !== undefined && !database.inTransaction
    const found = isReadable ? findIn(database, id, this.rows) : null
    this.acknowledged.push({ at: this.#time.now, life: call.life, id, call, found })
  }

  awaits(life: number, id: string): SeenReceipt {
    const receipt: SeenReceipt = { id, life, settlement: null, refusal: null }
    this.receipts.push(receipt)
    return receipt
  }

  subscribes(life: number, from: Status): SeenSubscription {
    const subscription: SeenSubscription = { at: this.#time.now, life, from, called: [] }
    this.subscriptions.push(subscription)
    return subscription
  }

  listensLate(life: number, facts: Pick<SeenLateListener, 'identity' | 'needs'>): SeenLateListener {
    const listener: SeenLateListener = { at: this.#time.now, life, ...facts, heard: [] }
    this.lateListeners.push(listener)
    return listener
  }

  turn(turn: SeenTurn['turn'], byMs = 0): void {
    this.turns.push({ at: this.#time.now, turn, byMs })
  }

  hear(life: number, event: EventName, detail: object): void {
    this.heard.push({ at: this.#time.now, life, event, detail })
  }

  /** The operations at the head of an owner's lane. */
  head(life: number, user: string | null, count: number): readonly string[] {
    this.look(life)
    try {
      return this.#watched?.head(user, count) ?? []
    } catch {
      // A damaged table: then as it was seen.
      return [...this.rows.pending.values()]
        .filter((operation) => operation.user === user)
        .sort((a, b) => a.place - b.place)
        .slice(0, count)
        .map(({ id }) => id)
    }
  }

  #leftOf({ user, name }: SeenCall): LeftOfUser {
    const ofUser = (rows: ReadonlyMap<string, { readonly user: string | null }>) =>
      [...rows.values()].filter((row) => row.user === user).length
    const { database } = this.#watched ?? {}
    const isReadable = name === 'forget' && database !== undefined && !database.inTransaction
    return {
      pending: ofUser(this.rows.pending),
      letters: ofUser(this.rows.letters),
      others: isReadable ? othersIn(database, user) : null,
    }
  }

  #watch(database: Database): void {
    if (this.#watched?.database === database) return
    const heads = database
      .prepare<[string | null, number], string>(
        `SELECT id FROM holdfast_operations
         WHERE lane = (SELECT lane FROM holdfast_lanes WHERE user IS ?) ORDER BY place LIMIT ?`,
      )
      .pluck()
    this.#watched = {
      database,
      log: new RowLog(database),
      head: (user, count) => heads.all(user, count),
    }
  }
}

/** Calls that say what they leave, or leave nothing. */
const LEAVING: ReadonlySet<string> = new Set(['logout', 'flush', 'forget'])

/** Records and reading positions of a user, and of lanes that are gone; null: a table is damaged. */
function othersIn(database: Database, user: string | null): number | null {
  const count = (table: string) =>
    database
      .prepare<[string | null], number>(
        `SELECT count(*) FROM holdfast_${table}
         WHERE lane NOT IN (SELECT lane FROM holdfast_lanes WHERE user IS NOT ?)`,
      )
      .pluck()
      .get(user) ?? 0
  try {
    return count('records') + count('positions')
  } catch {
    return null
  }
}

const STATES = [
  ['pending', 'operations'],
  ['dead', 'letters'],
  ['settled', 'outcomes'],
] as const

function findIn(database: Database, id: string, seen: StoredRows): Acknowledgement['found'] {
  const found = STATES.find(([state, table]) => {
    try {
      return database.prepare(`SELECT 1 FROM holdfast_${table} WHERE id = ?`).get(id)
    } catch {
      // A table that was damaged between the commit and its answer: as it was seen before.
      if (state === 'settled') return false
      return (state === 'pending' ? seen.pending : seen.letters).has(id)
    }
  })
  return found?.[0] ?? null
}

function idsIn(database: Database): Set<string> {
  const ids = database
    .prepare<[], string>(
      `SELECT id FROM holdfast_operations UNION ALL SELECT id FROM holdfast_letters
       UNION ALL SELECT id FROM holdfast_outcomes`,
    )
    .pluck()
    .all()
  return new Set(ids)
}
