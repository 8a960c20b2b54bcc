/**
 * The rows as the database has them, followed change by change, and what happened to each operation.
 * The engine's own memory has no part in it.
 */
import { type StoredToken, tokenOf } from './stored-token.ts'
import type { LaneFailure } from '../engine/status.ts'
import type { Row, RowChange } from './row-log.ts'
import { lastFailureOf, numberOf, textOf } from './row-values.ts'

export type OperationState =
  'absent' | 'pending' | 'dead' | 'dropped' | 'cancelled' | 'completed' | 'erased' | 'lost'

export interface StoredOperation {
  readonly id: string
  readonly lane: number
  readonly place: number
  readonly user: string | null
  readonly kind: string
  readonly version: number
  /** JSON text. */
  readonly payload: string
  readonly enqueuedAt: number | null
  readonly expiresAt: number | null
}

export interface Transition {
  readonly order: number
  readonly at: number
  readonly life: number
  readonly id: string
  readonly user: string | null
  readonly from: OperationState
  readonly to: OperationState
  /** Of what is dropped or dead. */
  readonly reason: string | null
}

/** What became of a user's token row. */
export interface TokenStep extends StoredToken {
  readonly order: number
  readonly former: StoredToken | null
}

/** A payload that was stored in place of another one, of the same operation. */
export interface Rewrite {
  readonly id: string
  /** The versions. */
  readonly from: number
  readonly to: number
}

interface Move {
  readonly id: string
  readonly at: number
}

interface Envelope {
  readonly lane: number
  readonly place: number
  readonly key: string | null
  readonly members: readonly number[]
  readonly attempts: number
  readonly retryAt: number | null
  /** Its last failure, as `status()` shows it; null: none is known. */
  readonly lastFailure: LaneFailure | null
}

/** An envelope that was recorded under a key. */
export interface RecordedEnvelope {
  readonly key: string
  readonly ids: readonly string[]
  /** Which life recorded it first. */
  readonly life: number
}

const LAST_STATES: ReadonlySet<OperationState> = new Set([
  'dropped',
  'cancelled',
  'completed',
  'lost',
])

export class StoredRows {
  /** Grows with every change: as long as it is the same, so is everything here. */
  revision = 0
  /** As each was stored first, whatever has become of it. */
  readonly known = new Map<string, StoredOperation>()
  /** How often the payload of an operation was replaced by a retry (Q9). */
  readonly replaced = new Map<string, number>()
  /** When each was seen first. */
  readonly storedAt = new Map<string, number>()
  readonly pending = new Map<string, StoredOperation>()
  readonly letters = new Map<string, StoredOperation>()
  readonly outcomes = new Map<string, Row>()
  /** Those that are not retained any more. */
  readonly forgottenOutcomes: Row[] = []
  readonly tokens = new Map<string, StoredToken>()
  readonly envelopes = new Map<string, Envelope>()
  /** Every key that was ever recorded. */
  readonly keys = new Map<string, RecordedEnvelope>()
  readonly meta = new Map<string, string>()
  readonly transitions: Transition[] = []
  readonly tokenSteps: TokenStep[] = []
  readonly rewrites: Rewrite[] = []
  /** What dead letters keep of replies. */
  readonly excerpts: string[] = []
  /** Operations that moved to another lane, and those that moved within theirs. */
  readonly adoptions: Move[] = []
  readonly shifts: Move[] = []
  readonly #users = new Map<number, string | null>()
  readonly #pendingCounts = new Map<number, number>()
  readonly #states = new Map<string, OperationState>()
  /** The lane in which each was seen last: an adopted one changes lanes. */
  readonly #laneOf = new Map<string, number>()
  /** Operations that have gone in this batch, and nothing has said yet how they ended. */
  readonly #leaving = new Map<string, { readonly from: OperationState; readonly order: number }>()
  #order = 0
  #at = 0
  #life = 0

  get identity(): string | null {
    return this.meta.get('identity') ?? null
  }

  get requirement(): string {
    return this.meta.get('requirement') ?? 'unknown'
  }

  stateOf(id: string): OperationState {
    return this.#states.get(id) ?? 'absent'
  }

  /** Whose it is, or was last. */
  ownerOf(id: string): string | null {
    return this.userOf(this.#laneOf.get(id) ?? 0)
  }

  userOf(lane: number): string | null {
    return this.#users.get(lane) ?? null
  }

  /** How many operations of each lane are pending. */
  pendingCounts(): ReadonlyMap<number, number> {
    return this.#pendingCounts
  }

  envelopeOf({ lane, place }: StoredOperation): Envelope | undefined {
    return this.envelopes.get(`${lane}:${place}`)
  }

  /** Takes in what has changed until now. What went away and came back in between has only moved. */
  apply(changes: readonly RowChange[], at: number, life: number): void {
    this.revision += 1
    this.#at = at
    this.#life = life
    for (const change of changes) this.#take(change)
    for (const [id, { from, order }] of this.#leaving) {
      this.#step(id, from, from === 'dead' ? 'erased' : 'completed', null, order)
    }
    this.#leaving.clear()
  }

  /** A new database holds what could be read of a damaged one (E2): these rows. */
  salvaged(changes: readonly RowChange[], at: number, life: number): void {
    const rowsOf = (table: RowChange['table']) =>
      changes.filter((change) => change.table === table).map(({ row }) => row)
    const pending = new Set(rowsOf('operations').map(({ id }) => String(id)))
    const letters = new Map(rowsOf('letters').map((row) => [String(row['id']), row] as const))
    const buried = [...letters]
      .filter(([id]) => this.pending.has(id))
      .map(([, row]) => row)
      // They die in the order of their lane.
      .sort((a, b) => Number(a['place']) - Number(b['place']))
    this.envelopes.clear()
    this.apply(
      [
        ...rowsOf('envelopes').map((row) => ({ table: 'envelopes', action: 'put', row }) as const),
        ...buried.flatMap((row) => [
          { table: 'operations', action: 'gone', row } as const,
          { table: 'letters', action: 'put', row } as const,
        ]),
      ],
      at,
      life,
    )
    for (const [id, { lane }] of this.pending) {
      if (pending.has(id)) continue
      this.pending.delete(id)
      this.#count(lane, -1)
      this.#step(id, 'pending', 'lost', null, ++this.#order)
    }
    for (const id of this.letters.keys()) {
      if (letters.has(id)) continue
      this.letters.delete(id)
      this.#step(id, 'dead', 'lost', null, ++this.#order)
    }
  }

  #take({ table, action, row }: RowChange): void {
    const isPut = action === 'put'
    switch (table) {
      case 'lanes':
        if (isPut) this.#users.set(Number(row['lane']), textOf(row['user']))
        return
      case 'operations':
        if (isPut) this.#operationPut(row)
        else this.#operationGone(row)
        return
      case 'letters':
        if (isPut) this.#letterPut(row)
        else this.#letterGone(row)
        return
      case 'outcomes':
        if (isPut) this.#outcomePut(row)
        else if (this.outcomes.delete(String(row['id']))) this.forgottenOutcomes.push(row)
        return
      case 'envelopes':
        if (isPut) this.#envelopePut(row)
        else this.envelopes.delete(`${row['lane']}:${row['place']}`)
        return
      case 'tokens':
        if (isPut) this.#tokenPut(row)
        else this.tokens.delete(String(row['user']))
        return
      case 'meta':
        if (isPut) this.meta.set(String(row['name']), String(row['value']))
        else this.meta.delete(String(row['name']))
    }
  }

  #operationPut(row: Row): void {
    // On its way to another place it has none: SQLite checks keys row by row.
    if (Number(row['lane']) < 0) return
    const laneBefore = this.#laneOf.get(String(row['id']))
    const operation = this.#operationOf(row)
    const { id } = operation
    const former = this.pending.get(id)
    if (former !== undefined) this.#count(former.lane, -1)
    this.#count(operation.lane, 1)
    this.pending.set(id, operation)
    if (!this.known.has(id)) {
      this.known.set(id, operation)
      this.storedAt.set(id, this.#at)
    }
    if (former !== undefined) {
      if (former.place !== operation.place) this.shifts.push({ id, at: this.#at })
      if (former.payload !== operation.payload) {
        this.rewrites.push({ id, from: former.version, to: operation.version })
      }
      return
    }
    const left = this.#leaving.get(id)
    this.#leaving.delete(id)
    if (left?.from === 'dead') this.#replacedBy(operation, numberOf(row['revision'] ?? null) ?? 0)
    if (left?.from === 'pending') {
      const moves = laneBefore === operation.lane ? this.shifts : this.adoptions
      moves.push({ id, at: this.#at })
      return
    }
    this.#step(id, left?.from ?? this.stateOf(id), 'pending', null, left?.order ?? ++this.#order)
  }

  #replacedBy(operation: StoredOperation, revision: number): void {
    if (revision <= (this.replaced.get(operation.id) ?? 0)) return
    this.replaced.set(operation.id, revision)
    const { payload, version } = operation
    // Where it was put at first stays known.
    this.known.set(operation.id, {
      ...(this.known.get(operation.id) ?? operation),
      payload,
      version,
    })
  }

  #operationGone(row: Row): void {
    const id = String(row['id'])
    if (!this.pending.delete(id)) return
    this.#count(Number(row['lane']), -1)
    this.#leaving.set(id, { from: 'pending', order: ++this.#order })
  }

  #letterPut(row: Row): void {
    const letter = this.#operationOf(row)
    this.letters.set(letter.id, letter)
    const excerpt = textOf(row['excerpt'])
    if (excerpt !== null) this.excerpts.push(excerpt)
    if (!this.known.has(letter.id)) this.known.set(letter.id, letter)
    this.#ended(letter.id, 'dead', textOf(row['reason']))
  }

  #letterGone(row: Row): void {
    const id = String(row['id'])
    if (this.letters.delete(id)) this.#leaving.set(id, { from: 'dead', order: ++this.#order })
  }

  #outcomePut(row: Row): void {
    const id = String(row['id'])
    this.outcomes.set(id, row)
    // That of a dead letter stays when the letter is erased (I12).
    if (row['outcome'] === 'dead') return
    this.#ended(id, stateAfter(row['outcome']), textOf(row['reason']))
  }

  #ended(id: string, to: OperationState, reason: string | null): void {
    const left = this.#leaving.get(id)
    this.#leaving.delete(id)
    this.#step(id, left?.from ?? this.stateOf(id), to, reason, left?.order ?? ++this.#order)
  }

  /** `order`: that of its first part; what goes away is told of as one with what it becomes. */
  #step(
    id: string,
    from: OperationState,
    to: OperationState,
    reason: string | null,
    order: number,
  ): void {
    this.#states.set(id, to)
    const user = this.ownerOf(id)
    const { transitions } = this
    transitions.push({ order, at: this.#at, life: this.#life, id, user, from, to, reason })
  }

  #envelopePut(row: Row): void {
    const lane = Number(row['lane'])
    const place = Number(row['place'])
    const key = textOf(row['key'])
    const members = JSON.parse(String(row['members'])) as number[]
    const retryAt = numberOf(row['retry_at'])
    const attempts = Number(row['attempts'])
    const lastFailure = lastFailureOf(row)
    this.envelopes.set(`${lane}:${place}`, {
      lane,
      place,
      key,
      members,
      attempts,
      retryAt,
      lastFailure,
    })
    if (key === null || this.keys.has(key)) return
    const ids = [...this.pending.values()]
      .filter((operation) => operation.lane === lane && members.includes(operation.place))
      .sort((a, b) => a.place - b.place)
      .map(({ id }) => id)
    this.keys.set(key, { key, ids, life: this.#life })
  }

  #tokenPut(row: Row): void {
    const user = String(row['user'])
    const former = this.tokens.get(user) ?? null
    const token = tokenOf(row, former, { at: this.#at, life: this.#life })
    this.tokens.set(user, token)
    this.tokenSteps.push({ ...token, order: ++this.#order, former, at: this.#at, life: this.#life })
  }

  #operationOf(row: Row): StoredOperation {
    const lane = Number(row['lane'])
    this.#laneOf.set(String(row['id']), lane)
    return {
      id: String(row['id']),
      lane,
      place: Number(row['place']),
      user: this.userOf(lane),
      kind: String(row['kind']),
      version: Number(row['version']),
      payload: String(row['payload']),
      enqueuedAt: numberOf(row['enqueued_at'] ?? null),
      expiresAt: numberOf(row['expires_at'] ?? null),
    }
  }

  #count(lane: number, difference: number): void {
    const count = (this.#pendingCounts.get(lane) ?? 0) + difference
    if (count === 0) this.#pendingCounts.delete(lane)
    else this.#pendingCounts.set(lane, count)
  }
}

/** Has it reached an end that nothing may follow? */
export function isLast(state: OperationState): boolean {
  return LAST_STATES.has(state)
}

/** Completions are stored only under `retainCompleted`. */
function stateAfter(outcome: string | number | null | undefined): OperationState {
  return outcome === 'cancelled' || outcome === 'completed' ? outcome : 'dropped'
}
