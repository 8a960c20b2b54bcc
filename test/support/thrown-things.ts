/** Values that the code of an app may throw, and the ways to throw them (E3, Q22). */
import { runInNewContext } from 'node:vm'

const { proxy: REVOKED, revoke } = Proxy.revocable({}, {})
revoke()

class PoisonError extends Error {
  override get message(): string {
    throw new Error('a getter threw')
  }
}

const POISON = {
  get name(): string {
    throw new Error('a getter threw')
  },
  get message(): string {
    throw new Error('a getter threw')
  },
  toString(): string {
    throw new Error('toString threw')
  },
}

/** With a part of the message that the error of Holdfast must tell; null: nothing can be told. */
export const THROWN: readonly (readonly [name: string, thrown: unknown, tells: string | null])[] = [
  ['an error', new Error('the issuer answered 503'), 'the issuer answered 503'],
  [
    'an error of another realm',
    runInNewContext(`new TypeError('the issuer answered 503')`),
    'the issuer answered 503',
  ],
  ['a text', 'the issuer answered 503', 'the issuer answered 503'],
  ['an object with a message', { message: 'the issuer answered 503' }, 'the issuer answered 503'],
  ['an object without a prototype', Object.create(null), 'an object was thrown'],
  ['undefined', undefined, 'undefined was thrown'],
  ['null', null, 'null was thrown'],
  ['a number', 503, '503 was thrown'],
  ['a symbol', Symbol('bug'), 'Symbol(bug) was thrown'],
  ['a function', () => 'bug', 'a function was thrown'],
  ['a revoked proxy', REVOKED, null],
  ['an object with throwing getters', POISON, null],
  ['an error with a throwing getter', new PoisonError(), null],
]

/** Ways in which code fails with a value. */
export const WAYS: readonly (readonly [name: string, failWith: (thrown: unknown) => unknown])[] = [
  [
    'throws',
    (thrown) => {
      throw thrown
    },
  ],
  ['rejects with', (thrown) => Promise.reject(thrown as never)],
  [
    'answers a promise of another realm that rejects with',
    (thrown) => runInNewContext('Promise.reject(thrown)', { thrown }) as unknown,
  ],
  [
    'answers a thenable that throws',
    (thrown) => ({
      // oxlint-disable-next-line unicorn/no-thenable -- that is the point
      then: () => {
        throw thrown
      },
    }),
  ],
]
