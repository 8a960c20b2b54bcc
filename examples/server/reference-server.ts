/**
 * A small real server to run Holdfast against, over HTTP on loopback: it verifies tokens, remembers
 * idempotency keys, keeps the order, and misbehaves on demand. All state is in memory and ends with it;
 * a production server makes the operation and its key durable before it answers (see docs/server.md).
 */
import { once } from 'node:events'
import type { Server } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { createAdaptorServer } from '@hono/node-server'
import { z } from 'zod'
import { createApp } from './app.ts'
import { applyControl, controlSchema, controlState } from './control.ts'
import type { ControlInput, ControlState } from './control.ts'
import type { MintedToken } from './issuer.ts'
import type { AppliedPage } from './log.ts'
import type { Owner, ServerRequirement } from './owner.ts'
import { summarise } from './summary.ts'
import type { LogSummary } from './summary.ts'
import { createWorld } from './world.ts'

export interface ReferenceServerOptions {
  /** Default 0: the system chooses. */
  readonly port?: number
  /** Default `required`. */
  readonly requirement?: ServerRequirement
  /** How long idempotency keys are remembered. Default 24 h. */
  readonly keyWindowMs?: number
  /** At most so many keys, then the oldest is forgotten. Default 1,000,000. */
  readonly maxKeys?: number
  /** Epoch milliseconds; for tokens and the memory of keys. Default: the system's clock. */
  readonly now?: () => number
  /** Passes the time of `latencyMs`. Default: a timer. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>
}

/** The same as `POST /control`. */
export interface Control {
  /** @throws {TypeError} when the change is malformed; nothing is done then. */
  apply(change: ControlInput): Promise<ControlState>
  state(): ControlState
}

export interface ReferenceServer {
  /** `http://127.0.0.1:PORT` */
  readonly origin: string
  readonly control: Control
  /** Mints a token, as `POST /issuer/token` does. */
  mint(user: string, options?: { readonly ttlMs?: number }): Promise<MintedToken>
  summary(): LogSummary
  applied(after?: number, limit?: number): AppliedPage
  documentText(user: Owner, document: string): string | undefined
  /** Breaks all connections; what is in progress is not applied any more. */
  close(): Promise<void>
}

const dayMs = 86_400_000

export async function startReferenceServer(
  options: ReferenceServerOptions = {},
): Promise<ReferenceServer> {
  const closing = new AbortController()
  const wait = options.wait ?? waitByTimer
  const world = await createWorld({
    requirement: options.requirement ?? 'required',
    keyWindowMs: options.keyWindowMs ?? dayMs,
    maxKeys: options.maxKeys ?? 1_000_000,
    now: options.now ?? Date.now,
    wait: async (ms) => {
      if (ms > 0) await wait(ms, closing.signal)
      closing.signal.throwIfAborted()
    },
  })
  const server = createAdaptorServer({
    fetch: createApp(world).fetch,
    // The globals belong to the process that embeds this server.
    overrideGlobalObjects: false,
  }) as Server
  // A client that was stopped for a while, however long, still has its connection: tests are not about that.
  server.keepAliveTimeout = 0
  server.listen(options.port ?? 0, '127.0.0.1')
  await once(server, 'listening')

  return {
    origin: originOf(server),
    control: {
      apply: async (change) => {
        const parsed = controlSchema.safeParse(change)
        if (!parsed.success) throw new TypeError(`control: ${z.prettifyError(parsed.error)}`)
        return applyControl(world, parsed.data)
      },
      state: () => controlState(world),
    },
    mint: async (user, { ttlMs } = {}) => world.issuer.mint(user, ttlMs),
    summary: () => summarise(world),
    applied: (after = 0, limit = 1_000) => world.log.page(after, limit),
    documentText: (user, document) => world.documents.text(user, document),
    close: async () => {
      if (!server.listening) return
      const closed = once(server, 'close')
      closing.abort()
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

async function waitByTimer(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal })
}

function originOf(server: Server): string {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return `http://127.0.0.1:${address.port}`
}
