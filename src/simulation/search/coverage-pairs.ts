/**
 * Marks of pairs: two or three things that have met in one run. A fault often hides where they meet, and each of them
 * alone is reached all the time. A story of a plan steers to most of them.
 */
import type { RunRecord } from '../invariants/run-record.ts'
import { hasEnded, isRead } from '../invariants/invariant.ts'
import { outcomeOf } from '../invariants/outcome.ts'
import { isRequirement } from '../invariants/requirement-asks.ts'
import type { SeenRequest } from '../scripted-server.ts'
import type { SeenCall } from '../seen.ts'
import type { Transition } from '../stored-rows.ts'
import { OF_WAITS } from './coverage-of-waits.ts'
import type { Mark } from './mark.ts'

export const PAIRS: Readonly<Record<string, Mark>> = {
  ...OF_WAITS,
  'a limit at a death': (run) =>
    run.requests.some(
      ({ ids, endedAt, reply }) =>
        reply?.headers['retry-after'] !== undefined &&
        [429, 503].includes(reply.status) &&
        died(run, 'attempts-exhausted').some(({ id, at }) => at === endedAt && ids.includes(id)),
    ),
  'a crash after two silences': (run) => {
    const silences = silencesByKey(run)
    return run.requests.some(({ key, client }) =>
      (silences.get(key) ?? []).some((lives) => lives.count > 1 && lives.life < client.life),
    )
  },
  'two silences of a kind whose keys are forgotten, and a death of it': (run) =>
    [...silencesByKey(run)].some(([, lives]) => lives.some(({ count }) => count > 1)) &&
    died(run, 'outcome-unknown').length > 0,
  'dependents brought back by a retry': (run) =>
    run.rows.transitions.some(
      ({ id, from, to }, index) =>
        from === 'dead' &&
        to === 'pending' &&
        run.rows.transitions
          .slice(0, index)
          .findLast((step) => step.id === id && step.to === 'dead')?.reason === 'dependency-dead',
    ),
  'places shifted to make room': ({ rows }) => rows.shifts.length > 0,
  'a read waits while places shift': ({ rows, calls }) =>
    rows.shifts.some(({ at }) =>
      calls.some(
        ({ name, at: calledAt, settledAt }) =>
          name === 'read' && calledAt < at && (settledAt === null || settledAt > at),
      ),
    ),
  'one letter of an unknown envelope discarded': (run) =>
    steps(run, 'dropped', 'discarded').some(
      ({ id, from }) =>
        from === 'dead' &&
        run.requests.some(
          (sent) => sent.ids.length > 1 && sent.ids.includes(id) && outcomeOf(sent) === 'unknown',
        ),
    ),
  'a late answer of the source of the requirement': ({ demandCalls }) =>
    demandCalls.some(
      ({ at, answer }) => answer !== null && isRequirement(answer) && answer.at - at > 60_000,
    ),
  'one of several changes failing apart': ({ calls }) =>
    calls.some(
      (call) =>
        isFull(call) &&
        calls.some(
          (other) =>
            other.name === 'enqueue' &&
            other.life === call.life &&
            other.at === call.at &&
            other.settledAt !== null &&
            other.error === null,
        ),
    ),
  'more than eight refused tokens': (run) => {
    const refused = new Map<string, Set<string>>()
    for (const { user, token, status } of run.requests) {
      if (user === null || token === null || status !== 401) continue
      refused.set(user, (refused.get(user) ?? new Set()).add(token))
    }
    return [...refused.values()].some(({ size }) => size > 8)
  },
  'an expired member of an envelope that waits': (run) =>
    steps(run, 'dropped', 'expired').some(({ id }) =>
      run.requests.some(({ ids }) => ids.length > 1 && ids.indexOf(id) > 0),
    ),
  'an adoption repeated after a failed commit': (run) =>
    run.rows.adoptions.some(({ at }) =>
      run.calls.some(
        (call) =>
          call.name === 'login' &&
          call.at < at &&
          run.turns.some(({ turn, at: failedAt }) => turn === 'disk' && failedAt === call.at),
      ),
    ),
  'a member of a rejected envelope sent alone': (run) =>
    rejectedEnvelopes(run).some((envelope) =>
      run.requests.some(
        ({ ids, at }) => ids.length === 1 && at > envelope.at && isOf(envelope, ids),
      ),
    ),
  'a member of a rejected envelope sent alone in a later life': (run) =>
    rejectedEnvelopes(run).some((envelope) =>
      run.requests.some(
        ({ ids, client }) =>
          ids.length === 1 && client.life > envelope.client.life && isOf(envelope, ids),
      ),
    ),
  'superseded in flight': (run) =>
    steps(run, 'dropped', 'superseded').some(({ id }) =>
      run.requests.some(
        (sent) =>
          sent.ids.includes(id) &&
          duringOf(run, sent).some(({ name, user }) => name === 'login' && user !== sent.user),
      ),
    ),
  'a user back before the lane is empty, then a new life': (run) =>
    run.calls.some(
      ({ name, user, at, life }) =>
        name === 'logout' &&
        user !== null &&
        hasEnded(run.lives, life) &&
        run.calls.some(
          (back) =>
            back.name === 'login' &&
            back.user === user &&
            back.life === life &&
            back.at > at &&
            isPendingAt(run, user, back.at),
        ),
    ),
  'a discard at a logout with something in flight': (run) =>
    run.requests.some((sent) =>
      duringOf(run, sent).some(
        ({ name, user, pending }) =>
          name === 'logout' && pending === 'discard' && user === sent.user && !isRead(sent),
      ),
    ),
  'a token pushed while leaving, then a new life': (run) =>
    run.calls.some(
      ({ name, user, at, life }) =>
        name === 'updateToken' &&
        user !== null &&
        hasEnded(run.lives, life) &&
        isLeaving(run, user, at) &&
        isPendingAt(run, user, at),
    ),
  'a creation cancelled while another lane waits': creationWhileWaited(
    ({ to }) => to === 'cancelled',
  ),
  'a creation expired while another lane waits': creationWhileWaited(
    ({ reason }) => reason === 'expired',
  ),
  'a creation superseded while another lane waits': creationWhileWaited(
    ({ reason }) => reason === 'superseded',
  ),
  'a creation dead while another lane waits': creationWhileWaited(({ to }) => to === 'dead'),
  'a creation adopted while another lane waits': (run) =>
    run.rows.adoptions.some(({ id, at }) => isCreating(run, id) && isWaitedFor(run, at)),
  'a read after a forgotten position': (run) =>
    run.calls.some(
      ({ name, user, at }) =>
        name === 'forget' &&
        run.requests.some(
          (sent) =>
            sent.user === user && sent.at < at && sent.reply?.body.includes('"ryw"') === true,
        ) &&
        run.requests.some((sent) => isRead(sent) && sent.user === user && sent.at > at),
    ),
  'a forgotten record asked for again': (run) =>
    run.calls.some(
      ({ name, user, at }) =>
        name === 'forget' &&
        run.requests.some((sent) => sent.user === user && sent.at < at && sent.created !== null) &&
        run.calls.some(
          ({ draft, user: whose, at: calledAt }) =>
            (draft?.kind === 'touch' || draft?.kind === 'link') && whose === user && calledAt > at,
        ),
    ),
  'an envelope as large as one may be': (run) =>
    run.calls.some(
      ({ draft }) => draft !== null && JSON.stringify(draft.payload).length > 80_000,
    ) && run.requests.some(({ kind, ids }) => kind === 'tag' && ids.length === 2),
  'letters retried against their order': (run) => {
    const back = run.rows.transitions.filter(({ from, to }) => from === 'dead' && to === 'pending')
    const placeOf = ({ id }: Transition) => run.rows.known.get(id)?.place ?? 0
    return back.some((step, index) =>
      back
        .slice(index + 1)
        .some(
          (next) => next.user === step.user && next.id !== step.id && placeOf(next) < placeOf(step),
        ),
    )
  },
  'a late listener heard of a user that is not logged in': ({ lateListeners }) =>
    lateListeners.some(({ heard, identity }) =>
      heard.some(
        ({ event, detail }) =>
          event === 'token.needed' && 'user' in detail && detail.user !== identity,
      ),
    ),
  "a kind's own time is over": (run) =>
    steps(run, 'dropped', 'expired').some(({ id }) => run.rows.known.get(id)?.kind === 'mortal'),
  'a quick check behind a slow one': ({ calls }) =>
    calls.some(
      (slow) =>
        slow.draft?.kind === 'slow' &&
        calls.some(
          (quick) =>
            quick.draft !== null &&
            quick.life === slow.life &&
            quick.at > slow.at &&
            quick.at + takesOf(quick) < slow.at + takesOf(slow),
        ),
    ),
  'a transaction of the app rolled back': ({ calls }) =>
    calls.some(({ draft, error }) => draft?.within === 'rollback' && error === null),
  'a transaction of the app committed by the process that does not dispatch': (run) =>
    run.acknowledged.some(
      ({ id, life, call }) =>
        call.draft?.within === 'commit' &&
        run.requests.some(
          ({ ids, client }) =>
            ids.includes(id) && run.lives[client.life]?.process !== run.lives[life]?.process,
        ),
    ),
  'a completed operation is remembered': ({ calls }) =>
    calls.some(
      ({ name, result }) =>
        name === 'operation' &&
        (result as { state?: string } | null | undefined)?.state === 'completed',
    ),
  'a read of a key with a position': (run) =>
    run.calls.some(({ key }) => key !== null) &&
    run.requests.some((sent) => sent.reply?.body.includes('"key"') === true),
  'a request in flight ended within a close': (run) =>
    run.requests.some(
      ({ endedAt, client, status, at }) =>
        endedAt !== null &&
        status !== null &&
        run.turns.some(
          ({ turn, at: beganAt }) => turn === 'closing' && beganAt > at && beganAt < endedAt,
        ) &&
        run.lives[client.life]?.leftover !== null,
    ),
  'the vault was locked': heardError('AUTH_VAULT_UNAVAILABLE'),
  'the vault could not open a token': heardError('AUTH_VAULT_UNREADABLE'),
  'a dead letter of a reply that repeats the token': (run) =>
    run.requests.some(
      (sent) =>
        sent.reply?.body.includes('not accepted: ') === true && outcomeOf(sent) === 'rejected',
    ),
  'an operation applied again by a server that had forgotten its key': (run) => {
    const applied = run.requests.filter((sent) => sent.applied && !isRead(sent))
    return applied.some(({ key }, index) =>
      applied.slice(index + 1).some((again) => again.key === key),
    )
  },
}

function heardError(code: string): Mark {
  return (run) =>
    run.heard.some(
      ({ event, detail }) =>
        event === 'error' &&
        (detail as { readonly error?: { readonly code?: string } }).error?.code === code,
    )
}

function steps(run: RunRecord, to: string, reason: string): readonly Transition[] {
  return run.rows.transitions.filter((step) => step.to === to && step.reason === reason)
}

function died(run: RunRecord, reason: string): readonly Transition[] {
  return steps(run, 'dead', reason)
}

interface Silences {
  readonly life: number
  count: number
}

/** The number of attempts of unknown outcome under each key, by the life that sent them. */
function silencesByKey(run: RunRecord): ReadonlyMap<string, readonly Silences[]> {
  const found = new Map<string, Silences[]>()
  for (const sent of run.requests) {
    if (isRead(sent) || sent.endedAt === null || outcomeOf(sent) !== 'unknown') continue
    const lives = found.get(sent.key) ?? []
    found.set(sent.key, lives)
    const { life } = sent.client
    const silences = lives.find((one) => one.life === life)
    if (silences === undefined) lives.push({ life, count: 1 })
    else silences.count += 1
  }
  return found
}

function rejectedEnvelopes(run: RunRecord): readonly SeenRequest[] {
  return run.requests.filter((sent) => sent.ids.length > 1 && outcomeOf(sent) === 'rejected')
}

function isOf(envelope: SeenRequest, ids: readonly string[]): boolean {
  return ids.every((id) => envelope.ids.includes(id))
}

/** The calls of the app while this request was in flight. */
function duringOf(run: RunRecord, sent: SeenRequest): readonly SeenCall[] {
  const until = sent.endedAt ?? Number.POSITIVE_INFINITY
  return run.calls.filter((call) => call.at > sent.at && call.at < until)
}

/** Had this user logged out by then, and not logged in again? */
function isLeaving({ calls }: RunRecord, user: string, at: number): boolean {
  const last = calls.findLast(
    (call) =>
      call.at < at && call.user === user && (call.name === 'logout' || call.name === 'login'),
  )
  return last?.name === 'logout'
}

function isPendingAt({ rows }: RunRecord, user: string, at: number): boolean {
  return [...rows.known.values()].some(({ id, user: owner }) => {
    if (owner !== user || (rows.storedAt.get(id) ?? at) >= at) return false
    const last = rows.transitions.findLast((step) => step.id === id && step.at < at)
    return last?.to === 'pending'
  })
}

function isCreating({ rows }: RunRecord, id: string): boolean {
  const kind = rows.known.get(id)?.kind
  return kind === 'create' || kind === 'register'
}

/** Did a lane wait for a record at that moment? */
function isWaitedFor({ heard }: RunRecord, at: number): boolean {
  return heard.some(
    ({ event, detail, at: heldAt }, index) =>
      event === 'lane.held' &&
      heldAt < at &&
      (detail as { readonly hold?: string }).hold === 'awaiting-record' &&
      !heard.slice(index + 1).some((next) => next.at < at && isRelease(next, detail)),
  )
}

function isRelease({ event, detail }: RunRecord['heard'][number], held: object): boolean {
  const { hold, user } = detail as { readonly hold?: string; readonly user?: string | null }
  return (
    event === 'lane.released' &&
    hold === 'awaiting-record' &&
    user === (held as { readonly user?: string | null }).user
  )
}

function creationWhileWaited(isMeant: (step: Transition) => boolean): Mark {
  return (run) =>
    run.rows.transitions.some(
      (step) => isMeant(step) && isCreating(run, step.id) && isWaitedFor(run, step.at),
    )
}

function isFull({ name, error }: SeenCall): boolean {
  return name === 'enqueue' && (error as { readonly code?: string } | null)?.code === 'STORAGE_FULL'
}

/** How long the check of this call's payload takes. */
function takesOf({ draft }: SeenCall): number {
  if (draft?.kind !== 'slow') return 0
  return (draft.payload as { readonly takes?: number }).takes ?? 50
}
