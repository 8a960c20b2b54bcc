/**
 * Compares what an app was told with what the server applied. Operations are known by their texts,
 * `maker-number`, the number growing with each call of that maker; what follows a blank is padding.
 */
import { parseOperationId } from '../../storage/operation-id.ts'
import type { Bundled } from '../processes/protocol.ts'

export interface AppliedText {
  readonly user: string | null
  readonly text: string
}

export interface Account {
  /** Those of which the app was told that they are stored. */
  readonly acknowledged: readonly Bundled[]
  /** What the server applied, in its order. */
  readonly applied: readonly AppliedText[]
  /** Could there be an operation of this name? */
  readonly mayBe: (name: string) => boolean
  /** Names that must not be applied: refused, or taken back. */
  readonly mustNot?: ReadonlySet<string>
  /** Is what was acknowledged applied by now? Default: yes. */
  readonly isDrained?: boolean
}

/** What does not hold of no-loss, effect-once, no-phantom and lane-fifo. */
export function judge(account: Account): readonly string[] {
  const { acknowledged, applied, mayBe, mustNot, isDrained = true } = account
  const names = applied.map(({ text }) => nameOf(text))
  const seen = new Set<string>()
  const complaints: string[] = []
  for (const name of names) {
    if (seen.has(name)) complaints.push(`effect-once: ${name} was applied twice`)
    if (!mayBe(name)) complaints.push(`no-phantom: nobody made ${name}`)
    if (mustNot?.has(name)) complaints.push(`${name} was applied, though refused or taken back`)
    seen.add(name)
  }
  for (const { id, text } of isDrained ? acknowledged : []) {
    const name = nameOf(text)
    if (!seen.has(name) && !mustNot?.has(name)) complaints.push(`no-loss: ${name} (${id}) is lost`)
  }
  return [...complaints, ...disorder(acknowledged, applied)]
}

export function nameOf(text: string): string {
  return text.split(' ', 1)[0] ?? text
}

export function makerOf(name: string): string {
  return name.slice(0, name.lastIndexOf('-'))
}

export function numberOf(name: string): number {
  return Number(name.slice(name.lastIndexOf('-') + 1))
}

/** By the places, where they are known, and by the order of the calls of each maker. */
function disorder(acknowledged: readonly Bundled[], applied: readonly AppliedText[]): string[] {
  const idOf = new Map(acknowledged.map(({ id, text }) => [nameOf(text), id]))
  const lastPlace = new Map<number, number>()
  const lastNumber = new Map<string, number>()
  return applied.flatMap(({ user, text }) => {
    const name = nameOf(text)
    const position = parseOperationId(idOf.get(name) ?? '')
    const isBehind =
      (position !== null && !grows(lastPlace, position.lane, position.place)) ||
      !grows(lastNumber, `${makerOf(name)} ${user}`, numberOf(name))
    return isBehind ? [`lane-fifo: ${name} came after one that lies behind it`] : []
  })
}

function grows<Key>(last: Map<Key, number>, key: Key, value: number): boolean {
  const before = last.get(key)
  last.set(key, value)
  return before === undefined || value > before
}
