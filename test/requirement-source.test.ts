/** I2, I10: the app's own source says what the server demands. */
import { describe, expect, test } from 'vitest'
import { replay } from '../src/journal/replay.ts'
import type { Requirement } from '../src/model.ts'
import { replying, Rig, type RigOptions } from './support/rig.ts'

/** A source whose answers the test gives, and when it was asked. */
function sourceOf(rig: Rig) {
  const askedAt: number[] = []
  const waiting: { resolve: (answer: never) => void; reject: (error: Error) => void }[] = []
  return {
    askedAt,
    source: () => {
      askedAt.push(rig.time.now)
      return new Promise<Requirement>((resolve, reject) => {
        waiting.push({ resolve, reject })
      })
    },
    answer: (answer: unknown) => waiting.shift()?.resolve(answer as never),
    answerLast: (answer: unknown) => waiting.pop()?.resolve(answer as never),
    fail: () => waiting.shift()?.reject(new Error('unreachable')),
  }
}

async function asking(options: RigOptions = {}) {
  const rig = Rig.prepare({ answer: replying(), ...options })
  const asked = sourceOf(rig)
  const open = () => rig.open({ requirement: undefined as never, requirementSource: asked.source })
  await open()
  return { rig, open, ...asked }
}

// I2
describe('the source is asked', () => {
  test('at the start, once, and its answer frees what waited', async () => {
    const { rig, askedAt, answer } = await asking()
    await rig.enqueue('one')
    expect(rig.holdsOf(null)).toEqual(['requirement-unknown'])
    answer('off')
    await rig.advance()
    expect(rig.bodies).toEqual(['one'])
    expect(rig.eventsOf('requirement.changed')).toEqual([{ requirement: 'off', suspected: false }])
    await rig.advance(3_600_000)
    expect(askedAt).toEqual([0])
    expect(rig.time.nextAt()).toBeNull()
  })

  test('at each start, though a value is stored, which counts until the answer', async () => {
    const { rig, open, askedAt, answer } = await asking()
    answer('off')
    await rig.advance(10)
    await rig.close()
    await open()
    expect(rig.holdfast.status().requirement).toBe('off')
    answer('required')
    await rig.advance()
    expect(rig.holdfast.status().requirement).toBe('required')
    expect(askedAt).toEqual([0, 10])
  })

  test('again while nothing is known: 1 s, doubling to 5 min; each failure is reported', async () => {
    const { rig, askedAt, fail } = await asking()
    for (const waitMs of [1000, 2000, 4000, 8000, 16_000, 32_000, 64_000, 128_000, 256_000]) {
      fail()
      await rig.advance(waitMs)
    }
    fail()
    await rig.advance(300_000)
    expect(askedAt.at(-1)).toBe(511_000 + 300_000)
    expect(askedAt).toHaveLength(11)
    const codes = rig.eventsOf('error').map(({ error }) => error.code)
    expect(codes).toEqual(Array.from({ length: 10 }, () => 'REQUIREMENT_UNKNOWN'))
  })

  test('not again once the app has said it, and no alarm is left', async () => {
    const { rig, askedAt, fail } = await asking()
    fail()
    await rig.advance()
    await rig.whileResting(rig.holdfast.setRequirement('off'))
    expect(rig.time.nextAt()).toBeNull()
    await rig.advance(600_000)
    expect(askedAt).toEqual([0])
  })

  test('one call at a time', async () => {
    const { rig, askedAt, answer } = await asking({ answer: replying(401) })
    await rig.whileResting(rig.holdfast.setRequirement('off'))
    await rig.enqueue('one')
    await rig.advance(600_000)
    expect(askedAt).toEqual([0])
    answer('required')
    await rig.advance()
    expect(rig.holdfast.status().requirement).toBe('required')
  })
})

// I2
describe('its failure', () => {
  test('keeps the stored value, is reported, and is not repeated', async () => {
    const { rig, open, askedAt, answer, fail } = await asking()
    answer('off')
    await rig.advance(10)
    await rig.close()
    await open()
    fail()
    await rig.advance(600_000)
    expect(rig.holdfast.status().requirement).toBe('off')
    expect(rig.eventsOf('error')[0]?.error).toMatchObject({
      code: 'REQUIREMENT_UNKNOWN',
      retryable: true,
      cause: new Error('unreachable'),
    })
    expect(askedAt).toEqual([0, 10])
  })

  test.each([
    [undefined],
    [null],
    [true],
    [5],
    [Number.NaN],
    ['on'],
    [''],
    [['off']],
    [{ requirement: 'off' }],
    [() => 'off'],
    [Symbol('off')],
  ])('is an answer that makes no sense too: %s', async (garbage) => {
    const { rig, askedAt, answer } = await asking()
    answer(garbage)
    await rig.advance()
    expect(rig.eventsOf('error').map(({ error }) => error.code)).toEqual(['REQUIREMENT_UNKNOWN'])
    expect(rig.holdfast.status().requirement).toBe('unknown')
    await rig.advance(1000)
    expect(askedAt).toEqual([0, 1000])
  })

  test.each<[string, unknown]>([
    ['an error', new Error('broken')],
    ['nothing', undefined],
    ['a word', 'broken'],
  ])('is a source that throws %s at the call too', async (_what, thrown) => {
    const rig = Rig.prepare()
    const requirementSource = () => {
      throw thrown
    }
    await rig.open({ requirement: undefined as never, requirementSource })
    await rig.advance()
    expect(rig.eventsOf('error').map(({ error }) => error.code)).toEqual(['REQUIREMENT_UNKNOWN'])
  })

  test('an answer `unknown` is none: it is asked again, nothing is reported', async () => {
    const { rig, askedAt, answer } = await asking()
    answer('unknown')
    await rig.advance(1000)
    answer('unknown')
    await rig.advance(2000)
    answer('off')
    await rig.advance(600_000)
    expect(askedAt).toEqual([0, 1000, 3000])
    expect(rig.eventsOf('error')).toEqual([])
  })

  test('an answer `unknown` keeps a value that is known', async () => {
    const { rig, answer } = await asking()
    await rig.whileResting(rig.holdfast.setRequirement('off'))
    answer('unknown')
    await rig.advance()
    expect(rig.holdfast.status().requirement).toBe('off')
    expect(rig.time.nextAt()).toBeNull()
  })
})

// I2, as T6 has it
describe('without an answer for 60 s', () => {
  test('it has failed: that is reported once, what was known is kept, and nobody asks on', async () => {
    const { rig, open, askedAt, answer } = await asking()
    answer('off')
    await rig.advance(10)
    await rig.close()
    await open()
    await rig.advance(59_999)
    expect(rig.eventsOf('error')).toEqual([])
    await rig.advance(1)
    expect(rig.eventsOf('error').map(({ error }) => error)).toMatchObject([
      { code: 'REQUIREMENT_UNKNOWN', retryable: true, cause: { message: 'no answer in time' } },
    ])
    expect(rig.holdfast.status().requirement).toBe('off')
    await rig.advance(3_600_000)
    expect(askedAt).toEqual([0, 10])
    expect(rig.eventsOf('error')).toHaveLength(1)
    expect(rig.time.nextAt()).toBeNull()
  })

  test('it is asked again, while nothing is known: never while a call may still be answered in time', async () => {
    const { rig, askedAt } = await asking()
    await rig.advance(60_000 * 3 + 1000 + 2000)
    expect(askedAt).toEqual([0, 61_000, 123_000])
    expect(rig.eventsOf('error')).toHaveLength(3)
  })

  test('a late answer is still taken, and ends the wait for the next call', async () => {
    const { rig, askedAt, answer } = await asking()
    await rig.enqueue('one')
    await rig.advance(60_500)
    answer('off')
    await rig.advance(600_000)
    expect(rig.bodies).toEqual(['one'])
    expect(askedAt).toEqual([0])
    expect(rig.time.nextAt()).toBeNull()
  })

  test('a late answer that comes while the next call is under way is taken; the later call has the last word', async () => {
    const { rig, answer } = await asking()
    await rig.advance(61_000)
    answer('off')
    await rig.advance()
    expect(rig.holdfast.status().requirement).toBe('off')
    answer('required')
    await rig.advance()
    expect(rig.holdfast.status().requirement).toBe('required')
  })

  test('an answer that comes after that of a later call is out of date', async () => {
    const { rig, answer, answerLast } = await asking()
    await rig.advance(61_000)
    answerLast('required')
    await rig.advance()
    answer('off')
    await rig.advance()
    expect(rig.holdfast.status().requirement).toBe('required')
  })

  test('a late failure, and a late answer that knows nothing, say nothing more', async () => {
    const { rig, answer, fail } = await asking()
    await rig.advance(60_000 + 1000 + 60_000)
    fail()
    answer('unknown')
    await rig.advance()
    expect(rig.eventsOf('error')).toHaveLength(2)
  })
})

// I10
describe('a 401 to an unsigned request under `off`', () => {
  test('is a suspicion: the source is asked, and its answer counts', async () => {
    const { rig, askedAt, answer } = await asking({ answer: replying(401), anonymous: 'hold' })
    answer('off')
    await rig.advance(10)
    await rig.enqueue('one')
    expect(askedAt).toEqual([0, 10])
    answer('required')
    await rig.advance()
    expect(rig.eventsOf('requirement.changed').map(({ suspected }) => suspected)).toEqual([
      false,
      true,
      false,
    ])
    expect(rig.holdsOf(null)).toContain('signed-out')
  })

  test.each<[string, (source: Awaited<ReturnType<typeof asking>>) => void]>([
    ['fails', ({ fail }) => fail()],
    ['does not know', ({ answer }) => answer('unknown')],
    ['never answers', () => undefined],
  ])(
    'comes again and again, to a source that %s: it is asked ever more seldom',
    async (_n, end) => {
      const asked = await asking({ answer: replying(401) })
      const { rig, askedAt, answer } = asked
      answer('off')
      await rig.advance()
      const rounds = 400
      for (let n = 0; n < rounds; n += 1) {
        await rig.login(`user ${n}`)
        await rig.enqueue('one')
        end(asked)
        await rig.advance(1000)
      }
      const suspicions = rig.eventsOf('requirement.changed').filter(({ suspected }) => suspected)
      expect(suspicions).toHaveLength(rounds)
      // At the start; then after 0, 1, 2, 4, … s, each counted from the suspicion after the failure.
      expect(askedAt.length).toBeGreaterThan(4)
      expect(askedAt.length).toBeLessThanOrEqual(11)
      const waits = askedAt.slice(1).map((at, index) => at - (askedAt[index] ?? 0))
      expect(waits.slice(1)).toEqual(waits.slice(1).toSorted((a, b) => a - b))
    },
  )

  test('that the source does not share is tried once more, then less and less often', async () => {
    const { rig, askedAt, answer } = await asking({ answer: replying(401) })
    answer('off')
    await rig.advance()
    await rig.enqueue('one')
    for (const waitMs of [1000, 2000, 4000]) {
      answer('off')
      await rig.advance(waitMs)
    }
    expect(askedAt).toEqual([0, 0, 1000, 3000, 7000])
    expect(rig.sent.map(({ at }) => at)).toEqual([0, 0, 1000, 3000])
    await rig.close()
  })
})

test('neither requirement nor source is a TypeError (I2)', async () => {
  const rig = Rig.prepare()
  await expect(rig.open({ requirement: undefined as never })).rejects.toThrow(
    /^createHoldfast: .*requirementSource/,
  )
  await expect(rig.open({ requirementSource: 'off' as never })).rejects.toThrow(TypeError)
})

test('close() while it is asked leaves nothing, and a late answer is not heard (Q19)', async () => {
  const { rig, answer } = await asking()
  await rig.close()
  answer('off')
  await rig.advance()
  expect(rig.heard.filter(({ name }) => name === 'requirement.changed')).toEqual([])
  expect(rig.time.nextAt()).toBeNull()
})

test('its journal replays, with a time limit that has passed and a late answer (V)', async () => {
  const { rig, answer } = await asking({ answer: replying() })
  await rig.advance(61_000)
  answer('off')
  await rig.enqueue('one')
  await rig.advance(60_000)
  await rig.close()
  expect(rig.bodies).toEqual(['one'])
  expect((await replay(rig.journal.lines().join('\n'))).withStorage).toBe(true)
})

test('its journal replays (V)', async () => {
  const { rig, answer, fail } = await asking({ answer: replying(401) })
  fail()
  await rig.advance(1000)
  answer('off')
  await rig.enqueue('one')
  answer('off')
  await rig.advance(5000)
  await rig.close()
  expect((await replay(rig.journal.lines().join('\n'))).withStorage).toBe(true)
})
