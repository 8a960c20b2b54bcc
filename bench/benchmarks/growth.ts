/** Does it stay flat? The same work, and a cold start, with a thousand to a million operations pending. */
import { rmSync } from 'node:fs'
import type { Holdfast } from '../../src/index.ts'
import { firstWord, start } from '../child.ts'
import type { Comparison, Subject } from '../comparison.ts'
import { milliseconds, newFolder } from '../measuring.ts'
import { enqueueAtOnce, enqueueOneByOne, fileStorage, openHoldfast } from '../subjects/holdfast.ts'

const SIZES = [1000, 10_000, 100_000, 1_000_000] as const
const EMPTY = 0
const ENQUEUES = 1000
const DRAINED = 1000
const MOST_PENDING = 2_000_000

/** A database with so many pending, made once; each round adds as much as it takes away. */
const folders = new Map<number, string>()

process.on('exit', () => {
  for (const folder of folders.values()) rmSync(folder, { recursive: true, maxRetries: 10 })
})

async function folderWith(size: number): Promise<string> {
  const known = folders.get(size)
  if (known !== undefined) return known
  const folder = newFolder()
  folders.set(size, folder)
  const engine = await open(folder)
  for (let n = 0; n < size; n += 1000) await enqueueAtOnce(engine, 1000)
  await engine.close()
  return folder
}

function open(folder: string): Promise<Holdfast> {
  return openHoldfast(fileStorage(folder, 'NORMAL'), { maxPending: MOST_PENDING })
}

function nameOf(size: number): string {
  return `at ${size.toLocaleString('en')}`
}

export const growthComparisons: readonly Comparison[] = [
  {
    name: 'growth-enqueue',
    title: 'enqueue one by one, NORMAL, with so many pending',
    unit: 'µs',
    subjects: SIZES.map((size) => measured(size, enqueued)),
    bars: [{ of: nameOf(1_000_000), to: nameOf(1000), atMost: 1.3 }],
  },
  {
    name: 'growth-drain',
    title: 'drain, one lane, no-op transport, NORMAL, with so many pending',
    unit: 'µs',
    subjects: SIZES.map((size) => measured(size, drained)),
    bars: [{ of: nameOf(1_000_000), to: nameOf(1000), atMost: 1.3 }],
  },
  {
    name: 'cold-start',
    title: 'cold start to the first call of the transport, modules loaded, with so many pending',
    unit: 'ms',
    subjects: SIZES.map((size) => startedCold(size, 'ms')),
    bars: [{ of: nameOf(1_000_000), to: null, atMost: 100 }],
  },
  {
    name: 'memory',
    title: 'memory of the process after a cold start (RSS), with so many pending',
    unit: 'MiB',
    subjects: [startedCold(EMPTY, 'mib'), ...SIZES.map((size) => startedCold(size, 'mib'))],
    bars: [{ of: nameOf(1_000_000), to: nameOf(EMPTY), above: 'by', atMost: 30 }],
  },
]

function measured(size: number, work: (engine: Holdfast) => Promise<number>): Subject {
  return {
    name: nameOf(size),
    measure: async () => {
      const engine = await open(await folderWith(size))
      const figure = await work(engine)
      await engine.close()
      return figure
    },
  }
}

async function enqueued(engine: Holdfast): Promise<number> {
  const ms = await milliseconds(() => enqueueOneByOne(engine, ENQUEUES))
  await sendSome(engine, ENQUEUES)
  return (ms / ENQUEUES) * 1000
}

async function drained(engine: Holdfast): Promise<number> {
  await enqueueAtOnce(engine, DRAINED)
  const ms = await milliseconds(() => sendSome(engine, DRAINED))
  return (ms / DRAINED) * 1000
}

/** Sends this many, and pauses. */
async function sendSome(engine: Holdfast, count: number): Promise<void> {
  let left = count
  await new Promise<void>((resolve) => {
    const hear = () => {
      left -= 1
      if (left > 0) return
      engine.pause()
      engine.off('operation.completed', hear)
      resolve()
    }
    engine.on('operation.completed', hear)
    engine.resume()
  })
}

function startedCold(size: number, figure: 'ms' | 'mib'): Subject {
  return {
    name: nameOf(size),
    measure: async () => {
      const said = (await firstWord(start('cold-start', await folderWith(size)))) as {
        readonly ms: number
        readonly mib: number
      }
      return said[figure]
    },
  }
}
