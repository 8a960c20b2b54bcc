/** A storage whose answers come when the test says so; what was asked has been done by then. */
import type { Change } from '../../storage/changes.ts'
import type { Storage } from '../../storage/storage.ts'
import { gate, type Gate } from './gate.ts'

type Asked = Change['change'] | 'records'

export class HeldAnswers {
  readonly storage: Storage
  readonly #gates = new Map<Asked, Gate<null>>()

  constructor(storage: Storage) {
    const overrides: Partial<Storage> = {
      commit: async (changes, options) => {
        const held = changes.flatMap(({ change }) => this.#gates.get(change)?.promise ?? [])
        const answers = await storage.commit(changes, options)
        await Promise.all(held)
        return answers
      },
      records: async (locals) => {
        const held = this.#gates.get('records')?.promise
        const rows = await storage.records(locals)
        await held
        return rows
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

  /** From now on the answers to such commits, or to questions for records, are kept back. */
  hold(asked: Asked): void {
    this.#gates.set(asked, gate())
  }

  /** They come now, and those of later ones at once. */
  release(asked: Asked): void {
    this.#gates.get(asked)?.open(null)
    this.#gates.delete(asked)
  }
}
