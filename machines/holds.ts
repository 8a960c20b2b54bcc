/**
 * Holds: the named reasons why a lane may not send (Q18). A lane sends only while its set of holds
 * is empty. This table is the one place that says of each hold whom it covers, who sets it, who
 * lifts it, and whether it is stored. A hold is never also a state of a machine.
 */
import type { Instant } from '../src/model.ts'

/** One row of the table. */
interface HoldFacts {
  /** Which lanes it stops: every lane, the lanes of one owner, or the one lane it is set on. */
  readonly covers: 'every lane' | 'one owner' | 'one lane'
  readonly setBy: string
  readonly liftedBy: string
  /** What survives a restart: nothing (it is found anew at the start), or its deadline. */
  readonly stored: 'no' | 'deadline'
}

export const HOLDS = {
  'requirement-unknown': {
    covers: 'every lane',
    setBy:
      'identity machine, while the requirement is unknown (I2); a 401 to an unsigned anonymous request under off (I10)',
    liftedBy: 'identity machine, when the requirement is learned',
    stored: 'no',
  },
  'awaiting-token': {
    covers: 'one owner',
    setBy:
      'token machine, when its user cannot send without a fresh token (T4, T5, T9, I10), while its time has not come (T9), or while it is held (T8); the start, until the vault has given back a token (T1)',
    liftedBy:
      'token machine, when a newer generation arrives, the time of the token has come (T9), the wait after refused tokens is over (T8), none is demanded any more (T7), or nobody asks for one while nothing is pending; the start, when the vault has answered',
    stored: 'no',
  },
  'signed-out': {
    covers: 'one owner',
    setBy:
      'token machine, when the token source denied (T6); identity machine, on the anonymous lane under the policies hold and adopt (I3)',
    liftedBy:
      'token machine, when a token arrives, the source is asked anew, or no token is demanded any more; identity machine, when the requirement changes',
    stored: 'no',
  },
  offline: {
    covers: 'every lane',
    setBy: 'the network port, or a captive portal (Q6)',
    liftedBy: 'the network port, or any genuine reply',
    stored: 'no',
  },
  suspended: {
    covers: 'every lane',
    setBy: 'the power port, when the machine goes to sleep',
    liftedBy: 'the power port, when it wakes; itself, after 60 s of running time',
    stored: 'no',
  },
  'rate-limited': {
    covers: 'every lane',
    setBy: '429 or 503 with Retry-After (Q7)',
    liftedBy: 'its deadline',
    stored: 'deadline',
  },
  'backing-off': {
    covers: 'one lane',
    setBy: 'the outcomes retry, unknown and unsent (Q7)',
    liftedBy:
      'its deadline; after unknown and unsent also the return of the network and waking, after 431 a newer token',
    stored: 'deadline',
  },
  paused: {
    covers: 'every lane',
    setBy: 'pause()',
    liftedBy: 'resume(), or the end of the process',
    stored: 'no',
  },
  'storage-failed': {
    covers: 'one lane',
    setBy:
      'a reply that could not be recorded, or a lane that could not be read (Q11, E2); on every lane: what is stored cannot be read anew (Q17), or storage is damaged or gone (E2)',
    liftedBy:
      'the repeated call, once it succeeds; after damage and STORAGE_GONE nothing but a new opening',
    stored: 'no',
  },
  'other-process': {
    covers: 'every lane',
    setBy: 'another process that dispatches this database (Q17)',
    liftedBy: 'taking over',
    stored: 'no',
  },
  'dead-letter': {
    covers: 'one lane',
    setBy: "a dead letter, under onDead: 'hold' (Q9)",
    liftedBy: 'its retry() or discard()',
    stored: 'no',
  },
  'awaiting-record': {
    covers: 'one lane',
    setBy: 'a head that requires a record created in another lane and not there yet (Q12)',
    liftedBy: 'the creation, or its end',
    stored: 'no',
  },
} as const satisfies Record<string, HoldFacts>

export type HoldName = keyof typeof HOLDS

/** A hold as it is set on a lane. */
export interface Hold {
  readonly name: HoldName
  /** What set it, in words for `status()`; never a secret. */
  readonly cause: string
  readonly since: Instant
}
