/**
 * The reference server as a process of its own: `npx tsx examples/server/main.ts`. Prints one JSON line,
 * `{"origin": …}`, once it listens. Ends on SIGTERM, SIGINT, or when its standard input ends, so it never
 * outlives the program that started it with a pipe.
 *
 *   --port N                     default: the system chooses
 *   --requirement required|off   default: required
 *   --key-window-ms N            how long idempotency keys are remembered, default 24 h
 */
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { startReferenceServer } from './reference-server.ts'

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    requirement: { type: 'string', default: 'required' },
    'key-window-ms': { type: 'string', default: '86400000' },
  },
})

const server = await startReferenceServer({
  port: z.coerce.number().int().min(0).max(65_535).parse(values.port),
  requirement: z.enum(['required', 'off']).parse(values.requirement),
  keyWindowMs: z.coerce.number().int().positive().parse(values['key-window-ms']),
})

async function stop(): Promise<void> {
  process.stdin.destroy()
  await server.close()
}

process.once('SIGTERM', () => void stop())
process.once('SIGINT', () => void stop())
process.stdin.once('end', () => void stop())
process.stdin.once('error', () => void stop())
process.stdin.resume()

console.log(JSON.stringify({ origin: server.origin }))
