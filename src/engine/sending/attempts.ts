/**
 * Runs an attempt from `begin` to the request that leaves. A lane has one attempt at a time; it begins with the command
 * `attempt.requested` and always ends with `attempt.ended`. This file does one step and asks `next-step.ts` for the next
 * step. If the rows of the lane change while a step is in progress, the attempt begins again.
 */
import { blankEnvelope } from '../../../storage/blank-envelope.ts'
import type { EnvelopeRow, OperationRow } from '../../../storage/rows.ts'
import { HoldfastError } from '../../errors.ts'
import type { Built, Unreadable } from '../../operations/render-request.ts'
import type { Answered } from '../boundary/boundary.ts'
import type { Context } from '../context.ts'
import type { Holds } from '../holds/holds.ts'
import { type Lane, WINDOW_ROWS } from '../lanes/lane.ts'
import { windowLoaded } from '../lanes/loaded-window.ts'
import type { Records, Resolution } from '../stored/records.ts'
import type { Wallet } from '../tokens/wallet.ts'
import { boundEnvelope, ofLostRecords, ofUnknownOutcome, ofUnreadable } from './deaths.ts'
import type { Envelope } from './envelope.ts'
import type { KnownHead } from './head-facts.ts'
import { idempotencyKeyOf } from './idempotency-key.ts'
import { stepAtHead, stepWithRecords, stepWithRequest, stepWithToken } from './next-step.ts'
import type { Requests } from './request.ts'
import type { Settlement } from './settle.ts'
import { Upgrades } from './upgrades.ts'

export interface AttemptsParts {
  readonly context: Context
  readonly wallet: Wallet
  readonly holds: Holds
  readonly records: Records
  readonly knownHead: KnownHead
  readonly settlement: Settlement
  readonly requests: Requests
}

export class Attempts {
  readonly #parts: AttemptsParts
  readonly #context: Context
  readonly #upgrades: Upgrades

  constructor(parts: AttemptsParts) {
    this.#parts = parts
    this.#context = parts.context
    this.#upgrades = new Upgrades({ context: parts.context, settlement: parts.settlement })
  }

  /** The lane has a slot. */
  begin(lane: Lane): void {
    lane.attemptCount += 1
    this.#context.guarded(lane, () => this.#atHead(lane))()
  }

  #atHead(lane: Lane): void {
    const { knownHead, settlement } = this.#parts
    const step = stepAtHead(lane, knownHead)
    switch (step.step) {
      case 'load':
        this.#load(lane)
        return
      case 'end':
        settlement.end(lane)
        return
      case 'drop':
        settlement.drop(lane, step.row, step.reason, () => this.#again(lane))
        return
      case 'buryUnknown':
        settlement.bury(lane, boundTo(lane, step.head), ofUnknownOutcome(lane))
        return
      case 'prepare':
        this.#upgrade(lane)
    }
  }

  /** Another round of the same attempt, if the lane still has operations and may send them. */
  #again(lane: Lane): void {
    const { holds, settlement } = this.#parts
    if (lane.pending > 0 && holds.isFree(lane)) this.#atHead(lane)
    else settlement.end(lane)
  }

  #load(lane: Lane): void {
    const after = lane.rows.at(-1)?.place ?? Number.MIN_SAFE_INTEGER
    const { order } = lane
    const loaded = (answer: Answered<readonly OperationRow[]>) => {
      if (!answer.ok) {
        this.#parts.settlement.unreadable(lane, answer.error)
        return
      }
      if (order === lane.order) {
        windowLoaded(this.#context, lane, answer.value)
        if (answer.value.length === 0) lane.pending = lane.rows.length
      }
      this.#again(lane)
    }
    this.#context.store.window(lane.id, after, WINDOW_ROWS, this.#context.guarded(lane, loaded))
  }

  #upgrade(lane: Lane): void {
    const { knownHead } = this.#parts
    const rows = this.#context.kinds.canUpgrade ? knownHead.candidates(lane) : []
    const { guarded } = this.#context
    this.#upgrades.store(
      lane,
      rows,
      guarded(lane, () => this.#lookUpRecords(lane)),
      guarded(lane, () => this.#again(lane)),
    )
  }

  /** The records that the operations at the head need (Q12). */
  #lookUpRecords(lane: Lane): void {
    const { knownHead, records, settlement } = this.#parts
    const failed = (error: Error) => settlement.unreadable(lane, error)
    // The answer may be out of date: a retry brings lost records back (Q12).
    const resolved = this.#ifUnchanged(lane, lane.order, (resolution: Resolution) =>
      this.#withRecords(lane, resolution),
    )
    records.resolve(lane, knownHead.candidates(lane), failed, resolved)
  }

  #withRecords(lane: Lane, resolution: Resolution): void {
    const { wallet, records, settlement } = this.#parts
    const { head, user } = lane
    if (head === undefined) {
      this.#again(lane)
      return
    }
    const members = boundTo(lane, head)
    const step = stepWithRecords(members.map(resolution.stateOf))
    switch (step.step) {
      case 'buryUnreadable':
        this.#buryUnknownUse(lane, members, resolution)
        return
      case 'awaitRecord':
        records.await(lane, step.local)
        settlement.end(lane)
        return
      case 'buryDependent':
        settlement.bury(lane, members, ofLostRecords(lane, step.locals))
        return
      case 'proceed':
        if (user === null) this.#withToken(lane, resolution)
        else {
          const stored = () => this.#withToken(lane, resolution)
          wallet.whenStored(user, this.#context.guarded(lane, stored))
        }
    }
  }

  /** No token of the user is on its way into storage. */
  #withToken(lane: Lane, resolution: Resolution): void {
    const { knownHead, settlement } = this.#parts
    if (lane.isChanging) {
      this.#againWhenUnchanged(lane)
      return
    }
    const isReady = (row: OperationRow) => resolution.stateOf(row).state === 'ready'
    const step = stepWithToken(lane, knownHead, () => knownHead.envelope(lane, isReady))
    switch (step.step) {
      case 'end':
        settlement.end(lane)
        return
      case 'again':
        this.#again(lane)
        return
      case 'collect':
        settlement.collect(lane, step.waitMs)
        return
      case 'record':
        this.#record(lane, step.envelope)
        return
      case 'build':
        this.#build(lane, step.envelope, resolution)
    }
  }

  /** An envelope of a merging kind, also of one operation, is durable before its first sending (Q5). */
  #record(lane: Lane, { members, isMerging }: Envelope): void {
    const { place } = members[0]
    const former = lane.envelopeAt(place) ?? blankEnvelope(lane.id, place)
    // An envelope that is formed anew keeps its age: the attempts of the head are counted on (Q8).
    const isAttempted = former.attempts > former.unsentAttempts
    const firstAttemptAt = isAttempted ? former.firstAttemptAt : null
    const envelope: EnvelopeRow = {
      ...former,
      key: idempotencyKeyOf(members, isMerging),
      firstAttemptAt: firstAttemptAt ?? this.#context.boundary.wall,
      members: members.map((row) => row.place),
    }
    this.#parts.settlement.record(lane, envelope, () => {
      // The envelope has not been sent under this key, even if the process before this one sent the head.
      lane.mayHaveBeenSent = false
      this.#again(lane)
    })
  }

  #build(lane: Lane, envelope: Envelope, { lookupOf }: Resolution): void {
    const { members } = envelope
    const key = envelope.key ?? idempotencyKeyOf(members, false)
    const built = this.#ifUnchanged(lane, lane.order, (made: Built) =>
      this.#withRequest(lane, members, key, made),
    )
    this.#context.kinds.build(members, lane.owner, lookupOf(members), built)
  }

  #withRequest(lane: Lane, members: Envelope['members'], key: string, built: Built): void {
    const { knownHead, requests, settlement } = this.#parts
    const step = stepWithRequest(lane, members, built, knownHead)
    switch (step.step) {
      case 'buryUnreadable':
        this.#buryUnreadable(lane, members, key, step.why)
        return
      case 'complete':
        settlement.complete(lane, members)
        return
      case 'again':
        this.#again(lane)
        return
      case 'end':
        settlement.end(lane)
        return
      case 'send':
        requests.send(lane, members, key, step.request)
    }
  }

  /** The engine never takes an exception for "no records" (Q12). */
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

  /**
   * A member that cannot be read is dead, and the others are formed anew, unless the server may have them already (Q6, Q14).
   * If only all of them together make no request, each is first tried alone (Q4).
   */
  #buryUnreadable(
    lane: Lane,
    members: readonly OperationRow[],
    key: string,
    { why, which, thrown }: Unreadable,
  ): void {
    const { wallet, settlement } = this.#parts
    if (thrown !== null) {
      const message = `the request of ${members[0]?.kind ?? ''} could not be made`
      const error = new HoldfastError('APP_CODE_FAILED', message, { cause: thrown })
      this.#context.report('error', { error })
    }
    const bound = boundEnvelope(lane, key)
    if (which.length === 0 && members.length > 1 && bound === null) {
      settlement.sendAlone(lane, members, lane.envelope)
      return
    }
    const dead = which.length === 0 ? members : members.filter((_, index) => which.includes(index))
    const tokens = wallet.knownTokens(lane.user)
    const death = ofUnreadable({ members, dead, bound, key, why, tokens })
    settlement.bury(lane, bound === null ? dead : members, death)
  }

  /** Wraps a later step of this attempt. If the rows of the lane have changed by then, the attempt begins again. */
  #ifUnchanged<T>(lane: Lane, order: number, then: (value: T) => void): (value: T) => void {
    return this.#context.guarded(lane, (value: T) => {
      if (lane.isChanging) this.#againWhenUnchanged(lane)
      else if (order === lane.order) then(value)
      else this.#again(lane)
    })
  }

  #againWhenUnchanged(lane: Lane): void {
    lane.whenUnchanged(this.#context.guarded(lane, () => this.#again(lane)))
  }
}

/** The head, or the whole envelope that it cannot part from, because its outcome is unknown (Q5). */
function boundTo(lane: Lane, head: OperationRow): readonly OperationRow[] {
  const places = lane.isOutcomeUnknown ? (lane.envelope?.members ?? []) : []
  const members = lane.rows.filter((row) => places.includes(row.place))
  return members.length === 0 ? [head] : members
}
