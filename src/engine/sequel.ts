/**
 * What follows from an attempt: the reply is judged, the changes are committed, the lane in memory, the
 * machines and the app hear of it, and the attempt ends. A change that cannot be stored is repeated
 * until it can; the lane has the hold `storage-failed` meanwhile (Q11).
 */
import type { Answer, Change, DeadlineChange } from '../../storage/changes.ts'
import type { EnvelopeRow, OperationRow } from '../../storage/storage.ts'
import { asHoldfastError } from '../errors.ts'
import type { DeadReason } from '../model.ts'
import { isCaptivePortal } from '../operations/interpret-reply.ts'
import type { Reply } from '../ports/transport.ts'
import type { Wallet } from '../tokens/wallet.ts'
import type { Attempt } from './attempt.ts'
import { plain } from './boundary.ts'
import { jitter } from './chance.ts'
import type { Connectivity } from './connectivity.ts'
import type { Core } from './core.ts'
import { excerptOf } from './excerpt.ts'
import type { HoldBook } from './hold-book.ts'
import { judge, type Verdict } from './judge.ts'
import type { LaneLine } from './lane-line.ts'
import type { CommitWish } from './store.ts'
import type { Waits } from './waits.ts'

/** How long a lane that could not be read waits before it is read again. */
const REREAD_MS = 5000

/** Why operations become dead letters, and what is kept with them. */
interface Death {
  readonly reason: DeadReason
  readonly excerpt: string | null
  readonly status: number | null
  /** The key to come back under, if the outcome is unknown (Q8). */
  readonly envelopeKey: string | null
}

export class Sequel {
  readonly #core: Core
  readonly #wallet: Wallet
  readonly #connectivity: Connectivity
  readonly #holds: HoldBook
  readonly #waits: Waits

  constructor(
    core: Core,
    wallet: Wallet,
    connectivity: Connectivity,
    holds: HoldBook,
    waits: Waits,
  ) {
    this.#core = core
    this.#wallet = wallet
    this.#connectivity = connectivity
    this.#holds = holds
    this.#waits = waits
  }

  /** Carries out what follows from a reply, or (`null`) from there being none. */
  follow(line: LaneLine, attempt: Attempt, reply: Reply | null): void {
    if (reply !== null && this.#isPortal(line, attempt, reply)) {
      line.repliesAtPortal = this.#connectivity.replyCount
      this.#connectivity.portalMet()
      this.end(line)
      return
    }
    if (reply !== null) {
      this.#connectivity.genuineReply()
      this.#wallet.clock.heard(reply.headers.date, this.#core.boundary.wall)
    }
    const verdict = this.#judge(line, attempt, reply)
    if (verdict.verdict === 'refused') {
      this.#refused(line, attempt)
      return
    }
    if (reply !== null && attempt.credential !== null && line.user !== null) {
      this.#wallet.accepted(line.user, attempt.credential.generation)
    }
    this.#carryOut(line, attempt, reply, verdict)
  }

  /** The attempt is over. */
  end(line: LaneLine): void {
    line.attempt = null
    line.repliesAtLastEnd = this.#connectivity.replyCount
    this.#connectivity.attemptEnded(line)
    this.#core.pilot.attemptEnded(line)
  }

  complete(line: LaneLine, members: readonly OperationRow[]): void {
    const change = { change: 'complete', lane: line.lane, members: members.map(memberOf) } as const
    // Losing this in a power cut costs one resend under the same key.
    this.#commit(line, [change], { synced: false }, () => {
      this.#removed(line, members)
      for (const { id, kind } of members) {
        this.#core.report('operation.completed', { id, kind, user: line.user })
      }
      this.end(line)
    })
  }

  expire(line: LaneLine, row: OperationRow, then: () => void): void {
    const { boundary, report } = this.#core
    const change = {
      change: 'drop',
      lane: line.lane,
      members: [memberOf(row)],
      reason: 'expired',
      at: boundary.wall,
    } as const
    this.#commit(line, [change], {}, () => {
      this.#removed(line, [row])
      const { id, kind } = row
      report('operation.dropped', { id, kind, user: line.user, reason: 'expired' })
      then()
    })
  }

  /** Makes operations dead letters; the lane goes on, or is held (Q9). */
  bury(
    line: LaneLine,
    members: readonly OperationRow[],
    { reason, excerpt, status, envelopeKey }: Death,
  ): void {
    const { boundary, settings, report } = this.#core
    const change = {
      change: 'bury',
      lane: line.lane,
      members: members.map(memberOf),
      reason,
      status,
      excerpt,
      at: boundary.wall,
      attempts:
        (line.envelopeAt(members[0]?.place ?? 0)?.attempts ?? 0) +
        (reason === 'unreadable' ? 0 : 1),
      envelopeKey,
    } as const
    this.#commit(line, [change], {}, () => {
      this.#removed(line, members)
      line.letters += members.length
      if (settings.onDead === 'hold') {
        this.#holds.setOnLane(line, 'dead-letter', `${members[0]?.id ?? ''} is dead`)
      }
      for (const { id, kind } of members) {
        report('operation.dead', { id, kind, user: line.user, reason, status })
      }
      this.end(line)
    })
  }

  /** Makes the record of an envelope durable. */
  record(line: LaneLine, envelope: EnvelopeRow, then: () => void): void {
    this.#commit(line, [{ change: 'envelope', envelope }], {}, () => {
      line.recorded(envelope)
      then()
    })
  }

  /** What is known of an envelope before anything is. */
  blank(line: LaneLine, place: number): EnvelopeRow {
    return {
      lane: line.lane,
      place,
      key: null,
      members: [],
      attempts: 0,
      countedAttempts: 0,
      firstAttemptAt: null,
      unknownSince: null,
      retryAt: null,
      waitMs: 0,
      waitsAfterUnknown: false,
      refusedCount: 0,
      lastStatus: null,
    }
  }

  /** The lane could not be read: it is read again after a while. */
  unreadable(line: LaneLine, error: Error): void {
    this.#storageFailed(line, error)
    this.#core.boundary.arm(`reread:${line.lane}`, REREAD_MS, () => {
      this.#holds.liftFromLane(line, 'storage-failed')
    })
    this.end(line)
  }

  #isPortal(line: LaneLine, { members }: Attempt, reply: Reply): boolean {
    const { boundary, settings, kinds } = this.#core
    const declared = kinds.facts(members[0]?.kind ?? '')?.reply ?? 'json'
    const isPortal = boundary.pull('portal', plain<boolean>(), () =>
      isCaptivePortal(reply, declared, settings.origin),
    )
    const meetsItAlone =
      line.repliesAtPortal !== null && this.#connectivity.replyCount > line.repliesAtPortal
    return isPortal && !meetsItAlone
  }

  #judge(line: LaneLine, attempt: Attempt, reply: Reply | null): Verdict {
    const { boundary, settings, kinds } = this.#core
    const { members, key, sentAt } = attempt
    const place = members[0]?.place ?? 0
    const known = line.envelopeAt(place) ?? this.blank(line, place)
    const envelope = { ...known, key, members: members.map((row) => row.place) }
    const afterUnknown = envelope.unknownSince !== null
    const interpretation =
      reply === null
        ? null
        : kinds.interpret(members[0]?.kind ?? '', line.owner, reply, afterUnknown)
    const isWaiting = interpretation === null || interpretation.outcome === 'retry'
    return judge({
      envelope,
      reply,
      interpretation,
      sentAt,
      now: boundary.wall,
      othersWereAnswered:
        line.repliesAtLastEnd !== null && this.#connectivity.replyCount > line.repliesAtLastEnd,
      fraction: isWaiting ? jitter(this.#core) : 0,
      settings,
    })
  }

  #carryOut(line: LaneLine, attempt: Attempt, reply: Reply | null, verdict: Verdict): void {
    const { members } = attempt
    switch (verdict.verdict) {
      case 'completed':
        this.complete(line, members)
        return
      case 'alone':
        this.#sendAlone(line, members)
        return
      case 'dead': {
        const secret = attempt.credential?.token.reveal() ?? null
        this.bury(line, verdict.unknown ? members : members.slice(0, 1), {
          reason: verdict.reason,
          excerpt: reply === null ? null : excerptOf(reply.body, secret),
          status: reply?.status ?? null,
          envelopeKey: verdict.unknown ? attempt.key : null,
        })
        return
      }
      case 'waiting':
        this.#wait(line, members, reply, verdict)
        return
      case 'refused':
    }
  }

  /** 401: judged against the generation that was sent (T3, T4). */
  #refused(line: LaneLine, { credential, members }: Attempt): void {
    const { user } = line
    if (credential === null || user === null) {
      this.#refusedUnsigned(line)
      return
    }
    const { generation } = credential
    if (generation !== this.#wallet.generation(user)) {
      this.end(line)
      return
    }
    line.refusedCount += 1
    const changes: Change[] = [{ change: 'refuseToken', user, generation }]
    const envelope = line.envelopeAt(members[0]?.place ?? 0)
    const refused = envelope === null ? null : this.#formedAnew(envelope, line.refusedCount)
    if (refused !== null) changes.unshift({ change: 'envelope', envelope: refused })
    this.#commit(line, changes, {}, () => {
      if (refused !== null) line.recorded(refused)
      this.#wallet.refused(user, generation)
      this.end(line)
    })
  }

  /** After a definite refusal it may be formed anew, unless an earlier outcome is unknown (Q5). */
  #formedAnew(envelope: EnvelopeRow, refusedCount: number): EnvelopeRow {
    return envelope.unknownSince === null
      ? { ...envelope, refusedCount, key: null, members: [] }
      : { ...envelope, refusedCount }
  }

  /** I10: no loss; somebody must say what the server demands, or bring a token. */
  #refusedUnsigned(line: LaneLine): void {
    const { pilot } = this.#core
    if (line.user === null) {
      this.#holds.setOnOwner(null, 'requirement-unknown', 'a 401 to an unsigned request')
    } else {
      pilot.token(line.user, { type: 'unsigned.refused' })
    }
    pilot.identity({ type: 'requirement.suspected' })
    this.end(line)
  }

  #sendAlone(line: LaneLine, members: readonly OperationRow[]): void {
    const place = members[0]?.place ?? 0
    const through = members.at(-1)?.place ?? 0
    this.#commit(line, [{ change: 'solo', lane: line.lane, place, through }], {}, () => {
      line.dissolved(place, through)
      this.end(line)
    })
  }

  #wait(
    line: LaneLine,
    members: readonly OperationRow[],
    reply: Reply | null,
    { envelope, limitMs }: Extract<Verdict, { verdict: 'waiting' }>,
  ): void {
    const deadline: DeadlineChange | null =
      limitMs === null ? null : this.#connectivity.limited(limitMs)
    const changes: Change[] = [{ change: 'envelope', envelope }]
    if (deadline !== null) changes.push(deadline)
    this.#commit(line, changes, {}, () => {
      line.recorded(envelope)
      if (deadline !== null) this.#connectivity.limitStored(deadline)
      this.#waits.begin(line, envelope)
      const { attempts, retryAt } = envelope
      for (const { id, kind } of members) {
        this.#core.report('operation.retrying', {
          id,
          kind,
          user: line.user,
          outcome: reply === null ? 'unknown' : 'retry',
          status: reply?.status ?? null,
          attempts,
          retryAt: retryAt ?? this.#core.boundary.wall,
        })
      }
      this.end(line)
    })
  }

  /** Commits at last; where a row was not as expected, the lane is read anew instead. */
  #commit(line: LaneLine, changes: readonly Change[], wish: CommitWish, then: () => void): void {
    const failed = (error: Error) => this.#storageFailed(line, error)
    this.#core.store.commitAtLast(changes, wish, failed, (answers: readonly Answer[]) => {
      this.#holds.liftFromLane(line, 'storage-failed')
      if (answers[0]?.applied === true) {
        then()
        return
      }
      line.reordered(line.pending)
      this.end(line)
    })
  }

  #removed(line: LaneLine, members: readonly OperationRow[]): void {
    line.removed(members.map((row) => row.place))
    this.#waits.end(line)
  }

  #storageFailed(line: LaneLine, cause: Error): void {
    this.#holds.setOnLane(line, 'storage-failed', cause.message)
    const error = asHoldfastError(
      cause,
      'STORAGE_UNAVAILABLE',
      'what happened could not be recorded',
    )
    this.#core.report('error', { error })
  }
}

function memberOf({ id, place }: OperationRow): { id: OperationRow['id']; place: number } {
  return { id, place }
}
