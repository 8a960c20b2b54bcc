/** How fast what is pending is sent, when sending costs nothing. */
import type { Comparison, Subject } from '../comparison.ts'
import { inFolder, perSecond } from '../measuring.ts'
import type { Durability } from '../subjects/durability.ts'
import { drain, enqueueAtOnce, fileStorage, openHoldfast } from '../subjects/holdfast.ts'
import { openLiteque, runUntilEmpty } from '../subjects/liteque.ts'
import { PAYLOAD } from '../subjects/payload.ts'
import { addJob, openPlainjob, workOff } from '../subjects/plainjob.ts'

const PENDING = 10_000
const LANES = 100
/** The peers get slower the more there is; so few is the best for them. */
const PLAINJOB_PENDING = 2000
const LITEQUE_PENDING = 300

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
        for (let lane = 0; lane < lanes; lane += 1) {
          await engine.login(`user-${lane}`, { token: `token-${lane}` })
          await enqueueAtOnce(engine, PENDING / lanes)
        }
        const rate = await perSecond(PENDING, () => drain(engine))
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
        for (let n = 0; n < PLAINJOB_PENDING; n += 1) addJob(queue)
        const rate = await perSecond(PLAINJOB_PENDING, () => workOff(queue, PLAINJOB_PENDING))
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
        for (let n = 0; n < LITEQUE_PENDING; n += 1) await queue.enqueue(PAYLOAD)
        const rate = await perSecond(LITEQUE_PENDING, () => runUntilEmpty(queue))
        close()
        return rate
      }),
  }
}
