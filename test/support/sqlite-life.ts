/** A SQLite storage in the hands of a test: its turns end when the test says so. */
import { afterEach } from 'vitest'
import type { LaneId, UserId } from '../../src/model.ts'
import type { Answer, Change } from '../../storage/changes.ts'
import type { SqliteSettings } from '../../storage/sqlite/options.ts'
import { SqliteStorage } from '../../storage/sqlite/sqlite-storage.ts'
import type { System } from '../../storage/sqlite/system.ts'
import type { CommitOptions, OpenedState, StorageHost } from '../../storage/storage.ts'

const opened: SqliteStorage[] = []

afterEach(async () => {
  for (const storage of opened.splice(0)) await storage.close()
})

export const ALICE = 'alice' as UserId
export const ANONYMOUS_LANE = 0 as LaneId
export const NOW = 1_767_225_600_000

export class SqliteLife {
  readonly storage: SqliteStorage
  /** What the storage told when it was opened. */
  opened: OpenedState | null = null
  /** What the storage reads of the monotonic clock. */
  monotonicMs: () => number = () => 0
  readonly #turnEnds: (() => void)[] = []

  private constructor(options: SqliteSettings, system?: System) {
    this.storage = new SqliteStorage(options, system)
  }

  static async open(
    options: SqliteSettings,
    more: Pick<StorageHost, 'recordedKinds'> = {},
    system?: System,
  ): Promise<SqliteLife> {
    const life = new SqliteLife(options, system)
    opened.push(life.storage)
    life.opened = await life.storage.open({
      atTurnEnd: (run) => void life.#turnEnds.push(run),
      monotonic: () => life.monotonicMs(),
      wall: () => NOW,
      newFingerprintKey: 'fingerprint key',
      ...more,
    })
    return life
  }

  /** Ends one turn. Answers whether there was anything to do. */
  endTurn(): boolean {
    const due = this.#turnEnds.splice(0)
    for (const run of due) run()
    return due.length > 0
  }

  async commit(changes: readonly Change[], options?: CommitOptions): Promise<readonly Answer[]> {
    const committed = this.storage.commit(changes, options)
    this.endTurn()
    return committed
  }

  async pendingCount(lane: LaneId = ANONYMOUS_LANE): Promise<number> {
    return (await this.storage.window(lane, 0, 1_000_000)).length
  }
}

export function enqueueing(user: UserId | null, payload = '{}'): Change {
  return {
    change: 'enqueue',
    user,
    nonce: 'nonce',
    kind: 'note',
    version: 1,
    payload,
    enqueuedAt: NOW,
    expiresAt: null,
  }
}
