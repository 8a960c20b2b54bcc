/** A world as the invariants see it. */
import type { Database } from 'better-sqlite3'
import type { RunRecord } from './invariants/run-record.ts'
import type { World } from './world.ts'

interface Lists {
  /** The lines written so far, and the lines to come. */
  readonly journal: readonly string[]
  readonly faults: readonly unknown[]
}

export function recordOf(world: World, { journal, faults }: Lists): RunRecord {
  const { recorder, server, time, tokens, sources } = world
  const { rows, lives, calls, acknowledged, receipts, turns, heard, setAsides } = recorder
  const { subscriptions, lateListeners } = recorder
  return {
    get kinds() {
      return new Map(world.kinds.map((kind) => [kind.kind, kind]))
    },
    tokens,
    rows,
    lives,
    calls,
    acknowledged,
    receipts,
    subscriptions,
    lateListeners,
    turns,
    heard,
    setAsides,
    watches: world.config.watch ?? 'works',
    vault: vaultOf(world),
    sourceCalls: sources.calls,
    demandCalls: sources.demandCalls,
    requests: server.requests,
    journal,
    faults,
    get settings() {
      return world.acting.settings
    },
    get life() {
      return world.acting.lifeIndex
    },
    get now() {
      return time.now
    },
    get wall() {
      return time.wall()
    },
    get identity() {
      return world.acting.identity
    },
    get requirement() {
      return world.acting.requirement
    },
    get isOnline() {
      return world.isOnline
    },
    get isSaidToBeOnline() {
      return world.isSaidToBeOnline
    },
    get isAwake() {
      return world.isAwake
    },
    get isPaused() {
      return world.acting.isPaused
    },
    get status() {
      return world.acting.holdfast.status()
    },
    get isClosing() {
      return world.acting.isClosing
    },
    get timerCount() {
      return world.acting.timerCount
    },
    get checkCount() {
      return world.checkCount(world.acting.life)
    },
    get listenerCount() {
      return world.acting.listenerCount
    },
    get isQuiet() {
      return world.isQuiet
    },
    get isUnaware() {
      return world.isUnaware
    },
    bytes: () => world.disk.bytes(),
    idsInDatabase: () => idsIn(world.disk.look()),
    get isDamaged() {
      return world.disk.isDamaged
    },
    lost: recorder.lost,
    buried: recorder.buried,
  }
}

function vaultOf({ config: { vault } }: World): RunRecord['vault'] {
  if (typeof vault !== 'object') return 'works'
  return vault.unreadable === undefined ? 'unavailable' : 'unreadable'
}

function idsIn(database: Database): ReturnType<RunRecord['idsInDatabase']> {
  const ids = (table: string) =>
    database.prepare<[], string>(`SELECT id FROM holdfast_${table} ORDER BY id`).pluck().all()
  try {
    return { pending: ids('operations'), dead: ids('letters') }
  } finally {
    database.close()
  }
}
