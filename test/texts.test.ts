/** Ill-formed texts at every door of the app (Q21): refused at the call, and nothing is stored. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { defineOperation } from '../src/operations/define-operation.ts'
import { note, replying, Rig } from './support/rig.ts'

/** Texts that storage would change, or that end early for other readers of the file. */
const ILL_FORMED: readonly string[] = [
  'ann😀'.slice(0, 4),
  '\ude00ann',
  'an\ud83dn',
  '\ud83d',
  'ann\u0000',
  '\u0000',
  'an\u0000n',
]

/** Every call of the app with a text that names something. */
const CALLS: Readonly<Record<string, (rig: Rig, text: string) => Promise<unknown>>> = {
  login: ({ holdfast }, text) => holdfast.login(text),
  'login with a token': ({ holdfast }, text) => holdfast.login(text, { token: 'b1' }),
  updateToken: ({ holdfast }, text) => holdfast.updateToken(text, 'b1'),
  refreshToken: ({ holdfast }, text) => holdfast.refreshToken(text),
  forget: ({ holdfast }, text) => holdfast.forget(text),
  cancel: ({ holdfast }, text) => holdfast.cancel(text),
  retry: ({ holdfast }, text) => holdfast.retry(text),
  discard: ({ holdfast }, text) => holdfast.discard(text),
  operation: ({ holdfast }, text) => holdfast.operation(text),
  pending: ({ holdfast }, text) => holdfast.pending({ user: text }),
  deadLetters: ({ holdfast }, text) => holdfast.deadLetters({ user: text }),
  'enqueue of a kind': ({ holdfast }, text) => holdfast.enqueue({ kind: text, payload: {} }),
  'read with a key': ({ holdfast }, text) =>
    holdfast.read({ request: () => ({ method: 'GET', path: '/' }), key: text }),
  'read after an operation': ({ holdfast }, text) =>
    holdfast.read({ request: () => ({ method: 'GET', path: '/' }), after: [text] }),
}

// Q21
test.each(Object.entries(CALLS))('%s refuses an ill-formed text', async (_name, call) => {
  const rig = await Rig.start({ tokenSource: () => new Promise(() => undefined) })
  await rig.login('alice', 'a1')
  const before = rig.database.serialize()
  for (const text of ILL_FORMED) {
    const calling = call(rig, text)
    await expect(rig.whileResting(calling)).rejects.toThrow(TypeError)
    // E6: beside a token nothing is quoted.
    await expect(calling).rejects.toThrow(
      /must be well-formed Unicode without U\+0000, not (?:'|a string$)/,
    )
  }
  expect(rig.database.serialize().equals(before)).toBe(true)
  expect(rig.holdfast.status().identity).toBe('alice')
})

// Q21
test('enqueueWithin() refuses an ill-formed kind at once', async () => {
  const rig = await Rig.start()
  rig.database.exec('BEGIN')
  for (const kind of ILL_FORMED) {
    expect(() => rig.holdfast.enqueueWithin(rig.database, { kind, payload: {} })).toThrow(
      /enqueueWithin: kind must be well-formed/,
    )
  }
  rig.database.exec('COMMIT')
})

// Q21
test.each([
  ['the kind', (text: string) => ({ kind: text })],
  [
    'the group of a merge',
    (text: string) => ({ merge: { group: text, key: String, combine: () => null } }),
  ],
])('defineOperation() refuses an ill-formed text as %s', (_name, wrong) => {
  const payload = z.string()
  const request = () => ({ method: 'POST', path: '/' }) as const
  for (const text of ILL_FORMED) {
    const define = () => defineOperation({ kind: 'x', payload, request, ...wrong(text) })
    expect(define).toThrow(TypeError)
    expect(define).toThrow(/must be well-formed Unicode/)
  }
})

// Q21
test.each(['subjectClaim', 'transport.origin'])(
  'createHoldfast() refuses an ill-formed %s',
  async (name) => {
    for (const text of ILL_FORMED) {
      const rig = Rig.prepare()
      const options =
        name === 'subjectClaim'
          ? { subjectClaim: text }
          : { transport: { ...rig.transport, origin: text } }
      await expect(rig.begin(options)).rejects.toThrow(TypeError)
    }
  },
)

/** True if the text is the same after a conversion to UTF-8, and has no end in the middle. */
function isStoredAsItIs(text: string): boolean {
  return Buffer.from(text, 'utf8').toString('utf8') === text && !text.includes('\u0000')
}

// Q21
test('users whose ids are nearly the same never share a lane or a token', async () => {
  const part = fc.constantFrom('a', '\ud83d', '\ude00', '\u0000', '\ufffd', 'é', 'e\u0301')
  const id = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join(''))
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(id, { minLength: 2, maxLength: 5 }), async (users) => {
      const rig = await Rig.start({ answer: replying(200) })
      const taken: string[] = []
      for (const [index, user] of users.entries()) {
        const isTaken = await rig.login(user, `token-${index}`).then(
          () => true,
          (error: unknown) => !(error instanceof TypeError),
        )
        if (!isTaken) continue
        taken.push(user)
        await rig.enqueue(user)
      }
      await rig.advance()
      expect(taken).toEqual(users.filter(isStoredAsItIs))
      const sent = rig.sent.map(({ request, token }) => [request.user, token])
      expect(sent).toEqual(taken.map((user) => [user, `token-${users.indexOf(user)}`]))
      await rig.end()
    }),
    { numRuns: 25 },
  )
})

// Q21
test('a payload may hold any text: as JSON it comes back as it was', async () => {
  const rig = await Rig.start({ answer: replying(200) })
  await rig.login('alice', 'a1')
  for (const text of ILL_FORMED) await rig.enqueue(text)
  await rig.advance()
  expect(rig.bodies).toEqual(ILL_FORMED)
})

// Q21
test('enqueue() refuses a number that storage cannot hold, and takes the longest that it can', async () => {
  const rig = await Rig.start({ answer: replying(200) })
  for (const expiresInMs of [Number.MAX_VALUE, 2 ** 63, Infinity]) {
    const enqueuing = rig.holdfast.enqueue(note({ text: 'x' }, { expiresInMs }))
    await expect(enqueuing).rejects.toThrow(RangeError)
    await expect(enqueuing).rejects.toThrow(/enqueue: expiresInMs must be at most/)
  }
  await rig.login('alice', 'a1')
  for (const expiresInMs of [8e15, 0.25, Number.MIN_VALUE]) {
    await rig.whileResting(
      rig.holdfast.enqueue(note({ text: String(expiresInMs) }, { expiresInMs })),
    )
  }
  await rig.advance()
  expect(rig.bodies).toEqual(['8000000000000000', '0.25', '5e-324'])
})

// Q21
test('an endless duration stands in no journal as Infinity', async () => {
  const rig = await Rig.start({
    answer: replying(200),
    patienceMs: Infinity,
    replyTimeoutMs: Infinity,
    batchWindowMs: Infinity,
    operations: [
      defineOperation({
        kind: 'note',
        payload: z.object({ text: z.string() }),
        request: ({ payload }) => ({ method: 'POST', path: '/', body: payload }),
        idempotencyWindowMs: Infinity,
      }),
    ],
  })
  await rig.login('alice', 'a1')
  await rig.enqueue('one')
  await rig.whileResting(rig.holdfast.flush({ deadlineMs: Infinity }))
  await rig.whileResting(rig.holdfast.logout({ unsent: 'flush', deadlineMs: Infinity }))
  expect(rig.bodies).toEqual(['one'])
  const lines = rig.journal.lines()
  const [header = ''] = lines
  expect(header).toContain('"patienceMs":8000000000000000')
  expect(header).toContain('"idempotencyWindowMs":8000000000000000')
  expect(lines.join('\n')).not.toMatch(/"(at|deadlineMs)":null/)
})

// Q21
test('a clock that tells fractions of milliseconds stores whole ones', async () => {
  const rig = Rig.prepare({ answer: replying(200) })
  const clock = rig.time.clock({ isAlive: true })
  await rig.whileResting(rig.begin({ clock: { ...clock, wall: () => clock.wall() + 0.125 } }))
  await rig.login('alice', 'a1')
  rig.holdfast.pause()
  await rig.enqueue('one')
  const stored = rig.database.prepare('SELECT enqueued_at AS at FROM holdfast_operations').all()
  expect(stored).toEqual([{ at: expect.any(Number) }])
})
