/**
 * A read is sent when the writes it comes after have settled, with the newest reading position of its user, and not before
 * the delay of that (R1, R2). A read of somebody who is not logged in any more has been cancelled (R4).
 */
import type { SeenRequest } from '../scripted-server.ts'
import type { SeenCall } from '../seen.ts'
import { additionsTo, type Invariant, isAlone, isForgotten, isRead, show } from './invariant.ts'
import { knownAt, outcomeOf } from './outcome.ts'
import type { RunRecord } from './run-record.ts'

/** Where a reply does not say how long, and the longest that it may say (R1). */
const DEFAULT_DELAY_MS = 500
const LONGEST_DELAY_MS = 60_000

export const readsInOrder: Invariant = (run) => {
  const requests = additionsTo(run.requests)
  const calls = additionsTo(run.calls)
  let open: SeenCall[] = []
  return () => {
    open = [...open, ...calls().filter(({ name }) => name === 'read')]
    const sent = requests().filter(isRead)
    const faults = sent.flatMap((request) => {
      const call = open.find(
        ({ step, life, at }) =>
          step === request.ops[0] && life === request.client.life && at <= request.at,
      )
      if (call === undefined) return []
      return [writeFault(run, call, request), positionFault(run, call, request)]
        .filter((why) => why !== null)
        .map((why) => ({ ...show(request), why }))
    })
    open = open.filter(({ settledAt }) => settledAt === null)
    return [...faults, ...open.filter((call) => isOfFormer(run, call)).map(asFault)]
  }
}

/** Is its user logged in no more, in the process that is looked at? */
function isOfFormer(run: RunRecord, { life, user }: SeenCall): boolean {
  return life === run.life && user !== run.identity && run.checkCount === 0 && !run.isDamaged
}

function asFault(call: SeenCall): object {
  return { ...call, why: 'its user is not logged in any more' }
}

/** A write that it comes after, and that is still pending. In one instant nobody can tell what came first. */
function writeFault(run: RunRecord, call: SeenCall, { at }: SeenRequest): string | null {
  const pending = awaitedBy(run, call).find((id) => {
    const storedAt = run.rows.storedAt.get(id)
    if (storedAt === undefined || storedAt >= call.at) return false
    const ends = run.rows.transitions.filter((step) => step.id === id && step.from === 'pending')
    // Ended before the call, it may be pending again: then only the newest end counts.
    const wasPending = !ends.some((step) => step.at <= call.at)
    return wasPending && !ends.some((step) => step.at <= at)
  })
  return pending === undefined ? null : `${pending} is still pending`
}

interface Position {
  readonly token: string
  readonly at: number
  readonly readyAt: number
}

function positionFault(run: RunRecord, call: SeenCall, request: SeenRequest): string | null {
  const { user } = call
  const since =
    run.calls.findLast(({ name, user: who }) => name === 'forget' && who === user)?.at ?? -1
  const isPlain =
    !isForgotten(run, user, { from: request.at, to: request.at }) &&
    // Whose end could not be stored at once is stored later, or never.
    !run.turns.some(({ turn }) => NOT_PLAIN.has(turn)) &&
    isAlone(run)
  if (!isPlain) return null
  const known = run.requests
    .flatMap((sent) => positionOf(run, sent, { user, key: call.key ?? '' }))
    .filter(({ at }) => at > since)
  const newest = known.filter(({ at }) => at < request.at).at(-1) ?? null
  // In one instant nobody can tell which came first.
  const isAmbiguous = known.some(
    ({ at, token }) => at === request.at || (at === newest?.at && token !== newest.token),
  )
  if (isAmbiguous) return null
  const isLastTry = run.requests.some(
    (sent) =>
      sent !== request &&
      isRead(sent) &&
      sent.ops[0] === request.ops[0] &&
      (sent.status === 425 || sent.status === 429),
  )
  if (isLastTry) return request.position === null ? null : 'its last try has a reading position'
  if (request.position !== (newest?.token ?? null)) {
    return `the newest reading position is ${newest?.token ?? 'none'}`
  }
  const readyAt = readyAtOf(run, call, known)
  return request.at < readyAt ? `not before ${readyAt}` : null
}

/** It waits once, for the position that is the newest when its writes have settled; of a later one it has the token only (R1, R2). */
function readyAtOf({ rows }: RunRecord, call: SeenCall, known: readonly Position[]): number {
  const awaited = new Set(call.after ?? [])
  const settled = rows.transitions.filter(({ id, from }) => from === 'pending' && awaited.has(id))
  const since = Math.max(call.at, ...settled.map(({ at }) => at))
  const newestAt = Math.max(
    ...known
      .filter(({ at }) => at < since || (awaited.size > 0 && at <= since))
      .map(({ at }) => at),
  )
  // In one instant nobody can tell which of them was the newest.
  const newest = known.filter(({ at }) => at === newestAt)
  return newest.length === 0 ? 0 : Math.min(...newest.map(({ readyAt }) => readyAt))
}

/** The writes that a read surely comes after: those acknowledged before it, unless it names others. */
function awaitedBy({ acknowledged }: RunRecord, call: SeenCall): readonly string[] {
  return (
    call.after ??
    acknowledged
      .filter(
        (done) => done.life === call.life && done.call.user === call.user && done.at < call.at,
      )
      .map(({ id }) => id)
  )
}

const NOT_PLAIN: ReadonlySet<string> = new Set([
  'disk',
  'salvage',
  'wall',
  'slept',
  'death-before-commit',
  'death-after-commit',
])

/** The reading position that a reply has told the client; of several members it is that of the envelope. */
function positionOf(
  run: RunRecord,
  sent: SeenRequest,
  { user, key }: { readonly user: string | null; readonly key: string },
): readonly Position[] {
  const { reply } = sent
  const at = knownAt(run, sent)
  if (at === null || reply === null || sent.user !== user || isRead(sent)) return []
  if (outcomeOf(sent) !== 'accepted' || reply.isCut === true || reply.body.trim() === '') return []
  // A byte order mark is white space here, and none for JSON (Q6).
  const { ryw } = JSON.parse(reply.body.trim()) as {
    readonly ryw?: { readonly token: string; readonly delay?: number; readonly key?: string }
  }
  if (ryw === undefined || (ryw.key ?? '') !== key) return []
  const delayMs = Math.min(LONGEST_DELAY_MS, ryw.delay ?? DEFAULT_DELAY_MS)
  return [{ token: ryw.token, at, readyAt: at + delayMs }]
}
