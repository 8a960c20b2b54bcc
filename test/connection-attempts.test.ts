/** How long each of several addresses of a server may take to connect. */
import { Agent } from 'node:http'
import {
  createConnection,
  getDefaultAutoSelectFamilyAttemptTimeout,
  type NetConnectOpts,
  setDefaultAutoSelectFamilyAttemptTimeout,
} from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { closedOrigin, serve } from './support/http-servers.ts'
import { sendThrough } from './support/sending.ts'

const send = sendThrough({})
const nodesMs = getDefaultAutoSelectFamilyAttemptTimeout()

afterEach(() => setDefaultAutoSelectFamilyAttemptTimeout(nodesMs))

/** An agent that notes with which options it connects. */
class NotingAgent extends Agent {
  readonly seen: (number | undefined)[] = []

  override createConnection(options: NetConnectOpts): ReturnType<typeof createConnection> {
    this.seen.push(
      (options as { autoSelectFamilyAttemptTimeout?: number }).autoSelectFamilyAttemptTimeout,
    )
    return createConnection(options)
  }
}

async function attemptMsOf(agent: NotingAgent): Promise<readonly (number | undefined)[]> {
  const origin = await serve((_request, response) => void response.end('{}'))
  expect(await send(origin, { options: { agent } })).toMatchObject({ status: 200 })
  agent.destroy()
  return agent.seen
}

// Q22: over a slow line the default of Node gives up each address, and the operation never leaves.
describe('an address has to connect', () => {
  test('within 2.5 s where the default of Node is in force', async () => {
    expect(nodesMs).toBe(250)
    expect(await attemptMsOf(new NotingAgent())).toEqual([2500])
  })

  test('within the time that the app has set for the process', async () => {
    setDefaultAutoSelectFamilyAttemptTimeout(700)
    expect(await attemptMsOf(new NotingAgent())).toEqual([undefined])
  })

  test('within the time that the agent of the app has set', async () => {
    const agent = new NotingAgent({ autoSelectFamilyAttemptTimeout: 900 } as never)
    expect(await attemptMsOf(agent)).toEqual([900])
  })
})

describe('a name with several addresses', () => {
  /** The first address refuses; the second one is that of the server. */
  const lookup = (_host: string, _options: object, found: (...answer: unknown[]) => void) =>
    found(null, [
      { address: '::1', family: 6 },
      { address: '127.0.0.1', family: 4 },
    ])

  test('is reached though the first of them refuses', async () => {
    const origin = await serve((_request, response) => void response.end('{}'))
    const agent = new Agent({ lookup } as never)
    const url = origin.replace('127.0.0.1', 'two-addresses.test')
    const options = { agent, insecure: true }
    expect(await send(url, { options })).toMatchObject({ status: 200 })
    agent.destroy()
  })

  test('is not reached where each refuses, and the reason is told', async () => {
    const url = (await closedOrigin()).replace('127.0.0.1', 'two-addresses.test')
    const options = { agent: new Agent({ lookup } as never), insecure: true }
    await expect(send(url, { options })).rejects.toMatchObject({
      code: 'NOT_SENT',
      reason: 'ECONNREFUSED',
    })
  })
})
