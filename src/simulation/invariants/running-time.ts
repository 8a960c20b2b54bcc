/** Time by the timers of a machine that sleeps: while it sleeps, none of them runs. */
import type { RunRecord } from './run-record.ts'

type Times = Pick<RunRecord, 'now' | 'turns'>

/** How long the machine has been awake since that moment, in milliseconds. */
export function runningMs({ now, turns }: Times, since: number): number {
  let ms = now - since
  for (const { turn, at, byMs } of turns)
    if (turn === 'slept' && at > since && at <= now) ms -= byMs
  return ms
}

/** After so long the hold `suspended` ends by itself (Q18). */
export const LONGEST_SUSPENSION_MS = 60_000

/** True if the platform has told that the machine goes to sleep, and that still stops the sending (Q18). */
export function isSuspended(run: Times & Pick<RunRecord, 'isAwake'>): boolean {
  if (run.isAwake) return false
  const told = run.turns.findLast(({ turn }) => turn === 'suspended')
  return told !== undefined && runningMs(run, told.at) <= LONGEST_SUSPENSION_MS
}

/** After so long what could not be stored is stored again (Q11). */
const LONGEST_REPEAT_MS = 60_000

/** True if storage has failed so shortly ago that what it refused may not be stored yet. */
export function hasFailedLately({ now, turns }: Times): boolean {
  return turns.some(
    ({ turn, at }) =>
      turn === 'disk' && at <= now && runningMs({ now, turns }, at) <= LONGEST_REPEAT_MS,
  )
}
