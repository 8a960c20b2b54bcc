/**
 * How old an operation is by Q8 for the process that decides: virtual time where that process lived, the wall clock before
 * that. Two answers, because in one instant nobody can tell what came first: what it is at least, and at most.
 */
import type { SeenTurn } from '../seen.ts'
import type { RunRecord } from './run-record.ts'
import { WALL_START } from '../virtual-time.ts'

/** Both clocks are cut to whole milliseconds somewhere. */
const CUT_MS = 1

type Run = Pick<RunRecord, 'lives' | 'rows' | 'turns'>

/** An operation, the life that decides about it, and when, in virtual time. */
interface Question {
  readonly id: string
  readonly life: number
  readonly at: number
}

/** True if the operation may be past its own time, as this life counts it. */
export function mayBeExpired(run: Run, question: Question): boolean {
  const span = spanOf(run, question)
  return span !== null && Math.max(...agesOf(run, question)) + CUT_MS >= span
}

/** True if the operation is past its own time, as this life counts it, whatever came first in one instant. */
export function isSurelyExpired(run: Run, question: Question): boolean {
  const span = spanOf(run, question)
  if (span === null || isHardToTell(run, question)) return false
  return Math.min(...agesOf(run, question)) - CUT_MS >= span
}

/** How long it may take; null: as long as it likes. */
function spanOf({ rows }: Run, { id }: Question): number | null {
  const { enqueuedAt, expiresAt } = rows.known.get(id) ?? {}
  if (enqueuedAt === undefined || expiresAt === undefined) return null
  return enqueuedAt === null || expiresAt === null ? null : expiresAt - enqueuedAt
}

function agesOf(run: Run, { id, life, at }: Question): readonly number[] {
  const { lives, rows } = run
  const began = lives[life]
  const enqueuedAt = rows.known.get(id)?.enqueuedAt ?? 0
  if (began === undefined) return []
  const { startedAt, wall } = began
  const lived = at - startedAt
  return momentsOf(run, id, enqueuedAt).flatMap((moment) => {
    const witnessed = at - moment
    const acrossTheRestart = Math.max(0, wall - enqueuedAt) + lived
    if (moment > startedAt) return [witnessed]
    return moment < startedAt ? [acrossTheRestart] : [witnessed, acrossTheRestart]
  })
}

/** Virtual times at which it may have been enqueued: the wall clock had this time then. */
function momentsOf({ rows, turns }: Run, id: string, enqueuedAt: number): readonly number[] {
  const storedAt = rows.storedAt.get(id) ?? 0
  const moments = shiftsOf(turns, storedAt)
    .map(({ shift, from, until }) => ({ at: enqueuedAt - WALL_START - shift, from, until }))
    .filter(({ at, from, until }) => at > from - CUT_MS && at < until + CUT_MS)
    .map(({ at }) => at)
  const atOnce = moments.filter((at) => Math.abs(at - storedAt) <= CUT_MS)
  if (atOnce.length > 0) return atOnce
  return moments.length > 0 ? moments : [storedAt]
}

/** How far the wall clock had jumped, and when, until then. */
function shiftsOf(turns: readonly SeenTurn[], last: number) {
  let shift = 0
  let from = 0
  const shifts: { shift: number; from: number; until: number }[] = []
  for (const { turn, at, byMs } of turns) {
    if (turn !== 'wall' || at > last) continue
    shifts.push({ shift, from, until: at })
    shift += byMs
    from = at
  }
  return [...shifts, { shift, from, until: last }]
}

/**
 * A sleep on a clock that was set back as far at the same time shows on no clock; and after a jump, nobody
 * knows when another process enqueued.
 */
function isHardToTell({ lives, turns }: Run, { life }: Question): boolean {
  const wasSetBack = turns.some(({ turn, byMs }) => turn === 'wall' && byMs < 0)
  const hasSlept = turns.some(({ turn }) => turn === 'slept')
  const isAlone = lives.every(({ process }) => process === lives[life]?.process)
  return wasSetBack && (hasSlept || !isAlone)
}
