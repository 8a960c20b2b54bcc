/** The dead letters: operations that failed for good, until someone retries or discards them (Q9). */
import type { Database } from 'better-sqlite3'
import type { Instant, LaneId, OperationId } from '../../src/model.ts'
import type { Answer, BuryChange, DiscardChange, Replacement, ReviveChange } from '../changes.ts'
import type { LetterFilter } from '../storage.ts'
import { blankEnvelope } from '../blank-envelope.ts'
import type { LetterRow, OperationRow } from '../rows.ts'
import type { Envelopes } from './envelopes.ts'
import type { Lanes } from './lanes.ts'
import type { Outcomes } from './outcomes.ts'
import {
  columnOf,
  listOf,
  OPERATION_COLUMNS,
  operationOf,
  type StoredOperation,
} from './operation-columns.ts'
import { DONE, MISSED, type Pending } from './pending.ts'

const LETTER_COLUMNS = `${OPERATION_COLUMNS}, reason, status, excerpt, died_at AS diedAt, attempts,
  envelope_key AS envelopeKey, unknown_since AS unknownSince, depends_on AS dependsOn`

interface StoredLetter
  extends
    Omit<LetterRow, 'creates' | 'deviceScoped' | 'superseded' | 'revision' | 'dependsOn'>,
    StoredOperation {
  /** JSON, or null: none. */
  readonly dependsOn: string | null
}

/** The values of a listing. Where there is no letter to begin behind, they lie before all letters of the order. */
interface Listed {
  readonly isOfAll: 0 | 1
  readonly user: string | null
  readonly kind: string | null
  readonly reason: string | null
  readonly died_at: number
  readonly lane: number
  readonly place: number
  readonly id: string
  readonly limit: number
}

/** Where a listing begins that names no letter: before the first letter there can be, or behind the last. */
const { MIN_SAFE_INTEGER: LEAST, MAX_SAFE_INTEGER: MOST } = Number
const BEFORE_ALL = { diedAt: LEAST, lane: -1, place: LEAST, id: '' }
const AFTER_ALL = { diedAt: MOST, lane: MOST, place: MOST, id: '' }

export class Letters {
  readonly #lanes: Lanes
  readonly #pending: Pending
  readonly #envelopes: Envelopes
  readonly #outcomes: Outcomes
  readonly #insert
  readonly #delete
  readonly #get
  readonly #ofKey
  readonly #byAge
  readonly #newest
  readonly #byPlace
  readonly #dependents
  readonly #ofLane
  readonly #forget

  constructor(
    database: Database,
    lanes: Lanes,
    pending: Pending,
    envelopes: Envelopes,
    outcomes: Outcomes,
  ) {
    this.#lanes = lanes
    this.#pending = pending
    this.#envelopes = envelopes
    this.#outcomes = outcomes
    this.#insert = database.prepare<[StoredLetter]>(
      `INSERT INTO holdfast_letters (id, lane, place, kind, version, payload, enqueued_at, expires_at,
         creates, device_scoped, superseded, revision, reason, status, excerpt, died_at, attempts, envelope_key, unknown_since,
         depends_on)
       VALUES (@id, @lane, @place, @kind, @version, @payload, @enqueuedAt, @expiresAt,
         @creates, @deviceScoped, @superseded, @revision, @reason, @status, @excerpt, @diedAt, @attempts, @envelopeKey, @unknownSince,
         @dependsOn)`,
    )
    this.#delete = database.prepare<[string]>('DELETE FROM holdfast_letters WHERE id = ?')
    this.#get = database.prepare<[string], StoredLetter>(
      `SELECT ${LETTER_COLUMNS} FROM holdfast_letters WHERE id = ?`,
    )
    this.#ofKey = database.prepare<[number, string], StoredLetter>(
      `SELECT ${LETTER_COLUMNS} FROM holdfast_letters WHERE lane = ? AND envelope_key = ? ORDER BY place`,
    )
    this.#dependents = database.prepare<[], StoredLetter>(
      `SELECT ${LETTER_COLUMNS} FROM holdfast_letters WHERE depends_on IS NOT NULL ORDER BY lane, place`,
    )
    this.#ofLane = database.prepare<[number], Pick<LetterRow, 'id' | 'reason' | 'status'>>(
      'SELECT id, reason, status FROM holdfast_letters WHERE lane = ? ORDER BY died_at, place',
    )
    this.#forget = database.prepare<[number]>('DELETE FROM holdfast_letters WHERE lane = ?')
    const listed = (order: string, isReversed = false) => {
      const [behind, sort] = isReversed ? ['<', order.replaceAll(/\w+/g, '$& DESC')] : ['>', order]
      return database.prepare<[Listed], StoredLetter>(
        `SELECT ${LETTER_COLUMNS} FROM holdfast_letters
         WHERE (@isOfAll = 1 OR lane = (SELECT lane FROM holdfast_lanes WHERE user IS @user))
           AND (@kind IS NULL OR kind = @kind) AND (@reason IS NULL OR reason = @reason)
           AND (${order}) ${behind} (${order.replaceAll(/\w+/g, '@$&')})
         ORDER BY ${sort} LIMIT @limit`,
      )
    }
    this.#byAge = listed('died_at, lane, place, id')
    this.#newest = listed('died_at, lane, place, id', true)
    this.#byPlace = listed('lane, place, id')
  }

  bury(change: BuryChange): Answer {
    const { lane, members, reason, status, excerpt, attempts, envelopeKey } = change
    const rows = this.#pending.takeAway(lane, members, change.at)
    if (rows === null) return MISSED
    for (const [index, row] of rows.entries()) {
      this.#insert.run({
        ...row,
        creates: columnOf(row.creates),
        deviceScoped: row.deviceScoped ? 1 : 0,
        superseded: row.superseded === true ? 1 : 0,
        revision: row.revision ?? 0,
        dependsOn: columnOf(change.dependsOn),
        unknownSince: change.unknownSince ?? null,
        reason: members[index]?.reason ?? reason,
        status,
        excerpt,
        diedAt: change.at,
        attempts,
        envelopeKey,
      })
    }
    return DONE
  }

  revive(change: ReviveChange): Answer {
    const found = this.find(change.id)
    if (found === null) return MISSED
    const { replacement } = change
    // A payload that may have arrived is never replaced (Q5).
    if (replacement !== undefined && found.envelopeKey !== null) return MISSED
    const letter = replacement === undefined ? found : replaced(found, replacement)
    const at = change.at ?? letter.diedAt
    const rows = this.#putBack(letter, change, at)
    const lanes = new Set(rows.map(({ lane }) => lane))
    const envelopes = [...lanes].flatMap((lane) => this.#envelopes.ofLane(lane))
    const affected = this.#affected(rows)
    return {
      applied: true,
      affected,
      from: 'dead',
      ...(envelopes.length === 0 ? {} : { envelopes }),
      ...this.#pending.takeShifts(),
    }
  }

  discard(change: DiscardChange): Answer {
    const letter = this.find(change.id)
    if (letter === null) return this.#pending.discard(change.id, change.at)
    const letters = this.#envelopeOf(letter)
    for (const { id } of letters) {
      this.#delete.run(id)
      this.#outcomes.record(id, 'dropped', 'discarded', change.at)
    }
    return { applied: true, affected: this.#affected(letters), from: 'dead' }
  }

  find(id: OperationId): LetterRow | null {
    const stored = this.#get.get(id)
    return stored === undefined ? null : letterOf(stored)
  }

  /** Of each letter stays how the operation ended (Q23). */
  forgetLane(lane: LaneId, at: Instant): void {
    for (const { id, reason, status } of this.#ofLane.all(lane)) {
      this.#outcomes.record(id, 'dead', reason, at, { status })
    }
    this.#forget.run(lane)
  }

  list({ user, kind, reason, after, limit, order = 'age' }: LetterFilter): LetterRow[] {
    const listed = { age: this.#byAge, newest: this.#newest, place: this.#byPlace }[order]
    const begin = after ?? (order === 'newest' ? AFTER_ALL : BEFORE_ALL)
    return listed
      .all({
        isOfAll: user === undefined ? 1 : 0,
        user: user ?? null,
        kind: kind ?? null,
        reason: reason ?? null,
        died_at: begin.diedAt,
        lane: begin.lane,
        place: begin.place,
        id: begin.id,
        limit,
      })
      .map(letterOf)
  }

  /** With what is dead because its record's creation was (Q12), and so on. */
  #putBack(letter: LetterRow, change: ReviveChange, at: Instant): OperationRow[] {
    // It may depend on several records, and have come back with another of them.
    if (this.find(letter.id) === null) return []
    const letters = letter.envelopeKey === null ? [letter] : this.#envelopeOf(letter)
    for (const { id } of letters) this.#delete.run(id)
    const behind = change.behind.find(({ lane }) => lane === letter.lane)?.place ?? null
    const rows = this.#pending.putBack(letters, behind, at)
    this.#keepKey(letters, rows, at)
    const made = rows.flatMap((row) => row.creates)
    const dependents = made.length === 0 ? [] : this.#dependentsOf(made)
    return [...rows, ...dependents.flatMap((dependent) => this.#putBack(dependent, change, at))]
  }

  #dependentsOf(locals: readonly string[]): LetterRow[] {
    return this.#dependents
      .all()
      .map(letterOf)
      .filter(({ dependsOn }) => dependsOn.some((local) => locals.includes(local)))
  }

  /** An envelope of unknown outcome died whole and comes back whole, under the same key (Q8). */
  #envelopeOf(letter: LetterRow): LetterRow[] {
    return letter.envelopeKey === null
      ? [letter]
      : this.#ofKey.all(letter.lane, letter.envelopeKey).map(letterOf)
  }

  #keepKey(letters: readonly LetterRow[], rows: readonly OperationRow[], at: Instant): void {
    const [letter] = letters
    const [head] = rows
    if (letter === undefined || letter.envelopeKey === null || head === undefined) return
    const isGivenUp = letters.some(({ reason }) => reason === 'outcome-unknown')
    this.#envelopes.record({
      ...blankEnvelope(head.lane, head.place),
      key: letter.envelopeKey,
      members: rows.map((row) => row.place),
      // One that was given up because it is too old is sent again on the app's own word.
      unknownSince: isGivenUp ? at : (letter.unknownSince ?? letter.diedAt),
      lastStatus: letter.status,
    })
  }

  #affected(rows: readonly OperationRow[]) {
    return rows.map(({ id, lane, place, kind }) => ({
      id,
      lane,
      place,
      kind,
      user: this.#lanes.user(lane),
    }))
  }
}

/** The letter with another payload, which has another key (Q5). */
function replaced(letter: LetterRow, { payload, version, creates }: Replacement): LetterRow {
  return { ...letter, payload, version, creates, revision: (letter.revision ?? 0) + 1 }
}

function letterOf(stored: StoredLetter): LetterRow {
  return { ...operationOf(stored), dependsOn: listOf(stored.dependsOn) }
}
