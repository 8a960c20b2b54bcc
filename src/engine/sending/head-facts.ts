/** The facts of the head of a lane that `next-step.ts` asks for. */
import type { OperationRow } from '../../../storage/rows.ts'
import type { Context } from '../context.ts'
import type { BackoffWaits } from '../holds/backoff-waits.ts'
import type { Holds } from '../holds/holds.ts'
import type { Lane } from '../lanes/lane.ts'
import type { Wallet } from '../tokens/wallet.ts'
import { type Envelope, formEnvelope, MOST_MEMBERS } from './envelope.ts'
import type { HeadFacts, RequestFacts, TokenFacts } from './next-step.ts'

/** The rows that must be in memory before a merging envelope is formed (Q4): as many as it can have members. */
const MERGE_ROWS = MOST_MEMBERS

export interface KnownHeadParts {
  readonly context: Context
  readonly wallet: Wallet
  readonly holds: Holds
  readonly waits: BackoffWaits
}

export class KnownHead implements HeadFacts, TokenFacts, RequestFacts {
  readonly #context: Context
  readonly #wallet: Wallet
  readonly #holds: Holds
  readonly #waits: BackoffWaits

  constructor({ context, wallet, holds, waits }: KnownHeadParts) {
    this.#context = context
    this.#wallet = wallet
    this.#holds = holds
    this.#waits = waits
  }

  needsMore(lane: Lane, head: OperationRow): boolean {
    // The kind of a recorded envelope may have become unknown (Q14).
    const least = this.#isMerging(head) ? MERGE_ROWS : (lane.envelope?.members.length ?? 0)
    return !lane.isWhole && lane.rows.length < least
  }

  mustWait(lane: Lane): boolean {
    return this.#waits.mustWait(lane)
  }

  /** The head, or an operation that was sent with it before (Q8). */
  expired(lane: Lane, head: OperationRow): OperationRow | undefined {
    if (this.#isExpired(lane, head)) return head
    const members = lane.envelope?.members ?? []
    if (members.length === 0) return undefined
    return lane.rows.find((row) => members.includes(row.place) && this.#isExpired(lane, row))
  }

  isSuperseded({ user, superseded }: Lane, head: OperationRow): boolean {
    if (superseded.has(head.id) || head.superseded === true) return true
    const current = this.#context.pilot.user
    return head.deviceScoped && user !== null && current !== null && current !== user
  }

  isTooOld(lane: Lane, head: OperationRow): boolean {
    const windowMs = this.#context.kinds.facts(head.kind)?.idempotencyWindowMs ?? null
    // The age is asked before the first attempt too: every setting of the clock from then on must be known.
    return windowMs !== null && this.#context.lifetimes.ageMs(lane.unknownSince) > windowMs
  }

  /** Operations that may be sent together with the head. */
  candidates(lane: Lane): readonly OperationRow[] {
    const isMerging = lane.head !== undefined && this.#isMerging(lane.head)
    return lane.rows.slice(0, isMerging || lane.envelope !== null ? MOST_MEMBERS : 1)
  }

  /** The envelope at the head. An operation that `isReady` denies, or that is over, ends the run of its members. */
  envelope(lane: Lane, isReady: (row: OperationRow) => boolean): Envelope | null {
    return formEnvelope(lane, this.#context.kinds, (row) => isReady(row) && !this.isOver(lane, row))
  }

  /**
   * Tells the token machine that work is due, unless the token leaves nothing to decide; the machine parks the lane if its
   * user cannot send now (T9).
   */
  hasToken(lane: Lane): boolean {
    const { pilot } = this.#context
    const { user } = lane
    if (user === null) return this.#holds.isFree(lane)
    if (this.#wallet.isFresh(user)) return this.#holds.isFree(lane)
    const demanded = pilot.requirement === 'required'
    pilot.token(user, { type: 'work.due', now: this.#wallet.now(), demanded })
    return this.#holds.isFree(lane) && (!demanded || this.#wallet.credential(user) !== null)
  }

  /** The wait ends one window after the `enqueue()` of the head. No later operation restarts it (Q4). */
  collectMs(lane: Lane, { isMerging, isRecorded, members }: Envelope): number {
    const { batchWindowMs } = this.#context.settings
    if (batchWindowMs === 0 || !isMerging || isRecorded) return 0
    // No further operation can join the envelope.
    if (members.length >= MOST_MEMBERS || members.length < lane.pending) return 0
    const leftMs = members[0].enqueuedAt + batchWindowMs - this.#context.boundary.wall
    // A wait longer than the window means that the clock jumped back; the head would wait too long.
    return leftMs > batchWindowMs ? 0 : Math.max(0, leftMs)
  }

  /**
   * True for merging kinds (Q5). True for kinds whose server forgets keys, because the time of the sending must be known.
   * True for an operation with a time of its own: after a crash it is dropped only if it was not sent (Q8). True for an
   * operation that may be adopted (I3): it need not become the head of the next lane. Only of a head is it known without a
   * record, after a crash, that it may have been sent (Q10).
   */
  mustBeRecorded(lane: Lane, { isMerging, members }: Envelope): boolean {
    const { kinds, settings } = this.#context
    const [{ kind, expiresAt }] = members
    if (expiresAt !== null) return true
    const isForgotten = (kinds.facts(kind)?.idempotencyWindowMs ?? null) !== null
    return isMerging || isForgotten || (lane.user === null && settings.anonymous === 'adopt')
  }

  /** True if this operation must not be sent, or not be sent again. It is dropped when it is the head (Q8, I8). */
  isOver(lane: Lane, row: OperationRow): boolean {
    return this.#isExpired(lane, row) || this.isSuperseded(lane, row)
  }

  #isExpired(lane: Lane, row: OperationRow): boolean {
    return !lane.isOutcomeUnknown && this.#context.lifetimes.isOver(row)
  }

  #isMerging({ kind }: OperationRow): boolean {
    return this.#context.kinds.isMerging(kind)
  }
}
