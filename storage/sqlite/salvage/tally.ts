/** What a salvage has kept, and what it could not: numbers and keys, never payloads or tokens. */
import type { MissingRows, SalvagedRows } from '../../storage.ts'
import { type Key, wordsOfKey } from './keys.ts'
import type { Gap } from './recover.ts'
import type { Written } from './row-writer.ts'

/** A report names no more keys of a table than this, so that it stays short whatever was damaged. */
const MOST_NAMED = 100

interface Why {
  readonly why?: MissingRows['why']
  readonly words?: (key: Key) => string
}

export class Tally {
  readonly #kept = new Map<SalvagedRows, number>()
  readonly #missing: MissingRows[] = []
  readonly #named = new Map<SalvagedRows, number>()
  readonly #missed = new Set<string>()
  readonly #unnamed = new Map<SalvagedRows, number>()

  keep(rows: SalvagedRows): void {
    this.#kept.set(rows, (this.#kept.get(rows) ?? 0) + 1)
  }

  /** A row that was to be written. */
  note(
    rows: SalvagedRows,
    key: Key,
    written: Written,
    words: (key: Key) => string = wordsOfKey,
  ): void {
    if (written === 'written') this.keep(rows)
    else if (written === 'unfit') this.miss(rows, key, { words })
  }

  /** A row that is known to be there. */
  miss(rows: SalvagedRows, key: Key, { why = 'unreadable', words = wordsOfKey }: Why = {}): void {
    const name = `${rows} ${wordsOfKey(key)}`
    if (this.#missed.has(name)) return
    this.#missed.add(name)
    const named = this.#named.get(rows) ?? 0
    if (named >= MOST_NAMED) {
      this.#unnamed.set(rows, (this.#unnamed.get(rows) ?? 0) + 1)
      return
    }
    this.#named.set(rows, named + 1)
    this.#missing.push({ rows, why, count: 1, after: null, before: null, key: words(key) })
  }

  /** Rows that may or may not be there. */
  missGaps(
    rows: SalvagedRows,
    gaps: readonly Gap[],
    words: (key: Key) => string = wordsOfKey,
  ): void {
    const wordsOrNull = (key: Key | null) => (key === null ? null : words(key))
    for (const { after, before } of gaps.slice(0, MOST_NAMED)) {
      this.#missing.push({
        rows,
        why: 'unreadable',
        count: null,
        after: wordsOrNull(after),
        before: wordsOrNull(before),
        key: null,
      })
    }
    const [first] = gaps.slice(MOST_NAMED)
    if (first === undefined) return
    const after = wordsOrNull(first.after)
    this.#missing.push({ rows, why: 'unreadable', count: null, after, before: null, key: null })
  }

  kept(): Readonly<Partial<Record<SalvagedRows, number>>> {
    return Object.fromEntries(this.#kept)
  }

  missing(): readonly MissingRows[] {
    const rest = Array.from(this.#unnamed, ([rows, count]): MissingRows => {
      return { rows, why: 'unreadable', count, after: null, before: null, key: null }
    })
    return [...this.#missing, ...rest]
  }
}
