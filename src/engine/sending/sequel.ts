/**
 * What follows from an attempt: the reply is judged, the changes are committed, the lane in memory, the
 * machines and the app hear of it, and the attempt ends. A change that cannot be stored is repeated
 * until it can; the lane has the hold `storage-failed` meanwhile (Q11).
 */
import type { Answer, Change, CompleteChange, DeadlineChange } from '../../../storage/changes.ts'
import { blankEnvelope } from '../../../storage/blank-envelope.ts'
import type { EnvelopeRow, OperationRow, PositionRow } from '../../../storage/storage.ts'
import { HoldfastError } from '../../errors.ts'
import type { HoldfastEvents } from '../../events.ts'
import { type Failure, wordOf } from '../../failure.ts'
import type { DeadReason, Instant } from '../../model.ts'
import type { Interpreted, Misjudged } from '../../operations/interpreted.ts'
import { isCaptivePortal } from '../../operations/interpret-reply.ts'
import type { Reply } from '../../ports/transport.ts'
import type { Wallet } from '../../tokens/wallet.ts'
import type { Attempt, Credential } from './attempt.ts'
import { plain } from '../boundary/boundary.ts'
import { askedFraction, jitter } from '../boundary/chance.ts'
import type { Connectivity } from '../lanes/connectivity.ts'
import type { Core } from '../core.ts'
import { codeOf } from '../boundary/error-codec.ts'
import type { Ending } from './ending.ts'
import { excerptOf } from './excerpt.ts'
import { type AdmittedFollowUp, admitFollowUps, followUpRows } from './follow-ups.ts'
import type { HoldBook } from '../lanes/hold-book.ts'
import { judge, type Verdict } from './judge.ts'
import type { Upgraded } from './upgrades.ts'
import type { LaneLine } from '../lanes/lane-line.ts'
import { notStored } from '../stored/storage-errors.ts'
import type { Records } from '../stored/records.ts'
import type { CommitWish } from '../stored/store.ts'
import type { Waits } from '../lanes/waits.ts'

/** How long a lane that could not be read waits before it is read again. */
const REREAD_MS = 5000

/** Why operations become dead letters, and what is kept with them. */
interface Death {
  readonly reason: DeadReason
  readonly excerpt: string | null
  readonly status: number | null
  /** The key to come back under, if the outcome is unknown (Q8). */
  readonly envelopeKey: string | null
  readonly unknownSince?: Instant | null
  /** Members that die only because the others do, and with them the envelope: `outcome-unknown` (Q14). */
  readonly blameless?: readonly OperationRow[]
  /** The records whose creations failed (Q12). */
  readonly dependsOn?: readonly string[]
  /** What the server asked of every lane with the same reply (Q7). */
  readonly limit?: DeadlineChange | null
}

/** What a kind's code says of a reply, with its follow-ups as they are to be stored. */
type Sensible = Omit<Interpreted, 'followUps'> & { readonly followUps: readonly AdmittedFollowUp[] }

/** What was made of a reply, or of there being none. */
interface Judgement {
  readonly ending: Ending
  readonly verdict: Verdict
  readonly interpreted: Sensible | null
  readonly limit: DeadlineChange | null
}

export class Sequel {
  readonly #core: Core
  readonly #wallet: Wallet
  readonly #connectivity: Connectivity
  readonly #holds: HoldBook
  readonly #waits: Waits
  readonly #records: Records

  constructor(
    core: Core,
    wallet: Wallet,
    connectivity: Connectivity,
    holds: HoldBook,
    waits: Waits,
    records: Records,
  ) {
    this.#core = core
    this.#wallet = wallet
    this.#connectivity = connectivity
    this.#holds = holds
    this.#waits = waits
    this.#records = records
  }

  /** Must the head still wait? (Q7) */
  mustWait(line: LaneLine): boolean {
    return this.#waits.mustWait(line)
  }

  /** Carries out what follows from a reply, or from there being none. */
  follow(line: LaneLine, attempt: Attempt, ending: Ending): void {
    const { reply } = ending
    const isPortal = reply !== null && this.#isPortal(attempt, reply)
    if (isPortal && !this.#meetsItAlone(line)) {
      line.repliesAtPortal = this.#connectivity.replyCount
      this.#connectivity.portalMet()
      this.end(line)
      return
    }
    if (reply !== null && !isPortal) {
      this.#connectivity.genuineReply()
      this.#wallet.clock.heard(reply.headers.date, this.#core.boundary.wall)
    }
    this.#interpret(line, attempt, reply, (interpreted) => {
      const verdict = this.#judge(line, attempt, ending, interpreted, isPortal)
      const limitMs = 'limitMs' in verdict ? verdict.limitMs : null
      const limit = limitMs === null ? null : this.#connectivity.limited(limitMs)
      // What the reply asks of every lane holds by now: no captive portal stops them any more.
      if (reply !== null && !isPortal) this.#connectivity.portalGone()
      if (verdict.verdict === 'refused') {
        this.#refused(line, attempt)
        return
      }
      if (reply !== null && !isPortal && attempt.credential !== null && line.user !== null) {
        this.#wallet.accepted(line.user, attempt.credential.generation)
      }
      this.#carryOut(line, attempt, { ending, verdict, interpreted, limit })
    })
  }

  /** The head waits for neighbours to merge with. */
  collect(line: LaneLine, waitMs: number): void {
    this.#waits.collect(line, waitMs)
    this.end(line)
  }

  /** The attempt is over. */
  end(line: LaneLine): void {
    line.attempt = null
    line.repliesAtLastEnd = this.#connectivity.replyCount
    this.#connectivity.attemptEnded(line)
    this.#core.pilot.attemptEnded(line)
  }

  complete(
    line: LaneLine,
    members: readonly OperationRow[],
    interpreted: Sensible | null = null,
  ): void {
    const { boundary, report } = this.#core
    const made = madeBy(members, interpreted?.translations ?? {})
    const change: CompleteChange = {
      change: 'complete',
      lane: line.lane,
      members: members.map(memberOf),
      at: boundary.wall,
      made,
      followUps: followUpRows(this.#core, members[0]?.id, interpreted?.followUps ?? []),
      positions: positionsOf(interpreted?.ryw ?? null, boundary.wall),
      retain: this.#core.settings.retainCompleted,
    }
    // Losing this in a power cut costs one resend under the same key.
    this.#commit(line, [change], { synced: false }, (answer) => {
      this.#removed(line, members)
      for (const { id, kind } of members) {
        report('operation.completed', { id, kind, user: line.user })
      }
      const { affected, shifts } = answer
      if (affected.length > 0) line.inserted(affected.map(placeOf), shifts)
      for (const { id, kind } of affected) {
        report('operation.enqueued', { id, kind, user: line.user })
      }
      if (made.length > 0) this.#records.changed()
      this.end(line)
    })
  }

  /** It is not sent any more: it has expired, or another user owns the device. */
  drop(
    line: LaneLine,
    row: OperationRow,
    reason: 'expired' | 'superseded',
    then: () => void,
  ): void {
    const { boundary, report } = this.#core
    const change = {
      change: 'drop',
      lane: line.lane,
      members: [memberOf(row)],
      reason,
      at: boundary.wall,
    } as const
    this.#commit(line, [change], {}, () => {
      this.#removed(line, [row])
      const { id, kind } = row
      report('operation.dropped', { id, kind, user: line.user, reason })
      if (row.creates.length > 0) this.#records.changed()
      then()
    })
  }

  /** Makes operations dead letters; the lane goes on, or is held (Q9). */
  bury(line: LaneLine, members: readonly OperationRow[], death: Death): void {
    const { reason, excerpt, status, envelopeKey, unknownSince = null } = death
    const { blameless = [], dependsOn = [], limit = null } = death
    const reasonOf = (row: OperationRow) => (blameless.includes(row) ? 'outcome-unknown' : reason)
    const { boundary, settings, report } = this.#core
    const { order } = line
    // One that died for want of a record does so only while that is lost: a retry may have come between (Q12).
    const isStill = () => dependsOn.length === 0 || (order === line.order && !line.isChanging)
    const change = {
      change: 'bury',
      lane: line.lane,
      members: members.map((row) =>
        blameless.includes(row) ? { ...memberOf(row), reason: reasonOf(row) } : memberOf(row),
      ),
      reason,
      status,
      excerpt,
      at: boundary.wall,
      attempts:
        (line.envelopeAt(members[0]?.place ?? 0)?.attempts ?? 0) +
        (reason === 'unreadable' ? 0 : 1),
      envelopeKey,
      unknownSince,
      dependsOn,
    } as const
    const changes = () => (isStill() ? [change, ...(limit === null ? [] : [limit])] : [])
    this.#commit(line, changes, {}, () => {
      this.#removed(line, members)
      line.letters += members.length
      if (settings.onDead === 'hold') {
        this.#holds.setOnLane(line, 'dead-letter', `${members[0]?.id ?? ''} is dead`)
      }
      for (const row of members) {
        const { id, kind } = row
        report('operation.dead', { id, kind, user: line.user, reason: reasonOf(row), status })
      }
      if (members.some((row) => row.creates.length > 0)) this.#records.changed()
      this.end(line)
    })
  }

  /**
   * Dissolves an envelope: its members are sent one by one (Q4). `known`: the attempts of the head go on, because
   * the server has not judged the envelope (Q7, Q8).
   */
  sendAlone(
    line: LaneLine,
    members: readonly OperationRow[],
    known: EnvelopeRow | null = null,
  ): void {
    const place = members[0]?.place ?? 0
    const through = members.at(-1)?.place ?? 0
    const kept = known === null ? null : { ...known, key: null, members: [] }
    const changes: Change[] = [{ change: 'solo', lane: line.lane, place, through }]
    if (kept !== null) changes.push({ change: 'envelope', envelope: kept })
    this.#commit(line, changes, {}, () => {
      line.dissolved(place, through, kept)
      this.end(line)
    })
  }

  /** Makes the record of an envelope durable. */
  record(line: LaneLine, envelope: EnvelopeRow, then: () => void): void {
    const { order } = line
    // Repeated only while its members are all there: one may be cancelled meanwhile.
    const isAsItWas = () => order === line.order && !line.isChanging
    const changes = () => (isAsItWas() ? [{ change: 'envelope', envelope } as const] : [])
    this.#commit(line, changes, {}, () => {
      line.recorded(envelope)
      then()
    })
  }

  /** Stores payloads in the version of today, before they are first sent in it (Q14). */
  upgrade(line: LaneLine, upgraded: readonly Upgraded[], then: () => void): void {
    const { order } = line
    const isAsItWas = () => order === line.order && !line.isChanging
    const changes = () => (isAsItWas() ? upgraded.map((one) => upgradeOf(line, one)) : [])
    this.#commit(line, changes, {}, () => {
      line.rewritten(upgraded.map(({ row }) => row))
      then()
    })
  }

  /** The lane could not be read: it is read again after a while. */
  unreadable(line: LaneLine, error: Error): void {
    if (this.#core.store.broken !== null) {
      this.end(line)
      return
    }
    this.#storageFailed(line, error)
    this.#core.boundary.arm(`reread:${line.lane}`, REREAD_MS, () => {
      this.#holds.liftFromLane(line, 'storage-failed')
    })
    this.end(line)
  }

  #isPortal({ members }: Attempt, reply: Reply): boolean {
    const { boundary, settings, kinds } = this.#core
    const declared = kinds.facts(members[0]?.kind ?? '')?.reply ?? null
    return boundary.pull('portal', plain<boolean>(), () =>
      isCaptivePortal(reply, declared, settings.origin),
    )
  }

  /** Has the server itself answered others since the head met a portal? Then it is no portal (Q6). */
  #meetsItAlone({ repliesAtPortal }: LaneLine): boolean {
    return repliesAtPortal !== null && this.#connectivity.replyCount > repliesAtPortal
  }

  #judge(
    line: LaneLine,
    attempt: Attempt,
    { reply, failure, isUnsent }: Ending,
    interpretation: Sensible | null,
    isPortal: boolean,
  ): Verdict {
    // Nothing else matters then, and most are.
    if (interpretation?.outcome === 'accepted') return { verdict: 'completed' }
    const { boundary, settings } = this.#core
    const { members, key, credential, sentAt } = attempt
    const place = members[0]?.place ?? 0
    const known = line.envelopeAt(place) ?? blankEnvelope(line.lane, place)
    const unknownSince = this.#unknownSince(line, members, reply)
    const envelope = { ...known, key, members: members.map((row) => row.place), unknownSince }
    const isWaiting = interpretation === null || interpretation.outcome === 'retry'
    return judge({
      envelope,
      reply,
      failure,
      isUnsent,
      generation: credential?.generation ?? null,
      isPortal,
      interpretation,
      sentAt,
      now: boundary.wall,
      serverNow: this.#wallet.now(),
      othersWereAnswered:
        line.repliesAtLastEnd !== null && this.#connectivity.replyCount > line.repliesAtLastEnd,
      fraction: isWaiting ? jitter(this.#core) : 0,
      askedFraction: isWaiting && asksToWait(reply) ? askedFraction(this.#core) : 0,
      settings,
    })
  }

  /** What the kind's code makes of the reply; null: nothing, or there was none. */
  #interpret(
    line: LaneLine,
    { members }: Attempt,
    reply: Reply | null,
    then: (interpreted: Sensible | null) => void,
  ): void {
    if (reply === null) {
      then(null)
      return
    }
    const kind = members[0]?.kind ?? ''
    const afterUnknown = this.#unknownSince(line, members, reply) !== null
    const interpreted = this.#core.kinds.interpret(kind, line.owner, reply, afterUnknown)
    if ('misjudged' in interpreted) {
      this.#reportMisjudged(kind, interpreted)
      then(null)
      return
    }
    const admitted = (followUps: Parameters<Parameters<typeof admitFollowUps>[2]>[0]) => {
      if (!(followUps instanceof Error)) {
        then({ ...interpreted, followUps })
        return
      }
      this.#reportNoSense(kind, followUps)
      then(null)
    }
    admitFollowUps(this.#core, interpreted.followUps, this.#core.guarded(line, admitted))
  }

  /** Since when the outcome of this envelope is unknown, by what is recorded and by this reply. */
  #unknownSince(
    line: LaneLine,
    members: readonly OperationRow[],
    reply: Reply | null,
  ): Instant | null {
    const known = line.envelopeAt(members[0]?.place ?? 0)?.unknownSince ?? null
    // After a crash in mid-send a conflict with the first sending is proof of it (Q5).
    const isUnknown = line.isOutcomeUnknown || (line.mayHaveBeenSent && reply?.status === 409)
    return known ?? (isUnknown ? (line.attempt?.sentAt ?? this.#core.boundary.wall) : null)
  }

  /** A reply that a kind's code made nothing of is `retry`, bounded by Q8: never a loss. */
  #reportMisjudged(kind: string, { misjudged, cause }: Misjudged): void {
    if (misjudged === 'threw') {
      this.#reportNoSense(kind, cause)
      return
    }
    const message = `a follow-up of ${kind} names another owner`
    this.#core.report('error', { error: new HoldfastError('FOREIGN_FOLLOW_UP', message) })
  }

  #reportNoSense(kind: string, cause: Error | null): void {
    const message = `interpret of ${kind} threw, or made no sense`
    this.#core.report('error', { error: new HoldfastError('APP_CODE_FAILED', message, { cause }) })
  }

  #carryOut(
    line: LaneLine,
    attempt: Attempt,
    { ending, verdict, interpreted, limit }: Judgement,
  ): void {
    const { members } = attempt
    const { reply } = ending
    switch (verdict.verdict) {
      case 'completed':
        this.complete(line, members, interpreted)
        return
      case 'alone':
        this.sendAlone(line, members)
        return
      case 'dead': {
        const secret = attempt.credential?.token.reveal() ?? null
        const { unknownSince } = verdict
        this.bury(line, unknownSince === null ? members.slice(0, 1) : members, {
          reason: verdict.reason,
          // Where there was no reply, the code of the failure says why (Q22): of its text a journal knows nothing.
          excerpt: reply === null ? wordOf(ending.failure) : excerptOf(reply.body, secret),
          status: reply?.status ?? null,
          envelopeKey: unknownSince === null ? null : attempt.key,
          unknownSince,
          limit,
        })
        return
      }
      case 'waiting':
        this.#wait(line, attempt, ending, verdict.envelope, limit)
        return
      case 'refused':
    }
  }

  /** 401: judged against the generation that was sent (T3, T4). */
  #refused(line: LaneLine, { credential, members }: Attempt): void {
    const { user } = line
    if (credential === null || user === null) {
      this.#refusedUnsigned(line, members)
      return
    }
    const { generation } = credential
    if (generation !== this.#wallet.generation(user)) {
      this.end(line)
      return
    }
    if (this.#wallet.refusedEarly(user, generation)) {
      this.#refusedEarly(line, members)
      return
    }
    line.refusedCount += 1
    const changes: Change[] = [{ change: 'refuseToken', user, generation }]
    const envelope = line.envelopeAt(members[0]?.place ?? 0)
    const refused = envelope === null ? null : this.#afterRefusal(line, envelope)
    if (refused !== null) changes.unshift({ change: 'envelope', envelope: refused })
    this.#commit(line, changes, {}, () => {
      if (refused !== null) line.recorded(refused)
      line.mayHaveBeenSent = false
      this.#wallet.refused(user, generation)
      this.end(line)
    })
  }

  /** T9: the lane waits for the time of the token, and sends once more then. */
  #refusedEarly(line: LaneLine, members: readonly OperationRow[]): void {
    const envelope = line.envelopeAt(members[0]?.place ?? 0)
    line.mayHaveBeenSent = false
    if (envelope === null) {
      this.end(line)
      return
    }
    const refused = this.#afterRefusal(line, envelope)
    this.#commit(line, [{ change: 'envelope', envelope: refused }], {}, () => {
      line.recorded(refused)
      this.end(line)
    })
  }

  /** After a definite refusal it may be formed anew, unless an earlier outcome is unknown (Q5). */
  #afterRefusal(line: LaneLine, envelope: EnvelopeRow): EnvelopeRow {
    const { refusedCount } = line
    const failure = { lastStatus: 401, lastCode: null, lastFailedAt: this.#core.boundary.wall }
    if (!line.isOutcomeUnknown) {
      return { ...envelope, ...failure, refusedCount, key: null, members: [] }
    }
    return {
      ...envelope,
      ...failure,
      refusedCount,
      unknownSince: envelope.unknownSince ?? this.#core.boundary.wall,
    }
  }

  /** I10: no loss; somebody must say what the server demands, or bring a token. */
  #refusedUnsigned(line: LaneLine, members: readonly OperationRow[]): void {
    const envelope = line.envelopeAt(members[0]?.place ?? 0)
    line.mayHaveBeenSent = false
    if (envelope === null) {
      this.#doubtRequirement(line)
      return
    }
    const refused = this.#afterRefusal(line, envelope)
    this.#commit(line, [{ change: 'envelope', envelope: refused }], {}, () => {
      line.recorded(refused)
      this.#doubtRequirement(line)
    })
  }

  #doubtRequirement(line: LaneLine): void {
    const { pilot } = this.#core
    if (line.user === null) {
      // Who has learned meanwhile that it is required is in no doubt.
      if (pilot.requirement !== 'required') {
        this.#holds.setOnOwner(null, 'requirement-unknown', 'a 401 to an unsigned request')
      }
    } else {
      pilot.token(line.user, { type: 'unsigned.refused' })
    }
    pilot.identity({ type: 'requirement.suspected' })
    this.end(line)
  }

  /** A fault inside ended the attempt (E3). */
  waitAfterFault(
    line: LaneLine,
    members: readonly OperationRow[],
    envelope: EnvelopeRow,
    error: Failure,
  ): void {
    this.#commit(line, [{ change: 'envelope', envelope }], {}, () => {
      this.#waitBegun(line, members, envelope, { outcome: 'retry', status: null, error })
    })
  }

  #wait(
    line: LaneLine,
    { members, credential }: Attempt,
    { reply, failure, isUnsent }: Ending,
    judged: EnvelopeRow,
    limit: DeadlineChange | null,
  ): void {
    const isOver = reply?.status === 431 && this.#hasNewerToken(line, credential)
    const envelope = isOver ? { ...judged, retryAt: null } : judged
    const changes: Change[] = [{ change: 'envelope', envelope }]
    if (limit !== null) changes.push(limit)
    this.#commit(line, changes, {}, () => {
      // It has not been sent again: what the process before this one did is as unknown as it was (Q10).
      if (!isUnsent) line.mayHaveBeenSent = false
      const outcome = isUnsent ? 'unsent' : reply === null ? 'unknown' : 'retry'
      const status = reply?.status ?? null
      this.#waitBegun(line, members, envelope, { outcome, status, error: failure })
    })
  }

  #waitBegun(
    line: LaneLine,
    members: readonly OperationRow[],
    envelope: EnvelopeRow,
    why: Pick<HoldfastEvents['operation.retrying'], 'outcome' | 'status' | 'error'>,
  ): void {
    line.recorded(envelope)
    this.#waits.begin(line, envelope)
    const { attempts, retryAt } = envelope
    for (const { id, kind } of members) {
      this.#core.report('operation.retrying', {
        id,
        kind,
        user: line.user,
        ...why,
        attempts,
        retryAt: retryAt ?? this.#core.boundary.wall,
      })
    }
    this.end(line)
  }

  /** A newer token ends the wait after 431 (Q7), also a token that has come during the attempt. */
  #hasNewerToken({ user }: LaneLine, sent: Credential | null): boolean {
    return user !== null && sent !== null && this.#wallet.generation(user) > sent.generation
  }

  /** Commits at last; where a row was not as expected, the lane is read anew instead. */
  #commit(
    line: LaneLine,
    changes: readonly Change[] | (() => readonly Change[]),
    wish: CommitWish,
    then: (first: Extract<Answer, { applied: true }>) => void,
  ): void {
    const failed = (error: Error) => this.#storageFailed(line, error)
    const stored = (answers: readonly Answer[]) => {
      this.#holds.liftFromLane(line, 'storage-failed')
      const [first] = answers
      if (first?.applied === true) {
        then(first)
        return
      }
      line.reordered(line.pending)
      this.end(line)
    }
    const { store, guarded } = this.#core
    store.commitAtLast(changes, wish, failed, guarded(line, stored), () => this.end(line))
  }

  #removed(line: LaneLine, members: readonly OperationRow[]): void {
    line.removed(members.map((row) => row.place))
    this.#waits.end(line)
  }

  #storageFailed(line: LaneLine, cause: Error): void {
    // Of an error a journal has only the code.
    this.#holds.setOnLane(line, 'storage-failed', `storage answers ${codeOf(cause)}`)
    const error = notStored(cause, 'what happened could not be recorded')
    this.#core.report('error', { error })
  }
}

function upgradeOf({ lane }: LaneLine, { row, from }: Upgraded): Change {
  const { id, place, version, payload } = row
  return { change: 'upgrade', lane, id, place, from, version, payload }
}

/** A record that the reply does not translate is known to the server by the app's own id. */
function madeBy(
  members: readonly OperationRow[],
  translations: Readonly<Record<string, string>>,
): readonly { readonly local: string; readonly remote: string }[] {
  const translated = Object.keys(translations)
  if (translated.length === 0 && members.every(({ creates }) => creates.length === 0)) return []
  const locals = new Set(translated)
  for (const { creates } of members) for (const local of creates) locals.add(local)
  // Only an own property is a translation: the id of a record may also be `constructor`.
  const remoteOf = (local: string) =>
    Object.hasOwn(translations, local) ? (translations[local] ?? local) : local
  return Array.from(locals, (local) => ({ local, remote: remoteOf(local) }))
}

function positionsOf(ryw: Interpreted['ryw'], now: Instant): readonly PositionRow[] {
  if (ryw === null) return []
  const { key, token, delayMs } = ryw
  return [{ key, token, readyAt: now + delayMs, waitMs: delayMs }]
}

function memberOf({ id, place }: OperationRow): { id: OperationRow['id']; place: number } {
  return { id, place }
}

function asksToWait(reply: Reply | null): boolean {
  return reply?.headers['retry-after'] !== undefined
}

function placeOf({ place }: { readonly place: number }): number {
  return place
}
