/**
 * The source of the requirement: each of its failures is told, once, and while nothing is known it is asked again after
 * waits that double from 1 s to 5 min (I2).
 */
import type { DemandCall, DemandOutcome } from '../seen.ts'
import { doublingWait } from './doubling-wait.ts'
import { isRepeating } from './engine-holds.ts'
import type { Invariant } from './invariant.ts'
import type { RunRecord } from './run-record.ts'
import { runningMs } from './running-time.ts'

/** A call without an answer has failed after so long. */
const ANSWER_MS = 60_000
const AGAIN = { baseMs: 1000, capMs: 300_000 } as const
/** What is due in an instant may be done by the end of the next second. */
const LATE_MS = 1000

export const requirementAsks: Invariant = (run) => () => [...wronglyTold(run), ...overdue(run)]

/** Of the processes that go on: what a process that ends does not tell is lost with it. */
function wronglyTold(run: RunRecord): object[] {
  return run.lives.flatMap(({ endedAt, closingAt }, life) => {
    if (endedAt !== null || closingAt !== null) return []
    const calls = run.demandCalls.filter((call) => call.life === life)
    if (calls.length === 0) return []
    const told = run.heard.filter((heard) => heard.life === life && isFailure(heard.detail)).length
    const least = calls.filter((call) => hasFailed(run, call)).length
    const most = calls.filter((call) => mayHaveFailed(run, call)).length
    return told < least || told > most ? [{ life, told, least, most }] : []
  })
}

function isFailure(detail: object): boolean {
  const { error } = detail as { readonly error?: { readonly code?: unknown } | null }
  return error?.code === 'REQUIREMENT_UNKNOWN'
}

function hasFailed(run: RunRecord, call: DemandCall): boolean {
  const { answer } = call
  if (answer !== null && answer.at === run.now) return false
  if (isAnsweredWithin(call, ANSWER_MS)) return answer?.outcome === 'fails'
  // The machine has run for so long since the call, and there was no answer by then.
  return runningMs({ ...run, now: answer?.at ?? run.now }, call.at) > ANSWER_MS + LATE_MS
}

function mayHaveFailed(run: RunRecord, call: DemandCall): boolean {
  const { at, answer } = call
  // Where the timers of a system run on while the machine sleeps, the time is over by then.
  return answer?.outcome === 'fails' || (answer?.at ?? run.now) - at >= ANSWER_MS
}

function isAnsweredWithin({ at, answer }: DemandCall, ms: number): boolean {
  return answer !== null && answer.at - at < ms
}

/** In the process that dispatches. */
function overdue(run: RunRecord): object[] {
  const { demandCalls, lives, life, settings } = run
  const present = lives[life]
  if (present === undefined || present.endedAt !== null || present.closingAt !== null) return []
  if (!settings.hasRequirementSource || run.requirement !== 'unknown') return []
  // The word of the app, `unknown` too, ends the asking.
  if (run.calls.some((call) => call.life === life && call.name === 'setRequirement')) return []
  const calls = demandCalls.filter((call) => call.life === life)
  const last = calls.at(-1)
  if (last === undefined) {
    const isLate = runningMs(run, present.startedAt) > ANSWER_MS && !isRepeating(run)
    return isLate ? [{ life, why: 'nobody has asked' }] : []
  }
  const lastLearned = calls.findLastIndex(({ answer }) => answer !== null && isRequirement(answer))
  const waitMs = doublingWait(AGAIN, calls.length - 1 - lastLearned)
  const isFruitless = last.answer !== null && isAnsweredWithin(last, ANSWER_MS)
  const since = isFruitless ? (last.answer?.at ?? last.at) : last.at
  const mostMs = (isFruitless ? 0 : ANSWER_MS) + waitMs + LATE_MS
  return runningMs(run, since) > mostMs ? [{ life, why: 'nobody has asked again', since }] : []
}

export function isRequirement({ outcome }: DemandOutcome): boolean {
  return outcome === 'required' || outcome === 'off'
}
