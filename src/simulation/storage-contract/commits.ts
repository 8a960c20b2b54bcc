/** What a call is, what a turn is, and what a commit promises. */
import assert from 'node:assert/strict'
import type { Affected, Answer, Change } from '../../../storage/changes.ts'
import { StorageError } from '../../../storage/storage-error.ts'
import type { OperationId } from '../../model.ts'
import { ALICE, ANONYMOUS_LANE, type Bench, BOB, idsOf, NOW, storageCase } from './bench.ts'

const missing: Change = { change: 'cancel', id: '0.sg.nobody' as OperationId, at: NOW }

export const commitCases = [
  // Q2
  storageCase(
    'a commit that causes an fsync does not resolve before the turn it was called in has ended',
    async (bench, { causesFsync = true }) => {
      let isCommitted = false
      const committed = bench.storage.commit([bench.enqueueing(null)]).then(() => {
        isCommitted = true
      })
      assert.equal(isCommitted, false)
      await new Promise((resolve) => setImmediate(resolve))
      if (causesFsync) assert.equal(isCommitted, false)
      bench.endTurn()
      await committed
    },
  ),

  // durable-before-ack
  storageCase('what a commit resolved for is there after a crash, synced or not', async (bench) => {
    const first = await bench.commit([bench.enqueueing(null)])
    const second = await bench.commit([bench.enqueueing(null)], { synced: false })
    await bench.crash()
    assert.equal(first[0]?.applied && second[0]?.applied, true)
    assert.equal((await bench.window(ANONYMOUS_LANE)).length, 2)
  }),

  // E2
  storageCase(
    'a storage that is open refuses another opening, and goes on as it was',
    async (bench) => {
      await bench.commit([bench.enqueueing(null)])
      await assert.rejects(bench.open(), (error: unknown) => {
        assert.ok(error instanceof StorageError)
        return error.code === 'STORAGE_UNAVAILABLE'
      })
      await bench.commit([bench.enqueueing(null)])
      assert.equal((await bench.window(ANONYMOUS_LANE)).length, 2)
      await bench.storage.close()
      await bench.open()
      assert.equal((await bench.window(ANONYMOUS_LANE)).length, 2)
    },
  ),

  storageCase('a crash before the end of the turn takes whole calls', async (bench) => {
    void bench.storage.commit([bench.enqueueing(null), bench.enqueueing(null)]).catch(() => {})
    const state = await bench.crash()
    const rows = await bench.window(ANONYMOUS_LANE)
    assert.ok([0, 2].includes(rows.length), `${rows.length} of 2 are there`)
    assert.equal(state.lanes[0]?.pending ?? 0, rows.length)
  }),

  storageCase(
    'after a change that missed the rest of its call is missed, and what stood before it is applied',
    async (bench) => {
      const answers = await bench.commit([
        { change: 'requirement', requirement: 'off' },
        missing,
        { change: 'identity', user: ALICE },
      ])
      assert.deepEqual(
        answers.map(({ applied }) => applied),
        [true, false, false],
      )
      const state = await bench.reopen()
      assert.equal(state.requirement, 'off')
      assert.equal(state.identity, null)
    },
  ),

  storageCase('a change that missed touches no other call of its turn', async (bench) => {
    const calls = [
      bench.storage.commit([missing, bench.enqueueing(null)]),
      bench.storage.commit([bench.enqueueing(null)]),
    ]
    bench.endTurn()
    const [first, second] = await Promise.all(calls)
    assert.deepEqual(first, [{ applied: false }, { applied: false }])
    assert.equal(second?.[0]?.applied, true)
    assert.equal((await bench.window(ANONYMOUS_LANE)).length, 1)
  }),

  storageCase('the calls of one turn apply in the order they were made', async (bench) => {
    const commit = (change: Change) => bench.storage.commit([change])
    const calls = [
      commit({ change: 'identity', user: ALICE }),
      commit({ change: 'identity', user: null }),
      commit({ change: 'identity', user: BOB }),
    ]
    bench.endTurn()
    await Promise.all(calls)
    assert.equal((await bench.reopen()).identity, BOB)
  }),

  storageCase('answers come in the order of the questions, whatever they are', async (bench) => {
    const { storage } = bench
    const answered: string[] = []
    const ask = (name: string, question: Promise<unknown>) =>
      question.then(() => answered.push(name))
    const asked = [
      ask('first commit', storage.commit([bench.enqueueing(ALICE)])),
      ask('reload', storage.reload()),
      ask('second commit', storage.commit([bench.enqueueing(ALICE)])),
      ask('position', storage.position(ALICE, '')),
      ask('third commit', storage.commit([bench.enqueueing(ALICE)])),
    ]
    // One that is handed in when those reads have been answered, or nearly so.
    for (let tick = 0; tick < 8; tick += 1) {
      await Promise.resolve()
      asked.push(ask(`commit ${tick}`, storage.commit([bench.enqueueing(ALICE)])))
    }
    bench.endTurn()
    await Promise.all(asked)
    assert.deepEqual(answered, [
      'first commit',
      'reload',
      'second commit',
      'position',
      'third commit',
      ...Array.from({ length: 8 }, (_, tick) => `commit ${tick}`),
    ])
  }),

  storageCase(
    'a call that fails rejects alone with a coded error, and nothing of it is applied',
    async (bench, subject) => {
      const calls = await inOneTurn(bench, [
        [bench.enqueueing(ALICE)],
        [bench.enqueueing(ALICE), { change: 'identity', user: ALICE }, subject.failing],
        [bench.enqueueing(ALICE)],
      ])
      assert.deepEqual(
        calls.map(({ status }) => status),
        ['fulfilled', 'rejected', 'fulfilled'],
      )
      const failed = calls[1]
      assert.ok(failed?.status === 'rejected' && failed.reason instanceof StorageError)
      const { lanes, identity } = await bench.reopen()
      assert.equal(identity, null)
      assert.deepEqual(
        lanes.map(({ user, pending }) => [user, pending]),
        [[ALICE, 2]],
      )
    },
  ),

  storageCase(
    'of changes that stand apart, one that misses or fails takes no other with it, and says so; the order stays',
    async (bench, subject) => {
      const apart = Array.from({ length: 40 }, () => bench.enqueueing(ALICE))
      apart.splice(20, 0, subject.failing)
      apart.splice(10, 0, missing)
      const together = bench.storage.commit(apart, { apart: true })
      const behind = bench.storage.commit([bench.enqueueing(ALICE)])
      const [answers, last] = await ended(bench, Promise.all([together, behind]))
      const others = [...answers.toSpliced(21, 1).toSpliced(10, 1), ...last]
      const put = affectedBy(others)
      assert.equal(put.length, 41)
      assert.deepEqual(idsOf(await bench.window(put[0]?.lane ?? ANONYMOUS_LANE)), idsOf(put))
      assert.deepEqual(answers[10], { applied: false })
      const failed = answers[21]
      assert.equal(failed?.applied, false)
      assert.equal(typeof failed?.failed, 'string')
    },
  ),

  storageCase(
    'a great many that stand apart are stored in their order, each with what its kind says of it',
    async (bench) => {
      const changes = Array.from({ length: 100 }, (_, index) => ({
        ...bench.enqueueing(index % 7 === 3 ? BOB : ALICE),
        payload: JSON.stringify(index),
        ...(index % 5 === 2 ? { expiresAt: NOW + index, creates: [`local-${index}`] } : {}),
      }))
      const answers = await bench.commit(changes as Change[], { apart: true })
      const put = affectedBy(answers)
      assert.equal(put.length, 100)
      for (const user of [ALICE, BOB]) {
        const { lane = ANONYMOUS_LANE } = put.find((affected) => affected.user === user) ?? {}
        const rows = await bench.window(lane)
        const meant = changes.filter((change) => 'user' in change && change.user === user)
        assert.deepEqual(
          rows.map(({ payload, expiresAt, creates }) => ({ payload, expiresAt, creates })),
          meant.map(({ payload, ...change }) => ({
            payload,
            expiresAt: 'expiresAt' in change ? change.expiresAt : null,
            creates: 'creates' in change ? change.creates : [],
          })),
        )
      }
      const [first] = answers
      assert.ok(first?.applied === true && first.isFirst === true)
    },
  ),

  storageCase(
    'a lane that a failed call made is not there: its owner and the next one get lanes of their own',
    async (bench, subject) => {
      await inOneTurn(bench, [[bench.enqueueing(ALICE), subject.failing], [bench.enqueueing(BOB)]])
      const [alices] = await bench.enqueue(ALICE, 1)
      const [bobs] = await bench.enqueue(BOB, 1)
      assert.notEqual(alices.lane, bobs.lane)
      assert.equal((await bench.storage.find(alices.id))?.state, 'pending')
      const state = await bench.reopen()
      assert.deepEqual(
        new Map(state.lanes.map(({ user, pending }) => [user, pending])),
        new Map([
          [ALICE, 1],
          [BOB, 2],
        ]),
      )
    },
  ),

  storageCase('a call without changes is answered without answers', async (bench) => {
    assert.deepEqual(await bench.commit([]), [])
  }),

  storageCase(
    'a read sees what was handed in before it, before the turn has ended',
    async (bench) => {
      const committed = bench.storage.commit([bench.enqueueing(null)])
      const rows = await bench.window(ANONYMOUS_LANE)
      const [answer] = await committed
      assert.deepEqual(idsOf(rows), answer?.applied === true ? idsOf(answer.affected) : null)
    },
  ),

  // Q17
  storageCase(
    'settled answers about thousands, a part in each turn, and sees what was handed in before it',
    async (bench) => {
      const made = await bench.enqueue(ALICE, 2000 as number)
      const lane = made[0]?.lane ?? ANONYMOUS_LANE
      const gone = made.filter((_one, index) => index % 2 === 0)
      const committed = bench.storage.commit([{ change: 'complete', lane, members: gone }])
      let settled: readonly { readonly id: OperationId }[] | null = null
      const asked = bench.storage.settled(idsOf(made)).then((answer) => {
        settled = answer.settled
      })
      for (let turns = 0; settled === null && turns < made.length; turns += 1) {
        bench.endTurn()
        await new Promise((resolve) => setImmediate(resolve))
      }
      await Promise.all([asked, committed])
      assert.deepEqual(idsOf(settled ?? []), idsOf(gone))
    },
  ),

  storageCase('close commits what was handed in before it', async (bench) => {
    const committed = bench.storage.commit([bench.enqueueing(null)])
    await bench.reopen()
    assert.equal((await committed)[0]?.applied, true)
    assert.equal((await bench.window(ANONYMOUS_LANE)).length, 1)
  }),

  storageCase('after close every call but close rejects with CLOSED', async (bench) => {
    await bench.storage.close()
    await bench.storage.close()
    const closed = { name: 'StorageError', code: 'CLOSED' }
    await assert.rejects(bench.commit([bench.enqueueing(null)]), closed)
    await assert.rejects(bench.storage.window(ANONYMOUS_LANE, 0, 1), closed)
    await assert.rejects(bench.storage.find('0.sg.nobody' as OperationId), closed)
    await assert.rejects(bench.storage.settled(['0.sg.nobody' as OperationId]), closed)
    await assert.rejects(bench.storage.letters({ limit: 1 }), closed)
  }),
]

async function inOneTurn(bench: Bench, calls: readonly (readonly Change[])[]) {
  const committed = calls.map((changes) => bench.storage.commit(changes))
  return ended(bench, Promise.allSettled(committed))
}

function affectedBy(answers: readonly Answer[]): readonly Affected[] {
  return answers.flatMap((answer) => (answer.applied ? answer.affected : []))
}

/** Ends turns until that is there: after a failing call the rest may have to wait for another one. */
async function ended<T>(bench: Bench, answer: Promise<T>): Promise<T> {
  let isThere = false
  const there = answer.finally(() => (isThere = true))
  while (!isThere) {
    bench.endTurn()
    await new Promise((resolve) => setImmediate(resolve))
  }
  return there
}
