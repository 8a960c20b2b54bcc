/** How much is pending: counted right however operations come and go, which no storage does row by row. */
import assert from 'node:assert/strict'
import type { Change, Member } from '../../../storage/changes.ts'
import type { LaneId, OperationId, UserId } from '../../model.ts'
import { SeededRandom } from '../seeded-random.ts'
import { ALICE, ANONYMOUS_LANE, type Bench, BOB, followUpOf, NOW, storageCase } from './bench.ts'

const STEPS = 150

/** Comes and goes at random, and remembers the last place that each lane has given. */
class Traffic {
  readonly #bench: Bench
  readonly #random: SeededRandom
  readonly #letters: OperationId[] = []
  readonly #owners = new Map<LaneId, UserId | null>([[ANONYMOUS_LANE, null]])
  readonly #lastPlaces = new Map<LaneId, number>()
  #followUpCount = 0

  constructor(bench: Bench, seed: number) {
    this.#bench = bench
    this.#random = new SeededRandom(seed)
  }

  async step(): Promise<void> {
    const lane = this.#pick([...this.#owners.keys()])
    const rows = lane === undefined ? [] : await this.#bench.window(lane)
    const head = rows.slice(0, 1 + this.#below(3))
    const any = this.#pick(rows)
    switch (this.#below(11)) {
      case 0:
      case 1:
      case 2:
        return this.#enqueue()
      case 3:
      case 4:
      case 5:
        return this.#complete(lane ?? ANONYMOUS_LANE, head)
      case 6:
        if (any !== undefined) await this.#bench.apply({ change: 'cancel', id: any.id, at: NOW })
        return
      case 7:
        return this.#bury(this.#below(2) === 0 || any === undefined ? head : [any])
      case 8:
        return this.#revive()
      case 9:
        return this.#adopt()
      default:
        return this.#supersede()
    }
  }

  async check(): Promise<void> {
    const { lanes } = await this.#bench.storage.reload()
    for (const [lane, user] of this.#owners) {
      const rows = await this.#bench.window(lane)
      const counted = lanes.find((row) => row.lane === lane)
      assert.equal(counted?.pending ?? 0, rows.length, `what ${user ?? 'nobody'} has pending`)
    }
  }

  async #enqueue(): Promise<void> {
    const user = this.#below(2) === 0 ? ALICE : null
    const changes = Array.from({ length: 1 + this.#below(3) }, () => {
      return { ...this.#bench.enqueueing(user), deviceScoped: this.#below(3) === 0 } as Change
    })
    const answers = await this.#bench.commit(changes)
    const put = answers.flatMap((answer) => (answer.applied ? answer.affected : []))
    for (const { lane, place } of put) {
      assert.ok(place > (this.#lastPlaces.get(lane) ?? 0), `${place} is given again`)
      this.#owners.set(lane, user)
      this.#lastPlaces.set(lane, place)
    }
  }

  async #complete(lane: LaneId, members: readonly Member[]): Promise<void> {
    if (members.length === 0) return
    const followUps = Array.from({ length: this.#below(4) === 0 ? this.#below(3) : 0 }, () =>
      followUpOf(++this.#followUpCount),
    )
    await this.#bench.apply({ change: 'complete', lane, members: members.map(memberOf), followUps })
    await this.#seePlaces(lane)
  }

  async #bury(members: readonly (Member & { readonly lane: LaneId })[]): Promise<void> {
    const [first] = members
    if (first === undefined) return
    await this.#bench.apply({
      change: 'bury',
      lane: first.lane,
      members: members.map(memberOf),
      reason: 'rejected',
      status: 422,
      excerpt: null,
      at: NOW,
      attempts: 1,
      envelopeKey: null,
    })
    this.#letters.push(...members.map(({ id }) => id))
  }

  async #revive(): Promise<void> {
    const id = this.#pick(this.#letters)
    if (id === undefined) return
    this.#letters.splice(this.#letters.indexOf(id), 1)
    const [{ lane } = { lane: ANONYMOUS_LANE }] = await this.#bench.apply({
      change: 'revive',
      id,
      behind: [],
    })
    await this.#seePlaces(lane)
  }

  async #adopt(): Promise<void> {
    const [except] = await this.#bench.window(ANONYMOUS_LANE)
    const kept = except === undefined || this.#below(2) === 0 ? [] : [except.place]
    const adopted = await this.#bench.apply({ change: 'adopt', user: ALICE, except: kept })
    for (const { lane } of adopted.slice(0, 1)) {
      this.#owners.set(lane, ALICE)
      await this.#seePlaces(lane)
    }
  }

  /** Somebody else has the device: what was for it goes from anywhere. */
  async #supersede(): Promise<void> {
    await this.#bench.apply({ change: 'supersede', user: BOB, except: [], at: NOW })
  }

  async #seePlaces(lane: LaneId): Promise<void> {
    const last = (await this.#bench.window(lane)).at(-1)?.place ?? 0
    this.#lastPlaces.set(lane, Math.max(last, this.#lastPlaces.get(lane) ?? 0))
  }

  #below(count: number): number {
    return Math.floor(this.#random.fraction() * count)
  }

  #pick<T>(from: readonly T[]): T | undefined {
    return from[this.#below(from.length)]
  }
}

export const countCases = [
  storageCase(
    'what is pending is counted right however operations come and go, and no place is given twice',
    async (bench) => {
      const traffic = new Traffic(bench, 20)
      // Whoever hears of others may remember what it has written itself.
      const listen = () => void bench.storage.watch(() => undefined)
      listen()
      for (let step = 0; step < STEPS; step += 1) {
        await traffic.step()
        await traffic.check()
        if (step % 40 !== 39) continue
        await bench.reopen()
        listen()
      }
    },
  ),

  storageCase('a gap in a lane is no part of what is taken from around it', async (bench) => {
    const put = async (deviceScoped: boolean) => {
      const change = { ...bench.enqueueing(ALICE), deviceScoped } as Change
      const [answer] = await bench.commit([change])
      return answer?.applied === true ? answer.affected[0] : undefined
    }
    await put(true)
    const gap = await put(false)
    const kept = await put(false)
    assert.ok(gap !== undefined && kept !== undefined)
    await bench.apply({ change: 'cancel', id: gap.id, at: NOW })
    const last = await put(true)
    await bench.apply({ change: 'supersede', user: BOB, except: [], at: NOW })
    const { lanes } = await bench.reopen()
    assert.deepEqual(
      lanes.map(({ user, pending, tail }) => [user, pending, tail]),
      [[ALICE, 1, last?.place]],
    )
    assert.ok(((await put(false))?.place ?? 0) > (last?.place ?? 0))
  }),

  storageCase('an adoption that finds nothing changes nothing', async (bench) => {
    await bench.enqueue(ALICE, 2)
    const before = (await bench.storage.reload()).lanes
    await bench.apply({ change: 'adopt', user: ALICE, except: [] })
    assert.deepEqual((await bench.storage.reload()).lanes, before)
  }),
]

function memberOf({ id, place }: Member): Member {
  return { id, place }
}
