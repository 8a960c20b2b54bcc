/**
 * Rows move only as this table says, and each move has its cause: nothing comes back from the dead but
 * by `retry`, nothing is discarded or cancelled but by the app, nothing is cancelled or expires that may
 * have arrived (Q8, Q10), and what has settled stays settled. A payload changes by an upgrade alone (Q14). A generation is refused by a 401 to a request with it (T3).
 */
import type { Row } from '../row-log.ts'
import type { OperationState, TokenStep, Transition } from '../stored-rows.ts'
import type { StoredToken } from '../stored-token.ts'
import { mayBeExpired } from './ages.ts'
import { additionsTo, follow, type Invariant, isForgotten } from './invariant.ts'
import { knownAt, outcomeOf } from './outcome.ts'
import type { RunRecord } from './run-record.ts'
import { createdBy, requiredBy } from './awaited-records.ts'

const LEGAL: Readonly<Record<OperationState, readonly OperationState[]>> = {
  absent: ['pending'],
  pending: ['dead', 'dropped', 'cancelled', 'completed', 'lost'],
  dead: ['pending', 'dropped', 'lost'],
  lost: [],
  dropped: [],
  cancelled: [],
  completed: [],
  erased: [],
}

/** Why something may be dropped, and the call of the app that says so, if it takes one. */
const DROPS: Readonly<Record<string, readonly string[]>> = {
  anonymous: [],
  expired: [],
  superseded: [],
  logout: [],
  discarded: ['discard', 'discardAll'],
  forgotten: ['forget'],
}

const DEATHS: ReadonlySet<string> = new Set([
  'rejected',
  'attempts-exhausted',
  'unreadable',
  'conflict',
  'dependency-dead',
  'outcome-unknown',
])

export const legalTransitions: Invariant = (run) => {
  const transitions = additionsTo(run.rows.transitions)
  const tokenSteps = additionsTo(run.rows.tokenSteps)
  const rewrites = additionsTo(run.rows.rewrites)
  const forgotten = additionsTo(run.rows.forgottenOutcomes)
  /** Operations that are in flight, and the life that sent them. */
  const away = new Map<string, number>()
  /** Operations with an attempt of unknown outcome. A later reply that does not settle them makes nothing known (Q5). */
  const unknown = new Map<string, number>()
  /** Operations that were in flight when their process died, and have not been sent again (Q10). */
  const crashed = new Map<string, number>()
  const followRequests = follow(run, {
    sent: ({ ids, client }) => ids.forEach((id) => away.set(id, client.life)),
    ended: (request) => {
      const outcome = outcomeOf(request)
      const isHeard = knownAt(run, request) !== null
      for (const id of request.ids) {
        away.delete(id)
        if (outcome === 'unknown') (isHeard ? unknown : crashed).set(id, request.client.life)
        if (outcome === 'accepted' || outcome === 'rejected') unknown.delete(id)
        if (outcome !== 'unknown' && outcome !== 'unsent') crashed.delete(id)
      }
    },
  })
  const senderOf = (id: string) => away.get(id) ?? unknown.get(id) ?? crashed.get(id) ?? null
  return () => {
    followRequests()
    const moved = transitions()
    return [
      ...leftBehind(run, moved),
      ...moved.flatMap((transition) => {
        const why = faultOf(run, transition) ?? awayFault(run, transition, senderOf(transition.id))
        return why === null ? [] : [{ ...transition, why }]
      }),
      ...tokenSteps().filter((step) => !isLegalStep(step) || !isTold(run, step)),
      ...rewrites().filter(({ from, to }) => to <= from),
      ...forgotten().filter((outcome) => isRecent(run, outcome)),
    ]
  }
}

/** Letters that stay dead though a record that they depend on is being created again (Q12). */
function leftBehind(run: RunRecord, moved: readonly Transition[]): object[] {
  const { rows, calls } = run
  return moved.flatMap(({ id, from, to, at }) => {
    const creation = rows.pending.get(id)
    if (from !== 'dead' || to !== 'pending' || creation === undefined) return []
    const isAsked = calls.some(
      ({ name, step }) =>
        name === 'retryAll' || (name === 'retry' && id.endsWith(`.${step ?? ''}`)),
    )
    const made = isAsked ? createdBy(run, creation) : []
    if (made.length === 0) return []
    const left = [...rows.letters.values()].filter((letter) => {
      const died = rows.transitions.findLast((step) => step.id === letter.id && step.to === 'dead')
      const isOf =
        died?.reason === 'dependency-dead' && died.at < at && letter.user === creation.user
      return isOf && requiredBy(run, letter).some((local) => made.includes(local))
    })
    return left.map((letter) => ({
      retried: id,
      left: letter.id,
      why: 'it depends on what is retried',
    }))
  })
}

const A_WEEK_MS = 7 * 24 * 60 * 60 * 1000

/** An outcome is retained for a week (Q18), unless its user is forgotten. */
function isRecent(run: RunRecord, { settled_at: settledAt }: Row): boolean {
  const isLetGo = run.calls.some(({ name }) => name === 'forget')
  return !isLetGo && Number(settledAt) > run.wall - A_WEEK_MS
}

/** `sender`: the life that sent it, if it may have arrived. What another process has sent, only that one knows. */
function awayFault(
  { lives }: RunRecord,
  { to, reason, life }: Transition,
  sender: number | null,
): string | null {
  const mustHaveStayed = to === 'cancelled' || reason === 'expired'
  const isOwn = sender !== null && lives[sender]?.process === lives[life]?.process
  return mustHaveStayed && isOwn ? 'it may have arrived' : null
}

/** Has a request with this generation been answered 401? */
function isTold(run: RunRecord, { user, generation, epoch, isRefused }: TokenStep): boolean {
  if (!isRefused) return true
  return run.requests.some(
    ({ reply, client: { token } }) =>
      reply?.status === 401 &&
      token?.user === user &&
      token.generation === generation &&
      token.epoch === epoch,
  )
}

function faultOf(run: RunRecord, transition: Transition): string | null {
  const { from, to, reason, id, user } = transition
  if (from === 'dead' && to === 'erased') return lacksForget(run, transition)
  if (!LEGAL[from].includes(to)) return `${from} never becomes ${to}`
  if (to === 'pending')
    return from === 'dead' ? lacksCall(run, transition, ['retry', 'retryAll']) : null
  if (to === 'lost') return run.lost.has(id) ? null : 'its row could be read'
  if (to === 'cancelled') return lacksCall(run, transition, ['cancel'])
  if (to === 'dead') {
    if (!DEATHS.has(reason ?? '')) return `nothing dies of ${reason}`
    const isWrong = reason === 'unreadable' && fits(run, id) && !mayHaveLeft(run, transition)
    return isWrong ? 'its own request can be made' : null
  }
  if (to !== 'dropped') return null
  if (reason === 'logout') return hasLeft(run, transition) ? null : `${user} has not logged out`
  const calls = DROPS[reason ?? '']
  if (calls === undefined) return `nothing is dropped as ${reason}`
  if (reason === 'anonymous' && user !== null) return `it belongs to ${user}`
  if (reason === 'expired' && !mayBeExpired(run, transition)) return 'it has not expired'
  return calls.length === 0 ? null : lacksCall(run, transition, calls)
}

/** Of the kind that may be one of a request which cannot be made: is it not the cause (Q4, Q6)? */
function fits({ rows }: RunRecord, id: string): boolean {
  const { kind, payload } = rows.known.get(id) ?? {}
  if (kind !== 'misfit' || payload === undefined) return false
  return (JSON.parse(payload) as { readonly fits: boolean }).fits
}

/** Recorded in an envelope of several by a process that has died: it may have been sent, and is not taken apart (Q5). */
function mayHaveLeft({ rows }: RunRecord, { id, life }: Transition): boolean {
  return [...rows.keys.values()].some(
    (envelope) => envelope.ids.length > 1 && envelope.ids.includes(id) && envelope.life < life,
  )
}

/** A call that had not been answered before, or is being answered just now. */
function lacksCall(
  { calls }: RunRecord,
  { at, life }: Transition,
  names: readonly string[],
): string | null {
  const isCalled = calls.some(
    (call) =>
      names.includes(call.name) &&
      call.life === life &&
      call.at <= at &&
      (call.settledAt === null || call.settledAt >= at),
  )
  return isCalled ? null : `nobody called ${names.join(' or ')}`
}

/** What was in flight at the logout is dropped once it is known not to have arrived. */
function hasLeft({ calls }: RunRecord, { user, at }: Transition): boolean {
  return calls.some((call) => call.name === 'logout' && call.user === user && call.at <= at)
}

/** Letters of a user go away only where the app has let forget him (I12). */
function lacksForget(run: RunRecord, { user }: Transition): string | null {
  return isForgotten(run, user) ? null : `nobody has forgotten ${user}`
}

/** Generations and epochs only grow, and a refused generation stays refused. */
function isLegalStep(step: TokenStep): boolean {
  const { former } = step
  if (former === null) return true
  if (step.generation < former.generation || step.epoch < former.epoch) return false
  return !former.isRefused || step.isRefused || isAnother(step, former)
}

function isAnother(step: TokenStep, former: StoredToken): boolean {
  return step.generation > former.generation || step.epoch > former.epoch
}
