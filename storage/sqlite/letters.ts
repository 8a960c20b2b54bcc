/** The dead letters: operations that failed for good, until someone retries or discards them (Q9). */
import type { Database } from 'better-sqlite3'
import type { OperationId, UserId } from '../../src/model.ts'
import type { Answer, BuryChange, DiscardChange, ReviveChange } from '../changes.ts'
import type { LetterRow, OperationRow } from '../storage.ts'
import type { Envelopes } from './envelopes.ts'
import type { Lanes } from './lanes.ts'
import type { Outcomes } from './outcomes.ts'
import { DONE, MISSED, OPERATION_COLUMNS, type Pending } from './pending.ts'

const LETTER_COLUMNS = `${OPERATION_COLUMNS}, reason, status, excerpt, died_at AS diedAt, attempts, envelope_key AS envelopeKey`

export class Letters {
  readonly #lanes: Lanes
  readonly #pending: Pending
  readonly #envelopes: Envelopes
  readonly #outcomes: Outcomes
  readonly #insert
  readonly #delete
  readonly #get
  readonly #ofKey
  readonly #list
  readonly #listOfUser

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
    this.#insert = database.prepare<[LetterRow]>(
      `INSERT INTO holdfast_letters (id, lane, place, kind, version, payload, enqueued_at, expires_at,
         reason, status, excerpt, died_at, attempts, envelope_key)
       VALUES (@id, @lane, @place, @kind, @version, @payload, @enqueuedAt, @expiresAt,
         @reason, @status, @excerpt, @diedAt, @attempts, @envelopeKey)`,
    )
    this.#delete = database.prepare<[string]>('DELETE FROM holdfast_letters WHERE id = ?')
    this.#get = database.prepare<[string], LetterRow>(
      `SELECT ${LETTER_COLUMNS} FROM holdfast_letters WHERE id = ?`,
    )
    this.#ofKey = database.prepare<[number, string], LetterRow>(
      `SELECT ${LETTER_COLUMNS} FROM holdfast_letters WHERE lane = ? AND envelope_key = ? ORDER BY place`,
    )
    this.#list = database.prepare<[number], LetterRow>(
      `SELECT ${LETTER_COLUMNS} FROM holdfast_letters ORDER BY died_at, lane, place LIMIT ?`,
    )
    this.#listOfUser = database.prepare<[string | null, number], LetterRow>(
      `SELECT ${LETTER_COLUMNS} FROM holdfast_letters
       WHERE lane = (SELECT lane FROM holdfast_lanes WHERE user IS ?) ORDER BY died_at, place LIMIT ?`,
    )
  }

  bury(change: BuryChange): Answer {
    const { lane, members, reason, status, excerpt, attempts, envelopeKey } = change
    const rows = members.map(({ id }) => this.#pending.find(id)).filter((row) => row !== null)
    if (rows.length !== members.length) return MISSED
    const removed = this.#pending.complete({ change: 'complete', lane, members })
    if (!removed.applied) return MISSED
    for (const row of rows) {
      this.#insert.run({
        ...row,
        reason,
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
    const letter = this.#get.get(change.id)
    if (letter === undefined) return MISSED
    const letters = this.#envelopeOf(letter)
    for (const { id } of letters) this.#delete.run(id)
    const rows = this.#pending.putBack(letters, change.behind)
    this.#keepKey(letter, rows)
    return { applied: true, affected: this.#affected(rows), from: 'dead' }
  }

  discard(change: DiscardChange): Answer {
    const letter = this.#get.get(change.id)
    if (letter === undefined) return this.#pending.discard(change.id, change.at)
    const letters = this.#envelopeOf(letter)
    for (const { id } of letters) {
      this.#delete.run(id)
      this.#outcomes.record(id, 'dropped', 'discarded', change.at)
    }
    return { applied: true, affected: this.#affected(letters), from: 'dead' }
  }

  find(id: OperationId): LetterRow | null {
    return this.#get.get(id) ?? null
  }

  list(filter: { readonly user?: UserId | null; readonly limit: number }): LetterRow[] {
    return filter.user === undefined
      ? this.#list.all(filter.limit)
      : this.#listOfUser.all(filter.user, filter.limit)
  }

  /** An envelope of unknown outcome died whole and comes back whole, under the same key (Q8). */
  #envelopeOf(letter: LetterRow): LetterRow[] {
    return letter.envelopeKey === null ? [letter] : this.#ofKey.all(letter.lane, letter.envelopeKey)
  }

  #keepKey(letter: LetterRow, rows: readonly OperationRow[]): void {
    const head = rows[0]
    if (letter.envelopeKey === null || head === undefined) return
    this.#envelopes.record({
      lane: head.lane,
      place: head.place,
      key: letter.envelopeKey,
      members: rows.map((row) => row.place),
      attempts: 0,
      countedAttempts: 0,
      firstAttemptAt: null,
      unknownSince: letter.diedAt,
      retryAt: null,
      waitMs: 0,
      waitsAfterUnknown: false,
      refusedCount: 0,
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
