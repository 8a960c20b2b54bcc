/**
 * A run of the engine in this process that ends as by a power cut: its database and its WAL as they are
 * then, and, for all that the app was told and the server was sent, how far the WAL had been synced before it.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { createHoldfast, type Holdfast, HoldfastError, type Transport } from '../../src/index.ts'
import type { Dice } from '../../src/simulation/search/dice.ts'
import type { Answer, Change } from '../../storage/changes.ts'
import { SqliteStorage } from '../../storage/sqlite/sqlite-storage.ts'
import type { CommitOptions } from '../../storage/storage.ts'
import { bundle, note } from '../processes/kinds.ts'
import type { Bundled } from '../processes/protocol.ts'
import { type Arrived, arrivedOf } from './remembering-server.ts'
import { WalEnd, type WalPosition } from './wal-end.ts'

/** Something that cannot have happened before the WAL was synced up to there. */
export interface After<What> {
  readonly synced: WalPosition
  readonly what: What
}

export interface WalRun {
  readonly database: Buffer
  readonly wal: Buffer
  readonly end: WalPosition
  /** What is before it in the WAL is in the database as well, and cannot be lost any more. */
  readonly safeUntil: number
  readonly frameBytes: number
  readonly acknowledged: readonly After<Bundled>[]
  readonly applied: readonly After<Arrived>[]
  readonly cancelled: readonly After<string>[]
  /** All names that were given to `enqueue`, and to `cancel`. */
  readonly tried: ReadonlySet<string>
  readonly takenBack: ReadonlySet<string>
}

export const WAL_USERS = [null, 'alice', 'bob'] as const

/** SQLite checkpoints by itself when a WAL has so many frames. */
const AUTO_CHECKPOINT_FRAMES = 1000

export async function walRun(folder: string, dice: Dice): Promise<WalRun> {
  const run = new Run(join(folder, 'run.db'), dice)
  // What is in the database itself.
  await run.live(dice.between(0, 4), true)
  return run.live(dice.between(5, 60), false)
}

/** Tells, with each commit that is synced, how far the WAL is then. */
class WatchedStorage extends SqliteStorage {
  readonly #synced: () => void

  constructor(file: string, synced: () => void) {
    super({ file })
    this.#synced = synced
  }

  override async commit(
    changes: readonly Change[],
    options?: CommitOptions,
  ): Promise<readonly Answer[]> {
    const answers = await super.commit(changes, options)
    if (options?.synced ?? true) this.#synced()
    return answers
  }
}

class Run {
  readonly #file: string
  readonly #dice: Dice
  readonly #walEnd: WalEnd
  readonly #acknowledged: After<Bundled>[] = []
  readonly #applied: After<Arrived>[] = []
  readonly #cancelled: After<string>[] = []
  readonly #tried = new Set<string>()
  readonly #takenBack = new Set<string>()
  #synced: WalPosition = { round: 0, offset: 0 }
  #checkpointed: WalPosition = { round: 0, offset: 0 }

  constructor(file: string, dice: Dice) {
    this.#file = file
    this.#dice = dice
    this.#walEnd = new WalEnd(file)
  }

  async live(steps: number, isPaused: boolean): Promise<WalRun> {
    const holdfast = await createHoldfast({
      storage: new WatchedStorage(this.#file, () => {
        this.#synced = this.#walEnd.position()
      }),
      transport: this.#transport(),
      operations: [note, bundle],
      requirement: 'off',
      backoff: { baseMs: 1, capMs: 5 },
    })
    if (isPaused) holdfast.pause()
    for (let step = 0; step < steps; step += 1) await this.#step(holdfast)
    const taken = this.#take()
    await holdfast.close({ deadlineMs: 0 })
    return taken
  }

  async #step(holdfast: Holdfast): Promise<void> {
    const dice = this.#dice
    const act = dice.weighted<() => Promise<unknown>>([
      [12, () => this.#enqueue(holdfast)],
      [2, () => this.#cancel(holdfast)],
      [4, () => turnsEnd(dice.between(1, 40))],
      // The WAL is emptied.
      [0.3, () => holdfast.forget('carol')],
      // The WAL begins anew, over what it held.
      [0.5, async () => this.#checkpoint()],
    ])
    await act?.()
  }

  async #enqueue(holdfast: Holdfast): Promise<void> {
    const dice = this.#dice
    const user = dice.of(WAL_USERS)
    const changed = user === null ? holdfast.logout() : holdfast.login(user)
    const calls = Array.from({ length: dice.of([1, 1, 2, 6]) }, async () => {
      const text = `run-${this.#tried.size + 1} ${'x'.repeat(dice.of([0, 10, 500, 6000]))}`
      this.#tried.add(text.split(' ', 1)[0] ?? '')
      const { id } = await holdfast.enqueue(
        dice.of<typeof note | typeof bundle>([note, bundle])({ text }),
      )
      this.#acknowledged.push({ synced: this.#synced, what: { id, text } })
    })
    await Promise.all([changed, ...calls])
  }

  async #cancel(holdfast: Holdfast): Promise<void> {
    const { what } = this.#dice.any(this.#acknowledged) ?? {}
    const name = what?.text.split(' ', 1)[0]
    if (what === undefined || name === undefined) return
    this.#takenBack.add(name)
    try {
      await holdfast.cancel(what.id)
      this.#cancelled.push({ synced: this.#synced, what: name })
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error
      if (!this.#cancelled.some((one) => one.what === name)) this.#takenBack.delete(name)
    }
  }

  #checkpoint(): void {
    const database = new SqliteDatabase(this.#file)
    database.pragma('wal_checkpoint(RESTART)')
    database.close()
    this.#checkpointed = this.#walEnd.position()
  }

  /** Applies what comes, answers after a while, and sometimes never, or not even that. */
  #transport(): Transport {
    return {
      origin: 'https://server.invalid',
      send: async (request) => {
        const isLost = this.#dice.chance(0.05)
        if (!isLost) this.#applied.push({ synced: this.#synced, what: arrivedOf(request) })
        await turnsEnd(this.#dice.of([0, 1, 5, 30]))
        if (isLost || this.#dice.chance(0.05)) throw new Error('the connection broke')
        return { status: 200, headers: {}, body: '' }
      },
    }
  }

  #take(): WalRun {
    const end = this.#walEnd.position()
    const isOfThisRound = this.#checkpointed.round === end.round
    const isCheckpointed = end.offset >= AUTO_CHECKPOINT_FRAMES * this.#walEnd.frameBytes
    const safeUntil = isOfThisRound ? this.#checkpointed.offset : 0
    return {
      database: readFileSync(this.#file),
      wal: readFileSync(`${this.#file}-wal`),
      end,
      safeUntil: isCheckpointed ? end.offset : safeUntil,
      frameBytes: this.#walEnd.frameBytes,
      acknowledged: [...this.#acknowledged],
      applied: [...this.#applied],
      cancelled: [...this.#cancelled],
      tried: new Set(this.#tried),
      takenBack: new Set(this.#takenBack),
    }
  }
}

async function turnsEnd(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve))
  }
}
