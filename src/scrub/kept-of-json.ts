/**
 * What an excerpt keeps of JSON: the values of five names, which say what went wrong, and nothing else (E6). It reads the
 * beginning of a text, which may be cut anywhere, and calls nothing again for what is within: a server sends what it likes.
 *
 * The names count in any case at the top level, in the elements of a list there, and anywhere within the value of one of
 * them or of `errors`. There, a text that stands in a list directly (`"errors": ["…"]`) is kept too. All within the name
 * of a secret is left out.
 */
import { isSecretName } from './named-secrets.ts'

/** A value that is kept. */
export interface Kept {
  readonly name: string
  readonly text: string
  /** True if the JSON ends within it. */
  readonly isCut: boolean
}

const KEPT: ReadonlySet<string> = new Set(['error', 'code', 'message', 'title', 'detail'])

/** They hold errors, and are none themselves. */
const CONTAINERS: ReadonlySet<string> = new Set([...KEPT, 'errors'])

/** An object or a list that has begun. */
interface Open {
  readonly closing: '}' | ']'
  /** The name that its values have: in an object the last one, in a list that of the list. */
  name: string
  /** Is it looked at, is it within an error, and does a text that stands in it directly count? */
  readonly isLooked: boolean
  readonly isWithin: boolean
  readonly keepsTexts: boolean
}

const SPACE = /[\s\ufeff]*/y
const STRING = /"(?:[^"\\]|\\.)*"/sy
const NUMBER = /-?\d+(?:\.\d+)?(?:e[+-]?\d+)?/iy
const WORD = /true|false|null/y
const CUT_STRING = /"(?:[^"\\]|\\.)*\\?$/sy

/** What is expected next. */
type Expected = 'value' | 'value or end' | 'name' | 'name or end' | 'comma or end' | 'nothing'

/** Null: the text is no object or list of JSON. `isCut`: it is only the beginning of one. */
export function keptOfJson(text: string, isCut: boolean): readonly Kept[] | null {
  const kept: Kept[] = []
  const open: Open[] = []
  let expected: Expected = 'value'
  let at = lengthOf(SPACE, text, 0)
  if (text[at] !== '{' && text[at] !== '[') return null
  for (; at < text.length; at += lengthOf(SPACE, text, at)) {
    const character = text[at] ?? ''
    const last = open.at(-1)
    if (expected.endsWith('end') && character === last?.closing) {
      open.pop()
      expected = open.length === 0 ? 'nothing' : 'comma or end'
      at += 1
    } else if (expected === 'comma or end') {
      if (character !== ',') return null
      expected = last?.closing === '}' ? 'name' : 'value'
      at += 1
    } else if (expected.startsWith('name')) {
      const length = lengthOf(STRING, text, at)
      if (length === 0) return isCut && lengthOf(CUT_STRING, text, at) > 0 ? kept : null
      const colon = at + length + lengthOf(SPACE, text, at + length)
      if (colon >= text.length && isCut) return kept
      const name = stringOf(text.slice(at, at + length))
      if (name === null || last === undefined || text[colon] !== ':') return null
      last.name = name.toLowerCase()
      expected = 'value'
      at = colon + 1
    } else if (expected.startsWith('value')) {
      if (character === '{' || character === '[') {
        open.push(opened(character, last))
        expected = character === '{' ? 'name or end' : 'value or end'
        at += 1
        continue
      }
      const value = scalarAt(text, at, isCut)
      if (value === null || last === undefined) return null
      if (value.text !== null && isKept(last)) {
        kept.push({ name: last.name, text: value.text, isCut: value.isCut })
      }
      expected = 'comma or end'
      at += value.length
    } else {
      return null
    }
  }
  return expected === 'nothing' || isCut ? kept : null
}

function isKept({ closing, name, isLooked, keepsTexts }: Open): boolean {
  return isLooked && (closing === '}' ? KEPT.has(name) : keepsTexts)
}

function opened(character: '{' | '[', outer: Open | undefined): Open {
  const closing = character === '{' ? '}' : ']'
  if (outer === undefined) {
    return { closing, name: '', isLooked: true, isWithin: false, keepsTexts: false }
  }
  const { name } = outer
  const isInList = outer.closing === ']'
  const isContainer = !isInList && CONTAINERS.has(name)
  const isWithin = outer.isWithin || isContainer
  const isTopList = isInList && !outer.isWithin
  const isLooked = outer.isLooked && (isWithin || isTopList) && !isSecretName(name)
  return { closing, name, isLooked, isWithin, keepsTexts: isLooked && isContainer }
}

interface Scalar {
  /** Null: it says nothing. */
  readonly text: string | null
  readonly length: number
  readonly isCut: boolean
}

/** Null: there is none. */
function scalarAt(text: string, at: number, isCut: boolean): Scalar | null {
  const whole = lengthOf(STRING, text, at)
  if (whole > 0) {
    const value = stringOf(text.slice(at, at + whole))
    return value === null ? null : { text: value, length: whole, isCut: false }
  }
  const number = lengthOf(NUMBER, text, at)
  if (number > 0) return { text: text.slice(at, at + number), length: number, isCut: false }
  const word = lengthOf(WORD, text, at)
  if (word > 0) {
    const value = text.slice(at, at + word)
    return { text: value === 'null' ? null : value, length: word, isCut: false }
  }
  const rest = text.slice(at)
  if (!isCut) return null
  if (lengthOf(CUT_STRING, text, at) > 0) {
    return { text: rest.slice(1), length: rest.length, isCut: true }
  }
  const isWord = ['true', 'false', 'null', '-'].some((one) => one.startsWith(rest))
  return isWord ? { text: null, length: rest.length, isCut: true } : null
}

/** Null: it has an escape that JSON does not know. */
function stringOf(json: string): string | null {
  try {
    return JSON.parse(json) as string
  } catch {
    return null
  }
}

/** How much this pattern takes here; 0: nothing. */
function lengthOf(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at
  return pattern.test(text) ? pattern.lastIndex - at : 0
}
