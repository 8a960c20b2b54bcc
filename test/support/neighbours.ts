/**
 * Two engines on one file, as two processes have them, each in its own simulated time. Who opens first
 * dispatches (Q17). That the other has committed, an engine hears when the test says so.
 */
import { join } from 'node:path'
import { sqliteStorage } from '../../src/sqlite-storage.ts'
import { StorageError } from '../../storage/storage-error.ts'
import type { Storage } from '../../storage/storage.ts'
import { type Gate, gate } from './gate.ts'
import { Rig, type RigOptions } from './rig.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** The questions that may fail here. */
type Question = 'lock' | 'reload' | 'settled'

export class Neighbour {
  readonly rig: Rig
  readonly file: string
  /** How often each question was put, failed or not. */
  readonly asked = new Map<Question, number>()
  #failing: readonly Question[] = []
  #late: { readonly name: Question | null; readonly gate: Gate<null> } | null = null
  #listener: () => void = () => undefined

  constructor(file: string, options: RigOptions) {
    this.file = file
    this.rig = Rig.prepare({ ...options, storage: this.#wrap(sqliteStorage({ file })) })
  }

  /** These questions fail from now on; none: all are answered again. */
  failOn(...names: readonly Question[]): void {
    this.#failing = names
  }

  /** The next question, or the next of this name, is answered at once, and its answer is heard only when this is called. */
  answerLate(name: Question | null = null): () => void {
    const late = gate<null>()
    this.#late = { name, gate: late }
    return () => late.open(null)
  }

  /** Its storage notices that the other one has committed. */
  async hear(): Promise<void> {
    this.#listener()
    await this.rig.advance()
  }

  /** How long its next alarm still has; null: none is armed. */
  get nextAlarmMs(): number | null {
    const next = this.rig.time.nextAt()
    return next === null ? null : next - this.rig.time.now
  }

  #wrap(storage: Storage): Storage {
    const overrides: Partial<Storage> = {
      watch: (listener) => {
        this.#listener = listener
        return () => undefined
      },
      lock: () => this.#ask('lock', () => storage.lock()),
      reload: () => this.#ask('reload', () => storage.reload()),
      settled: (ids) => this.#ask('settled', () => storage.settled(ids)),
    }
    return new Proxy(storage, {
      get: (target, name) => {
        const value = (Reflect.get(overrides, name) ?? Reflect.get(target, name)) as unknown
        return typeof value === 'function' ? (value.bind(target) as unknown) : value
      },
    })
  }

  async #ask<T>(name: Question, put: () => Promise<T>): Promise<T> {
    this.asked.set(name, (this.asked.get(name) ?? 0) + 1)
    if (this.#failing.includes(name)) {
      throw new StorageError('STORAGE_BUSY', 'the scripted storage failed')
    }
    const late = this.#late
    const isLate = late !== null && (late.name === null || late.name === name)
    if (isLate) this.#late = null
    const answer = await put()
    if (isLate) await late.gate.promise
    return answer
  }
}

/** Two that are not open yet. */
export function neighbours(options: RigOptions = {}): {
  readonly first: Neighbour
  readonly second: Neighbour
} {
  const file = join(temporaryFolder(), 'outbox.db')
  return { first: new Neighbour(file, options), second: new Neighbour(file, options) }
}
