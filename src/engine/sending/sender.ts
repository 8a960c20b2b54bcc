/**
 * The attempts: chooses the envelope at the head of a lane, records it where it must be, and hands it
 * to be sent. One attempt per lane at a time; it begins with the lane machine's `attempt.requested` and
 * always ends with `attempt.ended`.
 */
import { blankEnvelope } from '../../../storage/blank-envelope.ts'
import type { EnvelopeRow, OperationRow } from '../../../storage/storage.ts'
import { HoldfastError } from '../../errors.ts'
import type { Built, Unreadable } from '../../operations/render-request.ts'
import { scrub } from '../../scrub/scrub.ts'
import type { Wallet } from '../../tokens/wallet.ts'
import type { Answered } from '../boundary/boundary.ts'
import type { Core } from '../core.ts'
import { type Envelope, formEnvelope, MOST_MEMBERS } from './envelope.ts'
import { envelopeKey } from './envelope-key.ts'
import type { Exchange } from './exchange.ts'
import { isBound as mustStayAsItWas } from './judge.ts'
import type { Holds } from '../lanes/holds.ts'
import { type LaneLine, WINDOW_ROWS } from '../lanes/lane-line.ts'
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
  readonly #exchange: Exchange
  readonly #records: Records
  readonly #upgrades: Upgrades

  constructor(
    core: Core,
    wallet: Wallet,
    holds: Holds,
    changes: LaneChanges,
    exchange: Exchange,
    records: Records,
  ) {
    this.#core = core
    this.#wallet = wallet
    this.#holds = holds
    this.#changes = changes
    this.#exchange = exchange
    this.#records = records
    this.#upgrades = new Upgrades(core, changes)
  }

  /** The lane has a slot. */
  begin(line: LaneLine): void {
    line.attemptCount += 1
    this.#core.guarded(line, () => this.#begin(line))()
  }

  #begin(line: LaneLine): void {
    const { head } = line
    if (head === undefined || this.#needsMore(line, head)) {
      this.#load(line)
      return
    }
    if (this.#changes.mustWait(line)) {
      this.#changes.end(line)
      return
    }
    const expired = this.#expired(line, head)
    if (expired !== undefined) {
      this.#changes.drop(line, expired, 'expired', () => this.#goOn(line))
      return
    }
    if (this.#isSuperseded(line, head)) {
      this.#changes.drop(line, head, 'superseded', () => this.#goOn(line))
      return
    }
    if (this.#isTooOld(line, head)) {
      this.#buryUnknown(line, head)
      return
    }
    const { canUpgrade } = this.#core.kinds
    const rows = canUpgrade ? this.#candidates(line) : []
    this.#upgrades.store(
      line,
      rows,
      this.#step(line, () => this.#resolve(line)),
      this.#step(line, () => this.#goOn(line)),
    )
  }

  #resolve(line: LaneLine): void {
    this.#resolveRecords(line, (resolution) => {
      if (line.user === null) this.#form(line, resolution)
      else
        this.#wallet.whenStored(
          line.user,
          this.#step(line, () => this.#form(line, resolution)),
        )
    })
  }

  /** Records the operations at the head need: are they there? (Q12) */
  #resolveRecords(line: LaneLine, then: (resolution: Resolution) => void): void {
    const { order } = line
    const failed = (error: Error) => this.#changes.unreadable(line, error)
    const resolved = (resolution: Resolution) => {
      const { head } = line
      if (line.isChanging) {
        // What it says may be out of date: a retry brings lost records back (Q12).
        line.whenUnchanged(this.#step(line, () => this.#goOn(line)))
        return
      }
      if (order !== line.order || head === undefined) {
        this.#goOn(line)
        return
      }
      const members = boundTo(line, head)
      const record =
        members.map((row) => resolution.stateOf(row)).find(({ state }) => state !== 'ready') ??
        READY
      if (record.state === 'ready') {
        then(resolution)
      } else if (record.state === 'unreadable') {
        this.#buryUnknownUse(line, members, resolution)
      } else if (record.state === 'awaited') {
        this.#records.await(line, record.local)
        this.#changes.end(line)
      } else {
        this.#changes.bury(line, members, {
          reason: 'dependency-dead',
          excerpt: null,
          status: null,
          envelopeKey: line.isOutcomeUnknown ? (line.envelope?.key ?? null) : null,
          unknownSince: line.unknownSince,
          dependsOn: record.locals,
        })
      }
    }
    const step = this.#step(line, resolved)
    this.#records.resolve(line, this.#candidates(line), failed, step)
  }

  /** Q12: the engine never takes an exception for "no records". */
  #buryUnknownUse(line: LaneLine, members: readonly OperationRow[], { stateOf }: Resolution): void {
    const unknown = members.map((row) => {
      const record = stateOf(row)
      return record.state === 'unreadable' ? record.use : null
    })
    const which = unknown.flatMap((use, index) => (use === null ? [] : [index]))
    const first = unknown.find((use) => use !== null)
    if (first === undefined || first === null) return
    const key = line.envelope?.key ?? members[0]?.id ?? ''
    const { why, thrown } = first
    this.#buryUnreadable(line, members, key, { state: 'unreadable', why, which, thrown })
  }

  /** Who may be sent together with the head. */
  #candidates(line: LaneLine): readonly OperationRow[] {
    const isMerging = line.head !== undefined && this.#isMerging(line.head)
    return line.rows.slice(0, isMerging || line.envelope !== null ? MOST_MEMBERS : 1)
  }

  /** I8: another user owns the device by now. */
  #isSuperseded({ user, superseded }: LaneLine, head: OperationRow): boolean {
    if (superseded.has(head.id) || head.superseded === true) return true
    const current = this.#core.pilot.user
    return head.deviceScoped && user !== null && current !== null && current !== user
  }

  /** Q5: the server may have forgotten its key, so sending it again could do it twice. */
  #isTooOld(line: LaneLine, head: OperationRow): boolean {
    const windowMs = this.#core.kinds.facts(head.kind)?.idempotencyWindowMs ?? null
    // Looked at before the first attempt too: how the clock is set from then on must be known.
    return windowMs !== null && this.#core.lifetimes.ageMs(line.unknownSince) > windowMs
  }

  #buryUnknown(line: LaneLine, head: OperationRow): void {
    this.#changes.bury(line, boundTo(line, head), {
      reason: 'outcome-unknown',
      excerpt: null,
      status: line.envelope?.lastStatus ?? null,
      envelopeKey: line.envelope?.key ?? null,
      unknownSince: line.unknownSince,
    })
  }

  #needsMore(line: LaneLine, head: OperationRow): boolean {
    // A recorded envelope may be of a kind that is not known any more (Q14).
    const least = this.#isMerging(head) ? MERGE_ROWS : (line.envelope?.members.length ?? 0)
    return !line.isWhole && line.rows.length < least
  }

  #isMerging({ kind }: OperationRow): boolean {
    return this.#core.kinds.isMerging(kind)
  }

  /** A step of its own of the attempt (E3). */
  #step<Args extends readonly unknown[]>(
    line: LaneLine,
    run: (...args: Args) => void,
  ): (...args: Args) => void {
    return this.#core.guarded(line, run)
  }

  /** Another round of the same attempt, if the lane still has something and may send it. */
  #goOn(line: LaneLine): void {
    if (line.pending > 0 && this.#holds.isFree(line)) this.#begin(line)
    else this.#changes.end(line)
  }

  #load(line: LaneLine): void {
    const after = line.rows.at(-1)?.place ?? Number.MIN_SAFE_INTEGER
    const { order } = line
    const loaded = (answer: Answered<readonly OperationRow[]>) => {
      if (!answer.ok) {
        this.#changes.unreadable(line, answer.error)
        return
      }
      if (order !== line.order) {
        this.#goOn(line)
        return
      }
      windowLoaded(this.#core, line, answer.value)
      if (answer.value.length === 0) line.pending = line.rows.length
      this.#goOn(line)
    }
    this.#core.store.window(line.lane, after, WINDOW_ROWS, this.#step(line, loaded))
  }

  /** Who is past its time, of those that would be sent: the head, and who was sent with it before (Q8). */
  #expired(line: LaneLine, head: OperationRow): OperationRow | undefined {
    if (this.#isExpired(line, head)) return head
    const members = line.envelope?.members ?? []
    if (members.length === 0) return undefined
    return line.rows.find((row) => members.includes(row.place) && this.#isExpired(line, row))
  }

  #isExpired(line: LaneLine, row: OperationRow): boolean {
    return !line.isOutcomeUnknown && this.#core.lifetimes.isOver(row)
  }

  #isOver(line: LaneLine, row: OperationRow): boolean {
    return this.#isExpired(line, row) || this.#isSuperseded(line, row)
  }

  #form(line: LaneLine, resolution: Resolution): void {
    if (line.isChanging) {
      line.whenUnchanged(this.#step(line, () => this.#goOn(line)))
      return
    }
    if (!this.#hasToken(line)) {
      this.#changes.end(line)
      return
    }
    // Who is not to be sent any more ends the run, and is dropped when it is the head (Q8, I8).
    const isReady = (row: OperationRow) =>
      resolution.stateOf(row).state === 'ready' && !this.#isOver(line, row)
    const envelope = formEnvelope(line, this.#core.kinds, isReady)
    const collectMs = envelope === null ? 0 : this.#collectMs(line, envelope)
    if (envelope === null) {
      this.#goOn(line)
    } else if (collectMs > 0) {
      this.#changes.collect(line, collectMs)
    } else if (envelope.isRecorded || !this.#mustBeRecorded(line, envelope)) {
      this.#build(line, envelope, envelope.key ?? envelope.members[0].id, resolution)
    } else {
      this.#record(line, envelope)
    }
  }

  /** How long the head of a merging kind still waits for neighbours: capped by the window, not restarted by it (Q4). */
  #collectMs(line: LaneLine, { isMerging, isRecorded, members }: Envelope): number {
    const { batchWindowMs } = this.#core.settings
    if (batchWindowMs === 0 || !isMerging || isRecorded) return 0
    // Nothing more can join it.
    if (members.length >= MOST_MEMBERS || members.length < line.pending) return 0
    const leftMs = members[0].enqueuedAt + batchWindowMs - this.#core.boundary.wall
    // Longer than the window: the clock jumped back, and would keep it waiting.
    return leftMs > batchWindowMs ? 0 : Math.max(0, leftMs)
  }

  /**
   * Tells the token machine that work is due, unless the token leaves nothing to decide; it parks the lane if
   * its user cannot send now (T9).
   */
  #hasToken(line: LaneLine): boolean {
    const { pilot } = this.#core
    const { user } = line
    if (user === null) return pilot.isFree(line)
    if (this.#wallet.isFresh(user)) return pilot.isFree(line)
    const demanded = pilot.requirement === 'required'
    pilot.token(user, { type: 'work.due', now: this.#wallet.now(), demanded })
    return pilot.isFree(line) && (!demanded || this.#wallet.credential(user) !== null)
  }

  /**
   * Merging kinds (Q5); those whose server forgets keys: how long ago it was sent must be known; what has a
   * time of its own: after a crash it is dropped only if it was not sent (Q8); and what somebody may adopt
   * (I3): there it need not be the head, of which this is known anyway after a crash (Q10).
   */
  #mustBeRecorded(line: LaneLine, { isMerging, members }: Envelope): boolean {
    const { kinds, settings } = this.#core
    const [{ kind, expiresAt }] = members
    if (expiresAt !== null) return true
    const isForgotten = (kinds.facts(kind)?.idempotencyWindowMs ?? null) !== null
    return isMerging || isForgotten || (line.user === null && settings.anonymous === 'adopt')
  }

  /** An envelope of a merging kind, also of one, is durable before its first sending (Q5). */
  #record(line: LaneLine, { members, isMerging }: Envelope): void {
    const { place, id } = members[0]
    const former = line.envelopeAt(place) ?? blankEnvelope(line.lane, place)
    // Formed anew, it is as old as it was: the head's attempts are counted on (Q8).
    const isAttempted = former.attempts > former.unsentAttempts
    const firstAttemptAt = isAttempted ? former.firstAttemptAt : null
    const envelope: EnvelopeRow = {
      ...former,
      key: isMerging ? envelopeKey(members) : id,
      firstAttemptAt: firstAttemptAt ?? this.#core.boundary.wall,
      members: members.map((row) => row.place),
    }
    this.#changes.record(line, envelope, () => {
      // Under this key it has not been sent, whatever the process before this one did.
      line.mayHaveBeenSent = false
      this.#goOn(line)
    })
  }

  #build(line: LaneLine, { members }: Envelope, key: string, { lookupOf }: Resolution): void {
    const { order } = line
    const made = (built: Built) => {
      if (line.isChanging) {
        line.whenUnchanged(this.#step(line, () => this.#goOn(line)))
        return
      }
      if (order !== line.order) {
        this.#goOn(line)
        return
      }
      switch (built.state) {
        case 'unreadable':
          this.#buryUnreadable(line, members, key, built)
          return
        case 'nothing':
          this.#changes.complete(line, members)
          return
        case 'request':
          // The code of the kind may have taken its time: what was known then is not enough (E6, Q8, I8).
          if (members.some((row) => this.#isOver(line, row))) this.#goOn(line)
          else if (this.#hasToken(line)) this.#exchange.send(line, members, key, built.request)
          else this.#changes.end(line)
      }
    }
    this.#core.kinds.build(members, line.owner, lookupOf(members), this.#step(line, made))
  }

  /**
   * Q6, Q14: a member that cannot be read is dead, and the others are formed anew, unless the server may have them
   * already. If only all of them together make no request, each is first tried alone (Q4).
   */
  #buryUnreadable(
    line: LaneLine,
    members: readonly OperationRow[],
    key: string,
    { why, which, thrown }: Unreadable,
  ): void {
    if (thrown !== null) {
      const message = `the request of ${members[0]?.kind ?? ''} could not be made`
      const error = new HoldfastError('APP_CODE_FAILED', message, { cause: thrown })
      this.#core.report('error', { error })
    }
    const known = line.envelope
    // After any outcome but a definite refusal it may only be sent again as it was (Q5).
    const isBound = known !== null && known.key === key && mustStayAsItWas(known)
    const dead = which.length === 0 ? members : members.filter((_, index) => which.includes(index))
    if (which.length === 0 && members.length > 1 && !isBound) {
      this.#changes.sendAlone(line, members, known)
      return
    }
    this.#changes.bury(line, isBound ? members : dead, {
      reason: 'unreadable',
      // The same body cannot be made any more: they die with it, and come back with it, under the same key.
      blameless: isBound ? members.filter((row) => !dead.includes(row)) : [],
      // The exception of a kind may quote the payload, or anything else.
      excerpt: scrub(why, { tokens: this.#wallet.knownTokens(line.user) }),
      status: isBound ? known.lastStatus : null,
      envelopeKey: isBound ? key : null,
      unknownSince: isBound ? known.unknownSince : null,
    })
  }
}

/** The head, or the whole envelope that it cannot part from, because its outcome is unknown (Q5). */
function boundTo(line: LaneLine, head: OperationRow): readonly OperationRow[] {
  const places = line.isOutcomeUnknown ? (line.envelope?.members ?? []) : []
  const members = line.rows.filter((row) => places.includes(row.place))
  return members.length === 0 ? [head] : members
}
