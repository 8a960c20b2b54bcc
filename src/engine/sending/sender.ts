/**
 * The attempts: chooses the envelope at the head of a lane, records it where it must be, and hands it
 * to be sent. One attempt per lane at a time; it begins with the lane machine's `attempt.requested` and
 * always ends with `attempt.ended`.
 */
import { blankEnvelope } from '../../../storage/blank-envelope.ts'
import type { EnvelopeRow, OperationRow } from '../../../storage/rows.ts'
import { HoldfastError } from '../../errors.ts'
import type { Built, Unreadable } from '../../operations/render-request.ts'
import { scrub } from '../../scrub/scrub.ts'
import type { Wallet } from '../tokens/wallet.ts'
import type { Answered } from '../boundary/boundary.ts'
import type { Core } from '../core.ts'
import { type Envelope, formEnvelope, MOST_MEMBERS } from './envelope.ts'
import { envelopeKey } from './envelope-key.ts'
import type { Requests } from './request.ts'
import { isBound as mustStayAsItWas } from './judge.ts'
import type { Holds } from '../holds/holds.ts'
import { type Lane, WINDOW_ROWS } from '../lanes/lane.ts'
import { windowLoaded } from '../lanes/loaded-window.ts'
import { READY, type Records, type Resolution } from '../stored/records.ts'
import type { LaneChanges } from './lane-changes.ts'
import { Upgrades } from './upgrades.ts'

/** So many rows must be in memory before a merging envelope is formed (Q4). */
const MERGE_ROWS = MOST_MEMBERS

export class Sender {
  readonly #core: Core
  readonly #wallet: Wallet
  readonly #holds: Holds
  readonly #changes: LaneChanges
  readonly #requests: Requests
  readonly #records: Records
  readonly #upgrades: Upgrades

  constructor(
    core: Core,
    wallet: Wallet,
    holds: Holds,
    changes: LaneChanges,
    requests: Requests,
    records: Records,
  ) {
    this.#core = core
    this.#wallet = wallet
    this.#holds = holds
    this.#changes = changes
    this.#requests = requests
    this.#records = records
    this.#upgrades = new Upgrades(core, changes)
  }

  /** The lane has a slot. */
  begin(lane: Lane): void {
    lane.attemptCount += 1
    this.#core.guarded(lane, () => this.#begin(lane))()
  }

  #begin(lane: Lane): void {
    const { head } = lane
    if (head === undefined || this.#needsMore(lane, head)) {
      this.#load(lane)
      return
    }
    if (this.#changes.mustWait(lane)) {
      this.#changes.end(lane)
      return
    }
    const expired = this.#expired(lane, head)
    if (expired !== undefined) {
      this.#changes.drop(lane, expired, 'expired', () => this.#goOn(lane))
      return
    }
    if (this.#isSuperseded(lane, head)) {
      this.#changes.drop(lane, head, 'superseded', () => this.#goOn(lane))
      return
    }
    if (this.#isTooOld(lane, head)) {
      this.#buryUnknown(lane, head)
      return
    }
    const { canUpgrade } = this.#core.kinds
    const rows = canUpgrade ? this.#candidates(lane) : []
    this.#upgrades.store(
      lane,
      rows,
      this.#step(lane, () => this.#resolve(lane)),
      this.#step(lane, () => this.#goOn(lane)),
    )
  }

  #resolve(lane: Lane): void {
    this.#resolveRecords(lane, (resolution) => {
      if (lane.user === null) this.#form(lane, resolution)
      else
        this.#wallet.whenStored(
          lane.user,
          this.#step(lane, () => this.#form(lane, resolution)),
        )
    })
  }

  /** Records the operations at the head need: are they there? (Q12) */
  #resolveRecords(lane: Lane, then: (resolution: Resolution) => void): void {
    const { order } = lane
    const failed = (error: Error) => this.#changes.unreadable(lane, error)
    const resolved = (resolution: Resolution) => {
      const { head } = lane
      if (lane.isChanging) {
        // What it says may be out of date: a retry brings lost records back (Q12).
        lane.whenUnchanged(this.#step(lane, () => this.#goOn(lane)))
        return
      }
      if (order !== lane.order || head === undefined) {
        this.#goOn(lane)
        return
      }
      const members = boundTo(lane, head)
      const record =
        members.map((row) => resolution.stateOf(row)).find(({ state }) => state !== 'ready') ??
        READY
      if (record.state === 'ready') {
        then(resolution)
      } else if (record.state === 'unreadable') {
        this.#buryUnknownUse(lane, members, resolution)
      } else if (record.state === 'awaited') {
        this.#records.await(lane, record.local)
        this.#changes.end(lane)
      } else {
        this.#changes.bury(lane, members, {
          reason: 'dependency-dead',
          excerpt: null,
          status: null,
          envelopeKey: lane.isOutcomeUnknown ? (lane.envelope?.key ?? null) : null,
          unknownSince: lane.unknownSince,
          dependsOn: record.locals,
        })
      }
    }
    const step = this.#step(lane, resolved)
    this.#records.resolve(lane, this.#candidates(lane), failed, step)
  }

  /** Q12: the engine never takes an exception for "no records". */
  #buryUnknownUse(lane: Lane, members: readonly OperationRow[], { stateOf }: Resolution): void {
    const unknown = members.map((row) => {
      const record = stateOf(row)
      return record.state === 'unreadable' ? record.use : null
    })
    const which = unknown.flatMap((use, index) => (use === null ? [] : [index]))
    const first = unknown.find((use) => use !== null)
    if (first === undefined || first === null) return
    const key = lane.envelope?.key ?? members[0]?.id ?? ''
    const { why, thrown } = first
    this.#buryUnreadable(lane, members, key, { state: 'unreadable', why, which, thrown })
  }

  /** Who may be sent together with the head. */
  #candidates(lane: Lane): readonly OperationRow[] {
    const isMerging = lane.head !== undefined && this.#isMerging(lane.head)
    return lane.rows.slice(0, isMerging || lane.envelope !== null ? MOST_MEMBERS : 1)
  }

  /** I8: another user owns the device by now. */
  #isSuperseded({ user, superseded }: Lane, head: OperationRow): boolean {
    if (superseded.has(head.id) || head.superseded === true) return true
    const current = this.#core.pilot.user
    return head.deviceScoped && user !== null && current !== null && current !== user
  }

  /** Q5: the server may have forgotten its key, so sending it again could do it twice. */
  #isTooOld(lane: Lane, head: OperationRow): boolean {
    const windowMs = this.#core.kinds.facts(head.kind)?.idempotencyWindowMs ?? null
    // Looked at before the first attempt too: how the clock is set from then on must be known.
    return windowMs !== null && this.#core.lifetimes.ageMs(lane.unknownSince) > windowMs
  }

  #buryUnknown(lane: Lane, head: OperationRow): void {
    this.#changes.bury(lane, boundTo(lane, head), {
      reason: 'outcome-unknown',
      excerpt: null,
      status: lane.envelope?.lastStatus ?? null,
      envelopeKey: lane.envelope?.key ?? null,
      unknownSince: lane.unknownSince,
    })
  }

  #needsMore(lane: Lane, head: OperationRow): boolean {
    // A recorded envelope may be of a kind that is not known any more (Q14).
    const least = this.#isMerging(head) ? MERGE_ROWS : (lane.envelope?.members.length ?? 0)
    return !lane.isWhole && lane.rows.length < least
  }

  #isMerging({ kind }: OperationRow): boolean {
    return this.#core.kinds.isMerging(kind)
  }

  /** A step of its own of the attempt (E3). */
  #step<Args extends readonly unknown[]>(
    lane: Lane,
    run: (...args: Args) => void,
  ): (...args: Args) => void {
    return this.#core.guarded(lane, run)
  }

  /** Another round of the same attempt, if the lane still has something and may send it. */
  #goOn(lane: Lane): void {
    if (lane.pending > 0 && this.#holds.isFree(lane)) this.#begin(lane)
    else this.#changes.end(lane)
  }

  #load(lane: Lane): void {
    const after = lane.rows.at(-1)?.place ?? Number.MIN_SAFE_INTEGER
    const { order } = lane
    const loaded = (answer: Answered<readonly OperationRow[]>) => {
      if (!answer.ok) {
        this.#changes.unreadable(lane, answer.error)
        return
      }
      if (order !== lane.order) {
        this.#goOn(lane)
        return
      }
      windowLoaded(this.#core, lane, answer.value)
      if (answer.value.length === 0) lane.pending = lane.rows.length
      this.#goOn(lane)
    }
    this.#core.store.window(lane.id, after, WINDOW_ROWS, this.#step(lane, loaded))
  }

  /** Who is past its time, of those that would be sent: the head, and who was sent with it before (Q8). */
  #expired(lane: Lane, head: OperationRow): OperationRow | undefined {
    if (this.#isExpired(lane, head)) return head
    const members = lane.envelope?.members ?? []
    if (members.length === 0) return undefined
    return lane.rows.find((row) => members.includes(row.place) && this.#isExpired(lane, row))
  }

  #isExpired(lane: Lane, row: OperationRow): boolean {
    return !lane.isOutcomeUnknown && this.#core.lifetimes.isOver(row)
  }

  #isOver(lane: Lane, row: OperationRow): boolean {
    return this.#isExpired(lane, row) || this.#isSuperseded(lane, row)
  }

  #form(lane: Lane, resolution: Resolution): void {
    if (lane.isChanging) {
      lane.whenUnchanged(this.#step(lane, () => this.#goOn(lane)))
      return
    }
    if (!this.#hasToken(lane)) {
      this.#changes.end(lane)
      return
    }
    // Who is not to be sent any more ends the run, and is dropped when it is the head (Q8, I8).
    const isReady = (row: OperationRow) =>
      resolution.stateOf(row).state === 'ready' && !this.#isOver(lane, row)
    const envelope = formEnvelope(lane, this.#core.kinds, isReady)
    const collectMs = envelope === null ? 0 : this.#collectMs(lane, envelope)
    if (envelope === null) {
      this.#goOn(lane)
    } else if (collectMs > 0) {
      this.#changes.collect(lane, collectMs)
    } else if (envelope.isRecorded || !this.#mustBeRecorded(lane, envelope)) {
      this.#build(lane, envelope, envelope.key ?? envelope.members[0].id, resolution)
    } else {
      this.#record(lane, envelope)
    }
  }

  /** How long the head of a merging kind still waits for neighbours: capped by the window, not restarted by it (Q4). */
  #collectMs(lane: Lane, { isMerging, isRecorded, members }: Envelope): number {
    const { batchWindowMs } = this.#core.settings
    if (batchWindowMs === 0 || !isMerging || isRecorded) return 0
    // Nothing more can join it.
    if (members.length >= MOST_MEMBERS || members.length < lane.pending) return 0
    const leftMs = members[0].enqueuedAt + batchWindowMs - this.#core.boundary.wall
    // Longer than the window: the clock jumped back, and would keep it waiting.
    return leftMs > batchWindowMs ? 0 : Math.max(0, leftMs)
  }

  /**
   * Tells the token machine that work is due, unless the token leaves nothing to decide; it parks the lane if
   * its user cannot send now (T9).
   */
  #hasToken(lane: Lane): boolean {
    const { pilot } = this.#core
    const { user } = lane
    if (user === null) return this.#holds.isFree(lane)
    if (this.#wallet.isFresh(user)) return this.#holds.isFree(lane)
    const demanded = pilot.requirement === 'required'
    pilot.token(user, { type: 'work.due', now: this.#wallet.now(), demanded })
    return this.#holds.isFree(lane) && (!demanded || this.#wallet.credential(user) !== null)
  }

  /**
   * Merging kinds (Q5); those whose server forgets keys: how long ago it was sent must be known; what has a
   * time of its own: after a crash it is dropped only if it was not sent (Q8); and what somebody may adopt
   * (I3): there it need not be the head, of which this is known anyway after a crash (Q10).
   */
  #mustBeRecorded(lane: Lane, { isMerging, members }: Envelope): boolean {
    const { kinds, settings } = this.#core
    const [{ kind, expiresAt }] = members
    if (expiresAt !== null) return true
    const isForgotten = (kinds.facts(kind)?.idempotencyWindowMs ?? null) !== null
    return isMerging || isForgotten || (lane.user === null && settings.anonymous === 'adopt')
  }

  /** An envelope of a merging kind, also of one, is durable before its first sending (Q5). */
  #record(lane: Lane, { members, isMerging }: Envelope): void {
    const { place, id } = members[0]
    const former = lane.envelopeAt(place) ?? blankEnvelope(lane.id, place)
    // Formed anew, it is as old as it was: the head's attempts are counted on (Q8).
    const isAttempted = former.attempts > former.unsentAttempts
    const firstAttemptAt = isAttempted ? former.firstAttemptAt : null
    const envelope: EnvelopeRow = {
      ...former,
      key: isMerging ? envelopeKey(members) : id,
      firstAttemptAt: firstAttemptAt ?? this.#core.boundary.wall,
      members: members.map((row) => row.place),
    }
    this.#changes.record(lane, envelope, () => {
      // Under this key it has not been sent, whatever the process before this one did.
      lane.mayHaveBeenSent = false
      this.#goOn(lane)
    })
  }

  #build(lane: Lane, { members }: Envelope, key: string, { lookupOf }: Resolution): void {
    const { order } = lane
    const made = (built: Built) => {
      if (lane.isChanging) {
        lane.whenUnchanged(this.#step(lane, () => this.#goOn(lane)))
        return
      }
      if (order !== lane.order) {
        this.#goOn(lane)
        return
      }
      switch (built.state) {
        case 'unreadable':
          this.#buryUnreadable(lane, members, key, built)
          return
        case 'nothing':
          this.#changes.complete(lane, members)
          return
        case 'request':
          // The code of the kind may have taken its time: what was known then is not enough (E6, Q8, I8).
          if (members.some((row) => this.#isOver(lane, row))) this.#goOn(lane)
          else if (this.#hasToken(lane)) this.#requests.send(lane, members, key, built.request)
          else this.#changes.end(lane)
      }
    }
    this.#core.kinds.build(members, lane.owner, lookupOf(members), this.#step(lane, made))
  }

  /**
   * Q6, Q14: a member that cannot be read is dead, and the others are formed anew, unless the server may have them
   * already. If only all of them together make no request, each is first tried alone (Q4).
   */
  #buryUnreadable(
    lane: Lane,
    members: readonly OperationRow[],
    key: string,
    { why, which, thrown }: Unreadable,
  ): void {
    if (thrown !== null) {
      const message = `the request of ${members[0]?.kind ?? ''} could not be made`
      const error = new HoldfastError('APP_CODE_FAILED', message, { cause: thrown })
      this.#core.report('error', { error })
    }
    const known = lane.envelope
    // After any outcome but a definite refusal it may only be sent again as it was (Q5).
    const isBound = known !== null && known.key === key && mustStayAsItWas(known)
    const dead = which.length === 0 ? members : members.filter((_, index) => which.includes(index))
    if (which.length === 0 && members.length > 1 && !isBound) {
      this.#changes.sendAlone(lane, members, known)
      return
    }
    this.#changes.bury(lane, isBound ? members : dead, {
      reason: 'unreadable',
      // The same body cannot be made any more: they die with it, and come back with it, under the same key.
      blameless: isBound ? members.filter((row) => !dead.includes(row)) : [],
      // The exception of a kind may quote the payload, or anything else.
      excerpt: scrub(why, { tokens: this.#wallet.knownTokens(lane.user) }),
      status: isBound ? known.lastStatus : null,
      envelopeKey: isBound ? key : null,
      unknownSince: isBound ? known.unknownSince : null,
    })
  }
}

/** The head, or the whole envelope that it cannot part from, because its outcome is unknown (Q5). */
function boundTo(lane: Lane, head: OperationRow): readonly OperationRow[] {
  const places = lane.isOutcomeUnknown ? (lane.envelope?.members ?? []) : []
  const members = lane.rows.filter((row) => places.includes(row.place))
  return members.length === 0 ? [head] : members
}
