/**
 * The types of the public face. The compiler checks this file with all others: a call that must not compile carries
 * `@ts-expect-error`, and it is an error if such a call compiles.
 */
import { describe, expect, expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import {
  createHoldfast,
  defineOperation,
  type Holdfast,
  type HoldfastEvents,
  type HoldfastOptions,
  type OperationDraft,
  sqliteStorage,
  type SqliteConnection,
} from '../src/index.ts'

const note = defineOperation({
  kind: 'note',
  payload: z.object({ text: z.string(), due: z.date().optional() }),
  request: ({ payload }) => ({ method: 'POST', path: '/notes', body: payload }),
})

const tag = defineOperation({
  kind: 'tag',
  payload: z.object({ key: z.string() }),
  request: ({ payload }) => ({ method: 'POST', path: '/tags', body: payload }),
})

/** The compiler checks this function. It is never called. */
function checked(code: (...args: never) => unknown): void {
  expectTypeOf(code).toBeFunction()
}

describe('an engine of given kinds', () => {
  test('enqueues drafts of these kinds alone', () => {
    checked(async (options: Omit<HoldfastOptions<typeof note>, 'operations'>) => {
      const holdfast = await createHoldfast({ ...options, requirement: 'off', operations: [note] })
      expectTypeOf(holdfast).toEqualTypeOf<Holdfast<typeof note>>()
      await holdfast.enqueue(note({ text: 'one' }))
      await holdfast.enqueue({ kind: 'note', payload: { text: 'one' } })
      // @ts-expect-error the kind was not given
      await holdfast.enqueue(tag({ key: 'one' }))
      // @ts-expect-error the payload is not of the kind
      await holdfast.enqueue({ kind: 'note', payload: { key: 'one' } })
      // @ts-expect-error the payload is not of the kind
      await holdfast.enqueue(note({ key: 'one' }))
    })
  })

  test('of two kinds enqueues drafts of both', () => {
    checked(async (holdfast: Holdfast<typeof note | typeof tag>) => {
      await holdfast.enqueue(note({ text: 'one' }))
      await holdfast.enqueue(tag({ key: 'one' }))
    })
  })

  test('can be handed to code that takes any engine', () => {
    expectTypeOf<Holdfast<typeof note>>().toExtend<Holdfast>()
    checked(async (holdfast: Holdfast, draft: OperationDraft) => holdfast.enqueue(draft))
  })
})

describe('the request of a kind', () => {
  test('gets a string for a required record, and perhaps null for an optional one', () => {
    defineOperation({
      kind: 'use',
      payload: z.object({}),
      request: ({ record, optionalRecord }) => {
        expectTypeOf(record('x')).toEqualTypeOf<string>()
        expectTypeOf(optionalRecord('x')).toEqualTypeOf<string | null>()
        return { method: 'GET', path: '/' }
      },
      merge: {
        key: () => '',
        combine: (_payloads, { record, optionalRecord }) => {
          expectTypeOf(record('x')).toEqualTypeOf<string>()
          expectTypeOf(optionalRecord('x')).toEqualTypeOf<string | null>()
          return null
        },
      },
    })
  })
})

describe('the request of a read', () => {
  test('gets a string for a required record, and perhaps null for an optional one', () => {
    checked(async (holdfast: Holdfast) => {
      const id = await holdfast.record('x')
      expectTypeOf(id).toEqualTypeOf<string | null>()
      return holdfast.read({
        needs: { required: ['x'], optional: ['y'] },
        request: ({ record, optionalRecord }) => {
          expectTypeOf(record('x')).toEqualTypeOf<string>()
          expectTypeOf(optionalRecord('y')).toEqualTypeOf<string | null>()
          return { method: 'GET', path: '/' }
        },
      })
    })
  })
})

describe('a draft', () => {
  test('has the kind as a literal, and the input of the schema', () => {
    expectTypeOf(note).returns.toEqualTypeOf<
      OperationDraft<'note', { text: string; due?: Date | undefined }>
    >()
  })
})

describe('is() of a kind', () => {
  test('narrows what pending() and deadLetters() answer to the payload as it is stored', () => {
    checked(async (holdfast: Holdfast) => {
      for (const letter of (await holdfast.deadLetters()).items) {
        if (!note.is(letter)) continue
        expectTypeOf(letter.kind).toEqualTypeOf<'note'>()
        expectTypeOf(letter.payload).toEqualTypeOf<{ text: string; due?: string | undefined }>()
      }
    })
  })

  test('narrows the detail of an event', () => {
    checked((detail: HoldfastEvents['operation.dead']) => {
      if (note.is(detail)) expectTypeOf(detail.kind).toEqualTypeOf<'note'>()
      // @ts-expect-error an event has no payload
      if (note.is(detail)) return detail.payload
      return null
    })
  })

  test('is true of the kind in its present version alone', () => {
    expect(note.is({ kind: 'note', version: 1 })).toBe(true)
    expect(note.is({ kind: 'note' })).toBe(true)
    expect(note.is({ kind: 'note', version: 2 })).toBe(false)
    expect(note.is({ kind: 'tag', version: 1 })).toBe(false)
    expect(note.is({})).toBe(false)
    expect(note.is(null)).toBe(false)
  })
})

describe('the options', () => {
  type Least = Omit<HoldfastOptions, 'requirement' | 'requirementSource'>

  test('must have a requirement or a source of it', () => {
    checked((least: Least) => [
      createHoldfast({ ...least, requirement: 'off' }),
      createHoldfast({ ...least, requirementSource: () => 'off' }),
      createHoldfast({ ...least, requirement: 'unknown', requirementSource: () => 'off' }),
      // @ts-expect-error neither is given
      createHoldfast(least),
    ])
  })

  test('of sqliteStorage() have a file or a connection, and a worker only with a file', () => {
    checked((database: SqliteConnection) => [
      sqliteStorage({ file: 'outbox.db', thread: 'worker' }),
      sqliteStorage({ database, thread: 'main' }),
      // @ts-expect-error both are given
      sqliteStorage({ file: 'outbox.db', database }),
      // @ts-expect-error neither is given
      sqliteStorage({}),
      // @ts-expect-error a connection belongs to its own thread
      sqliteStorage({ database, thread: 'worker' }),
    ])
  })
})

describe('a listener', () => {
  test('of every event narrows the detail by the name', () => {
    checked((holdfast: Holdfast) =>
      holdfast.on('*', ({ name, detail }) => {
        if (name === 'operation.dead') expectTypeOf(detail.reason).toBeString()
        // @ts-expect-error there is no event of this name
        return name === 'operation.gone'
      }),
    )
  })

  test('hears the detail of its event', () => {
    checked((holdfast: Holdfast) => [
      holdfast.on('token.needed', ({ user }) => user.length),
      holdfast.once('error', ({ error }) => error.code),
      // @ts-expect-error there is no event of this name
      holdfast.on('operation.gone', () => undefined),
      // @ts-expect-error only on() and off() take every event
      holdfast.once('*', () => undefined),
    ])
  })
})
