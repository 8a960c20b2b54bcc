/** Whether holds that end by an alarm may still be set, by what the simulated world did (Q7, Q11, Q17, E2). */
import { isOver } from './invariant.ts'
import { knownAt, retryAfterMs } from './outcome.ts'
import type { RunRecord } from './run-record.ts'
import { runningMs } from './running-time.ts'
import { doublingWait } from './doubling-wait.ts'

/** The random part is at most as long as what was asked for, and no longer than this (Q7). */
const LONGEST_RANDOM_MS = 60_000

/** What could not be stored is stored again by then, and a waiting process tries to take over (Q11, Q17). */
const LONGEST_REPEAT_MS = 60_000
const LONGEST_TAKE_OVER_MS = 300_000

/** True if a reply has asked every lane to wait, and that may not be over: of a deadline that was stored a new process waits the rest. */
export function isLimited(run: RunRecord): boolean {
  const { requests, settings } = run
  const beganAt = beganToSendAt(run)
  return requests.some((request) => {
    const status = request.reply?.status
    if (status !== 429 && status !== 503) return false
    // A process that died in the instant of the reply may have stored the deadline before.
    const at = knownAt(run, request) ?? (request.givenUpAt === null ? request.endedAt : null)
    const askedMs = retryAfterMs(run, request)
    if (at === null || askedMs === null) return false
    const randomMs = settings.backoff.jitter ? Math.min(askedMs, LONGEST_RANDOM_MS) : 0
    // A clock that was set back leaves at most the whole wait once more (Q7); an unknown correction of the clock cannot be told from here.
    const since = Math.max(at, beganAt, ...setBackSince(run, at))
    return runningMs(run, since) <= longestAsked(run, askedMs) + randomMs + LATE_MS
  })
}

/** The present process began to send at its start, or when it took over from another one. */
function beganToSendAt({ lives, life, heard }: RunRecord): number {
  const tookOver = heard.findLast(
    (one) =>
      one.life === life &&
      one.event === 'lane.released' &&
      (one.detail as { readonly hold?: unknown }).hold === 'other-process',
  )
  return tookOver?.at ?? lives[life]?.startedAt ?? 0
}

/** The wait is counted by a wall clock that is corrected in steps of a second (T9). */
const LATE_MS = 6000

/** Of a date without a date of the reply's own, the corrected clock decides: it may ask for as much as 1 h. */
function longestAsked({ requests }: RunRecord, askedMs: number): number {
  const isCorrected = requests.some((sent) => sent.reply?.headers['date'] !== undefined)
  return isCorrected ? 3_600_000 : askedMs
}

function setBackSince({ turns }: RunRecord, since: number): readonly number[] {
  return turns.filter(({ turn, at }) => turn === 'wall' && at >= since).map(({ at }) => at)
}

/** True if the wait after that many attempts of this operation may not be over: as long as the back-off, or as the server has asked for. */
export function isInTime(run: RunRecord, id: string, attempts: number): boolean {
  const { settings, requests } = run
  const { jitter } = settings.backoff
  const backoffMs = doublingWait(settings.backoff, Math.max(1, attempts))
  const last = requests.findLast((sent) => sent.ids.includes(id) && isOver(run, sent))
  if (last === undefined) return true
  const at = knownAt(run, last) ?? last.endedAt ?? last.at
  const askedMs = retryAfterMs(run, last)
  const asked = askedMs === null ? 0 : longestAsked(run, askedMs)
  const waitMs = Math.max(backoffMs, asked + (jitter ? Math.min(asked, LONGEST_RANDOM_MS) : 0))
  const since = Math.max(at, beganToSendAt(run), ...setBackSince(run, at))
  return runningMs(run, since) <= waitMs + LATE_MS || isRepeating(run)
}

/** True if a commit has failed so shortly ago that it may not have been repeated, or only a new opening helps. */
export function isRepeating(run: RunRecord): boolean {
  return (
    run.isDamaged ||
    run.turns.some(
      ({ turn, at }) =>
        (turn === 'disk' || turn === 'salvage') && runningMs(run, at) <= LONGEST_REPEAT_MS,
    )
  )
}

/** True if another process dispatches, or has so lately that this one need not have tried to take over. */
export function mayDispatchElsewhere(run: RunRecord): boolean {
  const { lives, life } = run
  return lives.some(
    ({ endedAt }, index) =>
      index !== life && (endedAt === null || runningMs(run, endedAt) <= LONGEST_TAKE_OVER_MS),
  )
}
