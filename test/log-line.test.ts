/** How a decision reads as one line of a log. */
import { describe, expect, test } from 'vitest'
import { EVENT_NAMES } from '../src/events.ts'
import type { Json, OutLine } from '../src/journal/lines.ts'
import { logLineOf, textOf } from '../src/log/log-line.ts'

const eventLine = (name: string, detail: Json) => logLineOf({ out: 'event', name, detail }, 0)

/** The value of a field as a line shows it. */
const shown = (value: Json) =>
  textOf('info', 'x', { field: value }).text.slice('holdfast x '.length)

describe('a line of a log', () => {
  test('has the name of the decision first, then its fields', () => {
    const detail = { id: '1.sg.n2', user: 'alice', kind: 'note', outcome: 'retry', status: 503 }
    expect(eventLine('operation.retrying', detail)).toEqual({
      level: 'warn',
      text: 'holdfast operation.retrying id=1.sg.n2 user=alice kind=note outcome=retry status=503',
    })
  })

  test.each([
    ['a text of plain characters', 'a.b:c@d.e/f-g+h~i_j', 'field=a.b:c@d.e/f-g+h~i_j'],
    ['a text with a space', 'two words', 'field="two words"'],
    ['a text with a quotation mark', 'a"b', String.raw`field="a\"b"`],
    ['an empty text', '', 'field=""'],
    ['a text that looks like a field', 'x status=200', 'field="x status=200"'],
    ['a text that looks like no value', 'null', 'field="null"'],
    ['no value', null, 'field=null'],
    ['a number', 4.5, 'field=4.5'],
    ['a truth', false, 'field=false'],
    ['a list', ['a', 'b c', null], 'field=[a,"b c",null]'],
  ])('shows %s', (_what, value, text) => {
    expect(shown(value)).toBe(text)
  })

  test.each([
    ['a line feed', 'a\nholdfast operation.dead', String.raw`"a\nholdfast operation.dead"`],
    ['a carriage return', 'a\rb', String.raw`"a\rb"`],
    ['an escape sequence', 'a\u001b[2Jb', String.raw`"a\u001b[2Jb"`],
    ['a control character of C1', 'a\u009bb', String.raw`"a\u009bb"`],
    ['a mark that turns the direction', 'a\u202eb', String.raw`"a\u202eb"`],
    ['a line separator', 'a\u2028b', String.raw`"a\u2028b"`],
  ])('escapes %s, so that a text from outside makes no line of its own', (_what, text, escaped) => {
    expect(shown(text)).toBe(`field=${escaped}`)
    // oxlint-disable-next-line no-control-regex
    expect(shown(text)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e\u2028]/)
  })

  test('cuts a text of more than 200 characters, and never splits a character', () => {
    expect(shown('x'.repeat(200))).toBe(`field=${'x'.repeat(200)}`)
    expect(shown('x'.repeat(201))).toBe(`field="${'x'.repeat(200)}…"`)
    expect(shown(`${'x'.repeat(199)}😀`).isWellFormed()).toBe(true)
  })

  test('shows ten values of a list, and how many there are more', () => {
    const ids = Array.from({ length: 12 }, (_, index) => `n${index}`)
    expect(shown(ids)).toBe('field=[n0,n1,n2,n3,n4,n5,n6,n7,n8,n9,…2 more]')
  })

  test('shows an instant as a date, and one that no date can show as its number', () => {
    const { text } = textOf('info', 'x', { retryAt: 0, since: 1000, at: 5, lateAt: 9e15 })
    expect(text).toBe(
      'holdfast x retryAt=1970-01-01T00:00:00.000Z since=1970-01-01T00:00:01.000Z at=5 lateAt=9000000000000000',
    )
  })

  test('leaves out a nested value and one that is undefined', () => {
    expect(textOf('info', 'x', { a: 1, nested: { b: 2 }, none: undefined }).text).toBe(
      'holdfast x a=1',
    )
  })

  test('has a level for every event but error, whose lines come from the listeners', () => {
    for (const name of EVENT_NAMES.filter((one) => one !== 'error')) {
      expect(['debug', 'info', 'warn', 'error']).toContain(eventLine(name, {})?.level)
    }
    expect(eventLine('error', { code: 'INTERNAL' })).toBe(null)
  })

  test('is a warning if a 401 makes the requirement doubtful', () => {
    const detail = { requirement: 'off', suspected: true }
    expect(eventLine('requirement.changed', detail)?.level).toBe('warn')
    expect(eventLine('requirement.changed', { ...detail, suspected: false })?.level).toBe('info')
  })
})

describe('the decision', () => {
  test.each<[string, OutLine, string | null]>([
    [
      'to commit shows the names of the changes alone',
      {
        out: 'ask',
        ask: 1,
        name: 'commit',
        args: { synced: true, changes: [{ change: 'enqueue', payload: { hmac: 'digest' } }] },
      },
      'debug holdfast ask.commit synced=true changes=[enqueue]',
    ],
    [
      'to look up one operation shows its id',
      { out: 'ask', ask: 2, name: 'find', args: '1.sg.n2' },
      'debug holdfast ask.find of=1.sg.n2',
    ],
    [
      'to open the storage shows nothing more',
      { out: 'ask', ask: 3, name: 'open', args: null },
      'debug holdfast ask.open',
    ],
    [
      'that a user needs a token is news',
      { out: 'need', user: 'alice', reason: 'expired' },
      'info holdfast need.opened user=alice reason=expired',
    ],
    [
      'that a need is over is a detail',
      { out: 'need', user: 'alice', reason: null },
      'debug holdfast need.closed user=alice',
    ],
    [
      'to wait shows how long, not a moment of a clock that nothing shows',
      { out: 'alarm', name: 'backoff:1', at: 1250 },
      'debug holdfast alarm.armed name=backoff:1 inMs=250',
    ],
    [
      'to wait no longer is a detail',
      { out: 'alarm.cancelled', name: 'backoff:1' },
      'debug holdfast alarm.cancelled name=backoff:1',
    ],
    [
      'to reject a call has no line here, because the name of the call is not in it',
      { out: 'call.rejected', call: 7, code: 'TOO_LATE' },
      null,
    ],
  ])('%s', (_title, line, expected) => {
    const made = logLineOf(line, 1000)
    expect(made === null ? null : `${made.level} ${made.text}`).toBe(expected)
  })
})
