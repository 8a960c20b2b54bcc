/** The payloads of the operations of a plan. */
import type { Dice } from './dice.ts'
import type { Features } from './features.ts'

/** A payload of this kind; `features` say how odd it may be. */
export function planPayload(
  dice: Dice,
  features: Features,
  { kind, id }: { readonly kind: string; readonly id: string },
): Record<string, unknown> {
  const payload = payloadOf(dice, kind, id)
  return {
    ...payload,
    ...(features.has('texts') && withTexts(dice, payload)),
    ...(features.has('limits') && atLimit(dice, kind)),
  }
}

/** Texts of more bytes than characters, of more characters than letters, and without any. */
const TEXTS = ['äöüß', 'Ω≈ç√', '🚲', '👩‍👩‍👧', 'e\u0301', ''] as const

function withTexts(dice: Dice, payload: Record<string, unknown>): Record<string, unknown> {
  if (dice.chance(0.4)) return {}
  const text = `${dice.of(TEXTS)}${dice.of(TEXTS)}`
  if ('text' in payload) return { text }
  return 'value' in payload ? { value: text } : {}
}

/** The longest payload there may be, in some plans. */
export const MOST_BYTES = 26

/** Three of these are more than an envelope takes. */
export const LARGE = 'x'.repeat(90_000)

/** As long as a payload may just be, or just not; and so large that few of them merge (Q4, Q16). */
function atLimit(dice: Dice, kind: string): Record<string, unknown> {
  if (dice.chance(0.7)) return {}
  const letter = dice.of(['x', 'x', 'ä'])
  const bytes = MOST_BYTES - '{"text":""}'.length + dice.between(-1, 1)
  // So many letters, or so many bytes: those are not the same for every letter.
  const count = dice.chance(0.2) ? bytes : Math.floor(bytes / Buffer.byteLength(letter))
  const text = letter.repeat(count)
  if (kind === 'note' || kind === 'brief' || kind === 'draft' || kind === 'stamp') return { text }
  return kind === 'tag' && dice.chance(0.3) ? { value: LARGE } : {}
}

function payloadOf(dice: Dice, kind: string, id: string): Record<string, unknown> {
  const record = `local-${dice.between(1, 3)}`
  switch (kind) {
    case 'note':
    case 'brief':
    case 'draft':
    case 'stamp':
    case 'quote':
    case 'mortal':
      return { text: id }
    case 'slow':
      return { text: id, ...(dice.chance(0.6) && { takes: dice.of([0, 5, 30]) }) }
    case 'tag':
      return { key: dice.of(['a', 'b']), value: id }
    case 'count':
      return { name: dice.of(['a', 'b']), by: dice.between(1, 9) }
    case 'fold':
      return { by: dice.of([1, -1, 2, -2]) }
    case 'create':
    case 'register':
    case 'touch':
    case 'link':
      return { record }
    case 'misfit':
      return { fits: dice.chance(0.6) }
    case 'spawn':
      return { notes: dice.between(0, 3) }
    default:
      return {}
  }
}
