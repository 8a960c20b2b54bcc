/** From the text of a scenario file to a scenario, or to an error that names the line and what is wrong. */
import {
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  LineCounter,
  parseDocument,
  type Document,
  visit,
} from 'yaml'
import type { z } from 'zod'
import { HoldfastError } from '../errors.ts'
import type { NameProblem } from './name-problem.ts'
import { meant, nearestOf } from './nearest.ts'
import { keysAt } from './scenario-keys.ts'
import { wrongNames } from './scenario-names.ts'
import { type Scenario, scenarioSchema } from './scenario.ts'

type Issue = z.core.$ZodIssue

/** What is wrong, and where. */
interface Problem {
  readonly path: readonly PropertyKey[]
  readonly what: string
  /** It is about this key of what is at the path. */
  readonly key?: string | undefined
}

/** Where one word of several says what an item is. */
interface Choice {
  readonly is: string
  readonly words: readonly string[]
}

/** A scenario has some hundred lines: a longer file is not even parsed (E6). */
const MOST_CHARACTERS = 1_048_576

/** To find out what an alias stands for takes a look at all others before it. */
const MOST_ALIASES = 1000

/** @throws HoldfastError `SCENARIO_INVALID`, with file, line and what is wrong. */
export function parseScenario(text: string, file: string): Scenario {
  if (text.length > MOST_CHARACTERS) {
    throw invalid(file, 1, `a scenario must have at most ${MOST_CHARACTERS} characters`)
  }
  const lines = new LineCounter()
  // Its own check of keys takes the square of their number.
  const document = parseDocument(text, { version: '1.2', lineCounter: lines, uniqueKeys: false })
  const [broken] = document.errors
  if (broken !== undefined) {
    const line = broken.linePos?.[0].line ?? 1
    throw invalid(file, line, broken.message.split('\n')[0] ?? 'not YAML')
  }
  const refuse = (problem: Problem): HoldfastError =>
    invalid(file, lines.linePos(offsetOf(document, problem)).line, messageOf(problem))
  const flaw = doubleKeyIn(document) ?? wrongAliasIn(document)
  if (flaw !== null) throw invalid(file, lines.linePos(flaw.offset).line, flaw.what)
  let plain: unknown
  try {
    plain = document.toJS()
  } catch (error) {
    throw invalid(file, 1, (error as Error).message)
  }
  const parsed = scenarioSchema.safeParse(plain)
  if (!parsed.success) throw refuse(problemOf(document, parsed.error.issues))
  const wrong: NameProblem | null = wrongNames(parsed.data)
  if (wrong !== null) throw refuse(wrong)
  return parsed.data
}

function invalid(file: string, line: number, what: string): HoldfastError {
  return new HoldfastError('SCENARIO_INVALID', `${file}:${line}: ${what}`)
}

/** What is wrong with the document, whatever it says. */
interface Flaw {
  readonly offset: number
  readonly what: string
}

/** The first key that comes twice in a map; null: there is none. */
function doubleKeyIn(document: Document): Flaw | null {
  let flaw: Flaw | null = null
  visit(document, {
    Map: (_key, { items }) => {
      const seen = new Set<unknown>()
      for (const { key } of items) {
        if (!isScalar(key)) continue
        if (seen.has(key.value)) {
          flaw = { offset: key.range?.[0] ?? 0, what: 'Map keys must be unique' }
          return visit.BREAK
        }
        seen.add(key.value)
      }
      return undefined
    },
  })
  return flaw
}

/**
 * The first alias that stands for nothing or holds itself, or that is one too many; null: there is none. One walk through
 * the document: an alias stands for an anchor before it.
 */
function wrongAliasIn(document: Document): Flaw | null {
  const anchors = new Set<string>()
  let count = 0
  let wrong: Flaw | null = null
  visit(document, {
    Node: (_key, node, path) => {
      if (!isAlias(node)) {
        if (node.anchor !== undefined) anchors.add(node.anchor)
        return undefined
      }
      count += 1
      const { source } = node
      const holdsItself = path.some((outer) => isNode(outer) && anchorOf(outer) === source)
      const what = !anchors.has(source)
        ? `Unresolved alias (the anchor must be set before the alias): ${source}`
        : holdsItself
          ? `the alias ${source} is within what it stands for`
          : `a scenario must have at most ${MOST_ALIASES} aliases`
      if (anchors.has(source) && !holdsItself && count <= MOST_ALIASES) return undefined
      wrong = { offset: node.range?.[0] ?? 0, what }
      return visit.BREAK
    },
  })
  return wrong
}

function anchorOf(node: object): unknown {
  return 'anchor' in node ? node.anchor : undefined
}

function messageOf({ path, what }: Problem): string {
  const where = path.map(String).join('.')
  return where === '' ? what : `${where}: ${what}`
}

/** A misspelt key before the key that is missing because of it; else the first thing that the schema found. */
function problemOf(document: Document, issues: readonly Issue[]): Problem {
  const issue = issues.find(isMisspeltKey) ?? issues[0]
  if (issue === undefined) throw new TypeError('a failed parse without an issue')
  const choice = issue.path.length === 2 ? CHOICES.get(String(issue.path[0])) : undefined
  if (choice !== undefined && issue.code === 'invalid_union') {
    return wrongChoice(document, issue, choice)
  }
  if (issue.code === 'unrecognized_keys') {
    const [key = ''] = issue.keys
    const what = `unknown key ${issue.keys.join(', ')}${meant(key, keysAt(issue.path))}`
    return { path: issue.path, what, key }
  }
  if (issue.code !== 'invalid_union') return { path: issue.path, what: issue.message }
  const [closest] = [...issue.errors].sort((a, b) => a.length - b.length)
  if (closest === undefined || closest.every(({ path }) => path.length === 0)) {
    return { path: issue.path, what: issue.message }
  }
  return problemOf(document, within(issue, closest))
}

function isMisspeltKey(issue: Issue): boolean {
  if (issue.code !== 'unrecognized_keys') return false
  const [key = ''] = issue.keys
  return nearestOf(key, keysAt(issue.path)) !== null
}

/** What is wrong with an item: its word, or what belongs to the word it has. */
function wrongChoice(
  document: Document,
  issue: z.core.$ZodIssueInvalidUnion,
  { is, words }: Choice,
): Problem {
  const { path } = issue
  const node = document.getIn(path, true)
  if (!isMap(node)) return { path, what: `${is} must be a map` }
  const keys = node.items.map(({ key }) => String(key))
  const given = keys.filter((key) => words.includes(key))
  const [word, second] = given
  if (second !== undefined) {
    return { path, what: `${is} is one thing, not ${given.join(' and ')}`, key: second }
  }
  if (word !== undefined) {
    return problemOf(document, within(issue, issue.errors[words.indexOf(word)] ?? []))
  }
  const unknown = keys.find((key) => !BESIDE.has(key))
  if (unknown === undefined) return { path, what: `${is} needs one of ${words.join(', ')}` }
  const what = `unknown key ${unknown}; ${is} is one of ${words.join(', ')}${meant(unknown, words)}`
  return { path, what, key: unknown }
}

/** A union's issues know where they are only within it. */
function within({ path }: Issue, issues: readonly Issue[]): Issue[] {
  return issues.map((issue) => ({ ...issue, path: [...path, ...issue.path] }))
}

function offsetOf(document: Document, { path, key }: Problem): number {
  return key === undefined ? rangeAt(document, path) : keyOffset(document, path, key)
}

/** Where a value begins, or the closest one around it. */
function rangeAt(document: Document, path: readonly PropertyKey[]): number {
  for (let length = path.length; length >= 0; length -= 1) {
    const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true)
    const range = (node as { range?: readonly number[] } | null | undefined)?.range
    if (range?.[0] !== undefined) return range[0]
  }
  return 0
}

function keyOffset(document: Document, path: readonly PropertyKey[], key: string): number {
  const map = path.length === 0 ? document.contents : document.getIn(path, true)
  if (!isMap(map)) return rangeAt(document, path)
  for (const pair of map.items) {
    if (isPair(pair) && isScalar(pair.key) && String(pair.key.value) === key) {
      return pair.key.range?.[0] ?? rangeAt(document, path)
    }
  }
  return rangeAt(document, path)
}

const { steps, source } = scenarioSchema.shape

/** What may stand beside the word that says what an item is. */
const BESIDE: ReadonlySet<string> = new Set(['at', 'after', 'process', 'ever', 'silent', 'times'])

/** In the order of the schema's alternatives. */
const CHOICES: ReadonlyMap<string, Choice> = new Map([
  ['steps', { is: 'a step', words: steps.element.options.map(({ shape }) => wordOf(shape)) }],
  [
    'source',
    {
      is: 'an answer of the source',
      words: source.unwrap().element.options.map(({ shape }) => wordOf(shape)),
    },
  ],
])

function wordOf(shape: object): string {
  return Object.keys(shape).find((name) => !BESIDE.has(name)) ?? ''
}
