/** The words of `formatStatus()` for holds, failures and token needs. */
import type { HoldName } from '../../machines/holds.ts'
import type { LaneFailure } from '../engine/status.ts'
import type { TokenNeedReason } from '../model.ts'

export interface HoldWords {
  readonly words: string
  /** True if the words go on with the time that is left: `waits 4 min`. */
  readonly isWait: boolean
}

export const HOLD_WORDS: Readonly<Record<HoldName, HoldWords>> = {
  'requirement-unknown': { words: 'waits for the requirement', isWait: false },
  'awaiting-token': { words: 'needs a fresh token', isWait: false },
  'signed-out': { words: 'needs a sign-in', isWait: false },
  offline: { words: 'offline', isWait: false },
  suspended: { words: 'asleep', isWait: false },
  'rate-limited': { words: 'waits', isWait: true },
  'backing-off': { words: 'waits', isWait: true },
  paused: { words: 'paused', isWait: false },
  'storage-failed': { words: 'cannot use storage', isWait: false },
  'other-process': { words: 'waits for another process', isWait: false },
  'dead-letter': { words: 'stopped by a dead letter', isWait: false },
  'awaiting-record': { words: 'waits for a record', isWait: false },
}

export const NEED_WORDS: Readonly<Record<TokenNeedReason, string>> = {
  missing: 'no token',
  expiring: 'token about to expire',
  expired: 'token expired',
  refused: 'token refused',
  unreadable: 'stored token unreadable',
}

export function failureInWords({ status, code }: LaneFailure): string {
  if (status !== null) return `server answered ${status}`
  return code === null ? 'no reply' : `no reply, ${code}`
}
