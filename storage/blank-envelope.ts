/** What is known of an envelope before anything is. */
import type { LaneId } from '../src/model.ts'
import type { EnvelopeRow } from './rows.ts'

export function blankEnvelope(lane: LaneId, place: number): EnvelopeRow {
  return {
    lane,
    place,
    key: null,
    members: [],
    attempts: 0,
    unsentAttempts: 0,
    countedAttempts: 0,
    firstAttemptAt: null,
    unknownSince: null,
    retryAt: null,
    waitMs: 0,
    askedMs: 0,
    waitsAfterUnknown: false,
    refusedCount: 0,
    tooLargeGeneration: null,
    lastStatus: null,
    lastCode: null,
    lastFailedAt: null,
  }
}
