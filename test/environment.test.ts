/** The tests take nothing silently from the machine: neither its time zone nor its language nor its variables. */
import { execFileSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { parseHttpDate } from '../src/transport/http-date.ts'
import { EXPECTED, setEnvironment, UNWANTED } from './support/environment.ts'
import { leftOutOnWindows } from './support/systems.ts'

const minutesAt = (instant: number) => new Date(instant).getTimezoneOffset()
const WINTER = Date.UTC(2026, 0, 15)
const SUMMER = Date.UTC(2026, 6, 15)

describe('the time zone of the tests', () => {
  test('is not the zone of the machine', () => {
    expect(process.env['TZ']).toBe(EXPECTED.timeZone)
    expect(new Intl.DateTimeFormat().resolvedOptions().timeZone).toBe(EXPECTED.timeZone)
  })

  test('has an offset of no full hour, and daylight saving time', () => {
    expect([minutesAt(WINTER), minutesAt(SUMMER)]).toEqual([210, 150])
  })

  test('is also the zone of a process that a test starts', () => {
    const code = 'process.stdout.write(Intl.DateTimeFormat().resolvedOptions().timeZone)'
    expect(execFileSync(process.execPath, ['-e', code], { encoding: 'utf8' })).toBe(
      EXPECTED.timeZone,
    )
  })

  // Q7: the control. A date that is read as local time is another instant here, in each of the three formats.
  test('shows that a date of HTTP was read as local time', () => {
    for (const [text, local] of [
      ['Thu, 15 Jan 2026 00:00:00 GMT', 'Thu, 15 Jan 2026 00:00:00'],
      ['Thursday, 15-Jan-26 00:00:00 GMT', '15 Jan 2026 00:00:00'],
      ['Thu Jan 15 00:00:00 2026', 'Thu Jan 15 00:00:00 2026'],
    ] as const) {
      expect(parseHttpDate(text, WINTER)).toBe(WINTER)
      expect(Date.parse(local)).toBe(WINTER + 210 * 60_000)
    }
  })
})

// ICU asks Windows itself for the language, never the environment.
describe.skipIf(leftOutOnWindows('the language of the tests', 'Windows has it in its settings'))(
  'the language of the tests',
  () => {
    test('is not the language of the machine', () => {
      expect(new Intl.NumberFormat().resolvedOptions().locale).toBe(EXPECTED.locale)
    })

    test('shows that a text was made for people', () => {
      expect((1234.5).toLocaleString()).toBe('1.234,5')
      expect(['ı', 'i', 'z', 'ç'].sort((a, b) => a.localeCompare(b))).toEqual(['ç', 'ı', 'i', 'z'])
    })
  },
)

describe('the variables of the machine', () => {
  test('that would change a test are not there', () => {
    expect(UNWANTED.filter((name) => process.env[name] !== undefined)).toEqual([])
  })

  test('are taken away and replaced, and no others', () => {
    const environment = { NO_COLOR: '1', TZ: 'UTC', EDITOR: 'vi' }
    setEnvironment(environment)
    expect(environment).toEqual({
      EDITOR: 'vi',
      TZ: EXPECTED.timeZone,
      LC_ALL: 'tr_TR.UTF-8',
    })
  })
})
