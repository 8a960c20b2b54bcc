/**
 * The channel of Node's `diagnostics_channel` that tells of each settlement: an operation has reached its end. It is told
 * after the commit that made it true, in the process that made it, beside the event of the same meaning.
 */
import { channel } from 'node:diagnostics_channel'
import type { EventName, HoldfastEvents } from '../events.ts'
import type { DeadReason, DropReason, OperationId, UserId } from '../model.ts'

/** The message of `holdfast:settlement`. Frozen. */
export interface SettlementMessage {
  readonly id: OperationId
  /** The owner; null: the anonymous identity. */
  readonly user: UserId | null
  readonly kind: string
  readonly outcome: 'completed' | 'dropped' | 'cancelled' | 'dead'
  /** Why it was dropped, or is dead; null: it was completed or cancelled. */
  readonly reason: DropReason | DeadReason | null
  /** The status of the reply that made it a dead letter; null: there was none, or it is no dead letter. */
  readonly status: number | null
}

const settlementChannel = channel('holdfast:settlement')

const OUTCOMES: Readonly<Partial<Record<EventName, SettlementMessage['outcome']>>> = {
  'operation.completed': 'completed',
  'operation.dropped': 'dropped',
  'operation.cancelled': 'cancelled',
  'operation.dead': 'dead',
}

/** Publishes the event if it is a settlement, and if something is subscribed. */
export function publishSettlement<Name extends EventName>(
  name: Name,
  detail: HoldfastEvents[Name],
): void {
  if (!settlementChannel.hasSubscribers) return
  const outcome = OUTCOMES[name]
  if (outcome === undefined) return
  const { id, user, kind, reason, status } = detail as Omit<SettlementMessage, 'outcome'> &
    Partial<SettlementMessage>
  settlementChannel.publish(
    Object.freeze<SettlementMessage>({
      id,
      user,
      kind,
      outcome,
      reason: reason ?? null,
      status: status ?? null,
    }),
  )
}
