/** A storage whose commits fail when the test says so, before anything is stored. */
import type { Change } from '../../storage/changes.ts'
import { StorageError, type StorageErrorCode } from '../../storage/storage-error.ts'
import type { Storage } from '../../storage/storage.ts'

export class Failures {
  readonly storage: Storage
  /** Reads of lanes fail. */
  failReads = false
  #failing: readonly Change['change'][] = []
  #code: StorageErrorCode = 'STORAGE_FULL'

  constructor(storage: Storage) {
    const overrides: Partial<Storage> = {
      commit: async (changes, options) => {
        if (changes.some(({ change }) => this.#failing.includes(change))) {
          throw new StorageError(this.#code, 'the scripted storage failed')
        }
        return storage.commit(changes, options)
      },
      window: async (lane, after, limit) => {
        if (this.failReads) throw new StorageError('STORAGE_CORRUPT', 'the scripted read failed')
        return storage.window(lane, after, limit)
      },
    }
    this.storage = new Proxy(storage, {
      get: (target, name) => {
        const override = Reflect.get(overrides, name) as unknown
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
}
