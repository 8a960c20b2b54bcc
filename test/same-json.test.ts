/** A payload that its schema leaves as it is need not be turned into text a second time (Q14). */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { Payloads } from '../src/operations/payloads.ts'
import { isSameJson } from '../src/operations/same-json.ts'

const anything = fc.anything({
  withBigInt: true,
  withDate: true,
  withMap: true,
  withNullPrototype: true,
  withSparseArray: true,
  withObjectString: true,
})

function jsonOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value)
  } catch {
    return undefined
  }
}

describe('isSameJson()', () => {
  test('is true only of values with the same JSON text', () => {
    fc.assert(
      fc.property(anything, anything, (one, other) => {
        expect(!isSameJson(one, other) || jsonOf(one) === jsonOf(other)).toBe(true)
      }),
    )
  })

  test('is true of plain JSON and a copy of it', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(isSameJson(value, JSON.parse(JSON.stringify(value)))).toBe(true)
      }),
    )
  })

  const date = new Date(0)
  const list = [1]
  test.each<[string, unknown, unknown]>([
    ['another text', { a: 'b' }, { a: 'c' }],
    ['another order of keys', { a: 1, b: 2 }, { b: 2, a: 1 }],
    ['a key more', { a: 1 }, { a: 1, b: 2 }],
    ['a key that JSON leaves out', { a: 1, b: undefined }, { a: 1, b: undefined }],
    ['a longer list', [1], [1, 2]],
    ['a list and an object', [1], { 0: 1 }],
    ['two dates', new Date(0), new Date(0)],
    ['a date and its text', date, date.toJSON()],
    ['numbers that are no JSON', Number.NaN, Number.NaN],
    ['an object with toJSON()', { toJSON: () => 1 }, { toJSON: () => 2 }],
    ['the same object, which may have been changed', { list }, { list }],
    ['nothing', undefined, undefined],
  ])('is false of %s', (_name, one, other) => {
    expect(isSameJson(one, other)).toBe(false)
  })
})

// Q14
describe('a schema that changes the object that it is given', () => {
  const schemas: [string, (value: { id?: number }) => unknown][] = [
    ['and answers with it', (value) => Object.assign(value, { id: 5 })],
    ['and answers with a copy', (value) => ({ ...Object.assign(value, { id: 5 }) })],
  ]
  test.each(schemas)('%s has its output stored', (_name, validate) => {
    const payload = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: (value: unknown) => ({ value: validate(value as object) }),
      },
    } satisfies StandardSchemaV1
    const spec = { kind: 'note', payload, request: () => ({ method: 'POST', path: '/' }) } as const
    const payloads = new Payloads(new Map([['note', spec as never]]))
    const given = { text: 'a' }
    const asked = { kind: 'note', payload: JSON.stringify(given), given }
    expect(payloads.check(asked)).toEqual({ ok: true, text: '{"text":"a","id":5}' })
    expect(given).toEqual({ text: 'a' })
  })
})
