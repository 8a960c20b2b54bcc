/**
 * The token of a request was handed over for its owner, and its owner is whose identity it was when
 * `enqueue` was called. Unsigned goes only what I4 allows: under `off`, with no token of that user known.
 * What is device-scoped is nobody's any more once another user has logged in (I8).
 */
import type { SeenRequest } from '../scripted-server.ts'
import type { SeenCall } from '../seen.ts'
import { additionsTo, type Invariant, isRead, show } from './invariant.ts'
import type { RunRecord } from './run-record.ts'

export const ownTokenOnly: Invariant = (run) => {
  const requests = additionsTo(run.requests)
  const calls = additionsTo(run.calls)
  const enqueued = new Map<string, SeenCall>()
  /** Anonymous operations, and whose they have become (I3). */
  const adopted = new Map<string, string>()
  const isOf = (token: string, user: string | null) =>
    run.calls.some((call) => call.token === token && call.user === user) ||
    run.sourceCalls.some((call) => call.answer?.token === token && call.user === user)
  return () => {
    for (const call of calls()) {
      if (call.name === 'enqueue' && call.step !== null) enqueued.set(call.step, call)
    }
    return requests().flatMap((request) => {
      const why =
        signatureFault(run, request, isOf) ??
        ownerFault(run, request, enqueued, adopted) ??
        deviceFault(run, request, enqueued)
      return why === null ? [] : [{ ...show(request), why }]
    })
  }
}

function signatureFault(
  run: RunRecord,
  { token, user, client }: SeenRequest,
  isOf: (token: string, user: string | null) => boolean,
): string | null {
  // A source that gives somebody else's token deceives the engine; the server answers 403 to it.
  if (token !== null) return isOf(token, user) ? null : `${token} was never given for ${user}`
  const { requirement, token: known, life } = client
  if (requirement === 'required') return 'it is unsigned under required'
  if (requirement === 'unknown' && run.settings.whileUnknown === 'hold') {
    return 'it is sent while nobody knows the requirement'
  }
  const hasToken = known !== null && known.isHeld && !known.isRefused && known.life === life
  return hasToken ? 'it is unsigned although a token is known' : null
}

function ownerFault(
  { settings, rows }: RunRecord,
  request: SeenRequest,
  enqueued: ReadonlyMap<string, SeenCall>,
  adopted: Map<string, string>,
): string | null {
  if (isRead(request)) return null
  const { ops, ids, user } = request
  for (const [index, name] of ops.entries()) {
    const id = ids[index] ?? ''
    const call = enqueued.get(name)
    // What the app did not enqueue follows from something else, in the lane of that.
    const owner = call === undefined ? (rows.known.get(id)?.user ?? null) : call.user
    if (owner === user) continue
    const isAdoption = owner === null && user !== null && settings.anonymous === 'adopt'
    if (!isAdoption || (adopted.get(id) ?? user) !== user) {
      return `${name} belongs to ${owner ?? 'the anonymous identity'}`
    }
    adopted.set(id, user)
  }
  return null
}

/** A login of who is logged in already stores nothing (I11): only the one before it may have. */
function isSaidAgain(calls: readonly SeenCall[], login: SeenCall): boolean {
  const before = calls
    .slice(0, calls.indexOf(login))
    .findLast(({ name }) => name === 'login' || name === 'logout')
  return before?.name === 'login' && before.user === login.user && before.life === login.life
}

/** Whose device it is, each process hears for itself. */
function deviceFault(
  { kinds, lives, calls, rows }: RunRecord,
  { kind, user, ops, ids, at, client }: SeenRequest,
  enqueued: ReadonlyMap<string, SeenCall>,
): string | null {
  if (kinds.get(kind)?.spec.deviceScoped !== true) return null
  const call = enqueued.get(ops[0] ?? '')
  // A letter that is retried is the app's own wish.
  const wasDead = rows.transitions.some(({ id, to }) => id === ids[0] && to === 'dead')
  if (user === null || call === undefined || call.user !== user || wasDead) return null
  // Enqueued in another process, it is of the owner of the device there.
  if (lives[call.life]?.process !== lives[client.life]?.process) return null
  const other = calls.slice(calls.indexOf(call)).find(
    (login) =>
      login.name === 'login' &&
      login.user !== user &&
      lives[login.life]?.process === lives[client.life]?.process &&
      login.at < at &&
      // Of one whose process died before it was stored, nobody has heard.
      login.settledAt !== null &&
      login.error === null &&
      !isSaidAgain(calls, login),
  )
  return other === undefined ? null : `the device has been ${other.user}'s since ${other.at}`
}
