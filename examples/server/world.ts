/** All the state of one running server. Two servers in one process share nothing. */
import { Documents } from './documents.ts'
import { Faults } from './faults.ts'
import { KeyMemory } from './idempotency.ts'
import { Issuer } from './issuer.ts'
import { SigningKeys } from './keys.ts'
import { ServerLog } from './log.ts'
import type { ServerRequirement } from './owner.ts'
import { Refusals } from './refusals.ts'

export interface WorldOptions {
  readonly requirement: ServerRequirement
  readonly keyWindowMs: number
  readonly maxKeys: number
  readonly now: () => number
  /** Rejects when the server closes meanwhile. */
  readonly wait: (ms: number) => Promise<void>
}

export interface World {
  requirement: ServerRequirement
  latencyMs: number
  readonly now: () => number
  readonly wait: (ms: number) => Promise<void>
  readonly keys: SigningKeys
  readonly issuer: Issuer
  readonly refusals: Refusals
  readonly faults: Faults
  readonly memory: KeyMemory
  readonly documents: Documents
  readonly log: ServerLog
}

export async function createWorld(options: WorldOptions): Promise<World> {
  const { requirement, keyWindowMs, maxKeys, now, wait } = options
  const keys = await SigningKeys.create()
  return {
    requirement,
    latencyMs: 0,
    now,
    wait,
    keys,
    issuer: new Issuer(keys, now),
    refusals: new Refusals(),
    faults: new Faults(),
    memory: new KeyMemory(keyWindowMs, maxKeys, now),
    documents: new Documents(),
    log: new ServerLog(),
  }
}
