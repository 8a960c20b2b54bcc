/** What is known of the envelopes that have been formed. A lane rarely has more than one. */
import type { Database } from 'better-sqlite3'
import type { LaneId } from '../../src/model.ts'
import type { Member } from '../changes.ts'
import type { EnvelopeRow } from '../rows.ts'
import { withoutMembers } from '../without-members.ts'
import { parseStored } from './stored-json.ts'

interface Stored extends Omit<EnvelopeRow, 'members' | 'waitsAfterUnknown'> {
  readonly members: string
  readonly waitsAfterUnknown: 0 | 1
}

const COLUMNS = `lane, place, key, members, attempts, unsent_attempts AS unsentAttempts,
  counted_attempts AS countedAttempts, first_attempt_at AS firstAttemptAt, unknown_since AS unknownSince, retry_at AS retryAt,
  wait_ms AS waitMs, asked_ms AS askedMs, waits_after_unknown AS waitsAfterUnknown, refused_count AS refusedCount,
  too_large_generation AS tooLargeGeneration, last_status AS lastStatus, last_code AS lastCode,
  last_failed_at AS lastFailedAt`

export class Envelopes {
  readonly #write
  readonly #delete
  readonly #any
  readonly #ofLane
  readonly #all

  constructor(database: Database) {
    this.#write = database.prepare<[Stored]>(
      `INSERT OR REPLACE INTO holdfast_envelopes (lane, place, key, members, attempts, unsent_attempts,
         counted_attempts, first_attempt_at, unknown_since, retry_at, wait_ms, asked_ms, waits_after_unknown, refused_count,
         too_large_generation, last_status, last_code, last_failed_at)
       VALUES (@lane, @place, @key, @members, @attempts, @unsentAttempts, @countedAttempts, @firstAttemptAt,
         @unknownSince, @retryAt, @waitMs, @askedMs, @waitsAfterUnknown, @refusedCount, @tooLargeGeneration, @lastStatus,
         @lastCode, @lastFailedAt)`,
    )
    this.#delete = database.prepare<[number, number]>(
      'DELETE FROM holdfast_envelopes WHERE lane = ? AND place = ?',
    )
    this.#any = database
      .prepare<[number], 1>('SELECT 1 FROM holdfast_envelopes WHERE lane = ? LIMIT 1')
      .pluck()
    this.#ofLane = database.prepare<[number], Stored>(
      `SELECT ${COLUMNS} FROM holdfast_envelopes WHERE lane = ? ORDER BY place`,
    )
    this.#all = database.prepare<[], Stored>(
      `SELECT ${COLUMNS} FROM holdfast_envelopes ORDER BY lane, place`,
    )
  }

  record(envelope: EnvelopeRow): void {
    this.#write.run({
      ...envelope,
      members: JSON.stringify(envelope.members),
      waitsAfterUnknown: envelope.waitsAfterUnknown ? 1 : 0,
    })
  }

  forget(lane: LaneId, place: number): void {
    this.#delete.run(lane, place)
  }

  /** Every envelope that one of these operations was a member of is none any more. */
  dissolve(lane: LaneId, gone: readonly Member[]): void {
    // Mostly there is none, and to ask for whole rows costs more than the rest of a completion.
    if (this.#any.get(lane) === undefined) return
    const places = gone.map(({ place }) => place)
    for (const envelope of this.ofLane(lane)) {
      const left = withoutMembers(envelope, places)
      if (left === null) this.#delete.run(lane, envelope.place)
      else if (left !== envelope) this.record(left)
    }
  }

  /** The envelope of unknown outcome that has a member at this place. */
  unknownAt(lane: LaneId, place: number): EnvelopeRow | null {
    const found = this.#ofLane
      .all(lane)
      .map(restore)
      .find(({ members, unknownSince }) => unknownSince !== null && members.includes(place))
    return found ?? null
  }

  /** This place, or the end of the recorded envelope it stands in: that is not to be torn apart (Q5). */
  endAround(lane: LaneId, place: number): number {
    let end = place
    for (const { key, place: first, members } of this.#ofLane.all(lane).map(restore)) {
      if (key !== null && first <= place) end = Math.max(end, members.at(-1) ?? first)
    }
    return end
  }

  /** The places after this one have moved back by so much. */
  shifted(lane: LaneId, after: number, by: number): void {
    const move = (place: number) => (place > after ? place + by : place)
    const moved = this.#ofLane
      .all(lane)
      .map(restore)
      .filter(({ place, members }) => [place, ...members].some((one) => one > after))
    for (const { place } of moved) this.#delete.run(lane, place)
    for (const envelope of moved) {
      this.record({ ...envelope, place: move(envelope.place), members: envelope.members.map(move) })
    }
  }

  ofLane(lane: LaneId): EnvelopeRow[] {
    return this.#ofLane.all(lane).map(restore)
  }

  forgetLane(lane: LaneId): void {
    for (const { place } of this.#ofLane.all(lane)) this.#delete.run(lane, place)
  }

  all(): EnvelopeRow[] {
    return this.#all.all().map(restore)
  }
}

function restore(stored: Stored): EnvelopeRow {
  return {
    ...stored,
    members: parseStored<number[]>(stored.members),
    waitsAfterUnknown: stored.waitsAfterUnknown === 1,
  }
}
