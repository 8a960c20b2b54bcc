/**
 * Copies of known tokens in a text: whole or a part of them, in another case, wrapped, and as base64, hex or character
 * codes. Where two texts share a piece of some length, that piece is no chance.
 */

/** A range of characters. */
export type Range = readonly [start: number, end: number]

/** A token that is shorter than this is looked for as a whole only. */
const LEAST_PARTED = 8

/** Half of a token is a part of it; of a long token a shorter part tells enough. */
const SHORTEST_PART = 6
const LONGEST_PART = 12

/** No header carries a longer token. */
const LONGEST_TOKEN = 16_384

/** A token of so few characters may stand in any word. */
const LEAST_WITHIN_WORDS = 4

const ALPHANUMERIC = /[A-Za-z0-9]/
const RUN_CHARACTER = /[\w+/=~.-]/

export function knownTokens(text: string, tokens: readonly string[]): readonly Range[] {
  const known = [...new Set(tokens)].filter((token) => token !== '')
  if (known.length === 0) return []
  const folded = fold(text)
  return known.flatMap((token) =>
    token.length < LEAST_PARTED ? wholes(text, token) : parts(text, folded, token),
  )
}

/** Every copy of a short token. */
function wholes(text: string, token: string): Range[] {
  const found: Range[] = []
  const haystack = lower(text)
  const needle = lower(token)
  for (let at = haystack.indexOf(needle); at !== -1; at = haystack.indexOf(needle, at + 1)) {
    const end = at + needle.length
    const isWithinWord = ALPHANUMERIC.test(text[at - 1] ?? '') || ALPHANUMERIC.test(text[end] ?? '')
    if (token.length >= LEAST_WITHIN_WORDS || !isWithinWord) found.push([at, end])
  }
  return found
}

/** Every piece that the text shares with the token, with the run of characters around it. */
function parts(text: string, folded: Folded, token: string): Range[] {
  const cut = token.slice(0, LONGEST_TOKEN)
  const length = Math.min(LONGEST_PART, Math.max(SHORTEST_PART, Math.floor(cut.length / 2)))
  const shapes = shapesOf(cut, folded.text)
  const found: Range[] = []
  for (let at = 0; at + length <= folded.text.length; at += 1) {
    const piece = folded.text.slice(at, at + length)
    if (!shapes.includes(piece)) continue
    found.push(runAround(text, folded.at[at] ?? 0, (folded.at[at + length - 1] ?? 0) + 1))
  }
  return found
}

function runAround(text: string, start: number, end: number): Range {
  let first = start
  let last = end
  while (first > 0 && RUN_CHARACTER.test(text[first - 1] ?? '')) first -= 1
  while (last < text.length && RUN_CHARACTER.test(text[last] ?? '')) last += 1
  return [first, last]
}

/** A text as it is compared: in lower case, without what wraps it, with the two alphabets of base64 as one. */
interface Folded {
  readonly text: string
  /** Where each of its characters was. */
  readonly at: readonly number[]
}

/** What stands between the lines of a wrapped text, or between the pieces of one that was put together. */
const BETWEEN = /[\s\p{Cc}\p{Cf}"'`\\,=|>:[\]()]/u

/** The part of that which a token may have: it is visible ASCII. */
const BETWEEN_IN_TOKEN = /["'`\\,=|>:[\]()]/g

const HEX = /[0-9a-f]{6}/
const CODES = /\d{6}/

/** Code that puts a text together of quoted pieces: what stands between two of them. */
const JOINT = /["'`]\s{0,4}[+.&]\s{0,4}["'`]/g

function fold(text: string): Folded {
  const kept: string[] = []
  const at: number[] = []
  const joints = new Set<number>()
  for (const { 0: joint, index } of text.matchAll(JOINT)) {
    for (let offset = 0; offset < joint.length; offset += 1) joints.add(index + offset)
  }
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index] ?? ''
    if (joints.has(index) || BETWEEN.test(character)) continue
    kept.push(character === '-' ? '+' : character === '_' ? '/' : lower(character))
    at.push(index)
  }
  return { text: kept.join(''), at }
}

/** What a text may share with a token, in one. Hex and codes are made only where the text may have them. */
function shapesOf(token: string, folded: string): string {
  const bytes = Buffer.from(token)
  // Base64 depends on what stands before the token: there are three ways, and the first characters are of that.
  const base64 = [0, 1, 2].map((offset) =>
    Buffer.concat([Buffer.alloc(offset), bytes])
      .toString('base64')
      .slice(offset === 0 ? 0 : 4),
  )
  const hex = HEX.test(folded) ? bytes.toString('hex') : ''
  const codes = CODES.test(folded) ? Array.from(bytes, String).join('') : ''
  const plain = token.replace(BETWEEN_IN_TOKEN, '').replaceAll('-', '+').replaceAll('_', '/')
  return [plain, ...base64, hex, codes].join('\n').replaceAll('=', '').toLowerCase()
}

/** ASCII alone: other letters may change their length. */
function lower(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
}
