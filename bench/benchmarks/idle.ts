/** How soon an idle engine sends: from the call of `enqueue()` to the call of the transport. */
import type { Comparison } from '../comparison.ts'
import { inFolder, milliseconds } from '../measuring.ts'
import { quantile } from '../comparison.ts'
import { fileStorage, NO_SERVER, note, openHoldfast } from '../subjects/holdfast.ts'
import { PAYLOAD } from '../subjects/payload.ts'
import { openRaw } from '../subjects/raw.ts'

const TIMES = 400
/** So often it is done before, without a pause: an app's code has been run before, too. */
const BEFORE = 2000

export const idleComparison: Comparison = {
  name: 'idle',
  title: 'idle to transport call, FULL, half of the calls are as fast',
  unit: 'ms',
  subjects: [
    { name: 'raw insert (one fsync)', measure: () => rawInserts() },
    { name: 'Holdfast, p50', measure: () => idleToCall(0.5) },
    { name: 'Holdfast, p99', measure: () => idleToCall(0.99) },
    { name: 'timers armed while idle', measure: armedTimers },
  ],
  bars: [
    { of: 'Holdfast, p50', to: 'raw insert (one fsync)', above: 'by', atMost: 0.15 },
    { of: 'timers armed while idle', to: null, atMost: 0 },
  ],
}

function rawInserts(): Promise<number> {
  return inFolder(async (folder) => {
    const { database, insert } = openRaw(folder, 'FULL')
    const times: number[] = []
    for (let n = 0; n < BEFORE; n += 1) insert()
    for (let n = 0; n < TIMES; n += 1) {
      times.push(await milliseconds(insert))
      await pause()
    }
    database.close()
    return quantile(times, 0.5)
  })
}

async function idleToCall(part: number): Promise<number> {
  return withIdleEngine(async (call) => {
    const times: number[] = []
    for (let n = 0; n < BEFORE; n += 1) await call()
    for (let n = 0; n < TIMES; n += 1) {
      times.push(await call())
      await pause()
    }
    return quantile(times, part)
  })
}

function armedTimers(): Promise<number> {
  return withIdleEngine(async (call) => {
    const timers = () =>
      process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
    const before = timers()
    await call()
    await pause()
    return timers() - before
  })
}

function withIdleEngine(run: (call: () => Promise<number>) => Promise<number>): Promise<number> {
  return inFolder(async (folder) => {
    let called: (at: number) => void = () => undefined
    const engine = await openHoldfast(fileStorage(folder, 'FULL'), {
      transport: {
        ...NO_SERVER,
        send: (request, options) => {
          called(performance.now())
          return NO_SERVER.send(request, options)
        },
      },
    })
    engine.resume()
    const figure = await run(async () => {
      const { promise, resolve } = Promise.withResolvers<number>()
      called = resolve
      const started = performance.now()
      const receipt = await engine.enqueue(note(PAYLOAD))
      const ms = (await promise) - started
      await receipt.settled
      return ms
    })
    await engine.close()
    return figure
  })
}

/** Nothing happens for a moment. */
function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 2))
}
