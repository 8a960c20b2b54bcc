/** How long storage keeps the main thread at a time, while a hundred operations come in each turn. */
import { join } from 'node:path'
import { sqliteStorage, type Storage } from '../../src/index.ts'
import type { Comparison, Subject } from '../comparison.ts'
import { inFolder } from '../measuring.ts'
import { note, openHoldfast } from '../subjects/holdfast.ts'
import { PAYLOAD } from '../subjects/payload.ts'

const TURNS = 100
const PER_TURN = 100

export const blockingComparison: Comparison = {
  name: 'blocking',
  title: `the longest that storage blocks the main thread: ${PER_TURN} enqueues a turn for ${TURNS} turns, FULL`,
  unit: 'ms',
  subjects: [onThread('main'), onThread('worker')],
  bars: [{ of: 'worker', to: null, atMost: 5 }],
}

function onThread(thread: 'main' | 'worker'): Subject {
  return {
    name: thread,
    measure: () =>
      inFolder(async (folder) => {
        let longest = 0
        const timed = <T>(run: () => T): T => {
          const started = performance.now()
          try {
            return run()
          } finally {
            longest = Math.max(longest, performance.now() - started)
          }
        }
        const file = join(folder, 'outbox.db')
        const engine = await openHoldfast(timing(sqliteStorage({ file, thread }), timed))
        longest = 0
        const enqueued: Promise<unknown>[] = []
        for (let turn = 0; turn < TURNS; turn += 1) {
          for (let n = 0; n < PER_TURN; n += 1) enqueued.push(engine.enqueue(note(PAYLOAD)))
          await new Promise((resolve) => setImmediate(resolve))
        }
        await Promise.all(enqueued)
        const figure = longest
        await engine.close()
        return figure
      }),
  }
}

/** The storage, with everything timed that it does while the main thread waits: its calls, and the ends of turns it asks for. */
function timing(storage: Storage, timed: <T>(run: () => T) => T): Storage {
  return new Proxy(storage, {
    get: (target, name) => {
      const value = Reflect.get(target, name) as unknown
      if (typeof value !== 'function') return value
      if (name === 'open') {
        return (host: Parameters<Storage['open']>[0]) =>
          target.open({ ...host, atTurnEnd: (run) => host.atTurnEnd(() => timed(run)) })
      }
      return (...args: readonly unknown[]) => timed(() => value.apply(target, args) as unknown)
    },
  })
}
