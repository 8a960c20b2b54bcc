/**
 * A text as it reads after each round of undoing its escapes. A secret may be escaped, or escaped twice, and the text
 * that leaves must stay as it is elsewhere. So each character of a view knows the part of the text that it came from.
 */

/** A text, and where in the original each of its characters begins and ends. */
export interface View {
  readonly text: string
  readonly from: readonly number[]
  readonly to: readonly number[]
}

/** A text that is escaped more often than this has no last view. */
const MOST_ROUNDS = 10

/**
 * JSON, JavaScript, C and Python (`\u002b`, `\x2b`, `\053`, `\/`), percent-encoding, quoted-printable, HTML. Each
 * quantifier is bounded, and none is nested.
 */
const ESCAPE =
  /\\u\{([0-9a-f]{1,6})\}|\\u([0-9a-f]{4})|\\x([0-9a-f]{2})|\\([0-3][0-7]{2})|\\(["'/\\bfnrtv\n])|%u([0-9a-f]{4})|%([0-9a-f]{2})|=([0-9a-f]{2})|(=\r?\n)|&#x([0-9a-f]{1,6});?|&#(\d{1,7});?|&([a-z]{2,8});/gi

const NAMED: Readonly<Record<string, string>> = {
  amp: '&',
  apos: "'",
  colon: ':',
  dash: '-',
  equals: '=',
  gt: '>',
  hyphen: '-',
  lowbar: '_',
  lt: '<',
  nbsp: ' ',
  newline: '\n',
  num: '#',
  period: '.',
  plus: '+',
  quot: '"',
  sol: '/',
  tab: '\t',
}

/** The text, then what each round makes of it. `isWhole`: false if even the last view has escapes. */
export function viewsOf(text: string): {
  readonly views: readonly View[]
  readonly isWhole: boolean
} {
  const from = Array.from({ length: text.length }, (_, index) => index)
  const views: View[] = [{ text, from, to: from.map((index) => index + 1) }]
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    const last = views.at(-1)
    const next = last === undefined ? null : unescaped(last)
    if (next === null) return { views, isWhole: true }
    views.push(next)
  }
  return { views, isWhole: false }
}

/** Null: there is nothing to undo. */
function unescaped({ text, from, to }: View): View | null {
  const parts: string[] = []
  const newFrom: number[] = []
  const newTo: number[] = []
  let done = 0
  const copy = (end: number) => {
    parts.push(text.slice(done, end))
    for (let at = done; at < end; at += 1) {
      newFrom.push(from[at] ?? 0)
      newTo.push(to[at] ?? 0)
    }
  }
  for (const match of text.matchAll(ESCAPE)) {
    const character = characterOf(match)
    if (character === null) continue
    const end = match.index + match[0].length
    copy(match.index)
    parts.push(character)
    for (let unit = 0; unit < character.length; unit += 1) {
      newFrom.push(from[match.index] ?? 0)
      newTo.push(to[end - 1] ?? 0)
    }
    done = end
  }
  if (done === 0) return null
  copy(text.length)
  return { text: parts.join(''), from: newFrom, to: newTo }
}

/** The character that an escape stands for; empty: none. Null: it is no escape. */
function characterOf(match: RegExpExecArray): string | null {
  const [
    ,
    braced,
    u,
    x,
    octal,
    short,
    percentU,
    percent,
    quoted,
    softBreak,
    hexRef,
    decimal,
    name,
  ] = match
  const hex = braced ?? u ?? x ?? percentU ?? percent ?? quoted ?? hexRef
  if (hex !== undefined) return characterAt(Number.parseInt(hex, 16))
  if (octal !== undefined) return characterAt(Number.parseInt(octal, 8))
  if (decimal !== undefined) return characterAt(Number(decimal))
  if (softBreak !== undefined) return ''
  if (short !== undefined) return /[bfnrtv\n]/.test(short) ? '\n' : short
  return NAMED[name?.toLowerCase() ?? ''] ?? null
}

function characterAt(code: number): string | null {
  return code <= 0x10_ff_ff ? String.fromCodePoint(code) : null
}
