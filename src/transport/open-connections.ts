/**
 * The idle connections that an agent keeps open to the server. After a sleep, or on another network, they may be dead, and
 * nothing tells so: a request over one of them would wait for a reply until its time is over, with an unknown outcome.
 */
import http, { type Agent } from 'node:http'
import https from 'node:https'
import type { Socket } from 'node:net'

export class OpenConnections {
  readonly #origin: URL
  readonly #agent: Agent | undefined
  /** The connections that requests have gone over: through a proxy the agent files them under another name. */
  readonly #used = new WeakSet<Socket>()

  /** `agent`: undefined means Node's global one. */
  constructor(origin: URL, agent: Agent | undefined) {
    this.#origin = origin
    this.#agent = agent
  }

  readonly used = (socket: Socket): void => {
    this.#used.add(socket)
  }

  /**
   * Closes those that are idle, so that the next request takes a new one. The agent itself goes on, and so does each
   * connection that has a request in flight: its reply shows whether it is alive.
   */
  closeIdle(): void {
    const prefix = this.#namePrefix()
    for (const [name, sockets] of Object.entries(this.#currentAgent().freeSockets ?? {})) {
      const idle = sockets ?? []
      // All of one name, as an agent may choose any of them.
      if (!name.startsWith(prefix) && !idle.some((socket) => this.#used.has(socket))) continue
      for (const socket of idle) socket.destroy()
    }
  }

  /** The global agent may be replaced at any time, say by `http.setGlobalProxyFromEnv()`. */
  #currentAgent(): Agent {
    return this.#agent ?? (this.#origin.protocol === 'https:' ? https : http).globalAgent
  }

  /** How an agent begins the name of connections to this host and port. */
  #namePrefix(): string {
    const { hostname, port, protocol } = this.#origin
    const host = hostname.replace(/^\[(.*)\]$/, '$1')
    return `${host}:${port === '' ? DEFAULT_PORT[protocol] : port}:`
  }
}

const DEFAULT_PORT: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 }
