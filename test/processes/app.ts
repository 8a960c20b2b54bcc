/**
 * An app that embeds Holdfast and does what it is told, line by line. It says `ready` when it is
 * loaded, so that several can be let go at one instant; it ends when its standard input does.
 */
import { createInterface } from 'node:readline'
import {
  createHoldfast,
  type EventName,
  type Holdfast,
  HoldfastError,
  httpTransport,
  memoryVault,
  type Receipt,
  sqliteStorage,
  systemClock,
} from '../../src/index.ts'
import { storageOnThread } from '../support/on-thread.ts'
import { HandClock } from './hand-clock.ts'
import { HeldTransport } from './held-transport.ts'
import { bundle, note } from './kinds.ts'
import type { AppSettings, Bundled, Line, Order, OrderName, Orders } from './protocol.ts'

const REPORTED: readonly EventName[] = [
  'operation.sent',
  'operation.retrying',
  'operation.completed',
  'operation.dead',
  'token.needed',
  'token.refused',
  'error',
]

const settings = JSON.parse(process.argv[2] ?? '{}') as AppSettings
const handClock = new HandClock()
const transport = new HeldTransport(httpTransport({ baseUrl: settings.origin }), () =>
  say({ type: 'held' }),
)
const receipts: Receipt[] = []
let holdfast: Holdfast
let madeCount = 0

type Obey = {
  readonly [Name in OrderName]: (args: Orders[Name]['args']) => Promise<Orders[Name]['answer']>
}

const obey: Obey = {
  open: async () => {
    const { file, durability = 'power-loss', thread = 'main' } = settings
    const options = { file, durability, busyTimeoutMs: 10_000 }
    holdfast = await createHoldfast({
      storage: thread === 'worker' ? storageOnThread(options) : sqliteStorage(options),
      transport,
      operations: [note, bundle],
      requirement: settings.requirement,
      vault: memoryVault(Buffer.from(settings.vaultKey, 'hex')),
      clock: settings.clock === 'hand' ? handClock : systemClock,
      backoff: { baseMs: 10, capMs: 100 },
    })
    for (const name of REPORTED) {
      holdfast.on(name, (detail) => say({ type: 'event', name, id: idIn(detail) }))
    }
    return null
  },
  enqueue: async ({ user, count }) => {
    const made = await enqueueAs(user, count, note)
    return made.map(({ id }) => id)
  },
  bundle: ({ user, count }) => enqueueAs(user, count, bundle),
  flood: async ({ turns }) => {
    for (const { user, kinds } of turns) {
      await beUser(user)
      await Promise.all(kinds.map((kind) => enqueueOne(kind === 'note' ? note : bundle)))
    }
    return null
  },
  hold: async (at) => {
    transport.hold(at)
    return null
  },
  release: async () => {
    transport.release()
    return null
  },
  settled: () => Promise.all(receipts.map(({ settled }) => settled)),
  drained: () =>
    new Promise((resolve) => {
      const look = () => {
        if (holdfast.status().counts.pending > 0) return
        stop()
        resolve(null)
      }
      const stop = holdfast.subscribe(look)
      look()
    }),
  status: async () => holdfast.status(),
  login: async ({ user, token }) => nothing(holdfast.login(user, { token })),
  updateToken: async ({ user, token }) => nothing(holdfast.updateToken(user, token)),
  cancel: async (id) => nothing(holdfast.cancel(id)),
  retry: async (id) => nothing(holdfast.retry(id).then(() => undefined)),
  discard: async (id) => nothing(holdfast.discard(id)),
  timers: async () => handClock.delays,
  pass: async (ms) => {
    handClock.pass(ms)
    return null
  },
  close: async () => nothing(holdfast.close()),
}

/** Of which kind does not matter here: each has a text of its own. */
async function enqueueAs(
  user: string | null,
  count: number,
  kind: typeof note | typeof bundle,
): Promise<readonly Bundled[]> {
  await beUser(user)
  return Promise.all(Array.from({ length: count }, () => enqueueOne(kind)))
}

async function beUser(user: string | null): Promise<void> {
  if (user === null) await holdfast.logout()
  else await holdfast.login(user)
}

async function enqueueOne(kind: typeof note | typeof bundle): Promise<Bundled> {
  const text = `${process.pid}-${++madeCount}`
  const receipt = await holdfast.enqueue(kind({ text }))
  receipts.push(receipt)
  const stored = { id: receipt.id, text }
  say({ type: 'stored', ...stored })
  return stored
}

async function nothing(done: Promise<void>): Promise<null> {
  await done
  return null
}

function say(line: Line): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

function idIn(detail: object): string | null {
  return 'id' in detail && typeof detail.id === 'string' ? detail.id : null
}

async function answer({ order, name, args }: Order): Promise<void> {
  try {
    say({ type: 'answer', order, value: await obey[name](args) })
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error
    say({ type: 'refusal', order, code: error.code })
  }
}

createInterface({ input: process.stdin })
  .on('line', (line) => void answer(JSON.parse(line) as Order))
  .on('close', () => process.exit(0))
say({ type: 'ready' })
