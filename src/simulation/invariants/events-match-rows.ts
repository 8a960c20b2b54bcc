/**
 * Each event has its committed change, once and in order, and each change its event; a drop at
 * `enqueue()` alone has no change (I3). What `status()` shows is what the rows say.
 */
import { isDeepStrictEqual } from 'node:util'
import type { LaneStatus } from '../../engine/status.ts'
import type { HeardEvent } from '../seen.ts'
import type { TokenStep, Transition } from '../stored-rows.ts'
import {
  additionsTo,
  hasEnded,
  headOf,
  type Invariant,
  isAlone,
  isForgotten,
  onChange,
} from './invariant.ts'
import type { RunRecord } from './run-record.ts'
import { hasFailedLately } from './running-time.ts'

/** A change that is to be heard of. */
interface Due {
  readonly event: string
  readonly subject: string
  /** The reason of a drop or a death, the generation of a token. */
  readonly about: string | number | null
  readonly user: string | null
  readonly order: number
  readonly life: number
}

export const eventsMatchRows: Invariant = (run) => {
  const transitions = additionsTo(run.rows.transitions)
  const tokenSteps = additionsTo(run.rows.tokenSteps)
  const heard = additionsTo(run.heard)
  let due: Due[] = []
  /** How far the events of each user have come in the order of the changes, in each life. */
  const reachedBy = new Map<number, Map<string | null, number>>()
  const statusFaults = onChange(run, () => statusFaultsOf(run))
  return () => {
    const violations: unknown[] = []
    const steps = tokenSteps()
    due.push(...transitions().flatMap(dueOf), ...steps.flatMap(tokenDueOf))
    due.sort((a, b) => a.order - b.order)
    for (const event of heard()) {
      const wanted = wantedBy(event)
      if (wanted === null || isDropAtTheDoor(run, wanted)) continue
      const reached = reachedBy.get(event.life) ?? new Map<string | null, number>()
      reachedBy.set(event.life, reached)
      const isMeant = (change: Due) => isOf(change, wanted, event.life)
      // Of who was forgotten in between, the same generation comes a second time: only the later one need be told of.
      const inOrder = due.findIndex(
        (change) => isMeant(change) && change.order > (reached.get(change.user) ?? 0),
      )
      const index = inOrder === -1 ? due.findIndex(isMeant) : inOrder
      const change = due[index]
      if (change === undefined && isEcho(run, wanted)) continue
      if (change === undefined) {
        violations.push({ ...event, why: 'nothing of the kind was committed' })
        continue
      }
      due.splice(index, 1)
      const isInOrder = change.order > (reached.get(change.user) ?? 0)
      if (!isInOrder) violations.push({ ...event, why: 'it comes after what happened later' })
      reached.set(change.user, Math.max(change.order, reached.get(change.user) ?? 0))
    }
    // Who has died can tell nothing any more.
    for (const change of due) {
      if (hasEnded(run.lives, change.life) || isLetGo(run, change)) continue
      if (isOutOfSight(run, change)) continue
      if (steps.some((step) => isOvertaken(change, step))) continue
      violations.push({ ...change, why: 'nobody was told' })
    }
    due = []
    // An engine that cannot read any more shows what it knew (E2), and so does one that has to look first (Q17).
    return [...violations, ...(run.isDamaged || run.isUnaware ? [] : statusFaults())]
  }
}

const EVENT_OF: Readonly<Record<string, string>> = {
  pending: 'operation.enqueued',
  completed: 'operation.completed',
  dropped: 'operation.dropped',
  cancelled: 'operation.cancelled',
  dead: 'operation.dead',
}

function dueOf({ id, user, from, to, reason, order, life }: Transition): Due[] {
  // A letter that is retried has no event of its own.
  const event = from === 'dead' && to === 'pending' ? undefined : EVENT_OF[to]
  if (event === undefined) return []
  const about = to === 'dropped' || to === 'dead' ? reason : null
  return [{ event, subject: id, about, user, order, life }]
}

function tokenDueOf({ user, generation, isRefused, former, order, life }: TokenStep): Due[] {
  const about = generation
  if (generation > (former?.generation ?? 0)) {
    return [{ event: 'token.updated', subject: user, about, user, order, life }]
  }
  if (!isRefused || former?.isRefused === true) return []
  return [{ event: 'token.refused', subject: user, about, user, order, life }]
}

const OF_TOKENS: ReadonlySet<string> = new Set(['token.updated', 'token.refused'])
const OF_OPERATIONS: ReadonlySet<string> = new Set(Object.values(EVENT_OF))

type Wanted = Pick<Due, 'event' | 'subject' | 'about'>

function wantedBy({ event, detail }: HeardEvent): Wanted | null {
  const { id, user, reason, generation } = detail as {
    readonly id?: string
    readonly user?: string | null
    readonly reason?: string
    readonly generation?: number
  }
  if (OF_TOKENS.has(event)) return { event, subject: user ?? '', about: generation ?? null }
  if (!OF_OPERATIONS.has(event)) return null
  return { event, subject: id ?? '', about: reason ?? null }
}

/** Each process tells its app of what another has learned of a token. */
function isEcho(run: RunRecord, { event, subject, about }: Wanted): boolean {
  if (!OF_TOKENS.has(event) || isAlone(run)) return false
  return run.rows.tokenSteps.some(
    ({ user, generation, isRefused }) =>
      user === subject && generation === about && isRefused === (event === 'token.refused'),
  )
}

/** An anonymous operation under `required` is never stored (I3). */
function isDropAtTheDoor({ rows }: RunRecord, { event, subject, about }: Wanted): boolean {
  return event === 'operation.dropped' && about === 'anonymous' && !rows.known.has(subject)
}

function isOf(change: Due, { event, subject, about }: Wanted, life: number): boolean {
  return (
    change.event === event &&
    change.subject === subject &&
    change.about === about &&
    change.life === life
  )
}

/** A token that is stored in the moment in which its session ends is nobody's any more (T11). */
function isOvertaken(change: Due, { user, epoch, former, order }: TokenStep): boolean {
  const isEnd = epoch > (former?.epoch ?? 0)
  return isEnd && OF_TOKENS.has(change.event) && change.subject === user && change.order < order
}

/** And so is one whose user is forgotten in that moment (I12), or whose session has ended, though storing that takes time. */
function isLetGo(run: RunRecord, { event, user }: Due): boolean {
  if (!OF_TOKENS.has(event)) return false
  const isLeaving = run.calls.some(
    ({ name, user: leaving, at }) =>
      name === 'logout' && leaving === user && hasFailedLately({ now: at, turns: run.turns }),
  )
  return isForgotten(run, user) || isLeaving
}

/** Was it committed by the app, whose storage could not be read any more when the engine looked? (E2) */
function isOutOfSight({ calls, isDamaged }: RunRecord, { event, subject }: Due): boolean {
  if (!isDamaged || event !== 'operation.enqueued') return false
  return calls.some(
    ({ draft, result }) =>
      draft?.within === 'commit' &&
      (result as { readonly id?: string } | undefined)?.id === subject,
  )
}

function statusFaultsOf(run: RunRecord): unknown[] {
  const { status, rows, identity, requirement, calls } = run
  const faults: unknown[] = []
  const lanes = rows.pendingCounts()
  const isOnly = isAlone(run)
  // What another process takes away while it is in flight is shown until its outcome is known.
  const isInFlight = status.lanes.some(({ sending }) => sending) && !isOnly
  // Of who is forgotten there, also until what met a portal is tried again.
  const isForgottenThere =
    !isOnly && calls.some(({ name, life }) => name === 'forget' && life !== run.life)
  const isToBeSeen = isInFlight || isForgottenThere
  for (const [lane, stored] of isToBeSeen ? [] : lanes) {
    const shown = status.lanes.find(({ user }) => user === rows.userOf(lane))?.pending
    if (shown !== stored) faults.push({ user: rows.userOf(lane), shown, stored })
  }
  if (!isToBeSeen && status.lanes.length !== lanes.size)
    faults.push({ shown: status.lanes, stored: lanes })
  if (!isToBeSeen) faults.push(...status.lanes.flatMap((lane) => headFaults(run, lane)))
  const pending = status.lanes.reduce((sum, lane) => sum + lane.pending, 0)
  if (status.counts.pending !== pending) faults.push({ counted: status.counts, pending })
  if (status.counts.dead !== rows.letters.size) {
    faults.push({ deadShown: status.counts.dead, deadStored: rows.letters.size })
  }
  // Each process has an identity of its own: what is stored is that of the last login (Q17).
  // And what could not be stored is stored later (I1); so is a logout that waits for a schema (I7).
  const isStored = isOnly && run.checkCount === 0 && !hasFailedLately(run)
  if (status.identity !== identity || (isStored && rows.identity !== identity)) {
    faults.push({ identity, shown: status.identity, stored: rows.identity })
  }
  if (status.requirement !== requirement || (isStored && rows.requirement !== requirement)) {
    faults.push({ requirement, shown: status.requirement, stored: rows.requirement })
  }
  return faults
}

/** What a lane shows of the operation at its head, while that is not in flight. */
function headFaults(run: RunRecord, lane: LaneStatus): unknown[] {
  // What becomes of the head, only the process that dispatches knows (Q17).
  const isElsewhere = lane.holds.some(({ name }) => name === 'other-process')
  if (lane.sending || isElsewhere) return []
  const head = headOf(run, lane.user)
  if (head === null) return []
  const { attempts = 0, lastFailure = null } = run.rows.envelopeOf(head) ?? {}
  const stored = { attempts, lastFailure, headEnqueuedAt: head.enqueuedAt }
  const shown = {
    attempts: lane.attempts,
    lastFailure: lane.lastFailure,
    // It need not be known yet.
    headEnqueuedAt: lane.headEnqueuedAt ?? head.enqueuedAt,
  }
  return isDeepStrictEqual(shown, stored) ? [] : [{ user: lane.user, shown, stored }]
}
