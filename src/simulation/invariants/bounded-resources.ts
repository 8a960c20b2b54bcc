/**
 * No more requests in flight than `concurrency`; alarms in proportion to what is going on, none left
 * when nothing is; no row of an envelope that has gone; and nothing left behind by `close()` (Q3, Q15, Q19).
 */
import type { SeenCall, SeenLife } from '../seen.ts'
import { additionsTo, type Invariant, isOver, isRead, onChange, show } from './invariant.ts'
import type { RunRecord } from './run-record.ts'

/** The server's own wait, a captive portal's, closing, the end of `suspended`, and the look for a waking. */
const TIMERS_OF_THE_ENGINE = 5
/** Backing off, reading again, recording again, waiting for a reply. */
const TIMERS_OF_A_LANE = 4
/** The source, its next call, the vault, a logout that flushes. */
const TIMERS_OF_A_USER = 4

export const boundedResources: Invariant = (run) => {
  const requests = additionsTo(run.requests)
  let open: RunRecord['requests'] = []
  const calls = additionsTo(run.calls)
  const users = new Set<string | null>()
  const orphans = onChange(run, () => orphansOf(run))
  let reads: readonly SeenCall[] = []
  let closed = 0
  return (moment) => {
    const violations: unknown[] = []
    open = [...open, ...requests()].filter((request) => !isOver(run, request))
    const inFlight = open.filter((request) => !isRead(request)).length
    if (inFlight > run.settings.concurrency) violations.push({ inFlight })
    const added = calls()
    for (const { user } of added) users.add(user)
    reads = [...reads, ...added.filter(({ name }) => name === 'read')].filter(isTimed)
    violations.push(...timerFaults(run, users.size, open.length + reads.length), ...orphans())
    for (; closed < run.lives.length; closed += 1) {
      const life = run.lives[closed]
      if (life === undefined || (life.endedAt === null && life.leftover === null)) break
      violations.push(...leftoverOf(life), ...goingOnAfter(run, closed))
    }
    const isIdle = run.rows.pending.size === 0 && open.length === 0
    // Whoever keeps an alarm armed with nothing to do never lets the run come to its end.
    if (moment === 'end' && isIdle && run.timerCount > 0 && hasLongBeenIdle(run)) {
      violations.push({ timers: run.timerCount, pending: 0 })
    }
    return violations
  }
}

/** A read that is open and has a deadline has an alarm for it. */
function isTimed({ deadlineMs, settledAt }: SeenCall): boolean {
  return deadlineMs !== null && settledAt === null
}

function timerFaults(
  { rows, timerCount, listenerCount }: RunRecord,
  users: number,
  open: number,
): object[] {
  const lanes = rows.pendingCounts().size
  const most = TIMERS_OF_THE_ENGINE + lanes * TIMERS_OF_A_LANE + users * TIMERS_OF_A_USER + open
  const faults: object[] = []
  if (timerCount > most) faults.push({ timers: timerCount, atMost: most })
  if (listenerCount > 1) faults.push({ listenersOfThePlatform: listenerCount })
  return faults
}

/** Envelopes whose first operation is not pending any more. */
function orphansOf({ rows }: RunRecord): object[] {
  if (rows.envelopes.size === 0) return []
  const places = new Set<string>()
  for (const { lane, place } of rows.pending.values()) places.add(`${lane}:${place}`)
  return [...rows.envelopes].filter(([at]) => !places.has(at)).map(([, envelope]) => ({ envelope }))
}

function leftoverOf({ leftover, startedAt }: SeenLife): object[] {
  if (leftover === null || (leftover.timers === 0 && leftover.listeners === 0)) return []
  return [{ afterCloseOfTheLifeSince: startedAt, ...leftover }]
}

/** Requests that a process did not give up when it closed (Q19). */
function goingOnAfter({ lives, requests }: RunRecord, index: number): object[] {
  // Who has died gives nothing up.
  if (lives[index]?.leftover === null) return []
  return requests
    .filter(({ client, endedAt, givenUpAt }) => {
      return client.life === index && endedAt === null && givenUpAt === null
    })
    .map((request) => ({ ...show(request), why: 'it goes on after close()' }))
}

/** Longer than any wait that work may have left behind. */
function hasLongBeenIdle({ now, rows, requests, calls }: RunRecord): boolean {
  const last = Math.max(
    rows.transitions.at(-1)?.at ?? 0,
    requests.at(-1)?.at ?? 0,
    calls.at(-1)?.at ?? 0,
  )
  return now - last > 24 * 60 * 60 * 1000
}
