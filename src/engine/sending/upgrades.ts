/**
 * Upgrades payloads of older versions. The result of an upgrade is stored before it is first sent (Q14), so that every
 * attempt carries the same payload, even if the upgrade draws random values. A payload that cannot be upgraded is left as
 * it is: the part that reads it finds it unreadable.
 */
import type { OperationRow } from '../../../storage/rows.ts'
import type { Context } from '../context.ts'
import type { Lane } from '../lanes/lane.ts'
import type { Settlement, Upgraded } from './settle.ts'

export interface UpgradesParts {
  readonly context: Context
  readonly settlement: Settlement
}

export class Upgrades {
  readonly #context: Context
  readonly #parts: UpgradesParts

  constructor(parts: UpgradesParts) {
    this.#parts = parts
    this.#context = parts.context
  }

  /** Calls `then` if no row needs an upgrade. Calls `again` if rows have changed, and must be examined again. */
  store(lane: Lane, rows: readonly OperationRow[], then: () => void, again: () => void): void {
    const old = rows.filter((row) => this.#context.kinds.isOld(row))
    if (old.length === 0) {
      then()
      return
    }
    const { order } = lane
    this.#make(old, [], (upgraded) => {
      if (lane.isChanging) lane.whenUnchanged(again)
      else if (order !== lane.order) again()
      else if (upgraded.length === 0) then()
      else this.#parts.settlement.upgrade(lane, upgraded, again)
    })
  }

  /** Upgrades one row after the other, because a schema may take long. */
  #make(
    old: readonly OperationRow[],
    made: readonly Upgraded[],
    then: (made: readonly Upgraded[]) => void,
  ): void {
    const [row, ...rest] = old
    if (row === undefined) {
      then(made)
      return
    }
    const { kinds } = this.#context
    kinds.upgrade(row, (payload) => {
      const version = kinds.facts(row.kind)?.version ?? row.version
      const more =
        payload === null ? [] : [{ row: { ...row, version, payload }, from: row.version }]
      this.#make(rest, [...made, ...more], then)
    })
  }
}
