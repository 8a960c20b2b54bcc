/** How fast operations are stored. */
import type { Comparison, Subject } from '../comparison.ts'
import { inFolder, perSecond } from '../measuring.ts'
import type { Durability } from '../subjects/durability.ts'
import { enqueueAtOnce, enqueueOneByOne, fileStorage, openHoldfast } from '../subjects/holdfast.ts'
import { type Least, openLeast } from '../subjects/least.ts'
import { openLiteque } from '../subjects/liteque.ts'
import { PAYLOAD } from '../subjects/payload.ts'
import { addJob, openPlainjob } from '../subjects/plainjob.ts'
import { openRaw } from '../subjects/raw.ts'

const CALLERS = 1000
const PER_TRANSACTION = 100
/** Stored before anything is measured, by each: until the WAL has its size, every fsync has to write that down too. */
const BEFORE = 1200

export function enqueueComparisons(durability: Durability): readonly Comparison[] {
  const isFull = durability === 'FULL'
  const count = isFull ? 3000 : 15_000
  return [
    {
      name: `enqueue-${durability}`,
      title: `enqueue, awaited one by one, ${durability}`,
      unit: 'per second',
      subjects: [
        rawOneByOne(durability, count),
        least(durability, count, async ({ enqueue }) => {
          for (let n = 0; n < count; n += 1) await enqueue(PAYLOAD)
        }),
        holdfast(durability, count, (engine) => enqueueOneByOne(engine, count)),
        plainjob(durability, count),
        liteque(durability, isFull ? 1000 : 3000),
      ],
      bars: isFull
        ? [
            { of: 'Holdfast', to: 'raw', atLeast: 0.9 },
            { of: 'Holdfast', to: 'plainjob', atLeast: 0.9 },
          ]
        : [
            { of: 'Holdfast', to: 'raw', atLeast: 0.45 },
            { of: 'Holdfast', to: 'plainjob', atLeast: 1 },
          ],
    },
    {
      name: `concurrent-${durability}`,
      title: `enqueue, ${CALLERS} concurrent callers, ${durability}`,
      unit: 'per second',
      subjects: [
        rawInTransactions(durability, 20_000),
        least(durability, 20_000, async ({ enqueue }) => {
          for (let n = 0; n < 20_000; n += CALLERS) {
            await Promise.all(Array.from({ length: CALLERS }, () => enqueue(PAYLOAD)))
          }
        }),
        holdfast(durability, 20_000, async (engine) => {
          for (let n = 0; n < 20_000; n += CALLERS) await enqueueAtOnce(engine, CALLERS)
        }),
      ],
      bars: isFull ? [{ of: 'Holdfast', to: 'raw, 100 per transaction', atLeast: 0.5 }] : [],
    },
  ]
}

function rawOneByOne(durability: Durability, count: number): Subject {
  return {
    name: 'raw',
    measure: () =>
      inFolder(async (folder) => {
        const { database, insert } = openRaw(folder, durability)
        for (let n = 0; n < BEFORE; n += 1) insert()
        const rate = await perSecond(count, () => {
          for (let n = 0; n < count; n += 1) insert()
        })
        database.close()
        return rate
      }),
  }
}

function rawInTransactions(durability: Durability, count: number): Subject {
  return {
    name: `raw, ${PER_TRANSACTION} per transaction`,
    measure: () =>
      inFolder(async (folder) => {
        const { database, insert } = openRaw(folder, durability)
        const several = database.transaction(() => {
          for (let n = 0; n < PER_TRANSACTION; n += 1) insert()
        })
        for (let n = 0; n < BEFORE; n += 1) insert()
        const rate = await perSecond(count, () => {
          for (let n = 0; n < count; n += PER_TRANSACTION) several()
        })
        database.close()
        return rate
      }),
  }
}

function least(
  durability: Durability,
  count: number,
  work: (least: Least) => Promise<void>,
): Subject {
  return {
    name: 'the least',
    measure: () =>
      inFolder(async (folder) => {
        const bare = openLeast(folder, durability)
        for (let n = 0; n < BEFORE; n += 1) await bare.enqueue(PAYLOAD)
        const rate = await perSecond(count, () => work(bare))
        bare.close()
        return rate
      }),
  }
}

function holdfast(
  durability: Durability,
  count: number,
  work: (engine: Awaited<ReturnType<typeof openHoldfast>>) => Promise<void>,
): Subject {
  return {
    name: 'Holdfast',
    measure: () =>
      inFolder(async (folder) => {
        const engine = await openHoldfast(fileStorage(folder, durability))
        await enqueueOneByOne(engine, BEFORE)
        const rate = await perSecond(count, () => work(engine))
        await engine.close()
        return rate
      }),
  }
}

function plainjob(durability: Durability, count: number): Subject {
  return {
    name: 'plainjob',
    measure: () =>
      inFolder(async (folder) => {
        const queue = openPlainjob(folder, durability)
        for (let n = 0; n < BEFORE; n += 1) addJob(queue)
        const rate = await perSecond(count, () => {
          for (let n = 0; n < count; n += 1) addJob(queue)
        })
        queue.close()
        return rate
      }),
  }
}

function liteque(durability: Durability, count: number): Subject {
  return {
    name: 'liteque',
    measure: () =>
      inFolder(async (folder) => {
        const { queue, close } = openLiteque(folder, durability)
        for (let n = 0; n < BEFORE; n += 1) await queue.enqueue(PAYLOAD)
        const rate = await perSecond(count, async () => {
          for (let n = 0; n < count; n += 1) await queue.enqueue(PAYLOAD)
        })
        close()
        return rate
      }),
  }
}
