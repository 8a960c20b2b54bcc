/** Identity, requirement, tokens, deadlines: what is not about operations. */
import assert from 'node:assert/strict'
import type { Change, TokenChange } from '../../../storage/changes.ts'
import { ALICE, BOB, NOW, storageCase } from './bench.ts'

function tokenOf(expected: number, known: Partial<TokenChange> = {}): TokenChange {
  return {
    change: 'token',
    user: ALICE,
    expected,
    generation: expected + 1,
    fingerprint: `fingerprint ${expected + 1}`,
    expiresAt: NOW + 60_000,
    refreshAt: null,
    sealed: new Uint8Array([0, 255, expected]),
    ...known,
  }
}

const NO_TOKEN = {
  user: ALICE,
  generation: 0,
  epoch: 0,
  refused: false,
  fingerprint: null,
  expiresAt: null,
  refreshAt: null,
  sealed: null,
  leaving: false,
}

export const sessionCases = [
  storageCase(
    'a new database says so, once, and keeps the fingerprint key and the origin that it was first given',
    async (bench, _, opened) => {
      assert.deepEqual(opened, {
        fresh: true,
        fingerprintKey: 'fingerprint-key-1',
        origin: 'https://1.example',
        identity: null,
        requirement: 'unknown',
        lanes: [],
        envelopes: [],
        tokens: [],
        deadlines: [],
        recorded: 0,
      })
      // What a crash leaves may be a copy of the files, and then says so (E5).
      const { isCopy: _isCopy, ...again } = await bench.crash()
      assert.deepEqual(again, { ...opened, fresh: false })
    },
  ),

  // I1
  storageCase('the identity is the one stored last, also none', async (bench) => {
    await bench.apply({ change: 'identity', user: ALICE })
    assert.equal((await bench.reopen()).identity, ALICE)
    await bench.apply({ change: 'identity', user: null })
    assert.equal((await bench.reopen()).identity, null)
  }),

  // I2
  storageCase('the requirement is the one stored last', async (bench) => {
    for (const requirement of ['required', 'off', 'unknown'] as const) {
      await bench.apply({ change: 'requirement', requirement })
      assert.equal((await bench.reopen()).requirement, requirement)
    }
  }),

  // Q7
  storageCase(
    'a deadline is replaced, lifted by null, and kept apart for each origin',
    async (bench) => {
      const origin = 'https://a.example'
      const other = { origin: 'https://b.example', until: NOW, waitMs: 1 }
      await bench.apply({ change: 'deadline', ...other })
      await bench.apply({ change: 'deadline', origin, until: NOW, waitMs: 1 })
      await bench.apply({ change: 'deadline', origin, until: NOW + 2, waitMs: 3 })
      assert.deepEqual((await bench.crash()).deadlines, [
        { origin, until: NOW + 2, waitMs: 3 },
        other,
      ])
      await bench.apply({ change: 'deadline', origin, until: null, waitMs: 0 })
      await bench.apply({ change: 'deadline', origin: 'https://c.example', until: null, waitMs: 0 })
      assert.deepEqual((await bench.reopen()).deadlines, [other])
    },
  ),

  // T12
  storageCase(
    'a token is stored only over the generation it expects, which is 0 before the first',
    async (bench) => {
      await bench.miss(tokenOf(1))
      await bench.apply(tokenOf(0))
      await bench.miss(tokenOf(0, { fingerprint: 'of the loser' }))
      await bench.apply(tokenOf(1, { refreshAt: NOW, sealed: null }))
      await bench.apply(tokenOf(0, { user: BOB, sealed: null, expiresAt: null }))
      const { tokens } = await bench.crash()
      assert.deepEqual(tokens, [
        {
          ...NO_TOKEN,
          generation: 2,
          fingerprint: 'fingerprint 2',
          expiresAt: NOW + 60_000,
          refreshAt: NOW,
        },
        { ...NO_TOKEN, user: BOB, generation: 1, fingerprint: 'fingerprint 1' },
      ])
    },
  ),

  // T1
  storageCase('what a vault sealed comes back byte by byte', async (bench) => {
    const bytes = Uint8Array.from({ length: 300 }, (_, index) => index % 256)
    await bench.apply(tokenOf(0, { sealed: bytes }))
    const [token] = (await bench.reopen()).tokens
    assert.deepEqual([...(token?.sealed ?? [])], [...bytes])
  }),

  // T11, E6
  storageCase(
    'a token that misses says which generation and epoch are stored in its place',
    async (bench) => {
      const answerTo = async (change: TokenChange) => (await bench.commit([change]))[0]
      const missed = (generation: number, epoch: number) => ({
        applied: false,
        stored: { generation, epoch },
      })
      assert.deepEqual(await answerTo(tokenOf(3)), missed(0, 0))
      await bench.apply(tokenOf(0))
      assert.deepEqual(await answerTo(tokenOf(0)), missed(1, 0))
      await bench.apply({ change: 'endSession', user: ALICE })
      assert.deepEqual(await answerTo(tokenOf(1, { epoch: 0 })), missed(1, 1))
      await bench.apply(tokenOf(1, { epoch: 1 }))
    },
  ),

  // E6
  storageCase(
    'a change of the origin erases every token, keeps the generations, and misses where the origin is another',
    async (bench) => {
      const change = { change: 'origin', origin: 'https://new.example' } as const
      await bench.apply(tokenOf(0))
      await bench.apply({ change: 'refuseToken', user: ALICE, generation: 1 })
      await bench.apply({ change: 'leave', user: ALICE, leaving: true })
      const before = await bench.reopen()
      await bench.miss({ ...change, former: 'https://other.example' })
      assert.deepEqual(await bench.reopen(), before)
      await bench.apply({ ...change, former: 'https://1.example' })
      const { origin, tokens } = await bench.crash()
      assert.equal(origin, change.origin)
      assert.deepEqual(tokens, [{ ...NO_TOKEN, generation: 1, leaving: true }])
      await bench.miss({ ...change, former: 'https://1.example' })
    },
  ),

  // T4
  storageCase('only the current generation is refused, until the next token', async (bench) => {
    const refuse = (generation: number) =>
      ({ change: 'refuseToken', user: ALICE, generation }) as const
    const isRefused = async () => (await bench.reopen()).tokens[0]?.refused
    await bench.miss(refuse(0))
    await bench.apply(tokenOf(0))
    await bench.apply(tokenOf(1))
    await bench.miss(refuse(1))
    await bench.miss(refuse(3))
    assert.equal(await isRefused(), false)
    await bench.apply(refuse(2))
    await bench.apply(refuse(2))
    assert.equal(await isRefused(), true)
    await bench.apply(tokenOf(2))
    assert.equal(await isRefused(), false)
  }),

  // T2, T11
  storageCase(
    'the last tokens that were refused are known by their fingerprints, each once, until the session ends',
    async (bench) => {
      const refuse = (generation: number) =>
        bench.apply({ change: 'refuseToken', user: ALICE, generation })
      const known = async () => (await bench.reopen()).tokens[0]?.refusedTokens
      await bench.apply(tokenOf(0))
      assert.equal(await known(), undefined)
      await refuse(1)
      await refuse(1)
      await bench.apply(tokenOf(1))
      await refuse(2)
      await bench.apply(tokenOf(2))
      assert.deepEqual(await known(), ['fingerprint 1', 'fingerprint 2'])
      for (let n = 3; n <= 12; n += 1) {
        await refuse(n)
        await bench.apply(tokenOf(n))
      }
      const last = await known()
      assert.ok(last !== undefined && last.length >= 8 && last.length < 12)
      assert.equal(last.at(-1), 'fingerprint 12')
      await bench.apply({ change: 'endSession', user: ALICE })
      assert.equal(await known(), undefined)
    },
  ),

  // Q10
  storageCase(
    'what a process leaves behind is told to the next one, once; none is not nothing',
    async (bench) => {
      const [{ lane }] = await bench.enqueue(ALICE, 1)
      const takeUp = async () => {
        const [answer] = await bench.commit([{ change: 'takeUp' }])
        return answer?.applied === true ? answer.leftBehind : 'missed'
      }
      assert.equal(await takeUp(), 'missed')
      await bench.apply({ change: 'leaveBehind', lanes: [lane] })
      await bench.reopen()
      assert.deepEqual(await takeUp(), [lane])
      await bench.crash()
      assert.equal(await takeUp(), 'missed')
      await bench.apply({ change: 'leaveBehind', lanes: [] })
      assert.deepEqual(await takeUp(), [])
      assert.equal(await takeUp(), 'missed')
    },
  ),

  // T11
  storageCase(
    'leave is kept until taken back, and never misses: not for a user without a token either',
    async (bench) => {
      const isLeaving = async () =>
        (await bench.reopen()).tokens.map(({ user, leaving }) => [user, leaving])
      await bench.apply({ change: 'leave', user: ALICE, leaving: true })
      assert.deepEqual(await isLeaving(), [[ALICE, true]])
      await bench.apply(tokenOf(0))
      assert.deepEqual(await isLeaving(), [[ALICE, true]], 'a new token ends no leaving')
      await bench.apply({ change: 'leave', user: ALICE, leaving: false })
      assert.deepEqual(await isLeaving(), [[ALICE, false]])
    },
  ),

  // T11
  storageCase(
    'the end of a session deletes the token, bumps the epoch, and keeps the generation',
    async (bench) => {
      await bench.apply(tokenOf(0, { refreshAt: NOW }))
      await bench.apply({ change: 'refuseToken', user: ALICE, generation: 1 })
      await bench.apply({ change: 'leave', user: ALICE, leaving: true })
      await bench.apply({ change: 'endSession', user: ALICE })
      const ended = { ...NO_TOKEN, generation: 1, epoch: 1 }
      assert.deepEqual((await bench.reopen()).tokens, [ended])
      await bench.miss({ change: 'refuseToken', user: ALICE, generation: 1 })
      assert.deepEqual((await bench.reopen()).tokens, [ended])
      await bench.apply(tokenOf(1, { sealed: null, expiresAt: null }))
      assert.deepEqual((await bench.reopen()).tokens, [
        { ...ended, generation: 2, fingerprint: 'fingerprint 2' },
      ])
    },
  ),

  // T11
  storageCase(
    'the end of a session of a certain epoch misses once that session has ended',
    async (bench) => {
      await bench.apply({ change: 'endSession', user: ALICE, epoch: 0 })
      await bench.apply(tokenOf(0))
      await bench.miss({ change: 'endSession', user: ALICE, epoch: 0 })
      const [row] = (await bench.reopen()).tokens
      assert.deepEqual([row?.generation, row?.epoch, row?.fingerprint], [1, 1, 'fingerprint 1'])
      await bench.apply({ change: 'endSession', user: ALICE, epoch: 1 })
      assert.equal((await bench.reopen()).tokens[0]?.epoch, 2)
    },
  ),

  // T11
  storageCase(
    'the end of a session never misses: who had no token has an epoch of 1 after it',
    async (bench) => {
      await bench.apply({ change: 'endSession', user: ALICE })
      assert.deepEqual((await bench.reopen()).tokens, [{ ...NO_TOKEN, epoch: 1 }])
      await bench.apply(tokenOf(0))
    },
  ),

  // I12, Q12
  storageCase(
    'forget erases all of a user; what needs one of their records finds it lost',
    async (bench) => {
      const creating = { ...bench.enqueueing(ALICE), creates: ['made', 'awaited'] } as Change
      const [alices] = await bench.apply(creating)
      const [bobs] = await bench.enqueue(BOB, 1)
      assert.ok(alices !== undefined)
      await bench.apply({
        change: 'complete',
        lane: bobs.lane,
        members: [bobs],
        made: [{ local: 'of bob', remote: 'srv-bob' }],
      })
      await bench.apply(tokenOf(0))
      assert.deepEqual(await bench.apply({ change: 'forget', user: ALICE, at: NOW }), [alices])
      const { lanes, tokens } = await bench.reopen()
      assert.deepEqual([lanes, tokens], [[], []])
      const records = await bench.storage.records(['made', 'of bob', 'awaited', 'unheard-of'])
      assert.deepEqual(
        records.map(({ local, state, remote }) => [local, state, remote]),
        [
          ['made', 'lost', null],
          ['of bob', 'made', 'srv-bob'],
          ['awaited', 'lost', null],
        ],
      )
      await bench.apply({ ...bench.enqueueing(BOB), creates: ['made'] } as Change)
      const [again] = await bench.storage.records(['made'])
      assert.equal(again?.state, 'pending', 'whoever creates it anew has it')
    },
  ),

  // E5
  storageCase('no files are left of a damage that never was', async (bench) => {
    assert.deepEqual(await bench.storage.filesAside(), [])
  }),
]
