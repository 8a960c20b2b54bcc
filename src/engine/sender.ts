/**
 * The attempts: chooses the envelope at the head of a lane, records it where it must be, and hands it
 * to be sent. One attempt per lane at a time; it begins with the lane machine's `attempt.requested` and
 * always ends with `attempt.ended`.
 */
import type { EnvelopeRow, OperationRow } from '../../storage/storage.ts'
import type { Built } from '../operations/kinds.ts'
import type { Wallet } from '../tokens/wallet.ts'
import { nonce } from './chance.ts'
import type { Core } from './core.ts'
import { type Envelope, formEnvelope } from './envelope.ts'
import type { Exchange } from './exchange.ts'
import type { HoldBook } from './hold-book.ts'
import { type LaneLine, WINDOW_ROWS } from './lane-line.ts'
import type { Sequel } from './sequel.ts'

/** So many rows must be in memory before a merging envelope is formed (Q4). */
const MERGE_ROWS = 100

export class Sender {
  readonly #core: Core
  readonly #wallet: Wallet
  readonly #holds: HoldBook
  readonly #sequel: Sequel
  readonly #exchange: Exchange

  constructor(core: Core, wallet: Wallet, holds: HoldBook, sequel: Sequel, exchange: Exchange) {
    this.#core = core
    this.#wallet = wallet
    this.#holds = holds
    this.#sequel = sequel
    this.#exchange = exchange
  }

  /** The lane has a slot. */
  begin(line: LaneLine): void {
    const { head } = line
    if (head === undefined || this.#needsMore(line, head)) {
      this.#load(line)
      return
    }
    if (this.#isExpired(line, head)) {
      this.#sequel.expire(line, head, () => this.#goOn(line))
      return
    }
    if (line.user === null) {
      this.#form(line)
      return
    }
    this.#wallet.whenTaken(line.user, () => this.#form(line))
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
    this.#core.store.window(line.lane, after, WINDOW_ROWS, (answer) => {
      if (!answer.ok) {
        this.#sequel.unreadable(line, answer.error)
        return
      }
      line.loaded(answer.value)
      if (answer.value.length === 0) line.pending = line.rows.length
      this.#goOn(line)
    })
  }

  #isExpired(line: LaneLine, head: OperationRow): boolean {
    const { expiresAt } = head
    const isUnknown = line.envelope?.unknownSince !== null && line.envelope !== null
    return expiresAt !== null && expiresAt <= this.#core.boundary.wall && !isUnknown
  }

  #form(line: LaneLine): void {
    if (!this.#hasToken(line)) {
      this.#sequel.end(line)
      return
    }
    const envelope = formEnvelope(line, this.#core.kinds)
    if (envelope === null) {
      this.#goOn(line)
    } else if (envelope.isRecorded || !envelope.isMerging) {
      this.#build(line, envelope, envelope.key ?? envelope.members[0].id)
    } else {
      this.#record(line, envelope)
    }
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

  /** An envelope of a merging kind, also of one, is durable before its first sending (Q5). */
  #record(line: LaneLine, { members }: Envelope): void {
    const { place } = members[0]
    const envelope: EnvelopeRow = {
      ...(line.envelopeAt(place) ?? this.#sequel.blank(line, place)),
      key: nonce(this.#core),
      members: members.map((row) => row.place),
    }
    this.#sequel.record(line, envelope, () => this.#goOn(line))
  }

  #build(line: LaneLine, { members }: Envelope, key: string): void {
    this.#core.kinds.build(members, line.owner, (built: Built) => {
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
          if (this.#core.pilot.isFree(line)) this.#exchange.send(line, members, key, built.request)
          else this.#sequel.end(line)
      }
    })
  }
}
