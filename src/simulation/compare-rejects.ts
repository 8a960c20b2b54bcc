/**
 * A scenario that expects something lists each call that rejects: one that is not listed is a mistake of the scenario,
 * or a fault. A read that was cancelled or has failed may be told under `reads` instead.
 */
import type { Mismatch } from './mismatch.ts'
import type { Observation } from './observe.ts'
import { namesOf, type Rejection, tell } from './rejections.ts'
import type { Expectation } from './scenario.ts'

export function compareRejects(expect: Expectation, { rejections }: Observation): Mismatch[] {
  const { rejects = {}, final } = expect
  const listed = new Map(Object.keys(rejects).map((name): [string, Rejection[]] => [name, []]))
  const mismatches: Mismatch[] = []
  for (const rejection of rejections) {
    const names = namesOf(rejection)
    const name = names.find((one) => listed.has(one))
    if (name !== undefined) listed.get(name)?.push(rejection)
    else if (!isToldAsRead(rejection, final?.reads)) mismatches.push(unlisted(rejection, names))
  }
  for (const [name, found] of listed) mismatches.push(...differences(name, rejects[name], found))
  return mismatches
}

function isToldAsRead(
  { call, id }: Rejection,
  reads: Readonly<Record<string, string>> = {},
): boolean {
  return call === 'read' && id !== null && Object.hasOwn(reads, id)
}

function unlisted(rejection: Rejection, [name = '']: readonly string[]): Mismatch {
  const expected = `not to reject, or to be listed: rejects: { ${name}: ${rejection.code} }`
  return { what: `rejects.${name}`, expected, seen: tell(rejection) }
}

/** One code: all have it. A list: these, in order. */
function differences(
  name: string,
  expected: string | readonly string[] | undefined,
  found: readonly Rejection[],
): Mismatch[] {
  const codes = found.map(({ code }) => code)
  const isSame =
    typeof expected === 'string'
      ? codes.length > 0 && codes.every((code) => code === expected)
      : JSON.stringify(codes) === JSON.stringify(expected)
  if (isSame) return []
  const [first = null, second] = codes
  return [{ what: `rejects.${name}`, expected, seen: second === undefined ? first : codes }]
}
