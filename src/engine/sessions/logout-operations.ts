/**
 * The operations that the kinds add for a leaving user (`onLogout`, I7). They are put in the user's lane before the
 * switch, and behind the operations that the logout drops. The session ends when they are sent.
 */
import type { EnqueueChange } from '../../../storage/changes.ts'
import { asHoldfastError } from '../../errors.ts'
import type { UserId } from '../../model.ts'
import type { Wallet } from '../tokens/wallet.ts'
import { nonce } from '../random-draws.ts'
import type { Context } from '../context.ts'
import { admitAtOnce } from '../intake/admission.ts'
import { arrive } from '../intake/arrive.ts'
import { draftRow } from '../intake/draft-row.ts'
import type { DiscardedLanes } from './discarded-lanes.ts'
import type { IdentityStore } from './identity-store.ts'
import type { DropLane } from './drop-lane.ts'

export interface LogoutOperationsParts {
  readonly context: Context
  readonly wallet: Wallet
  readonly store: IdentityStore
  readonly discardedLanes: DiscardedLanes
  readonly dropLane: DropLane
}

export class LogoutOperations {
  readonly #context: Context
  readonly #parts: LogoutOperationsParts
  /** The users whose logout discards the lane and adds operations, until these operations are in the lane. */
  readonly #owed = new Map<UserId, 'owed' | 'storing'>()

  constructor(parts: LogoutOperationsParts) {
    this.#parts = parts
    this.#context = parts.context
  }

  of(user: UserId): readonly EnqueueChange[] {
    const { kinds } = this.#context
    const operations: EnqueueChange[] = []
    for (const { kind, hasOnLogout } of kinds.all()) {
      const payload = hasOnLogout ? kinds.onLogout(kind, { user }) : null
      if (payload === null) continue
      const admission = admitAtOnce(this.#context, { kind, payload })
      if (!admission.ok) {
        this.#reportRefused(kind, admission.refusal)
        continue
      }
      const row = draftRow(this.#context, { kind, ...admission.admitted, expiresInMs: null })
      operations.push({ change: 'enqueue', user, nonce: nonce(this.#context), ...row })
    }
    return operations
  }

  /** The logout goes on without an operation that cannot be stored. */
  #reportRefused(kind: string, refusal: Error): void {
    const message = `what onLogout of ${kind} answered cannot be stored`
    const error = asHoldfastError(refusal, 'APP_CODE_FAILED', message)
    this.#context.report('error', { error })
  }

  /** True if operations must still be added behind the dropped ones. */
  isOwed(user: UserId): boolean {
    return this.#owed.has(user)
  }

  isStoring(user: UserId): boolean {
    return this.#owed.get(user) === 'storing'
  }

  /** The user has come back: nothing is dropped for the logout from now on. */
  comeBack(user: UserId): void {
    this.#owed.delete(user)
  }

  /** The lane is dropped, and `operations` are put behind the dropped ones. */
  putAfterPurge(user: UserId, operations: readonly EnqueueChange[], then: () => void): void {
    const { lanes, boundary } = this.#context
    this.#parts.wallet.setLeaving(user, true)
    this.#parts.discardedLanes.begin(user)
    this.#owed.set(user, 'owed')
    const enqueue = () => {
      if (this.#owed.has(user)) this.#owed.set(user, 'storing')
      this.put(user, operations, then)
    }
    const begin = () => {
      const lane = lanes.ofUser(user)
      // A user that has come back by now keeps their operations.
      const isOver = !this.#parts.wallet.isDiscarding(user)
      if (isOver || lane === undefined || lane.pending === 0) enqueue()
      else this.#parts.dropLane.drop(lane, 'logout', enqueue)
    }
    lanes.whenNoneUnstored(user, () => boundary.lastly(begin))
  }

  /** Another process drops the operations that are in the lane up to this point (Q17). */
  putBehindMark(user: UserId, operations: readonly EnqueueChange[], then: () => void): void {
    this.#parts.wallet.setLeaving(user, true)
    this.#parts.discardedLanes.begin(user)
    this.#owed.set(user, 'storing')
    this.put(user, operations, then)
  }

  put(user: UserId, operations: readonly EnqueueChange[], then: () => void): void {
    const { lanes } = this.#context
    const { deviceEpoch } = lanes
    for (const _ of operations) lanes.countUnstored(user, 1)
    this.#parts.store.commitAtLast(
      // The present operations are marked first, so that the added operations lie behind the mark.
      () => [
        this.#parts.discardedLanes.change(user),
        ...operations,
        this.#parts.store.identity(),
        this.#parts.store.leave(user),
      ],
      ([, ...answers]) => {
        this.#parts.wallet.leavingStored(user)
        // Not if another logout of the user has begun since.
        const isDiscarding = this.isStoring(user)
        if (isDiscarding) {
          this.#owed.delete(user)
          this.#parts.wallet.setDiscarding(user, false)
        }
        for (const [index, change] of operations.entries()) {
          lanes.countUnstored(user, -1)
          const answer = answers[index]
          const put = answer?.applied === true ? answer.affected[0] : undefined
          if (put === undefined) continue
          const { creates = [], deviceScoped = false, ...row } = change
          const { id, lane: laneId, place } = put
          const lane = lanes.make({ lane: laneId, user, pending: 0, letters: 0, soloThrough: 0 })
          if (isDiscarding && index === 0) lane.discardThrough = place - 1
          arrive(
            this.#context,
            user,
            { ...row, creates, deviceScoped, id, lane: laneId, place },
            deviceEpoch,
          )
        }
        then()
      },
    )
  }
}
