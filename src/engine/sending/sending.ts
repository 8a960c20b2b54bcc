/** The parts that send, made in the order in which they need each other. */
import type { LaneId } from '../../model.ts'
import type { Wallet } from '../../tokens/wallet.ts'
import type { Core } from '../core.ts'
import type { Connectivity } from '../lanes/connectivity.ts'
import type { Holds } from '../lanes/holds.ts'
import type { BackoffWaits } from '../lanes/backoff-waits.ts'
import type { Records } from '../stored/records.ts'
import { Requests } from './request.ts'
import { Faults } from './faults.ts'
import { LaneChanges } from './lane-changes.ts'
import { Refusals } from './refusals.ts'
import { Sender } from './sender.ts'
import { ReplyHandler } from './reply.ts'

export interface SendingParts {
  readonly core: Core
  readonly wallet: Wallet
  readonly connectivity: Connectivity
  readonly holds: Holds
  readonly waits: BackoffWaits
  readonly records: Records
  /** Lanes whose attempt is under way. */
  readonly sending: () => readonly LaneId[]
}

export function makeSending(parts: SendingParts): {
  readonly faults: Faults
  readonly requests: Requests
  readonly sender: Sender
} {
  const { core, wallet, connectivity, holds, waits, records, sending } = parts
  const changes = new LaneChanges(core, connectivity, holds, waits, records)
  const refusals = new Refusals(core, wallet, holds, changes)
  const replyHandler = new ReplyHandler(core, wallet, connectivity, changes, refusals)
  const faults = new Faults(core, changes, sending)
  const requests = new Requests(core, wallet, changes, replyHandler)
  const sender = new Sender(core, wallet, holds, changes, requests, records)
  return { faults, requests, sender }
}
