/** Every alarm that a part arms is in the table of alarms, which says whether a journal can begin meanwhile. */
import { expect, test } from 'vitest'
import { ALARMS, alarmOf, isRestored } from '../src/engine/alarms.ts'
import { sourcesIn } from './support/sources.ts'

const parts = sourcesIn('src').filter(
  ({ path }) => path.startsWith('src/engine/') && !path.startsWith('src/engine/boundary/'),
)

/** The first argument of each `arm(` and `alarmOf(`, where it is a text, and each constant of type `AlarmName`. */
function namesIn(code: string): readonly string[] {
  const texts = code.matchAll(/(?:\barm|\balarmOf)\(\s*'([\w-]+)'/g)
  const constants = code.matchAll(/: AlarmName = '([\w-]+)'/g)
  return [...texts, ...constants].map(([, name = '']) => name)
}

test('every alarm of the table is armed somewhere, and no other', () => {
  const armed = new Set(parts.flatMap(({ code }) => namesIn(code)))
  // These three share one call of `arm()`, by the name of the alarm.
  for (const name of ['coolDown', 'wait', 'early']) armed.add(name)
  expect([...armed].sort()).toEqual(Object.keys(ALARMS).sort())
})

test('the name of an alarm is never made by hand', () => {
  const byHand = parts.filter(({ code }) => /\b(?:re|dis)?arm\(\s*`/.test(code))
  expect(byHand.map(({ path }) => path)).toEqual([])
})

test.each([
  ['backoff', 7, true],
  ['read-reply', 'r', true],
  ['logout', 'a:user:with:colons', true],
  ['vault', 'alice', false],
  ['record', 3, false],
] as const)('%s of %s: a journal can begin meanwhile: %s', (name, id, expected) => {
  expect(isRestored(alarmOf(name, id))).toBe(expected)
})

test('a name that only begins like an alarm is none', () => {
  expect(isRestored('requirements')).toBe(false)
  expect(isRestored('toString')).toBe(false)
  expect(isRestored('portal')).toBe(true)
})
