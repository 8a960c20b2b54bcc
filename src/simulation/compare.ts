/** Compares what was seen with what a scenario expects; what is not said is not compared. */
import { isDeepStrictEqual } from 'node:util'
import { compareRejects } from './compare-rejects.ts'
import type { Mismatch } from './mismatch.ts'
import type { FinalState, Observation } from './observe.ts'
import type { ExpectedRequest, Expectation } from './scenario.ts'
import type { SeenRequest } from './scripted-server.ts'

/** A scenario without `expect` expects nothing: a plan of the search, say, in which calls may reject. */
export function compare(expect: Expectation | undefined, seen: Observation): Mismatch[] {
  if (expect === undefined) return []
  return [
    ...(expect.requests === undefined ? [] : compareRequests(expect.requests, seen.requests)),
    ...compareEvents(expect, seen),
    ...compareList('sourceCalls', expect.sourceCalls, seen.sourceCalls),
    ...compareWhole('applied', expect.applied, seen.applied),
    ...Object.entries(expect.looks ?? {}).flatMap(([id, look]) =>
      compareLook(`looks.${id}`, look, seen.looks[id]),
    ),
    ...compareWhole('listened', expect.listened, seen.listened),
    ...compareFinal(expect.final ?? {}, seen.final),
    ...compareRejects(expect, seen),
  ]
}

/** In order of sending; those sent at the same instant in any order. */
function compareRequests(
  expected: readonly ExpectedRequest[],
  seen: readonly SeenRequest[],
): Mismatch[] {
  if (expected.length !== seen.length) {
    return [{ what: 'requests', expected: expected.map(compact), seen: seen.map(showRequest) }]
  }
  const ordered = reorder(expected, seen)
  return expected.flatMap((request, index) => {
    const actual = ordered[index]
    if (actual === undefined) return []
    return fieldMismatches(request, actual, ordered).map((mismatch) => ({
      ...mismatch,
      what: `requests[${index}].${mismatch.what}`,
    }))
  })
}

/** Puts each group of one instant into the order that fits best. */
function reorder(
  expected: readonly ExpectedRequest[],
  seen: readonly SeenRequest[],
): readonly SeenRequest[] {
  const ordered: SeenRequest[] = []
  for (let start = 0; start < seen.length;) {
    const at = seen[start]?.at
    const end = seen.findIndex((request, index) => index > start && request.at !== at)
    const group = seen.slice(start, end === -1 ? undefined : end)
    const wanted = expected.slice(start, start + group.length)
    ordered.push(...bestOrder(wanted, group))
    start += group.length
  }
  return ordered
}

function bestOrder(
  wanted: readonly ExpectedRequest[],
  group: readonly SeenRequest[],
): readonly SeenRequest[] {
  const left = [...group]
  const order = wanted.map((request) => {
    const index = left.findIndex((actual) => fieldMismatches(request, actual, []).length === 0)
    return index === -1 ? undefined : left.splice(index, 1)[0]
  })
  return order.map((actual) => actual ?? left.shift()).filter((actual) => actual !== undefined)
}

function fieldMismatches(
  expected: ExpectedRequest,
  actual: SeenRequest,
  all: readonly SeenRequest[],
): Mismatch[] {
  const { sameKeyAs, newKeyAs, payload, ...fields } = expected
  const mismatches = Object.entries(fields).flatMap(([name, value]) =>
    compareWhole(name, value, actual[name as keyof typeof fields]),
  )
  if (payload !== undefined) mismatches.push(...compareWhole('payload', payload, actual.body))
  if (all.length === 0) return mismatches
  if (sameKeyAs !== undefined && all[sameKeyAs]?.key !== actual.key) {
    mismatches.push({ what: 'sameKeyAs', expected: all[sameKeyAs]?.key, seen: actual.key })
  }
  if (newKeyAs !== undefined && all[newKeyAs]?.key === actual.key) {
    mismatches.push({ what: 'newKeyAs', expected: 'another key', seen: actual.key })
  }
  return mismatches
}

/** In order, but only of the names that occur in the list or in `never`. */
function compareEvents({ events = [], never = [] }: Expectation, seen: Observation): Mismatch[] {
  const names = new Set([...events.map(({ event }) => event), ...never])
  const relevant = seen.events.filter(({ event }) => names.has(event))
  const forbidden = relevant.filter(({ event }) => never.includes(event))
  const mismatches = forbidden.map((event) => ({
    what: `never.${event.event}`,
    expected: 'not to occur',
    seen: compact(event),
  }))
  if (events.length === 0) return mismatches
  const allowed = relevant.filter(({ event }) => !never.includes(event))
  return [...mismatches, ...compareList('events', events, allowed)]
}

function compareList(
  what: string,
  expected: readonly object[] | undefined,
  seen: readonly object[],
): Mismatch[] {
  if (expected === undefined) return []
  if (expected.length !== seen.length) {
    return [{ what, expected: expected.map(compact), seen: seen.map(compact) }]
  }
  return expected.flatMap((item, index) =>
    Object.entries(item).flatMap(([name, value]) =>
      compareWhole(
        `${what}[${index}].${name}`,
        value,
        (seen[index] as Readonly<Record<string, unknown>> | undefined)?.[name],
      ),
    ),
  )
}

/** Of one operation only what is written. */
function compareLook(what: string, expected: unknown, seen: unknown): Mismatch[] {
  const isPartial = typeof expected === 'object' && expected !== null && !Array.isArray(expected)
  if (!isPartial || typeof seen !== 'object' || seen === null) {
    return compareWhole(what, expected, seen)
  }
  return Object.entries(expected).flatMap(([name, value]) =>
    compareWhole(`${what}.${name}`, value, (seen as Readonly<Record<string, unknown>>)[name]),
  )
}

const UNORDERED: ReadonlySet<string> = new Set(['completed', 'cancelled'])

function compareFinal(expected: NonNullable<Expectation['final']>, seen: FinalState): Mismatch[] {
  return Object.entries(expected).flatMap(([name, value]) => {
    const actual = seen[name as keyof FinalState]
    if (name === 'holds') {
      return compareWhole('final.holds', sortedLists(value), sortedLists(actual))
    }
    if (UNORDERED.has(name)) {
      return compareWhole(`final.${name}`, sorted(value), sorted(actual))
    }
    return compareWhole(`final.${name}`, value, actual)
  })
}

function compareWhole(what: string, expected: unknown, seen: unknown): Mismatch[] {
  return expected === undefined || isDeepStrictEqual(expected, seen)
    ? []
    : [{ what, expected, seen }]
}

function sorted(list: unknown): unknown {
  return Array.isArray(list)
    ? [...(list as string[])].sort((a, b) => (a < b ? -1 : Number(a > b)))
    : list
}

function sortedLists(lists: unknown): unknown {
  return Object.fromEntries(Object.entries(lists ?? {}).map(([name, list]) => [name, sorted(list)]))
}

function compact(item: object): object {
  return Object.fromEntries(Object.entries(item).filter(([, value]) => value !== undefined))
}

function showRequest({ at, user, kind, ops, token, status }: SeenRequest): object {
  return { at, user, kind, ops, token, status }
}
