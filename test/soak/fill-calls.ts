/** What an app does while its disk gets full, and what it was told: every call succeeds, or is refused with a code. */
import { type Holdfast, HoldfastError } from '../../src/index.ts'
import type { Dice } from '../../src/simulation/search/dice.ts'
import { bundle, note } from '../processes/kinds.ts'

/** `code`: of the refusal; null: it was done. */
export type Told =
  | { readonly call: 'open' | 'identity' | 'close' | 'end'; readonly code: string | null }
  | {
      readonly call: 'enqueue'
      readonly text: string
      readonly id: string
      readonly code: string | null
    }
  | { readonly call: 'cancel'; readonly text: string; readonly code: string | null }

const FILL_STEPS = 25

/**
 * Throws what is no refusal. A change of identity waits until it can be stored (I1): what it answers
 * resolves with the last of them, at the latest once Holdfast is closed.
 */
export async function fillCalls(
  holdfast: Holdfast,
  dice: Dice,
  tell: (told: Told) => void,
): Promise<{ readonly changes: Promise<unknown> }> {
  const changes: Promise<void>[] = []
  // Else what is completed makes room for what comes.
  if (dice.chance(0.7)) holdfast.pause()
  const stored: { readonly id: string; readonly text: string }[] = []
  let made = 0
  const enqueue = async () => {
    const text = `fill-${++made} ${'x'.repeat(dice.of([0, 10, 1000, 3000, 12_000]))}`
    let id = ''
    const code = await codeOf(async () => {
      id = (await holdfast.enqueue(dice.of<typeof note | typeof bundle>([note, bundle])({ text })))
        .id
    })
    if (code === null) stored.push({ id, text })
    tell({ call: 'enqueue', text, id, code })
  }
  const cancel = async () => {
    const one = dice.any(stored)
    if (one === null) return
    const code = await codeOf(() => holdfast.cancel(one.id))
    tell({ call: 'cancel', text: one.text, code })
  }
  const change = async () => {
    const user = dice.of([null, 'alice', 'bob'])
    const code = await codeOf(() => (user === null ? holdfast.logout() : holdfast.login(user)))
    tell({ call: 'identity', code })
  }
  for (let step = 0; step < FILL_STEPS; step += 1) {
    const calls = dice.weighted<() => Promise<unknown>[]>([
      [5, () => [enqueue()]],
      [2, () => Array.from({ length: 4 }, enqueue)],
      [2, () => [cancel()]],
      [2, () => (changes.push(change()), [])],
      [1, () => (changes.push(change()), [enqueue(), cancel()])],
    ])
    await Promise.all(calls?.() ?? [])
  }
  return { changes: Promise.all(changes) }
}

export async function codeOf(call: () => Promise<unknown>): Promise<string | null> {
  try {
    await call()
    return null
  } catch (error) {
    if (error instanceof HoldfastError) return error.code
    throw error
  }
}
