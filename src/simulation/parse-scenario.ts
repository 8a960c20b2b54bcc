/** From the text of a scenario file to a scenario, or to an error that names the line and what is wrong. */
import { isMap, isPair, isScalar, LineCounter, parseDocument, type Document } from 'yaml'
import type { z } from 'zod'
import { HoldfastError } from '../errors.ts'
import { type Scenario, scenarioSchema } from './scenario.ts'

type Issue = z.core.$ZodIssue

/** @throws HoldfastError `SCENARIO_INVALID`, with file, line and what is wrong. */
export function parseScenario(text: string, file: string): Scenario {
  const lines = new LineCounter()
  const document = parseDocument(text, { version: '1.2', lineCounter: lines, uniqueKeys: true })
  const [broken] = document.errors
  if (broken !== undefined) {
    const line = broken.linePos?.[0].line ?? 1
    throw invalid(file, line, broken.message.split('\n')[0] ?? 'not YAML')
  }
  const parsed = scenarioSchema.safeParse(document.toJS())
  if (!parsed.success) {
    const issue = deepest(parsed.error.issues)
    throw invalid(file, lineOf(document, lines, issue), messageOf(issue))
  }
  const unknown = unknownToken(parsed.data)
  if (unknown !== null) {
    const line = lines.linePos(rangeAt(document, unknown.path)).line
    throw invalid(file, line, `there is no token ${unknown.token} under tokens`)
  }
  return parsed.data
}

function invalid(file: string, line: number, what: string): HoldfastError {
  return new HoldfastError('SCENARIO_INVALID', `${file}:${line}: ${what}`)
}

/** Of a union's issues, those of the alternative that came closest: the one with the fewest. */
function deepest(issues: readonly Issue[]): Issue {
  const [first] = issues
  if (first === undefined) throw new TypeError('a failed parse without an issue')
  if (first.code !== 'invalid_union') return first
  const closest = [...first.errors].sort((a, b) => distance(a) - distance(b))[0]
  if (closest === undefined || closest.length === 0) return first
  const inner = deepest(closest)
  return { ...inner, path: [...first.path, ...inner.path] }
}

/** An alternative whose own word is missing is further away than one that has a wrong part. */
function distance(issues: readonly Issue[]): number {
  let sum = 0
  for (const issue of issues) {
    sum += issue.code === 'invalid_type' && issue.path.length === 1 ? 10 : 1
    if (issue.code === 'unrecognized_keys') sum += issue.keys.length * 2
  }
  return sum
}

function messageOf(issue: Issue): string {
  const where = issue.path.map(String).join('.')
  const what =
    issue.code === 'unrecognized_keys' ? `unknown key ${issue.keys.join(', ')}` : issue.message
  return where === '' ? what : `${where}: ${what}`
}

function lineOf(document: Document, lines: LineCounter, issue: Issue): number {
  const offset =
    issue.code === 'unrecognized_keys'
      ? keyOffset(document, issue.path, issue.keys[0] ?? '')
      : rangeAt(document, issue.path)
  return lines.linePos(offset).line
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

function unknownToken(scenario: Scenario): { token: string; path: PropertyKey[] } | null {
  const known = scenario.tokens ?? {}
  for (const [index, step] of scenario.steps.entries()) {
    const [key, token] =
      'login' in step
        ? ['login', step.login.token]
        : 'updateToken' in step
          ? ['updateToken', step.updateToken.token]
          : ['', undefined]
    if (token !== undefined && !(token in known)) return { token, path: ['steps', index, key] }
  }
  for (const [index, answer] of (scenario.source ?? []).entries()) {
    if ('token' in answer && !(answer.token in known)) {
      return { token: answer.token, path: ['source', index] }
    }
  }
  return null
}
