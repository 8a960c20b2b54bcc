/** How fast what is pending is sent, when sending costs nothing. */
import type { Comparison, Subject } from '../comparison.ts'
import { inFolder, perSecond } from '../measuring.ts'
import type { Durability } from '../subjects/durability.ts'
import { drain, enqueueAtOnce, fileStorage, openHoldfast } from '../subjects/holdfast.ts'
import { openLiteque, runUntilEmpty } from '../subjects/liteque.ts'
import { PAYLOAD } from '../subjects/payload.ts'
import { addJob, openPlainjob, workOff } from '../subjects/plainjob.ts'

const LANES = 100

/** How much of the work each does before it is measured, and is measured for. */
interface Extent {
  readonly before: number
  readonly measured: number
}

/** The peers get slower the more there is; so few is the best for them. */
const HOLDFAST: Extent = { before: 5000, measured: 10_000 }
const PLAINJOB: Extent = { before: 1000, measured: 2000 }
const LITEQUE: Extent = { before: 100, measured: 300 }

export function drainComparisons(durability: Durability): readonly Comparison[] {
  return [
    {
      name: `drain-${durability}`,
      title: `drain, no-op transport, ${durability}`,
      unit: 'per second',
      subjects: [
        holdfast('Holdfast, one lane', durability, 1),
        holdfast(`Holdfast, ${LANES} lanes`, durability, LANES),
        plainjob(durability),
        liteque(durability),
      ],
      bars: [{ of: 'Holdfast, one lane', to: 'plainjob', atLeast: durability === 'FULL' ? 4 : 2 }],
    },
  ]
}

function holdfast(name: string, durability: Durability, lanes: number): Subject {
  return {
    name,
    measure: () =>
      inFolder(async (folder) => {
        const engine = await openHoldfast(fileStorage(folder, durability))
        const fill = async (count: number) => {
          for (let lane = 0; lane < lanes; lane += 1) {
            await engine.login(`user-${lane}`, { token: `token-${lane}` })
            await enqueueAtOnce(engine, count / lanes)
          }
        }
        await fill(HOLDFAST.before)
        await drain(engine)
        await fill(HOLDFAST.measured)
        const rate = await perSecond(HOLDFAST.measured, () => drain(engine))
        await engine.close()
        return rate
      }),
  }
}

function plainjob(durability: Durability): Subject {
  return {
    name: 'plainjob',
    measure: () =>
      inFolder(async (folder) => {
        const queue = openPlainjob(folder, durability)
        const fill = (count: number) => {
          for (let n = 0; n < count; n += 1) addJob(queue)
        }
        fill(PLAINJOB.before)
        await workOff(queue, PLAINJOB.before)
        fill(PLAINJOB.measured)
        const rate = await perSecond(PLAINJOB.measured, () => workOff(queue, PLAINJOB.measured))
        queue.close()
        return rate
      }),
  }
}

function liteque(durability: Durability): Subject {
  return {
    name: 'liteque',
    measure: () =>
      inFolder(async (folder) => {
        const { queue, close } = openLiteque(folder, durability)
        const fill = async (count: number) => {
          for (let n = 0; n < count; n += 1) await queue.enqueue(PAYLOAD)
        }
        await fill(LITEQUE.before)
        await runUntilEmpty(queue)
        await fill(LITEQUE.measured)
        const rate = await perSecond(LITEQUE.measured, () => runUntilEmpty(queue))
        close()
        return rate
      }),
  }
}
