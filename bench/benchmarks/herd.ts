/**
 * A model of a herd, in virtual time: every client is told `Retry-After: 60` in one moment, by a server that takes
 * 1,000 requests a second and tells the rest the same again. How many come back in the busiest second (Q7)? The waits
 * are those of the engine's own `judge()`; nothing is sent and nothing is timed.
 */
import { sqliteStorage } from '../../src/index.ts'
import { judge } from '../../src/engine/sending/judge.ts'
import { resolveOptions } from '../../src/options.ts'
import { SeededRandom } from '../../src/simulation/seeded-random.ts'
import type { LaneId } from '../../src/model.ts'
import { blankEnvelope } from '../../storage/blank-envelope.ts'
import type { EnvelopeRow } from '../../storage/rows.ts'
import type { Comparison } from '../comparison.ts'

const CLIENTS = 100_000
const CAPACITY_PER_SECOND = 1000
const SECOND_MS = 1000
/** The busiest second comes within the first rounds; after that the herd only shrinks. */
const MODELLED_MS = 600_000
const REFUSAL = { status: 429, headers: { 'retry-after': '60' }, body: '' }

/** Each round has a herd of its own. */
let seed = 0

export const herdComparison: Comparison = {
  name: 'herd',
  title: '100,000 clients told Retry-After: 60 at one moment: the busiest second',
  unit: 'times the capacity',
  isModel: true,
  rounds: 3,
  subjects: [
    { name: 'Holdfast', measure: async () => busiestSecond(new SeededRandom((seed += 1))) },
    { name: 'without the random part', measure: async () => busiestSecond(null) },
  ],
  bars: [{ of: 'Holdfast', to: null, atMost: 2 }],
}

interface Client {
  envelope: EnvelopeRow
}

/** Of any second, at whatever millisecond it begins, as a multiple of what the server takes. */
function busiestSecond(random: SeededRandom | null): number {
  const arrivals = new Map<number, number>()
  /** The clients by the moment in which they come back, and these moments in order. */
  const due = new Map<number, Client[]>()
  const envelope = blankEnvelope(0 as LaneId, 0)
  const herd = Array.from({ length: CLIENTS }, (): Client => ({ envelope }))
  for (const client of herd) refuse(client, 0, random, due)
  let takenUntil = 0
  for (let now = 1; now <= MODELLED_MS; now += 1) {
    const clients = due.get(now)
    if (clients === undefined) continue
    due.delete(now)
    arrivals.set(now, clients.length)
    for (const client of clients) {
      // The server takes one request in each thousandth of a second, and keeps a second of them in its queue.
      const isTaken = takenUntil - now < SECOND_MS
      if (isTaken) takenUntil = Math.max(takenUntil, now) + SECOND_MS / CAPACITY_PER_SECOND
      else refuse(client, now, random, due)
    }
  }
  return mostWithin(arrivals, SECOND_MS) / CAPACITY_PER_SECOND
}

/** The waits of an engine with default options. */
const { settings } = resolveOptions({
  requirement: 'off',
  storage: sqliteStorage({ file: ':memory:' }),
  transport: { origin: 'https://server.test', send: () => Promise.reject(new Error('a model')) },
  operations: [],
})

/** The client is told to wait, and judges that as the engine does. */
function refuse(
  client: Client,
  now: number,
  random: SeededRandom | null,
  due: Map<number, Client[]>,
): void {
  const verdict = judge({
    envelope: client.envelope,
    reply: REFUSAL,
    failure: null,
    isUnsent: false,
    isPortal: false,
    generation: null,
    interpretation: { outcome: 'retry' },
    sentAt: now,
    now,
    serverNow: now,
    othersWereAnswered: false,
    fraction: random?.fraction() ?? 0,
    askedFraction: random?.fraction() ?? 0,
    settings,
  })
  if (verdict.verdict !== 'waiting') throw new Error(`a client came to ${verdict.verdict}`)
  client.envelope = verdict.envelope
  const at = verdict.envelope.retryAt ?? now
  const others = due.get(at)
  if (others === undefined) due.set(at, [client])
  else others.push(client)
}

/** The most arrivals within any span of this length. */
function mostWithin(arrivals: ReadonlyMap<number, number>, spanMs: number): number {
  const moments = [...arrivals].toSorted(([one], [other]) => one - other)
  let [most, within, first] = [0, 0, 0]
  for (const [at, count] of moments) {
    within += count
    for (let [begin, gone] = moments[first] ?? [at, 0]; begin <= at - spanMs;) {
      within -= gone
      first += 1
      ;[begin, gone] = moments[first] ?? [at, 0]
    }
    most = Math.max(most, within)
  }
  return most
}
