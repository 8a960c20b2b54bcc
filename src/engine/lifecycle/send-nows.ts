/**
 * `sendNow()`: ends the waits after failed attempts, and hears what the next attempt of each of these lanes came to (Q7).
 * A lane that still cannot send, or only after another wait, is not waited for.
 */
import type { LaneId, OperationId, Outcome, UserId } from '../../model.ts'
import { alarmOf } from '../alarms.ts'
import type { Settle } from '../boundary/boundary.ts'
import type { Context } from '../context.ts'
import type { Dispatcher } from '../dispatcher/dispatcher.ts'
import type { BackoffWaits } from '../holds/backoff-waits.ts'
import type { Lane } from '../lanes/lane.ts'
import type { Attempted } from '../lanes/lane-events.ts'
import type { Resumed } from '../part.ts'
import type { LaneMovement } from './lane-movement.ts'

/** What an attempt came to that `sendNow()` has started. */
export interface AttemptSummary {
  /** The owner; null: the anonymous identity. */
  readonly user: UserId | null
  /** The operations of the envelope, in their order. */
  readonly operations: readonly OperationId[]
  /**
   * Null: the attempt has no outcome, because a captive portal answered, the operations were erased (`forget()`), or the
   * engine was closed.
   */
  readonly outcome: Outcome | null
  /** The status of the reply; null: there was no reply. */
  readonly status: number | null
  /** The system's name of the failure, such as `ECONNREFUSED` or `TIMEOUT`; null: there was a reply, or it has no name. */
  readonly code: string | null
}

export interface SendNowArgs {
  /** The owner whose waits end; null: every owner. */
  readonly owner: { readonly user: UserId | null } | null
  readonly deadlineMs: number
}

export interface SendNowsParts {
  readonly context: Context
  readonly waits: BackoffWaits
  readonly dispatcher: Dispatcher
  readonly movement: LaneMovement
}

interface SendNow {
  readonly alarm: string
  readonly settle: Settle<readonly AttemptSummary[]>
  /** Lanes whose next attempt has not ended. */
  readonly awaited: Set<LaneId>
  readonly attempts: AttemptSummary[]
}

/** The calls in the summary of a journal. The number of all calls is part of the name of their alarms. */
export interface SavedSendNows {
  readonly count: number
  readonly open: readonly {
    readonly call: number
    readonly alarm: string
    readonly awaited: readonly LaneId[]
    readonly attempts: readonly AttemptSummary[]
  }[]
}

export class SendNows {
  readonly #parts: SendNowsParts
  readonly #open = new Set<SendNow>()
  #count = 0

  constructor(parts: SendNowsParts) {
    this.#parts = parts
  }

  begin({ owner, deadlineMs }: SendNowArgs, settle: Settle<readonly AttemptSummary[]>): void {
    const { context, waits, dispatcher } = this.#parts
    // This process may take over.
    dispatcher.used()
    const alarm = alarmOf('send-now', ++this.#count)
    const lanes = waits.sendNow(owner === null ? undefined : owner.user)
    const awaited = new Set(lanes.map(({ id }) => id))
    const sendNow: SendNow = { alarm, settle, awaited, attempts: [] }
    this.#open.add(sendNow)
    context.boundary.arm(alarm, deadlineMs, () => this.#end(sendNow))
    context.boundary.lastly(this.check)
  }

  /** An attempt with a request is over. */
  readonly attempted = ({ lane, attempt }: Attempted): void => {
    for (const { awaited, attempts } of this.#open) {
      if (awaited.delete(lane.id)) attempts.push(summaryOf(lane, attempt))
    }
    if (this.#open.size > 0) this.#parts.context.boundary.lastly(this.check)
  }

  /** Something has changed: ends the calls that wait for no attempt any more. */
  readonly check = (): void => {
    for (const sendNow of this.#open) {
      for (const id of sendNow.awaited) if (!this.#isAboutToSend(id)) sendNow.awaited.delete(id)
      if (sendNow.awaited.size === 0) this.#end(sendNow)
    }
  }

  /** The engine is closing. */
  stop(): void {
    for (const sendNow of this.#open) this.#end(sendNow)
  }

  save(): SavedSendNows {
    const open = Array.from(this.#open, ({ settle, alarm, awaited, attempts }) => ({
      call: settle.call ?? 0,
      alarm,
      awaited: [...awaited],
      attempts,
    }))
    return { count: this.#count, open }
  }

  savedCalls(): readonly number[] {
    return this.save().open.map(({ call }) => call)
  }

  restore(saved: SavedSendNows | undefined, { settleOf }: Resumed): void {
    // A journal of an earlier version has none.
    this.#count = saved?.count ?? 0
    for (const { call, alarm, awaited, attempts } of saved?.open ?? []) {
      const sendNow = {
        alarm,
        settle: settleOf(call),
        awaited: new Set(awaited),
        attempts: [...attempts],
      }
      this.#open.add(sendNow)
      this.#parts.context.boundary.rearm(alarm, () => this.#end(sendNow))
    }
  }

  #isAboutToSend(id: LaneId): boolean {
    const lane = this.#parts.context.lanes.get(id)
    return lane !== undefined && lane.pending > 0 && this.#parts.movement.isAboutToSend(lane)
  }

  #end(sendNow: SendNow): void {
    this.#open.delete(sendNow)
    this.#parts.context.boundary.disarm(sendNow.alarm)
    sendNow.settle.resolve(sendNow.attempts)
  }
}

function summaryOf({ user }: Lane, { members, watch }: Attempted['attempt']): AttemptSummary {
  const { outcome, status, failure } = watch.end
  return {
    user,
    operations: members.map(({ id }) => id),
    outcome,
    status,
    code: failure?.code ?? null,
  }
}
