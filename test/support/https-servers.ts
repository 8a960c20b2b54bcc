/** HTTPS servers on loopback, gone after the test. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { afterEach } from 'vitest'
import { KEY } from './certificates.ts'

const running: Server[] = []

afterEach(async () => {
  for (const server of running.splice(0)) {
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }
})

/** A server with this certificate, or chain of them, and the lengths of all that it could read. */
export async function serveSecurely(
  cert: string,
): Promise<{ readonly origin: string; readonly seen: readonly number[] }> {
  const seen: number[] = []
  const server = createServer({ key: KEY, cert }, (_request, response) => void response.end('{}'))
  running.push(server)
  server.on('secureConnection', (socket) => {
    socket.on('data', (part: Buffer) => seen.push(part.length))
    socket.on('error', () => undefined)
  })
  // A client that does not accept the certificate ends the handshake.
  server.on('tlsClientError', () => undefined)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { origin: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, seen }
}
