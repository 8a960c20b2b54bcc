/** A storage that fails when the test says so, before anything is stored. */
import type { Change } from '../../storage/changes.ts'
import { StorageError, type StorageErrorCode } from '../../storage/storage-error.ts'
import type { Storage } from '../../storage/storage.ts'

export class Failures {
  readonly storage: Storage
  /** Reads of lanes fail. */
  failReads = false
  #failing: readonly Change['change'][] = []
  #failingQuestion: keyof Storage | null = null
  #code: StorageErrorCode = 'STORAGE_FULL'
  #watching: () => void = () => undefined
  /** How many questions were asked of it since one has failed so. */
  askedCount = 0

  constructor(storage: Storage) {
    const overrides: Partial<Storage> = {
      commit: async (changes, options) => {
        if (changes.some(({ change }) => this.#failing.includes(change))) {
          throw new StorageError(this.#code, 'the scripted storage failed')
        }
        return storage.commit(changes, options)
      },
      window: async (lane, after, limit) => {
        if (this.failReads)
          throw new StorageError('STORAGE_UNAVAILABLE', 'the scripted read failed')
        return storage.window(lane, after, limit)
      },
      watch: (listener) => {
        this.#watching = listener
        return storage.watch(listener)
      },
    }
    this.storage = new Proxy(storage, {
      get: (target, name) => {
        const isFailing = name === this.#failingQuestion
        const override = isFailing
          ? () => this.#fail(name)
          : (Reflect.get(overrides, name) as unknown)
        const method = override ?? (Reflect.get(target, name) as unknown)
        return typeof method === 'function' ? (method.bind(target) as unknown) : method
      },
    })
  }

  /** Every commit that holds such a change fails with this code; null: none does. */
  failOn(names: readonly Change['change'][] | null, code: StorageErrorCode = 'STORAGE_FULL'): void {
    this.#failing = names ?? []
    this.#code = code
  }

  /** This question fails with this code. */
  failAt(name: keyof Storage, code: StorageErrorCode): void {
    this.#failingQuestion = name
    this.#code = code
  }

  /** Tells the engine that another process has committed. */
  tellOfCommit(): void {
    this.#watching()
  }

  async #fail(name: PropertyKey): Promise<never> {
    this.askedCount += 1
    throw new StorageError(this.#code, `the scripted storage failed at ${String(name)}`)
  }
}
