/** Whatever is thrown becomes an error that tells as much as can be told (Q22, E3). */
import { inspect } from 'node:util'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { writeError } from '../src/engine/boundary/error-codec.ts'
import { asHoldfastError, HoldfastError } from '../src/errors.ts'
import { codeIn, errorOf, textOf } from '../src/thrown.ts'
import { THROWN } from './support/thrown-things.ts'

describe('the error of a thrown value', () => {
  test.each(THROWN)('tells all that can be told of %s', (_name, thrown, tells) => {
    const error = errorOf(thrown)
    expect(typeof error.name).toBe('string')
    expect(error.message).toContain(tells ?? 'a value that cannot be read was thrown')
    expect(textOf(thrown)).toContain(error.message)
    expect(inspect(error)).toContain(error.message)
    expect(() => writeError(error)).not.toThrow()
    expect(asHoldfastError(thrown, 'INTERNAL', 'it failed')).toMatchObject({ code: 'INTERNAL' })
  })

  test.each(THROWN.filter(([, , tells]) => tells !== null))(
    'is %s itself, or has it as its cause',
    (_name, thrown) => {
      const error = errorOf(thrown)
      expect(Object.is(error, thrown) || Object.is(error.cause, thrown)).toBe(true)
    },
  )

  test('keeps name and code of an error of another realm, and of an object that is like one', () => {
    const foreign: unknown = runInNewContext(
      `Object.assign(new RangeError('too far'), { code: 'E_FAR' })`,
    )
    expect(errorOf(foreign)).toBe(foreign)
    expect(codeIn(foreign)).toBe('E_FAR')
    const alike = errorOf({ name: 'DOMException', message: 'too far', code: 'E_FAR' })
    expect(alike).toMatchObject({ name: 'DOMException', message: 'too far', code: 'E_FAR' })
    expect(alike).toBeInstanceOf(Error)
  })

  test('is one of Holdfast, as it was, if it is one already', () => {
    const error = new HoldfastError('QUEUE_FULL', 'full')
    expect(errorOf(error)).toBe(error)
    expect(asHoldfastError(error, 'INTERNAL', 'it failed')).toBe(error)
  })
})
