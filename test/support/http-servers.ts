/** Small HTTP servers on loopback, gone after the test. */
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import {
  type AddressInfo,
  createServer as createTcpServer,
  type Server as TcpServer,
  type Socket,
} from 'node:net'
import { afterEach } from 'vitest'

const running: Server[] = []
/** Servers that speak bytes, each with the connections that are open. */
const ofBytes = new Map<TcpServer, Set<Socket>>()

afterEach(async () => {
  for (const server of running.splice(0)) await closeServer(server)
  for (const [server, sockets] of ofBytes) {
    const closed = once(server, 'close')
    server.close()
    for (const socket of sockets) socket.destroy()
    await closed
  }
  ofBytes.clear()
})

/** Listens on a port that the system chooses; answers the origin. */
export async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  running.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A server that answers each part of a request with bytes of its own, whatever HTTP says of them. */
export async function serveBytes(answer: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createTcpServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    // The client may be gone before everything is written.
    socket.on('error', () => undefined)
    socket.on('data', () => answer(socket))
  })
  ofBytes.set(server, sockets)
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
