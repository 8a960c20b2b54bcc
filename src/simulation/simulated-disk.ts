/**
 * The database file of a simulated machine: real SQLite, in memory. Processes that share it have the
 * lock, hear of each other's commits, and die in the middle of one, as on a real machine; and the disk
 * fails when it is told to.
 */
import SqliteDatabase, { type Database } from 'better-sqlite3'
import type { Answer, Change } from '../../storage/changes.ts'
import { CommitWatch } from '../../storage/sqlite/commit-watch.ts'
import { SqliteStorage } from '../../storage/sqlite/sqlite-storage.ts'
import { StorageError } from '../../storage/storage-error.ts'
import type {
  CommitOptions,
  Fate,
  OpenedState,
  RecordedKinds,
  SalvageReport,
  Storage,
  StorageHost,
  WatchLoss,
} from '../../storage/storage.ts'
import type { Instant } from '../model.ts'
import { CommitCounts } from './commit-counts.ts'
import type { DatabaseFiles } from './database-files.ts'
import {
  beginDamage,
  contents,
  type Damage,
  damagedCopy,
  type DamagedRows,
  PAGE_BYTES,
  salvageInMemory,
  type Salvaged,
  type Spot,
} from './disk-damage.ts'
import type { ProcessFiles } from './process-files.ts'
import type { SeenTurn } from './seen.ts'
import type { Life } from './virtual-time.ts'

/** How commits fail: then nothing of them is there. What is there and not answered, only a death leaves. */
export type DiskFault = 'busy' | 'full' | 'read-only'

/** What a salvage has left behind, until the next opening tells of it. */
const ASIDE = 'the damaged disk'

/** When a process dies: instead of its next commit, or as soon as that is done. */
export type DeathAt = 'before-commit' | 'after-commit'

/** How the app ends a transaction of its own. */
export type TransactionEnd = 'commit' | 'rollback'

/** What a process that lives on a disk is told of, and asks for. */
export interface Inhabitant {
  readonly life: Life
  /** It has just died. */
  readonly died: (at: DeathAt) => void
  /** What it has committed is in the tables now. */
  readonly committed: () => void
  /** What it has found in the tables when it opened them, and once more when it has got the right to dispatch. */
  readonly found: (stored: OpenedState) => void
}

export class SimulatedDisk {
  #database: Database = new SqliteDatabase(':memory:')
  #damage: Damage | null = null
  /** What the next opening tells; null: nothing. */
  #untold: SalvageReport | null = null
  #holder: Life | null = null
  /** The files of the database: none of its rows is in them. */
  readonly files: DatabaseFiles
  readonly commits = new CommitCounts()
  readonly told: (turn: SeenTurn['turn']) => void
  readonly #deaths = new Map<Life, DeathAt>()
  #fault: DiskFault | null = null
  #faultsLeft = 0
  #isLimited = false

  /**
   * `told` hears of every commit that fails, and of every one that another process notices only by a look. `mayBeDamaged`:
   * then a page holds few rows.
   */
  constructor(files: DatabaseFiles, told: (turn: SeenTurn['turn']) => void, mayBeDamaged: boolean) {
    this.files = files
    this.told = told
    if (mayBeDamaged) this.#database.pragma(`page_size = ${PAGE_BYTES}`)
  }

  get isDamaged(): boolean {
    return this.#damage !== null
  }

  /** Everything that was committed, over a connection of its own; to be closed. */
  look(): Database {
    return new SqliteDatabase(this.bytes())
  }

  bytes(): Buffer {
    return contents(this.#database, this.#damage)
  }

  /** From now on a page of this table is damaged, until a salvage. */
  damage(rows: DamagedRows, page: number): void {
    this.#damage ??= beginDamage(this.#database, rows, page)
  }

  /** Puts a new database in the place of the damaged one, where there is one. No process lives on it. */
  salvage(spots: readonly Spot[], recordedKinds: RecordedKinds, at: Instant): Salvaged | null {
    if (this.#damage === null) return null
    const source = damagedCopy(this.#database, this.#damage)
    const salvaged = salvageInMemory(source, spots, recordedKinds, at)
    source.close()
    this.#damage = null
    this.#database = salvaged.database
    limitPages(this.#database, this.#isLimited)
    this.#untold = salvaged.report
    return salvaged
  }

  /** What is to be told at an opening, once. */
  takeNews(): Pick<OpenedState, 'setAside' | 'salvaged'> {
    const salvaged = this.#untold
    this.#untold = null
    return salvaged === null ? {} : { setAside: ASIDE, salvaged }
  }

  get database(): Database {
    return this.#database
  }

  /** The process that dispatches; null: none. */
  get holder(): Life | null {
    return this.#holder?.isAlive === true ? this.#holder : null
  }

  storage(inhabitant: Inhabitant): SqliteStorage {
    return new InhabitedStorage(this, this.#database, inhabitant)
  }

  /** The machine holds nothing else any more: what is read from here on is what was on the disk. */
  remount(): void {
    if (this.#damage !== null) return
    this.#database = new SqliteDatabase(this.#database.serialize())
    limitPages(this.#database, this.#isLimited)
  }

  /** From now on the database cannot grow; or it can again. */
  limitRoom(isLimited: boolean): void {
    this.#isLimited = isLimited
    limitPages(this.#database, isLimited)
  }

  /** So many of the next commits fail, of whichever process. */
  fail(fault: DiskFault | null, times: number): void {
    this.#fault = fault
    this.#faultsLeft = times
  }

  dieAt(life: Life, at: DeathAt): void {
    this.#deaths.set(life, at)
  }

  takeDeath(life: Life): DeathAt | null {
    const death = this.#deaths.get(life) ?? null
    this.#deaths.delete(life)
    return death
  }

  takeFault(): DiskFault | null {
    if (this.#faultsLeft === 0 || this.#fault === null) return null
    this.#faultsLeft -= 1
    this.told('disk')
    return this.#fault
  }

  /**
   * A transaction of the app, begun and ended in one instant. Answers whether it was committed: a full disk rolls it back,
   * and so does the death of its process.
   */
  transaction<T>(
    inhabitant: Inhabitant,
    end: TransactionEnd,
    run: (database: Database) => T,
  ): { readonly value: T; readonly isCommitted: boolean } {
    const { life } = inhabitant
    const death = end === 'commit' ? this.takeDeath(life) : null
    const isKept = end === 'commit' && death !== 'before-commit' && this.takeFault() === null
    const database = this.#database
    database.exec('BEGIN IMMEDIATE')
    let value: T
    try {
      value = run(database)
      if (isKept) database.exec('COMMIT')
    } finally {
      if (database.inTransaction) database.exec('ROLLBACK')
    }
    if (isKept) this.commits.committed(life)
    if (death !== null) inhabitant.died(death)
    else if (isKept) inhabitant.committed()
    return { value, isCommitted: isKept }
  }

  lock(life: Life): boolean {
    if (this.holder === null) this.#holder = life
    return this.#holder === life
  }

  leave(life: Life): void {
    this.#deaths.delete(life)
    if (this.#holder === life) this.#holder = null
  }
}

const CODES = {
  busy: 'STORAGE_BUSY',
  full: 'STORAGE_FULL',
  'read-only': 'STORAGE_READ_ONLY',
} as const

class InhabitedStorage extends SqliteStorage {
  readonly #disk: SimulatedDisk
  readonly #inhabitant: Inhabitant
  readonly #files: ProcessFiles
  /** That of the product, over files in memory. Null: the storage has not been opened. */
  #watch: CommitWatch | null = null
  /** Is the right to dispatch its own, and has it not read since what is stored? */
  #hasLocked = false

  constructor(disk: SimulatedDisk, database: Database, inhabitant: Inhabitant) {
    super({ database })
    this.#disk = disk
    this.#inhabitant = inhabitant
    this.#files = disk.files.of(inhabitant.life)
  }

  override async open(host: StorageHost): Promise<OpenedState> {
    const { life } = this.#inhabitant
    this.#watch = new CommitWatch({
      file: this.#disk.files.path,
      system: this.#files,
      host,
      version: () => this.#disk.commits.askedBy(life),
      isOpen: () => life.isAlive,
      outdated: () => undefined,
      others: () => undefined,
    })
    const state = await super.open({
      ...host,
      atTurnEnd: (run) => {
        host.atTurnEnd(() => {
          run()
          this.#inhabitant.committed()
        })
      },
    })
    this.#inhabitant.found(state)
    return { ...state, ...this.#disk.takeNews() }
  }

  override async commit(
    changes: readonly Change[],
    options?: CommitOptions,
  ): Promise<readonly Answer[]> {
    const { life } = this.#inhabitant
    if (!life.isAlive) return never()
    const death = this.#disk.takeDeath(life)
    if (death === 'before-commit') return this.#die(death)
    const fault = this.#disk.takeFault()
    if (fault !== null) throw faultOf(fault)
    const answers = await this.#told(super.commit(changes, options))
    this.#disk.commits.committed(life)
    if (!life.isAlive) return never()
    if (death === 'after-commit') return this.#die(death)
    this.#inhabitant.committed()
    if (this.#disk.holder === life) this.#watch?.announceSoon()
    else this.#watch?.announce()
    return answers
  }

  // A question flushes what was handed in before it: that is committed then.

  override window(...question: Parameters<Storage['window']>): ReturnType<Storage['window']> {
    return this.#flushed(super.window(...question))
  }

  override find(...question: Parameters<Storage['find']>): ReturnType<Storage['find']> {
    return this.#flushed(super.find(...question))
  }

  override settled(...question: Parameters<Storage['settled']>): ReturnType<Storage['settled']> {
    return this.#flushed(super.settled(...question))
  }

  override records(...question: Parameters<Storage['records']>): ReturnType<Storage['records']> {
    return this.#flushed(super.records(...question))
  }

  override position(...question: Parameters<Storage['position']>): ReturnType<Storage['position']> {
    return this.#flushed(super.position(...question))
  }

  override fateOf(...question: Parameters<SqliteStorage['fateOf']>): Fate {
    const fate = super.fateOf(...question)
    // Its commit was the app's.
    if (fate === 'there') this.#watch?.announce()
    return fate
  }

  override async reload(): Promise<OpenedState> {
    const isFirst = this.#hasLocked
    this.#hasLocked = false
    const state = await this.#flushed(super.reload())
    if (isFirst) this.#inhabitant.found(state)
    return state
  }

  override async lock(): Promise<boolean> {
    const { life } = this.#inhabitant
    if (this.#disk.lock(life)) {
      this.#hasLocked = true
      return true
    }
    // Who died between its commit and telling of it left that to others.
    this.#watch?.announce()
    return false
  }

  override watch(listener: () => void, lost?: (why: WatchLoss) => void): () => void {
    // That it cannot be used any more, the storage itself tells.
    const stopHearing = super.watch(listener)
    this.#watch?.start(() => {
      if (this.#files.isAlarmed) this.#disk.told('noticed-by-a-look')
      listener()
    }, lost)
    return () => {
      stopHearing()
      this.#watch?.stop()
    }
  }

  override async close(): Promise<void> {
    const closing = super.close()
    // What that has committed is its own: others may commit before it is answered.
    this.#inhabitant.committed()
    await closing
    this.#watch?.announce()
    this.#watch?.stop()
    this.#disk.leave(this.#inhabitant.life)
  }

  /** Changes may have failed because the database cannot grow: all of them, or some of those that are apart. */
  async #told(committing: Promise<readonly Answer[]>): Promise<readonly Answer[]> {
    try {
      const answers = await committing
      if (answers.some((answer) => 'failed' in answer)) this.#disk.told('disk')
      return answers
    } catch (error) {
      this.#disk.told('disk')
      throw error
    }
  }

  #flushed<T>(answer: T): T {
    this.#inhabitant.committed()
    return answer
  }

  #die(at: DeathAt): Promise<never> {
    this.#inhabitant.died(at)
    return never()
  }
}

/** The largest database that SQLite can make, in pages. */
const MOST_PAGES = 4_294_967_294

function limitPages(database: Database, isLimited: boolean): void {
  const pages = isLimited ? database.pragma('page_count', { simple: true }) : MOST_PAGES
  database.pragma(`max_page_count = ${String(pages)}`)
}

function faultOf(fault: DiskFault): StorageError {
  return new StorageError(CODES[fault], `the simulated disk: ${fault}`)
}

/** The dead hear nothing. */
function never(): Promise<never> {
  return new Promise(() => undefined)
}
