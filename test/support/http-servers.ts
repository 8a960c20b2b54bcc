/** Small HTTP servers on loopback, gone after the test. */
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach } from 'vitest'

const running: Server[] = []

afterEach(async () => {
  for (const server of running.splice(0)) await closeServer(server)
})

/** Listens on a port that the system chooses; answers the origin. */
export async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  running.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** The origin of a port that nobody listens on any more. */
export async function closedOrigin(): Promise<string> {
  const origin = await serve((_request, response) => void response.end())
  const server = running.pop()
  if (server !== undefined) await closeServer(server)
  return origin
}

async function closeServer(server: Server): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await closed
}
