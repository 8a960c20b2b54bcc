/**
 * The attempts: chooses the envelope at the head of a lane, records it where it must be, and hands it
 * to be sent. One attempt per lane at a time; it begins with the lane machine's `attempt.requested` and
 * always ends with `attempt.ended`.
 */
import { blankEnvelope } from '../../storage/blank-envelope.ts'
import type { EnvelopeRow, OperationRow } from '../../storage/storage.ts'
import type { Built } from '../operations/render-request.ts'
import type { Wallet } from '../tokens/wallet.ts'
import { nonce } from './chance.ts'
import type { Core } from './core.ts'
import { type Envelope, formEnvelope, MOST_MEMBERS } from './envelope.ts'
import type { Exchange } from './exchange.ts'
import type { HoldBook } from './hold-book.ts'
import { type LaneLine, WINDOW_ROWS } from './lane-line.ts'
import type { Records, Resolution } from './records.ts'
import type { Sequel } from './sequel.ts'

/** So many rows must be in memory before a merging envelope is formed (Q4). */
const MERGE_ROWS = MOST_MEMBERS

export class Sender {
  readonly #core: Core
  readonly #wallet: Wallet
  readonly #holds: HoldBook
  readonly #sequel: Sequel
  readonly #exchange: Exchange
  readonly #records: Records

  constructor(
    core: Core,
    wallet: Wallet,
    holds: HoldBook,
    sequel: Sequel,
    exchange: Exchange,
    records: Records,
  ) {
    this.#core = core
    this.#wallet = wallet
    this.#holds = holds
    this.#sequel = sequel
    this.#exchange = exchange
    this.#records = records
  }

  /** The lane has a slot. */
  begin(line: LaneLine): void {
    const { head } = line
    if (head === undefined || this.#needsMore(line, head)) {
      this.#load(line)
      return
    }
    if (this.#sequel.mustWait(line)) {
      this.#sequel.end(line)
      return
    }
    if (this.#isExpired(line, head)) {
      this.#sequel.drop(line, head, 'expired', () => this.#goOn(line))
      return
    }
    if (this.#isSuperseded(line, head)) {
      this.#sequel.drop(line, head, 'superseded', () => this.#goOn(line))
      return
    }
    if (this.#isTooOld(line, head)) {
      this.#buryUnknown(line, head)
      return
    }
    this.#resolveRecords(line, (resolution) => {
      if (line.user === null) this.#form(line, resolution)
      else this.#wallet.whenTaken(line.user, () => this.#form(line, resolution))
    })
  }

  /** Records the operations at the head need: are they there? (Q12) */
  #resolveRecords(line: LaneLine, then: (resolution: Resolution) => void): void {
    const { order } = line
    const failed = (error: Error) => this.#sequel.unreadable(line, error)
    this.#records.resolve(line, line.rows.slice(0, MOST_MEMBERS), failed, (resolution) => {
      const { head } = line
      if (order !== line.order || head === undefined) {
        this.#goOn(line)
        return
      }
      const record = resolution.stateOf(head)
      if (record.state === 'ready') {
        then(resolution)
      } else if (record.state === 'awaited') {
        this.#records.await(line, record.local)
        this.#sequel.end(line)
      } else {
        this.#sequel.bury(line, [head], {
          reason: 'dependency-dead',
          excerpt: null,
          status: null,
          envelopeKey: null,
          dependsOn: record.locals,
        })
      }
    })
  }

  /** I8: another user owns the device by now. */
  #isSuperseded({ user, superseded }: LaneLine, head: OperationRow): boolean {
    if (superseded.has(head.id)) return true
    const current = this.#core.pilot.user
    return head.deviceScoped && user !== null && current !== null && current !== user
  }

  /** Q5: the server may have forgotten its key, so sending it again could do it twice. */
  #isTooOld(line: LaneLine, head: OperationRow): boolean {
    const windowMs = this.#core.kinds.facts(head.kind)?.idempotencyWindowMs ?? null
    const since = line.unknownSince
    return windowMs !== null && since !== null && this.#core.boundary.wall - since > windowMs
  }

  #buryUnknown(line: LaneLine, head: OperationRow): void {
    const places = line.envelope?.members ?? []
    const members = line.rows.filter((row) => places.includes(row.place))
    this.#sequel.bury(line, members.length === 0 ? [head] : members, {
      reason: 'outcome-unknown',
      excerpt: null,
      status: line.envelope?.lastStatus ?? null,
      envelopeKey: line.envelope?.key ?? null,
      unknownSince: line.unknownSince,
    })
  }

  #needsMore(line: LaneLine, head: OperationRow): boolean {
    const group = this.#core.kinds.facts(head.kind)?.mergeGroup ?? null
    return group !== null && !line.isWhole && line.rows.length < MERGE_ROWS
  }

  /** Another round of the same attempt, if the lane still has something and may send it. */
  #goOn(line: LaneLine): void {
    if (line.pending > 0 && this.#holds.of(line).length === 0) this.begin(line)
    else this.#sequel.end(line)
  }

  #load(line: LaneLine): void {
    const after = line.rows.at(-1)?.place ?? Number.MIN_SAFE_INTEGER
    const { order } = line
    this.#core.store.window(line.lane, after, WINDOW_ROWS, (answer) => {
      if (!answer.ok) {
        this.#sequel.unreadable(line, answer.error)
        return
      }
      if (order !== line.order) {
        this.#goOn(line)
        return
      }
      line.loaded(answer.value)
      if (answer.value.length === 0) line.pending = line.rows.length
      this.#goOn(line)
    })
  }

  #isExpired(line: LaneLine, head: OperationRow): boolean {
    const { expiresAt } = head
    return expiresAt !== null && expiresAt <= this.#core.boundary.wall && !line.isOutcomeUnknown
  }

  #form(line: LaneLine, resolution: Resolution): void {
    if (line.isChanging) {
      line.whenUnchanged(() => this.#goOn(line))
      return
    }
    if (!this.#hasToken(line)) {
      this.#sequel.end(line)
      return
    }
    const isReady = (row: OperationRow) => resolution.stateOf(row).state === 'ready'
    const envelope = formEnvelope(line, this.#core.kinds, isReady)
    const collectMs = envelope === null ? 0 : this.#collectMs(line, envelope)
    if (envelope === null) {
      this.#goOn(line)
    } else if (collectMs > 0) {
      this.#sequel.collect(line, collectMs)
    } else if (envelope.isRecorded || !this.#mustBeRecorded(envelope)) {
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

  /** Tells the token machine that work is due; it parks the lane if its user cannot send now (T9). */
  #hasToken(line: LaneLine): boolean {
    const { pilot } = this.#core
    const { user } = line
    if (user === null) return pilot.isFree(line)
    const demanded = pilot.requirement === 'required'
    pilot.token(user, { type: 'work.due', now: this.#wallet.now(), demanded })
    return pilot.isFree(line) && (!demanded || this.#wallet.credential(user) !== null)
  }

  /** Merging kinds (Q5); and those whose server forgets keys: how long ago it was sent must be known. */
  #mustBeRecorded({ isMerging, members }: Envelope): boolean {
    const [{ kind }] = members
    return isMerging || (this.#core.kinds.facts(kind)?.idempotencyWindowMs ?? null) !== null
  }

  /** An envelope of a merging kind, also of one, is durable before its first sending (Q5). */
  #record(line: LaneLine, { members, isMerging }: Envelope): void {
    const { place, id } = members[0]
    const envelope: EnvelopeRow = {
      ...(line.envelopeAt(place) ?? blankEnvelope(line.lane, place)),
      key: isMerging ? nonce(this.#core) : id,
      firstAttemptAt: this.#core.boundary.wall,
      members: members.map((row) => row.place),
    }
    this.#sequel.record(line, envelope, () => {
      // Under this key it has not been sent, whatever the process before this one did.
      line.mayHaveBeenSent = false
      this.#goOn(line)
    })
  }

  #build(line: LaneLine, { members }: Envelope, key: string, { lookup }: Resolution): void {
    const { order } = line
    this.#core.kinds.build(members, line.owner, lookup, (built: Built) => {
      if (order !== line.order) {
        this.#goOn(line)
        return
      }
      switch (built.state) {
        case 'unreadable':
          this.#sequel.bury(line, members, {
            reason: 'unreadable',
            excerpt: built.why,
            status: null,
            envelopeKey: null,
          })
          return
        case 'nothing':
          this.#sequel.complete(line, members)
          return
        case 'request':
          if (line.isChanging) line.whenUnchanged(() => this.#goOn(line))
          else if (this.#core.pilot.isFree(line)) {
            this.#exchange.send(line, members, key, built.request)
          } else this.#sequel.end(line)
      }
    })
  }
}
