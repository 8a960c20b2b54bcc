/**
 * All tables of one connection, and the one synchronous `apply(change)` behind every commit. It runs
 * inside a transaction that somebody else began.
 */
import type { Database } from 'better-sqlite3'
import type { LaneId, OperationId, UserId } from '../../src/model.ts'
import type { Answer, Change, ForgetChange } from '../changes.ts'
import type { LaneRow, LetterRow, OperationRow, PositionRow, RecordRow } from '../rows.ts'
import type { Endings, LetterFilter, OpenedState, StorageHost, Whereabouts } from '../storage.ts'
import { Envelopes } from './envelopes.ts'
import { Lanes } from './lanes.ts'
import { Letters } from './letters.ts'
import { Moved } from './moved.ts'
import { endOf, isOfLane, keyOf } from './row-key.ts'
import { Outcomes } from './outcomes.ts'
import { Owners } from './owners.ts'
import { OPERATION_COLUMNS, operationOf, type StoredOperation } from './operation-columns.ts'
import { DONE, MISSED, Pending } from './pending.ts'
import { Positions } from './positions.ts'
import { preparingLate } from './prepared-late.ts'
import { Records } from './records.ts'
import { Sessions } from './sessions.ts'

export class Tables {
  readonly #lanes: Lanes
  readonly #envelopes: Envelopes
  readonly #outcomes: Outcomes
  readonly #owners: Owners
  readonly #pending: Pending
  readonly #letters: Letters
  readonly #sessions: Sessions
  readonly #records: Records
  readonly #positions: Positions
  readonly #window
  readonly #laneRows
  readonly #hasPending

  /** `sealedGone` is told when a sealed token goes from the tables. */
  constructor(connection: Database, sealedGone: () => void = () => undefined) {
    const database = preparingLate(connection)
    this.#lanes = new Lanes(database)
    this.#envelopes = new Envelopes(database)
    this.#outcomes = new Outcomes(database)
    this.#owners = new Owners(database)
    // No opening reads these tables, nor that of moved operations: that they are there shows when statements are made.
    this.#records = new Records(connection)
    this.#positions = new Positions(connection)
    this.#pending = new Pending(
      database,
      this.#lanes,
      this.#envelopes,
      this.#outcomes,
      this.#owners,
      this.#records,
      this.#positions,
      new Moved(connection),
    )
    this.#letters = new Letters(
      database,
      this.#lanes,
      this.#pending,
      this.#envelopes,
      this.#outcomes,
    )
    this.#sessions = new Sessions(database, sealedGone)
    this.#window = database.prepare<
      { lane: number; after: number; limit: number },
      StoredOperation
    >(
      `SELECT ${OPERATION_COLUMNS} FROM holdfast_operations
       WHERE key > ${keyOf('@lane', '@after')} AND key <= ${endOf('@lane')} ORDER BY key LIMIT @limit`,
    )
    this.#laneRows = database.prepare<
      [],
      Omit<LaneRow, 'hasSuperseded'> & { readonly hasSuperseded: 0 | 1 }
    >(
      `SELECT lane, user, pending, solo_through AS soloThrough, head, tail, shifted,
         discard_through AS discardThrough,
         EXISTS (SELECT 1 FROM holdfast_operations
           WHERE superseded = 1 AND ${isOfLane('holdfast_lanes_now.lane')}) AS hasSuperseded,
         (SELECT count(*) FROM holdfast_letters WHERE lane = holdfast_lanes_now.lane) AS letters
       FROM holdfast_lanes_now ORDER BY lane`,
    )
    this.#hasPending = database
      .prepare<[], 0 | 1>('SELECT EXISTS (SELECT 1 FROM holdfast_operations)')
      .pluck()
  }

  /** Changes that stand for themselves. */
  applyApart(changes: readonly Change[]): readonly Answer[] {
    const enqueued = changes.filter((change) => change.change === 'enqueue')
    return enqueued.length === changes.length
      ? this.#pending.enqueueAll(enqueued)
      : changes.map((change) => this.apply(change))
  }

  apply(change: Change): Answer {
    switch (change.change) {
      case 'enqueue':
        return this.#pending.enqueue(change)
      case 'upgrade':
        return this.#pending.upgrade(change)
      case 'complete':
        return this.#pending.complete(change)
      case 'drop':
        return this.#pending.drop(change)
      case 'purge':
        return this.#pending.purge(change)
      case 'cancel':
        return this.#pending.cancel(change)
      case 'bury':
        return this.#letters.bury(change)
      case 'revive':
        return this.#letters.revive(change)
      case 'discard':
        return this.#letters.discard(change)
      case 'adopt':
        return this.#pending.adopt(change)
      case 'discardLane':
        this.#lanes.discard(change.user, change.discarding)
        return DONE
      case 'supersede':
        return this.#pending.supersede(change)
      case 'forget':
        return this.#forget(change)
      case 'envelope':
        if (
          this.window(change.envelope.lane, change.envelope.place - 1, 1)[0]?.place !==
          change.envelope.place
        ) {
          return MISSED
        }
        this.#envelopes.record(change.envelope)
        return DONE
      case 'solo':
        this.#envelopes.forget(change.lane, change.place)
        this.#lanes.sendAlone(change.lane, change.through)
        return DONE
      case 'leaveBehind':
        return this.#sessions.leaveBehind(change.lanes)
      case 'takeUp':
        return this.#sessions.takeUp()
      case 'deadline':
        return this.#sessions.setDeadline(change)
      case 'origin':
        return this.#sessions.changeOrigin(change)
      case 'identity':
        return this.#sessions.set('identity', change.user)
      case 'requirement':
        return this.#sessions.set('requirement', change.requirement)
      case 'token':
        return this.#sessions.setToken(change)
      case 'refuseToken':
        return this.#sessions.refuseToken(change)
      case 'leave':
        return this.#sessions.leave(change)
      case 'endSession':
        return this.#sessions.end(change)
    }
  }

  /** Others may have written since the last transaction. */
  outdated(): void {
    this.#lanes.outdated()
    this.#outcomes.outdated()
    this.#owners.outdated()
  }

  /** Another process has written: it may wait for what it has enqueued. */
  others(): void {
    this.#outcomes.others()
  }

  /** A transaction was rolled back. */
  forget(): void {
    this.#lanes.outdated()
    this.#pending.forget()
    this.#outcomes.outdated()
    this.#owners.outdated()
  }

  /** What is done at the opening. Writes: run it in a transaction. */
  begin({ newFingerprintKey, origin, wall }: StorageHost): void {
    if (this.#sessions.get('fingerprint-key') === null) {
      this.#sessions.set('fingerprint-key', newFingerprintKey)
    }
    if (origin !== undefined && this.#sessions.get('origin') === null) {
      this.#sessions.set('origin', origin)
    }
    this.#outcomes.begin(wall(), this.#hasPending.get() === 1)
  }

  /** What the engine is told at the start, and whenever it asks anew. */
  state(fresh: boolean): OpenedState {
    const owners = this.#owners.all()
    return {
      fresh,
      fingerprintKey: this.#sessions.get('fingerprint-key') ?? '',
      origin: this.#sessions.get('origin'),
      identity: this.#sessions.identity(),
      requirement: this.#sessions.requirement(),
      lanes: this.#laneRows
        .all()
        .filter(({ pending, letters }) => pending > 0 || letters > 0)
        .map(({ hasSuperseded, ...row }) =>
          hasSuperseded === 1 ? { ...row, hasSuperseded: true } : row,
        ),
      envelopes: this.#envelopes.all(),
      tokens: this.#sessions.tokens(),
      deadlines: this.#sessions.deadlines(),
      ...(owners.length === 0 ? {} : { owners }),
      recorded: this.#outcomes.numbers().recorded,
    }
  }

  window(lane: LaneId, after: number, limit: number): OperationRow[] {
    return this.#window.all({ lane, after, limit }).map(operationOf)
  }

  records(locals: readonly string[]): RecordRow[] {
    return this.#records.find(locals)
  }

  position(user: UserId | null, key: string): PositionRow | null {
    const lane = this.#lanes.find(user)
    return lane === null ? null : this.#positions.get(lane, key)
  }

  find(id: OperationId): Whereabouts | null {
    const row = this.#pending.find(id)
    if (row !== null) return { state: 'pending', row, user: this.#lanes.user(row.lane) }
    const letter = this.#letters.find(id)
    if (letter !== null) return { state: 'dead', letter, user: this.#lanes.user(letter.lane) }
    const outcome = this.#outcomes.find(id)
    return outcome === null ? null : { state: 'settled', outcome }
  }

  /** Those of them that are pending no more, and the numbers of endings by now (Q23). */
  settled(ids: readonly OperationId[]): Endings {
    // Others may write between two of these: the order makes the answer more careful then, never wrong.
    const { recorded } = this.#outcomes.numbers()
    const settled = ids.flatMap((id) => {
      if (this.#pending.has(id)) return []
      const found = this.find(id)
      return found?.state === 'pending' ? [] : { id, found }
    })
    return { settled, recorded, forgotten: this.#outcomes.forgotten() }
  }

  letters(filter: LetterFilter): (LetterRow & { readonly user: UserId | null })[] {
    return this.#letters
      .list(filter)
      .map((letter) => ({ ...letter, user: this.#lanes.user(letter.lane) }))
  }

  /** I12: operations, letters, records, reading positions, token; only the ids of what was dropped stay. */
  #forget({ user, at }: ForgetChange): Answer {
    const lane = this.#lanes.find(user)
    if (this.#sessions.identity() === user) this.#sessions.set('identity', null)
    this.#sessions.forget(user)
    this.#owners.erase(user)
    if (lane === null) return DONE
    const answer = this.#pending.purge({
      change: 'purge',
      lane,
      except: [],
      reason: 'forgotten',
      at,
    })
    this.#letters.forgetLane(lane, at)
    this.#records.forgetLane(lane, at)
    this.#positions.forgetLane(lane)
    this.#envelopes.forgetLane(lane)
    this.#lanes.erase(lane)
    return answer
  }
}
