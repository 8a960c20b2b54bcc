/**
 * One read, and all that may happen around it, in every order: it always ends with exactly one
 * successful fetch, or with one typed rejection (R1 to R4).
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { echo, positioned } from './support/kinds.ts'
import { memoryVault, type Vault } from '../src/ports/vault.ts'
import { Rig } from './support/rig.ts'

type Happening =
  | 'the write settles'
  | 'the write is rejected'
  | 'the delay passes'
  | 'the token is refused'
  | 'a token is pushed'
  | 'the network breaks'
  | 'off is said'
  | 'required is said'
  | 'the user is switched'
  | 'the process restarts'

const ALL: readonly Happening[] = [
  'the write settles',
  'the write is rejected',
  'the delay passes',
  'the token is refused',
  'a token is pushed',
  'the network breaks',
  'off is said',
  'required is said',
  'the user is switched',
  'the process restarts',
]

const TYPED = new Set(['READ_CANCELLED', 'READ_FAILED', 'AUTH_REFRESH_FAILED', 'CLOSED'])

/** What the server thinks of tokens, and what became of one read. */
class World {
  readonly rig: Rig
  readonly ended: unknown[] = []
  /** Successful fetches. */
  fetchCount = 0
  #accepted = 'a1'
  #pushCount = 1
  readonly #hasSource: boolean

  private constructor(rig: Rig, hasSource: boolean) {
    this.rig = rig
    this.#hasSource = hasSource
  }

  static async make(hasSource: boolean, vault: Vault): Promise<World> {
    let world: World | null = null
    const rig = await Rig.start({
      operations: [positioned],
      vault,
      ...(hasSource ? { tokens: () => world?.accepted ?? 'a1' } : {}),
    })
    world = new World(rig, hasSource)
    await rig.login('alice', 'a1')
    await rig.whileResting(rig.holdfast.enqueue(positioned({ token: 'w1', delayMs: 300 })))
    const read = rig.holdfast.read({ request: () => ({ method: 'GET', path: '/r' }) })
    read.then(
      ({ status }) => world.ended.push(status),
      (error: { readonly code?: unknown }) => world.ended.push(error.code),
    )
    await rig.advance()
    return world
  }

  get accepted(): string {
    return this.#accepted
  }

  /** The newest request of this sort that has no answer yet. */
  answer(isRead: boolean, with_?: 'broken' | number): void {
    for (const sent of this.rig.sent) {
      if ((sent.request.kind === 'read') !== isRead || this.#answered.has(sent)) continue
      this.#answered.add(sent)
      const isGood = sent.token === null || sent.token === this.#accepted
      if (with_ === 'broken') sent.fail()
      else if (!isGood) sent.reply(401)
      else if (with_ !== undefined) sent.reply(with_)
      else {
        if (isRead && !this.#isCut) this.fetchCount += 1
        echo(sent)
      }
    }
  }
  readonly #answered = new Set<unknown>()
  #isCut = false

  async happen(happening: Happening): Promise<void> {
    const { rig } = this
    switch (happening) {
      case 'the write settles':
        this.answer(false)
        return
      case 'the write is rejected':
        this.answer(false, 400)
        return
      case 'the delay passes':
        await rig.advance(300)
        return
      case 'the token is refused':
        this.#accepted = `a${(this.#pushCount += 1)}`
        this.answer(true)
        return
      case 'a token is pushed':
        ignored(rig.holdfast.updateToken('alice', this.#accepted))
        return
      case 'the network breaks':
        this.answer(true, 'broken')
        return
      case 'off is said':
        ignored(rig.holdfast.setRequirement('off'))
        return
      case 'required is said':
        ignored(rig.holdfast.setRequirement('required'))
        return
      case 'the user is switched':
        this.#isCut = true
        ignored(rig.holdfast.login('bob', { token: 'b1' }))
        return
      case 'the process restarts':
        this.#isCut = true
        await rig.close()
        await rig.open()
    }
  }

  /** The faults are over: everything is answered, the token that works is there. */
  async calm(): Promise<void> {
    const { rig } = this
    for (let round = 0; round < 12; round += 1) {
      await rig.advance(1000)
      this.answer(false)
      this.answer(true)
      await rig.advance()
      if (!this.#hasSource || round === 6) {
        await rig.whileResting(rig.holdfast.updateToken('alice', this.#accepted))
      }
    }
  }
}

/** What is wrong about how this run ended; null: nothing. */
async function complaintOf(
  hasSource: boolean,
  happenings: readonly (readonly [Happening, boolean])[],
): Promise<string | null> {
  const world = await World.make(hasSource, memoryVault())
  try {
    for (const [happening, rests] of happenings) {
      await world.happen(happening)
      if (rests) await world.rig.advance()
    }
    await world.calm()
    const { ended, fetchCount } = world
    const [end] = ended
    if (ended.length !== 1) return `it ended ${ended.length} times`
    if (end !== 200 && !TYPED.has(end as string)) return `it ended with ${String(end)}`
    if (fetchCount !== (end === 200 ? 1 : 0)) return `${fetchCount} fetches, and ${String(end)}`
    const isOff = happenings.some(([happening]) => happening === 'off is said')
    const wrong = world.rig.sent.find(({ request, token }) =>
      token === null ? !isOff : !token.startsWith(request.user === 'bob' ? 'b' : 'a'),
    )
    return wrong === undefined ? null : `${wrong.request.user} sent ${wrong.token}`
  } finally {
    await world.rig.end()
  }
}

describe.each([false, true])('with a source: %s', (hasSource) => {
  test('every order of the usual, resting in between', { timeout: 60_000 }, async () => {
    const usual: readonly Happening[] = [
      'the write settles',
      'the delay passes',
      'the token is refused',
      'a token is pushed',
    ]
    const complaints: string[][] = []
    for (const order of permutations(usual)) {
      for (const cut of [null, 'the user is switched', 'the process restarts'] as const) {
        for (let at = 0; at <= (cut === null ? 0 : order.length); at += 1) {
          const whole = cut === null ? order : order.toSpliced(at, 0, cut)
          const run = whole.map((one) => [one, true] as const)
          const complaint = await complaintOf(hasSource, run)
          if (complaint !== null) complaints.push([...whole, complaint])
        }
      }
    }
    expect(complaints).toEqual([])
  })

  test('any order of anything, resting or not', { timeout: 60_000 }, async () => {
    const happenings = fc.array(fc.tuple(fc.constantFrom(...ALL), fc.boolean()), { maxLength: 10 })
    await fc.assert(
      fc.asyncProperty(happenings, async (run) => {
        expect(await complaintOf(hasSource, run)).toBeNull()
      }),
      { seed: 20260101, numRuns: 300 },
    )
  })
})

/** A restart may come before it is stored: it rejects then, and nobody here asks. */
function ignored(call: Promise<unknown>): void {
  call.catch(() => undefined)
}

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]]
  return items.flatMap((item, index) =>
    permutations(items.toSpliced(index, 1)).map((rest) => [item, ...rest]),
  )
}
