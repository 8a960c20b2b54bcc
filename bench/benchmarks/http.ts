/** What a drain costs when it is really sent: beside a loop that does nothing but `fetch` the same requests. */
import type { ChildProcess } from 'node:child_process'
import { httpTransport } from '../../src/index.ts'
import { firstWord, start } from '../child.ts'
import type { Comparison } from '../comparison.ts'
import { inFolder, perSecond } from '../measuring.ts'
import { drain, enqueueAtOnce, fileStorage, openHoldfast } from '../subjects/holdfast.ts'
import { PAYLOAD_TEXT } from '../subjects/payload.ts'

const REQUESTS = 3000

let baseUrl = ''

const HEADERS = {
  accept: 'application/json',
  'content-type': 'application/json',
  authorization: 'Bearer a-token',
}

export const httpComparison: Comparison = {
  name: 'http',
  title: 'drain over loopback HTTP, one lane, FULL',
  unit: 'per second',
  subjects: [
    { name: 'fetch loop', measure: () => perSecond(REQUESTS, fetchLoop) },
    { name: 'Holdfast', measure: drained },
  ],
  bars: [{ of: 'Holdfast', to: 'fetch loop', atLeast: 0.75 }],
  prepare: async () => {
    const server: ChildProcess = start('server')
    baseUrl = `http://127.0.0.1:${String(await firstWord(server))}`
    return () => void server.kill()
  },
}

async function fetchLoop(): Promise<void> {
  for (let n = 0; n < REQUESTS; n += 1) {
    const reply = await fetch(`${baseUrl}/users/alice/notes`, {
      method: 'POST',
      headers: { ...HEADERS, 'idempotency-key': `key-${n}` },
      body: PAYLOAD_TEXT,
    })
    await reply.text()
  }
}

function drained(): Promise<number> {
  return inFolder(async (folder) => {
    const transport = httpTransport({ baseUrl })
    const engine = await openHoldfast(fileStorage(folder, 'FULL'), { transport })
    for (let n = 0; n < REQUESTS; n += 1000) await enqueueAtOnce(engine, 1000)
    const rate = await perSecond(REQUESTS, () => drain(engine))
    await engine.close()
    return rate
  })
}
