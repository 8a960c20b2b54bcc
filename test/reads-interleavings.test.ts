/**
 * One read, and all that may happen around it, in every order: it ends with exactly one successful
 * fetch, or with a typed cancellation (R1 to R4). fast-check's scheduler orders, and shrinks.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Gate, ReadWorld, type Setting } from './support/read-world.ts'

interface Task {
  readonly label: string
  readonly run: (world: ReadWorld) => void | Promise<void>
}

const gate = (label: string, name: Gate): Task => ({ label, run: (world) => world.open(name) })

/** What ends a read at once. */
const CUTS: readonly Task[] = [
  { label: 'the user is switched', run: (world) => world.switchUser() },
  { label: 'the process restarts', run: (world) => world.restart() },
]

const FAULTS: readonly Task[] = [
  { label: 'the token is refused', run: (world) => world.refuse() },
  { label: 'a token is pushed', run: (world) => world.push() },
]

const WRITE_SETTLES = gate('the write settles', 'write')

const WITHOUT_CUTS: readonly Task[] = [
  WRITE_SETTLES,
  gate('the position arrives', 'position'),
  ...FAULTS,
]

const THE_SIX: readonly Task[] = [...WITHOUT_CUTS, ...CUTS]

/** The two steps of the read's own request. */
const JUDGED = gate('the request of the read reaches the server', 'judge')
const ANSWERED = gate('the reply to the read arrives', 'reply')

/** What may go wrong besides. */
const MORE: readonly Task[] = [
  { label: 'a write begins, and a read of it', run: (world) => world.writeAndRead() },
  { label: 'the delay passes', run: (world) => world.advance(300) },
  { label: 'another token is pushed', run: (world) => world.push() },
  { label: 'the token is refused again', run: (world) => world.refuse() },
  { label: 'the network breaks', run: (world) => world.breakNetwork() },
  { label: 'the write is rejected', run: (world) => world.rejectWrite() },
  { label: 'off is said', run: (world) => world.demand('off') },
  { label: 'required is said', run: (world) => world.demand('required') },
]

/**
 * What may happen, in every order, up to what ends the read; the rest of it comes after that in one
 * order alone, because then it is about nothing any more.
 */
function upToACut(others: readonly Task[]): readonly (readonly Task[])[] {
  return CUTS.flatMap((cut) =>
    arrangements(others).map((order) => [
      ...order,
      cut,
      ...[...others, ...CUTS].filter((other) => other !== cut && !order.includes(other)),
    ]),
  )
}

const READS: readonly Task[] = ['second', 'third', 'fourth'].map((which) => ({
  label: `a ${which} read begins`,
  run: (world) => world.read(),
}))

/** A task that the scheduler waits for, before it goes on to the next. */
function put(scheduler: fc.Scheduler, label: string, run: () => void | Promise<void>): void {
  scheduler.scheduleSequence([{ label, builder: async () => run() }])
}

/** What was wrong in a world in which these things happened. */
async function complaintsOf(
  setting: Setting,
  happen: (world: ReadWorld) => Promise<void>,
): Promise<readonly string[]> {
  const world = await ReadWorld.make(setting)
  try {
    await happen(world)
    await world.calm()
    return world.complaints()
  } finally {
    await world.end()
  }
}

/** The tasks in just this order; each leaves the engine at rest, or the next one comes at once. */
async function complaintsAbout(
  order: readonly Task[],
  setting: Setting,
  open: readonly Gate[],
  rests: boolean,
): Promise<readonly string[]> {
  const tasks = [...order].sort((a, b) => a.label.localeCompare(b.label))
  const scheduler = fc.schedulerFor(order.map((task) => tasks.indexOf(task) + 1))
  const complaints = await complaintsOf(setting, async (world) => {
    for (const name of open) world.open(name)
    world.read()
    if (rests) await world.rest()
    for (const { label, run } of tasks) {
      put(scheduler, label, async () => {
        await run(world)
        if (rests) await world.rest()
      })
    }
    await scheduler.waitIdle()
  })
  return complaints.length === 0 ? [] : [...order.map(({ label }) => label), ...complaints]
}

/** Everything is a task: each step of each request, of the source, and each turn of the event loop. */
function direct(world: ReadWorld, scheduler: fc.Scheduler): void {
  world.direct({
    turn: (end) => put(scheduler, 'a turn ends', end),
    sent: (name, held) =>
      scheduler.scheduleSequence([
        { label: `the server gets ${name}`, builder: async () => world.judge(held) },
        { label: `the reply to ${name} arrives`, builder: async () => world.deliver(held) },
      ]),
    asked: async (answer) => {
      await scheduler.schedule(Promise.resolve(), 'the source answers')
      return answer()
    },
  })
}

describe.each([false, true])('with a source: %s', (hasSource) => {
  const usual: Setting = {
    hasSource,
    after: 'write',
    delayMs: 0,
    isPositionFirst: false,
    revokes: 'first',
    restart: 'close',
  }

  // R1, R2, R3, R4
  test.each([
    ['all 720 orders of the six, resting in between', permutations(THE_SIX), true],
    ['every order of the six up to what ends it, without a rest', upToACut(WITHOUT_CUTS), false],
  ] as const)('%s', { timeout: 60_000 }, async (_name, orders, rests) => {
    const wrong: (readonly string[])[] = []
    for (const [index, order] of orders.entries()) {
      // Half of the orders have a source, the other half have none, each half in all four settings.
      if ((Math.floor(index / 4) % 2 === 0) === hasSource) continue
      const setting: Setting = {
        ...usual,
        revokes: index % 2 === 0 ? 'first' : 'all',
        after: index % 4 < 2 ? 'write' : 'lane',
      }
      const found = await complaintsAbout(order, setting, ['judge', 'reply'], rests)
      if (found.length > 0) wrong.push(found)
    }
    expect(wrong).toEqual([])
  })

  // R3, R4
  test.each(['first', 'all'] as const)(
    'every order in which its request is judged and answered meanwhile; refused: %s',
    { timeout: 60_000 },
    async (revokes) => {
      const wrong: (readonly string[])[] = []
      const orders = upToACut([...FAULTS, WRITE_SETTLES, JUDGED, ANSWERED]).filter(
        (order) => order.indexOf(JUDGED) < order.indexOf(ANSWERED),
      )
      for (const order of orders) {
        const found = await complaintsAbout(order, { ...usual, revokes }, ['position'], true)
        if (found.length > 0) wrong.push(found)
      }
      expect(wrong).toEqual([])
    },
  )

  // R1, R2, R3, R4
  test('any order of every single step, and of more', { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.record<Setting>({
          hasSource: fc.constant(hasSource),
          after: fc.constantFrom('write', 'lane'),
          delayMs: fc.constantFrom(0, 300),
          isPositionFirst: fc.boolean(),
          revokes: fc.constantFrom('first', 'all'),
          restart: fc.constantFrom('close', 'crash'),
        }),
        fc.subarray([...CUTS, ...MORE, ...READS]),
        fc.boolean(),
        async (scheduler, setting, tasks, drains) => {
          const complaints = await complaintsOf(setting, async (world) => {
            direct(world, scheduler)
            world.read()
            for (const { label, run } of [...FAULTS, ...tasks]) {
              put(scheduler, label, async () => {
                await run(world)
                // Else the next task comes before every promise has been heard.
                if (drains) await world.advance()
              })
            }
            do {
              await scheduler.waitIdle()
              await world.advance()
            } while (scheduler.count() > 0)
            await world.rest()
          })
          expect(complaints).toEqual([])
        },
      ),
      { seed: 20260101, numRuns: 500 },
    )
  })
})

/** Every order of every subset. */
function arrangements<T>(items: readonly T[]): T[][] {
  return [
    [],
    ...items.flatMap((item, index) =>
      arrangements(items.toSpliced(index, 1)).map((rest) => [item, ...rest]),
    ),
  ]
}

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]]
  return items.flatMap((item, index) =>
    permutations(items.toSpliced(index, 1)).map((rest) => [item, ...rest]),
  )
}
