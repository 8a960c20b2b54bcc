/** A proxy on loopback, gone after the test: it tunnels (CONNECT), forwards, or refuses. */
import { once } from 'node:events'
import {
  Agent,
  createServer,
  type IncomingMessage,
  request as requestHttp,
  type Server,
} from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { afterEach } from 'vitest'

const running: { readonly server: Server; readonly sockets: Set<Socket> }[] = []

afterEach(async () => {
  for (const { server, sockets } of running.splice(0)) {
    const closed = once(server, 'close')
    server.close()
    for (const socket of sockets) socket.destroy()
    await closed
  }
})

export interface Proxy {
  /** With a name and a password, which nobody may see. */
  readonly url: string
  /** What it was asked: the method, the target, and whether with a name and a password. */
  readonly seen: readonly { readonly line: string; readonly isSigned: boolean }[]
  /** The values of all headers that it could read. */
  readonly values: readonly string[]
}

export const PROXY_PASSWORD = 'password-of-the-proxy'

/** `status`: it answers everything so. Default: it lets everything through. */
export async function startProxy(status: number | null = null): Promise<Proxy> {
  const seen: { line: string; isSigned: boolean }[] = []
  const values: string[] = []
  const sockets = new Set<Socket>()
  const note = ({ method = '', url = '', headers }: IncomingMessage) => {
    seen.push({ line: `${method} ${url}`, isSigned: 'proxy-authorization' in headers })
    values.push(...Object.values(headers).flatMap((value) => value ?? []))
  }
  const server = createServer((request, response) => {
    note(request)
    if (status !== null) {
      response.writeHead(status).end()
      return
    }
    const { method, headers } = request
    // Not through the global agent, which may lead here again.
    const agent = new Agent()
    const onward = requestHttp(request.url ?? '', { method, headers, agent }, (reply) => {
      response.writeHead(reply.statusCode ?? 0, reply.headers)
      reply.pipe(response)
    })
    request.pipe(onward)
  })
  server.on('connection', (socket) => sockets.add(socket))
  server.on('connect', (request, socket: Socket) => {
    note(request)
    socket.on('error', () => undefined)
    if (status !== null) {
      socket.end(`HTTP/1.1 ${status} Refused\r\n\r\n`)
      return
    }
    const [host = '', port = ''] = (request.url ?? '').split(':')
    const onward = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      onward.pipe(socket).pipe(onward)
    })
    sockets.add(onward)
    onward.on('error', () => socket.destroy())
    socket.on('close', () => onward.destroy())
  })
  running.push({ server, sockets })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { url: `http://somebody:${PROXY_PASSWORD}@127.0.0.1:${port}`, seen, values }
}
