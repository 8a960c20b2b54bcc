/**
 * Did it happen at all? A search that never reaches what it is there for proves nothing, so each run is
 * looked through for what makes trouble, and a mark that no run has hit is reported.
 */
import { nameOf } from '../operation-names.ts'
import type { RunRecord } from '../invariants/run-record.ts'
import { hasEnded, isRead } from '../invariants/invariant.ts'
import { outcomeOf } from '../invariants/outcome.ts'
import type { SeenRequest } from '../scripted-server.ts'
import type { SeenCall } from '../seen.ts'
import { PAIRS } from './coverage-pairs.ts'
import type { Mark } from './mark.ts'

export type Coverage = ReadonlyMap<string, number>

/** How many runs have hit each mark, those with none too. */
export class CoverageCount {
  readonly #hits = new Map<string, number>(Object.keys(ALL).map((mark) => [mark, 0]))

  /** A run has hit these. */
  add(marks: readonly string[]): void {
    for (const mark of marks) this.#hits.set(mark, (this.#hits.get(mark) ?? 0) + 1)
  }

  hits(): Coverage {
    return this.#hits
  }
}

/** The marks that a run has hit. */
export function marksOf(run: RunRecord): readonly string[] {
  return Object.entries(ALL).flatMap(([mark, isHit]) => (isHit(run) ? [mark] : []))
}

/** Marks of single things. */
const MARKS: Readonly<Record<string, Mark>> = {
  'switch during a sending': duringSending(
    (call, sent) => call.name === 'login' && call.user !== sent.user,
  ),
  'logout during a sending': duringSending((call) => call.name === 'logout'),
  'forget during a sending': duringSending(
    (call, sent) => call.name === 'forget' && call.user === sent.user,
  ),
  'cancel during a sending': duringSending(
    (call, sent) => call.name === 'cancel' && sent.ops.includes(call.step ?? ''),
  ),
  'token came during the 401': duringSending(
    (call, sent) => call.token !== null && call.user === sent.user && sent.status === 401,
  ),
  'late 401 of an older generation': (run) =>
    run.requests.some((sent) => sent.status === 401 && isOutOfDate(run, sent)),
  'crash during a sending': (run) =>
    run.requests.some((sent) => sent.endedAt === null && hasEnded(run.lives, sent.client.life)),
  'crash after the server applied': (run) =>
    run.requests.some(
      (sent) => sent.applied && sent.endedAt === null && hasEnded(run.lives, sent.client.life),
    ),
  'death instead of a commit': turned('death-before-commit'),
  'death right after a commit': turned('death-after-commit'),
  'a commit failed': turned('disk'),
  'sending held because storage failed': held('storage-failed'),
  'the clock jumped while waiting': (run) =>
    run.turns.some(({ turn, at }) => turn === 'wall' && run.requests.some((sent) => sent.at > at)),
  'the clock was set while an operation with a time of its own waited': (run) =>
    run.turns.some(({ turn, at }) => turn === 'wall' && isMortalWaiting(run, at)),
  'woke from sleep': (run) =>
    run.turns.some(
      ({ turn, at }) => turn === 'slept' && run.requests.some((sent) => sent.at >= at),
    ),
  'went offline during a sending': (run) =>
    run.turns.some(({ turn, at }) => turn === 'offline' && run.requests.some(isBrokenAt(at))),
  'a captive portal': outcome('portal'),
  'a reply after the caller gave up': (run) => run.requests.some((sent) => sent.givenUpAt !== null),
  'an unknown outcome resolved by the same key': (run) =>
    again(run, (first) => first.status === null && first.unsent === null).some(
      ({ applied, status }) => !applied && status === 200,
    ),
  'sent again under the same key after a restart': (run) =>
    again(run, () => true).some((sent, _, all) =>
      all.some(({ key, client }) => key === sent.key && client.life < sent.client.life),
    ),
  'an unsent request': (run) => run.requests.some(({ unsent }) => unsent !== null),
  'unsent after an unknown outcome': (run) =>
    again(run, (first) => outcomeOf(first) === 'unknown').some(({ unsent }) => unsent !== null),
  'formed anew after unsent': (run) =>
    run.requests.some(({ unsent, ids, key }, index) =>
      run.requests
        .slice(index + 1)
        .some((next) => unsent !== null && ids[0] === next.ids[0] && key !== next.key),
    ),
  'cancelled after unsent': (run) =>
    run.heard.some(
      ({ event, detail }) =>
        event === 'operation.cancelled' &&
        run.requests.some(
          ({ unsent, ids }) =>
            unsent !== null && ids.includes((detail as { readonly id: string }).id),
        ),
    ),
  'a token too large for the server': (run) => run.requests.some(({ status }) => status === 431),
  'one envelope of several': (run) => run.requests.some(({ ids }) => ids.length > 1),
  'an envelope of several rejected': (run) =>
    run.requests.some((sent) => sent.ids.length > 1 && outcomeOf(sent) === 'rejected'),
  'formed anew under another key': (run) =>
    run.requests.some((sent, index) =>
      run.requests
        .slice(0, index)
        .some(({ ids, key }) => key !== sent.key && ids[0] === sent.ids[0] && !isRead(sent)),
    ),
  'held by Retry-After': held('rate-limited'),
  'waiting for a record of another lane': held('awaiting-record'),
  'held by a dead letter': held('dead-letter'),
  'a letter retried': (run) =>
    run.rows.transitions.some(({ from, to }) => from === 'dead' && to === 'pending'),
  'dead: rejected': died('rejected'),
  'dead: attempts exhausted': died('attempts-exhausted'),
  'dead: what it depends on': died('dependency-dead'),
  'dead: unreadable': died('unreadable'),
  'dead: outcome unknown': died('outcome-unknown'),
  'an ill-formed text refused': (run) => run.calls.some(({ error }) => error instanceof TypeError),
  'an outsized number refused': (run) => run.calls.some(({ error }) => error instanceof RangeError),
  'a drawn payload sent again': (run) =>
    again(run, () => true).some(({ kind }) => kind === 'stamp'),
  'a drawn upgrade sent again': (run) =>
    again(run, () => true).some(
      ({ body }) => typeof body === 'object' && body !== null && 'since' in body,
    ),
  'dropped: anonymous': heard('operation.dropped', 'anonymous'),
  'dropped: expired': heard('operation.dropped', 'expired'),
  'dropped: superseded': heard('operation.dropped', 'superseded'),
  'dropped: logout': heard('operation.dropped', 'logout'),
  'dropped: forgotten': heard('operation.dropped', 'forgotten'),
  'dropped: discarded': heard('operation.dropped', 'discarded'),
  'an anonymous operation adopted': ({ rows }) =>
    [...rows.known.values()].some(({ id, user }) => user === null && rows.ownerOf(id) !== null),
  'follow-ups of a reply': (run) =>
    [...run.rows.known.keys()].some((id) => !run.calls.some(({ step }) => step === nameOf(id))),
  'a record translated': (run) =>
    run.requests.some(({ record }) => record?.startsWith('srv-') === true),
  'a payload upgraded': (run) =>
    run.requests.some(({ ids, kind, client }) => {
      const version = run.lives[client.life]?.versions.get(kind) ?? 1
      return (run.rows.known.get(ids[0] ?? '')?.version ?? version) < version
    }),
  'the source was asked ahead': (run) =>
    run.sourceCalls.some(({ reason }) => reason === 'expiring'),
  'the source denied': (run) => run.sourceCalls.some(({ answer }) => answer?.outcome === 'denied'),
  'the source failed': (run) => run.sourceCalls.some(({ answer }) => answer?.outcome === 'throws'),
  'the source was too slow': (run) =>
    run.sourceCalls.some(({ at, answer }) => answer !== null && answer.at - at > 60_000),
  'a refreshed token refused again': heard('token.refreshFailed'),
  'three refused tokens and more in a row': (run) =>
    run.heard.filter(({ event, detail }) => event === 'token.refreshFailed' && isRefusal(detail))
      .length > 1,
  'a token refused before its time': (run) =>
    run.requests.some(
      ({ status, token }) => status === 401 && run.tokens.notBefore(token ?? '') !== null,
    ),
  'a token of somebody else': (run) => run.requests.some(({ status }) => status === 403),
  'the requirement suspected': (run) =>
    run.heard.some(
      ({ event, detail }) =>
        event === 'requirement.changed' && 'suspected' in detail && detail.suspected === true,
    ),
  'a read deferred': heard('read.deferred'),
  'a read cancelled': failedWith('read', 'READ_CANCELLED'),
  'too late to cancel': failedWith('cancel', 'TOO_LATE'),
  'the queue was full': failedWith('enqueue', 'QUEUE_FULL'),
  'damage was told': (run) =>
    run.heard.some(({ event, detail }) => event === 'error' && isDamage(detail)),
  'operations were lost with a page': ({ rows }) =>
    rows.transitions.some(({ to }) => to === 'lost'),
  'a salvage kept an operation': ({ rows, lost, heard: told }) =>
    told.some(({ event, detail }) => event === 'error' && 'salvaged' in detail) &&
    [...rows.known.keys()].some((id) => !lost.has(id)),
  'dead because its envelope was damaged': ({ buried }) => buried.size > 0,
  'a set-aside that was refused at first': ({ setAsides }) =>
    setAsides.some(({ error }) => error !== null),
  'the watch was lost': (run) =>
    run.heard.some(({ event, detail }) => event === 'error' && codeOf(detail) === 'WATCH_LOST'),
  'a removed side file was made again': turned('side-file-made-again'),
  'noticed by a look': turned('noticed-by-a-look'),
  'the second process dispatched': (run) =>
    run.requests.some((sent) => !isRead(sent) && run.lives[sent.client.life]?.process === 'second'),
  'enqueued by one process, sent by the other': (run) =>
    run.requests.some(({ ops, client }) =>
      run.calls.some(
        ({ name, step, life }) =>
          name === 'enqueue' &&
          step === ops[0] &&
          run.lives[life]?.process !== run.lives[client.life]?.process,
      ),
    ),
}

const ALL: Readonly<Record<string, Mark>> = { ...MARKS, ...PAIRS }

function isDamage(detail: object): boolean {
  return codeOf(detail) === 'STORAGE_CORRUPT' && !('salvaged' in detail)
}

function codeOf(detail: object): string | undefined {
  const { error } = detail as { readonly error?: { readonly code?: string } }
  return error?.code
}

function duringSending(isMeant: (call: SeenCall, sent: SeenRequest) => boolean): Mark {
  return (run) =>
    run.requests.some((sent) => {
      const until = sent.endedAt ?? Number.POSITIVE_INFINITY
      return run.calls.some((call) => call.at > sent.at && call.at < until && isMeant(call, sent))
    })
}

/** Did an operation with a time of its own wait at that moment? */
function isMortalWaiting({ rows }: RunRecord, at: number): boolean {
  return rows.transitions.some(
    ({ id, from, at: endedAt }) =>
      from === 'pending' &&
      endedAt > at &&
      (rows.storedAt.get(id) ?? endedAt) < at &&
      (rows.known.get(id)?.expiresAt ?? null) !== null,
  )
}

function isRefusal(detail: object): boolean {
  return codeOf(detail) === 'AUTH_REFRESH_FAILED'
}

function turned(wanted: RunRecord['turns'][number]['turn']): Mark {
  return (run) => run.turns.some(({ turn }) => turn === wanted)
}

function heard(wanted: string, why?: string): Mark {
  return (run) =>
    run.heard.some(
      ({ event, detail }) =>
        event === wanted && (why === undefined || ('reason' in detail && detail.reason === why)),
    )
}

function held(hold: string): Mark {
  return (run) =>
    run.heard.some(
      ({ event, detail }) => event === 'lane.held' && 'hold' in detail && detail.hold === hold,
    )
}

function died(reason: string): Mark {
  return heard('operation.dead', reason)
}

function outcome(wanted: string): Mark {
  return (run) => run.requests.some((sent) => sent.reply !== null && outcomeOf(sent) === wanted)
}

function failedWith(name: string, code: string): Mark {
  return (run) =>
    run.calls.some(
      ({ name: called, error }) =>
        called === name && (error as { readonly code?: string } | null)?.code === code,
    )
}

function isBrokenAt(at: number): (sent: SeenRequest) => boolean {
  return (sent) => sent.at < at && sent.endedAt === at && sent.status === null
}

/** Requests under a key that one before them, which is like this, had too. */
function again(
  { requests }: RunRecord,
  isLike: (first: SeenRequest) => boolean,
): readonly SeenRequest[] {
  const first = new Set<string>()
  return requests.filter((sent) => {
    const isAgain = sent.key !== '' && first.has(sent.key)
    if (isLike(sent)) first.add(sent.key)
    return isAgain
  })
}

/** Had the user a newer token by the time the reply came? */
function isOutOfDate({ rows }: RunRecord, { user, client, endedAt }: SeenRequest): boolean {
  return rows.tokenSteps.some(
    (step) =>
      step.user === user &&
      step.generation > (client.token?.generation ?? 0) &&
      step.at < (endedAt ?? 0),
  )
}
