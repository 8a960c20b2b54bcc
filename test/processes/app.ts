/**
 * An app that embeds Holdfast and does what it is told, line by line. It says `ready` when it is
 * loaded, so that several can be let go at one instant; it ends when its standard input does.
 */
import { createInterface } from 'node:readline'
import { z } from 'zod'
import {
  createHoldfast,
  defineOperation,
  type EventName,
  type Holdfast,
  HoldfastError,
  httpTransport,
  memoryVault,
  type Receipt,
  sqliteStorage,
  systemClock,
} from '../../src/index.ts'
import { HandClock } from './hand-clock.ts'
import type { AppSettings, Line, Order, OrderName, Orders } from './protocol.ts'

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
const receipts: Receipt[] = []
let holdfast: Holdfast
let madeCount = 0

const note = defineOperation({
  kind: 'note',
  payload: z.object({ text: z.string() }),
  request: ({ payload, owner }) => ({
    method: 'POST',
    path: owner.user === null ? '/anonymous/operations' : `/users/${owner.user}/operations`,
    body: { kind: 'note', ...payload },
  }),
})

type Obey = {
  readonly [Name in OrderName]: (args: Orders[Name]['args']) => Promise<Orders[Name]['answer']>
}

const obey: Obey = {
  open: async () => {
    holdfast = await createHoldfast({
      storage: sqliteStorage({ file: settings.file, busyTimeoutMs: 10_000 }),
      transport: httpTransport({ baseUrl: settings.origin }),
      operations: [note],
      requirement: settings.requirement,
      vault: memoryVault(Buffer.from(settings.vaultKey, 'hex')),
      clock: settings.clock === 'hand' ? handClock : systemClock,
      backoff: { base: 10, cap: 100 },
    })
    for (const name of REPORTED) {
      holdfast.on(name, (detail) => say({ type: 'event', name, id: idIn(detail) }))
    }
    return null
  },
  enqueue: async ({ user, count }) => {
    if (user === null) await holdfast.logout()
    else await holdfast.login(user)
    const made = await Promise.all(
      Array.from({ length: count }, () =>
        holdfast.enqueue(note({ text: `${process.pid}-${++madeCount}` })),
      ),
    )
    receipts.push(...made)
    return made.map(({ id }) => id)
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
  updateToken: async ({ user, token }) => nothing(holdfast.updateToken(user, token)),
  cancel: async (id) => nothing(holdfast.cancel(id)),
  retry: async (id) => nothing(holdfast.retry(id)),
  discard: async (id) => nothing(holdfast.discard(id)),
  timers: async () => handClock.delays,
  pass: async (ms) => {
    handClock.pass(ms)
    return null
  },
  close: async () => nothing(holdfast.close()),
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
