/** A world as the invariants see it. */
import type { Requirement } from '../model.ts'
import type { RunRecord } from './invariants/run-record.ts'
import { scenarioKinds } from './scenario-kinds.ts'
import type { World } from './world.ts'

/** What the world around the engine is like, by what happened to it and what the app called. */
export interface Outside {
  readonly identity: string | null
  readonly requirement: Requirement
  readonly isOnline: boolean
  readonly isAwake: boolean
  readonly isPaused: boolean
}

interface Lists {
  readonly journal: readonly string[]
  readonly faults: readonly unknown[]
}

export function recordOf(world: World, { journal, faults }: Lists): RunRecord {
  const { recorder, server, time, tokens, sourceCalls } = world
  const { rows, lives, calls, acknowledged, turns, heard } = recorder
  return {
    kinds: new Map(scenarioKinds.map((kind) => [kind.kind, kind])),
    tokens,
    rows,
    lives,
    calls,
    acknowledged,
    turns,
    heard,
    sourceCalls,
    requests: server.requests,
    journal,
    faults,
    get settings() {
      return world.settings
    },
    get now() {
      return time.now
    },
    get wall() {
      return time.wall()
    },
    get identity() {
      return world.outside.identity
    },
    get requirement() {
      return world.outside.requirement
    },
    get isOnline() {
      return world.outside.isOnline
    },
    get isAwake() {
      return world.outside.isAwake
    },
    get isPaused() {
      return world.outside.isPaused
    },
    get status() {
      return world.holdfast.status()
    },
    get timerCount() {
      return world.timerCount
    },
    get listenerCount() {
      return world.listenerCount
    },
    get isQuiet() {
      return time.nextAt() === null
    },
    bytes: () => world.database.serialize(),
  }
}
