/** What follows from what the app was told: what must be there, and what must not. */
import type { Bundled } from '../processes/protocol.ts'
import type { Told } from './fill-calls.ts'
import { type AppliedText, judge, nameOf } from './judge.ts'

export class FillAccount {
  readonly #acknowledged: Bundled[] = []
  readonly #mustNot = new Set<string>()
  #refusals = 0

  /** Calls that were refused for want of room, or whatever the system makes of it. */
  get refusals(): number {
    return this.#refusals
  }

  get acknowledgedCount(): number {
    return this.#acknowledged.length
  }

  hear(told: Told): void {
    if (told.code?.startsWith('STORAGE_') === true) this.#refusals += 1
    if (told.call === 'enqueue') {
      if (told.code === null) this.#acknowledged.push({ id: told.id, text: told.text })
      else this.#mustNot.add(nameOf(told.text))
    }
    if (told.call === 'cancel' && told.code === null) this.#mustNot.add(nameOf(told.text))
  }

  /** What is wrong while the rest is still stored. */
  midway(stored: ReadonlySet<string>, applied: readonly AppliedText[]): readonly string[] {
    const there = new Set([...stored, ...applied.map(({ text }) => nameOf(text))])
    const lost = this.#acknowledged
      .map(({ text }) => nameOf(text))
      .filter((name) => {
        return !there.has(name) && !this.#mustNot.has(name)
      })
    const half = [...stored].filter((name) => this.#mustNot.has(name))
    return [
      ...lost.map((name) => `durable-before-ack: ${name} is neither stored nor applied`),
      ...half.map((name) => `${name} is stored, though refused or taken back`),
    ]
  }

  /** What is wrong in the end. */
  final(applied: readonly AppliedText[]): readonly string[] {
    const acknowledged = this.#acknowledged
    return judge({ acknowledged, applied, mayBe: () => true, mustNot: this.#mustNot })
  }
}
