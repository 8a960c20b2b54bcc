/** The consequences of a 401 to an operation (T3, T4, T9, I10). */
import type { Change } from '../../../storage/changes.ts'
import type { EnvelopeRow, OperationRow } from '../../../storage/rows.ts'
import type { Wallet } from '../tokens/wallet.ts'
import type { Context } from '../context.ts'
import type { Holds } from '../holds/holds.ts'
import type { Dispatcher } from '../dispatcher/dispatcher.ts'
import type { Lane } from '../lanes/lane.ts'
import type { Attempt } from './attempt.ts'
import type { Settlement } from './settle.ts'

export interface RefusalsParts {
  readonly context: Context
  readonly wallet: Wallet
  readonly holds: Holds
  readonly settlement: Settlement
  readonly dispatcher: Dispatcher
}

export class Refusals {
  readonly #context: Context
  readonly #parts: RefusalsParts

  constructor(parts: RefusalsParts) {
    this.#parts = parts
    this.#context = parts.context
  }

  /** 401: judged against the generation that was sent (T3, T4). */
  refused(lane: Lane, { credential, members }: Attempt): void {
    const { user } = lane
    if (credential === null || user === null) {
      this.#refusedUnsigned(lane, members)
      return
    }
    const { generation } = credential
    if (generation !== this.#parts.wallet.generation(user)) {
      this.#parts.settlement.end(lane)
      return
    }
    if (this.#parts.wallet.refusedEarly(user, generation)) {
      this.#refusedEarly(lane, members)
      return
    }
    lane.refusedCount += 1
    const mark: Change = { change: 'refuseToken', user, generation }
    const envelope = lane.envelopeAt(members[0]?.place ?? 0)
    const refused = envelope === null ? null : this.#afterRefusal(lane, envelope)
    const changes: Change[] =
      refused === null ? [mark] : [{ change: 'envelope', envelope: refused }, mark]
    this.#parts.settlement.store(lane, changes, {}, (answers) => {
      lane.mayHaveBeenSent = false
      if (refused !== null) {
        if (answers[0]?.applied === true) lane.recorded(refused)
        else lane.reordered(lane.pending)
      }
      if (answers.at(-1)?.applied === true) {
        this.#parts.wallet.refused(user, generation)
        this.#parts.settlement.end(lane)
      } else {
        // Another process has replaced the token, marked it as refused, or ended its session. Until that change has been
        // read, the lane could only send the same token once more.
        this.#parts.dispatcher.heardOfCommit(() => this.#parts.settlement.end(lane))
      }
    })
  }

  /** T9: the lane waits until the token becomes valid, and then sends once more. */
  #refusedEarly(lane: Lane, members: readonly OperationRow[]): void {
    const envelope = lane.envelopeAt(members[0]?.place ?? 0)
    lane.mayHaveBeenSent = false
    if (envelope === null) {
      this.#parts.settlement.end(lane)
      return
    }
    const refused = this.#afterRefusal(lane, envelope)
    this.#parts.settlement.refused(lane, refused, () => this.#parts.settlement.end(lane))
  }

  /** After a definite refusal the envelope may be formed anew, unless an earlier outcome is unknown (Q5). */
  #afterRefusal(lane: Lane, envelope: EnvelopeRow): EnvelopeRow {
    const { refusedCount } = lane
    const failure = { lastStatus: 401, lastCode: null, lastFailedAt: this.#context.boundary.wall }
    if (!lane.isOutcomeUnknown) {
      return { ...envelope, ...failure, refusedCount, key: null, members: [] }
    }
    return {
      ...envelope,
      ...failure,
      refusedCount,
      unknownSince: envelope.unknownSince ?? this.#context.boundary.wall,
    }
  }

  /** I10: no loss. The app must tell the requirement of the server, or bring a token. */
  #refusedUnsigned(lane: Lane, members: readonly OperationRow[]): void {
    const envelope = lane.envelopeAt(members[0]?.place ?? 0)
    lane.mayHaveBeenSent = false
    if (envelope === null) {
      this.#doubtRequirement(lane)
      return
    }
    const refused = this.#afterRefusal(lane, envelope)
    this.#parts.settlement.refused(lane, refused, () => this.#doubtRequirement(lane))
  }

  #doubtRequirement(lane: Lane): void {
    const { pilot } = this.#context
    if (lane.user === null) {
      // If the engine has learned by now that a token is required, there is no doubt.
      if (pilot.requirement !== 'required') {
        this.#parts.holds.setOnOwner(null, 'requirement-unknown', 'a 401 to an unsigned request')
      }
    } else {
      pilot.token(lane.user, { type: 'unsigned.refused' })
    }
    pilot.identity({ type: 'requirement.suspected' })
    this.#parts.settlement.end(lane)
  }
}
