/** What a log or a report has of an error: no secret, and no word of foreign code but plain ones (E6). */
import { expect, test } from 'vitest'
import { HoldfastError } from '../src/errors.ts'
import { toldError } from '../src/told-error.ts'

const SECRET = 'c2VjcmV0LXRva2Vu0123456789'

test('a secret in a message is redacted, and a long message is cut', () => {
  const { message } = toldError(new HoldfastError('INTERNAL', `no ${SECRET}: ${'x'.repeat(5000)}`))
  expect(message).toContain('no [redacted]')
  expect(message).not.toContain(SECRET)
  expect(message.length).toBeLessThanOrEqual(256)
})

test('of a cause only a name and a code that are plain words are told', () => {
  const cause = Object.assign(new Error(SECRET), { name: SECRET, code: SECRET })
  expect(toldError(new HoldfastError('APP_CODE_FAILED', 'a port threw', { cause }))).toEqual({
    code: 'APP_CODE_FAILED',
    cause: 'Error',
    reason: null,
    message: 'a port threw',
  })
  const refused = Object.assign(new TypeError('fetch failed'), { cause: { code: 'ECONNREFUSED' } })
  expect(toldError(new HoldfastError('READ_FAILED', 'no reply', { cause: refused }))).toMatchObject(
    { cause: 'TypeError', reason: 'ECONNREFUSED' },
  )
})

test.each([undefined, null, 'a text', { name: SECRET }])(
  'a cause that is %j has no name',
  (cause) => {
    const told = toldError(new HoldfastError('APP_CODE_FAILED', 'a port threw', { cause }))
    expect(told).toMatchObject({ cause: null, reason: null })
  },
)
