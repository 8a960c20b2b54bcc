/**
 * One start on a database that is there already, in a process of its own, with the modules loaded: how long until
 * the first request is handed to the transport, and how much memory the process has then.
 */
import { createHoldfast, type Transport } from '../../src/index.ts'
import { fileStorage, note, NO_SERVER } from '../subjects/holdfast.ts'

const [folder = ''] = process.argv.slice(2)
const storage = fileStorage(folder, 'FULL')
const { promise: sent, resolve } = Promise.withResolvers<number>()
const transport: Transport = {
  ...NO_SERVER,
  send: () => {
    resolve(performance.now())
    return new Promise(() => undefined)
  },
}

const started = performance.now()
const holdfast = await createHoldfast({
  storage,
  transport,
  operations: [note],
  // It has no vault, so alice has no token after a restart.
  requirement: 'off',
})
const created = performance.now()
// In an empty one there is nothing to send.
const isEmpty = holdfast.status().counts.pending === 0
const firstSent = isEmpty ? created : await sent
globalThis.gc?.()
process.send?.({ ms: firstSent - started, mib: process.memoryUsage.rss() / 2 ** 20 })
process.exit()
