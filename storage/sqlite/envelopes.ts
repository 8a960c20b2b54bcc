/** What is known of the envelopes that have been formed. A lane rarely has more than one. */
import type { Database } from 'better-sqlite3'
import type { LaneId } from '../../src/model.ts'
import type { Member } from '../changes.ts'
import type { EnvelopeRow } from '../storage.ts'

interface Stored extends Omit<EnvelopeRow, 'members' | 'waitsAfterUnknown'> {
  readonly members: string
  readonly waitsAfterUnknown: 0 | 1
}

const COLUMNS = `lane, place, key, members, attempts, counted_attempts AS countedAttempts,
  first_attempt_at AS firstAttemptAt, unknown_since AS unknownSince, retry_at AS retryAt,
  wait_ms AS waitMs, waits_after_unknown AS waitsAfterUnknown, refused_count AS refusedCount,
  last_status AS lastStatus`

export class Envelopes {
  readonly #write
  readonly #delete
  readonly #ofLane
  readonly #all

  constructor(database: Database) {
    this.#write = database.prepare<[Stored]>(
      `INSERT OR REPLACE INTO holdfast_envelopes (lane, place, key, members, attempts, counted_attempts,
         first_attempt_at, unknown_since, retry_at, wait_ms, waits_after_unknown, refused_count, last_status)
       VALUES (@lane, @place, @key, @members, @attempts, @countedAttempts, @firstAttemptAt, @unknownSince,
         @retryAt, @waitMs, @waitsAfterUnknown, @refusedCount, @lastStatus)`,
    )
    this.#delete = database.prepare<[number, number]>(
      'DELETE FROM holdfast_envelopes WHERE lane = ? AND place = ?',
    )
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

  /** Forgets every envelope that one of these operations was a member of. */
  dissolve(lane: LaneId, gone: readonly Member[]): void {
    for (const { place, members } of this.#ofLane.all(lane).map(restore)) {
      if (gone.some((member) => members.includes(member.place))) this.#delete.run(lane, place)
    }
  }

  /** The places that end together with this one: its envelope's, if the outcome of that is unknown. */
  boundTo(lane: LaneId, place: number): readonly number[] {
    const envelope = this.#ofLane
      .all(lane)
      .map(restore)
      .find(({ members, unknownSince }) => unknownSince !== null && members.includes(place))
    return envelope?.members ?? [place]
  }

  all(): EnvelopeRow[] {
    return this.#all.all().map(restore)
  }
}

function restore(stored: Stored): EnvelopeRow {
  return {
    ...stored,
    members: JSON.parse(stored.members) as number[],
    waitsAfterUnknown: stored.waitsAfterUnknown === 1,
  }
}
