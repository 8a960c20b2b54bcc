/** Lanes and tokens are actors, made when first needed and stopped when idle and empty. */
import { describe, expect, test } from 'vitest'
import { replay } from '../src/journal/replay.ts'
import { WALL_START } from '../src/simulation/virtual-time.ts'
import { BeginningAnew } from './support/beginning-anew.ts'
import { jwt } from './support/jwt.ts'
import { note, replying, Rig, type RigOptions } from './support/rig.ts'

const AT_ONCE = 100

async function counted(options: RigOptions = {}) {
  const journal = new BeginningAnew()
  journal.isWanted = false
  const rig = await Rig.start({ journal, answer: replying(), ...options })
  /** What a journal begins with says which machines there are. */
  const machineCount = async (): Promise<number> => {
    await rig.advance()
    journal.isWanted = true
    rig.holdfast.pause()
    journal.isWanted = false
    rig.holdfast.resume()
    await rig.advance()
    return journal.beginnings().at(-1)?.machineCount ?? Number.NaN
  }
  return { rig, journal, machineCount }
}

describe('users, one after the other, leave no machine behind:', () => {
  test.each<[number, string, RigOptions, (rig: Rig, user: string) => Promise<unknown>[]]>([
    [
      10_000,
      'who log in, send and log out',
      {},
      ({ holdfast }, user) => [
        holdfast.login(user, { token: `${user}-1` }),
        holdfast.enqueue(note({ text: user })),
        holdfast.logout(),
      ],
    ],
    [
      1000,
      'who send, and are switched without a logout',
      {},
      ({ holdfast }, user) => [
        holdfast.login(user, { token: `${user}-1` }),
        holdfast.enqueue(note({ text: user })),
      ],
    ],
    [
      1000,
      'who send unsigned, under off',
      { requirement: 'off' },
      ({ holdfast }, user) => [holdfast.login(user), holdfast.enqueue(note({ text: user }))],
    ],
    [
      1000,
      'whose token comes from a source',
      { tokenSource: ({ user }) => `${user}-1` },
      ({ holdfast }, user) => [holdfast.login(user), holdfast.enqueue(note({ text: user }))],
    ],
    [
      1000,
      'who read',
      {},
      ({ holdfast }, user) => [
        holdfast.login(user, { token: `${user}-1` }),
        holdfast
          .read({ request: () => ({ method: 'GET', path: '/r' }) })
          .catch((error: unknown) => error),
      ],
    ],
    [
      1000,
      'who are pushed a token, and do nothing',
      {},
      ({ holdfast }, user) => [holdfast.updateToken(user, `${user}-1`)],
    ],
  ])(
    '%i %s',
    async (userCount, _name, options, live) => {
      const { rig, machineCount } = await counted(options)
      for (let first = 0; first < userCount; first += AT_ONCE) {
        const users = Array.from({ length: AT_ONCE }, (_, n) => `user-${first + n}`)
        const calls = Promise.all(users.flatMap((user) => live(rig, user)))
        await rig.advance()
        await calls
        await rig.advance()
      }
      expect(rig.holdfast.status().counts.pending).toBe(0)
      expect(await machineCount()).toBeLessThanOrEqual(1)
    },
    60_000,
  )
})

describe('a machine that was stopped', () => {
  const alive = async (options: RigOptions = {}) => {
    const { rig, journal, machineCount } = await counted(options)
    const isStopped = async () => (await machineCount()) === 0
    return { rig, journal, isStopped }
  }

  test('is made anew with the token that its user has (T3, T4)', async () => {
    const { rig, isStopped } = await alive()
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    expect(await isStopped()).toBe(true)
    rig.answer = replying(401)
    await rig.enqueue('two')
    await rig.advance()
    expect(rig.sent.map(({ token }) => token)).toEqual(['a1', 'a1'])
    expect(rig.holdfast.status().tokenNeeds).toMatchObject([{ user: 'alice', reason: 'refused' }])
    expect(rig.eventsOf('token.needed')).toMatchObject([{ generation: 1 }])
  })

  test('still knows when its token ends: it is asked for ahead of that (T9)', async () => {
    const { rig, isStopped } = await alive()
    await rig.login('alice', jwt({ iat: WALL_START, exp: WALL_START + 600_000 }))
    await rig.enqueue('one')
    expect(await isStopped()).toBe(true)
    await rig.advance(580_000)
    await rig.enqueue('two')
    expect(rig.eventsOf('token.needed')).toMatchObject([{ reason: 'expiring' }])
    expect(await isStopped()).toBe(false)
    await rig.enqueue('three')
    expect(rig.eventsOf('token.needed')).toHaveLength(1)
  })

  test.each<[string, RigOptions, (rig: Rig) => Promise<void> | void]>([
    ['whose token was refused', { answer: replying(401) }, () => undefined],
    [
      'whose token was refused a while ago, and is not forgiven yet (T8)',
      { answer: replying(401) },
      async (rig) => {
        await rig.whileResting(rig.holdfast.updateToken('alice', 'a2'))
        await rig.advance()
      },
    ],
    [
      'whose source is asked (T6)',
      { tokenSource: () => new Promise(() => undefined) },
      (rig) => rig.whileResting(rig.holdfast.refreshToken('alice')),
    ],
    [
      'whose source has failed (T6)',
      { tokenSource: () => 5 as never },
      (rig) => rig.whileResting(rig.holdfast.refreshToken('alice')),
    ],
    [
      'whose source has denied (T6)',
      { tokenSource: () => null },
      (rig) => rig.whileResting(rig.holdfast.refreshToken('alice')),
    ],
  ])('is none of a user %s', async (_name, options, happen) => {
    const { rig, isStopped } = await alive(options)
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    await happen(rig)
    expect(await isStopped()).toBe(false)
  })

  test('and made anew replays the same, from wherever the journal begins (V)', async () => {
    const journal = new BeginningAnew()
    const rig = await Rig.start({ journal, answer: replying() })
    for (const user of ['alice', 'bob', 'alice', 'carol', 'bob']) {
      await rig.login(user, `${user}-1`)
      await rig.enqueue('one')
      await rig.advance(10)
    }
    rig.answer = replying(401)
    await rig.enqueue('two')
    await rig.advance()
    await rig.whileResting(rig.holdfast.updateToken('bob', 'bob-2'))
    await rig.whileResting(rig.holdfast.logout({ unsent: 'discard' }))
    await rig.close()
    const beginnings = journal.beginnings()
    expect(new Set(beginnings.map(({ machineCount }) => machineCount)).size).toBeGreaterThan(1)
    for (const { text } of beginnings) await replay(text)
  })
})
