/** What follows from a 401 to an operation (T3, T4, T9, I10). */
import type { Change } from '../../../storage/changes.ts'
import type { EnvelopeRow, OperationRow } from '../../../storage/storage.ts'
import type { Wallet } from '../../tokens/wallet.ts'
import type { Core } from '../core.ts'
import type { Holds } from '../lanes/holds.ts'
import type { LaneLine } from '../lanes/lane-line.ts'
import type { Attempt } from './attempt.ts'
import type { LaneChanges } from './lane-changes.ts'

export class Refusals {
  readonly #core: Core
  readonly #wallet: Wallet
  readonly #holds: Holds
  readonly #changes: LaneChanges

  constructor(core: Core, wallet: Wallet, holds: Holds, changes: LaneChanges) {
    this.#core = core
    this.#wallet = wallet
    this.#holds = holds
    this.#changes = changes
  }

  /** 401: judged against the generation that was sent (T3, T4). */
  refused(line: LaneLine, { credential, members }: Attempt): void {
    const { user } = line
    if (credential === null || user === null) {
      this.#refusedUnsigned(line, members)
      return
    }
    const { generation } = credential
    if (generation !== this.#wallet.generation(user)) {
      this.#changes.end(line)
      return
    }
    if (this.#wallet.refusedEarly(user, generation)) {
      this.#refusedEarly(line, members)
      return
    }
    line.refusedCount += 1
    const mark: Change = { change: 'refuseToken', user, generation }
    const envelope = line.envelopeAt(members[0]?.place ?? 0)
    const refused = envelope === null ? null : this.#afterRefusal(line, envelope)
    const changes: Change[] =
      refused === null ? [mark] : [{ change: 'envelope', envelope: refused }, mark]
    this.#changes.store(line, changes, {}, (answers) => {
      line.mayHaveBeenSent = false
      if (refused !== null) {
        if (answers[0]?.applied === true) line.recorded(refused)
        else line.reordered(line.pending)
      }
      if (answers.at(-1)?.applied === true) {
        this.#wallet.refused(user, generation)
        this.#changes.end(line)
      } else {
        // Another process has replaced it, refused it or ended its session. Until that has been read, nothing
        // could be sent but the same token once more.
        this.#core.reread(() => this.#changes.end(line))
      }
    })
  }

  /** T9: the lane waits for the time of the token, and sends once more then. */
  #refusedEarly(line: LaneLine, members: readonly OperationRow[]): void {
    const envelope = line.envelopeAt(members[0]?.place ?? 0)
    line.mayHaveBeenSent = false
    if (envelope === null) {
      this.#changes.end(line)
      return
    }
    const refused = this.#afterRefusal(line, envelope)
    this.#changes.commit(line, [{ change: 'envelope', envelope: refused }], {}, () => {
      line.recorded(refused)
      this.#changes.end(line)
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
    this.#changes.commit(line, [{ change: 'envelope', envelope: refused }], {}, () => {
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
    this.#changes.end(line)
  }
}
