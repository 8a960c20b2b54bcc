/** The stories that a plan may tell, of the queue: each steers to a pair of marks. */
import { ACROSS_USERS } from './plan-stories-of-users.ts'
import type { Step } from './plan-makers.ts'
import { LARGE } from './plan-payloads.ts'
import type { Story } from './story.ts'

/** Short waits without chance, so that each step of a story comes in time. */
const SHORT_WAITS = { backoff: { base: 1000, cap: 300_000, jitter: false } } as const

const OF_THE_QUEUE: Readonly<Record<string, Story>> = {
  /** An operation dies of a reply whose `Retry-After` holds every lane (Q7, Q8). */
  limitAtDeath: {
    steersTo: ['a limit at a death'],
    config: {
      maxAttempts: 2,
      patienceMs: 1000,
      backoff: { base: 100, cap: 300_000, jitter: false },
    },
    tell: (tale) => {
      const [user] = tale.twoUsers()
      tale.loginWell(0, user)
      const first = tale.note(1)
      tale.note(1)
      tale.meets(first, { status: 500 }, 2)
      const after = tale.dice.of(['2', '30'])
      tale.meets(first, { status: tale.dice.of([429, 503]), headers: { 'retry-after': after } }, 2)
    },
  },
  /** The outcome of two attempts is unknown, and then the process dies (Q5). */
  silences: {
    steersTo: ['a crash after two silences'],
    config: SHORT_WAITS,
    tell: (tale) => {
      const [user] = tale.twoUsers()
      tale.loginWell(0, user)
      const first = tale.dice.chance(0.5) ? tale.note(1) : tale.tag(1)
      // A server that has applied it answers at once when it comes again.
      tale.meets(first, { lost: 'request' }, tale.dice.of([1, 2]))
      tale.meets(first, { lost: tale.dice.of(['reply', 'request']) })
      tale.tag(tale.dice.of([0, 0, 30]))
      tale.step(tale.dice.of([1200, 1500, 3500]), { crash: true })
      if (tale.dice.chance(0.3)) tale.step(0, { cancel: first })
      tale.tag(5)
    },
  },
  /** An unknown outcome is as old as its first silence (Q5). */
  briefSilences: {
    steersTo: [
      'two silences of a kind whose keys are forgotten, and a death of it',
      'an operation applied again by a server that had forgotten its key',
    ],
    config: { backoff: { base: 20_000, cap: 20_000, jitter: false }, patienceMs: 300_000 },
    tell: (tale) => {
      const [user] = tale.twoUsers()
      tale.loginWell(0, user)
      const first = tale.enqueue(1, { kind: 'brief', payload: { text: 'story' } })
      // The engine waits 30 s for a reply. The server has applied the operation by then.
      if (tale.dice.chance(0.5)) tale.takes(first, 40_000, 2)
      else tale.meets(first, { lost: 'request' }, tale.dice.of([3, 5]))
      tale.note(1)
      if (tale.dice.chance(0.3)) tale.step(30_000, { crash: true })
      if (tale.dice.chance(0.7)) tale.step(120_000, { retry: first })
    },
  },
  /** A retried creation brings back the operations that were dead because of it (Q12). */
  dependents: {
    steersTo: ['dependents brought back by a retry'],
    tell: (tale) => {
      const [user] = tale.twoUsers()
      const record = tale.record()
      tale.loginWell(0, user)
      const creation = tale.enqueue(1, { kind: 'create', payload: { record } })
      tale.enqueue(0, { kind: 'touch', payload: { record } })
      tale.note(0)
      if (tale.dice.chance(0.5)) tale.enqueue(0, { kind: 'touch', payload: { record } })
      tale.meets(creation, { status: 422 })
      if (tale.dice.chance(0.3)) tale.step(150, { crash: true })
      tale.note(tale.dice.of([150, 150, 0]))
      tale.step(tale.dice.of([0, 100]), { retry: creation })
    },
  },
  /** What depends on two records that are lost comes back with either creation (Q12). */
  twoRecords: {
    steersTo: ['dependents brought back by a retry'],
    tell: (tale) => {
      const [user] = tale.twoUsers()
      const record = tale.record()
      const beside = `${record}b`
      tale.loginWell(0, user)
      const first = tale.enqueue(1, { kind: 'create', payload: { record } })
      const second = tale.enqueue(0, { kind: 'create', payload: { record: beside } })
      tale.enqueue(0, { kind: 'touch', payload: { record, beside } })
      tale.meets(first, { status: 422 })
      tale.meets(second, { status: 422 })
      tale.step(150, { retry: tale.dice.of([first, second]) })
      tale.note(20)
    },
  },
  /** Silences count while others are answered, and the operation dies of them (Q8). */
  silencesAmongAnswers: {
    steersTo: ['a death of silences while others were answered'],
    config: {
      maxAttempts: 3,
      patienceMs: 1000,
      backoff: { base: 1000, cap: 300_000, jitter: false },
      batchWindowMs: 0,
    },
    tell: (tale) => {
      const [silent, other] = tale.twoUsers()
      tale.loginWell(0, silent)
      const first = tale.note(0)
      tale.meets(first, { lost: 'request' }, 6)
      tale.loginWell(5, other)
      for (let n = 0; n < 8; n += 1) tale.note(500)
    },
  },
  /** A captive portal answers for a while, and two lanes have something to send (Q6). */
  portal: {
    steersTo: ['a captive portal probed several times by two lanes'],
    config: { backoff: { base: 1000, cap: 300_000, jitter: false }, requirement: 'required' },
    tell: (tale) => {
      const [one, other] = tale.twoUsers()
      tale.loginWell(0, one)
      const portal = { status: 511 }
      const times = tale.dice.of([2, 3])
      tale.meets(tale.note(0), portal, times)
      tale.loginWell(1, other)
      tale.meets(tale.note(0), portal, times)
    },
  },
  /** Letters go back behind a sent envelope, the newest first, until there is no room; a read waits meanwhile (Q2, R1). */
  shifts: {
    steersTo: [
      'places shifted to make room',
      'a read waits while places shift',
      'letters retried against their order',
    ],
    config: { ...SHORT_WAITS, patienceMs: 3_600_000, onDead: 'continue', batchWindowMs: 0 },
    tell: (tale) => {
      const [user] = tale.twoUsers()
      tale.loginWell(0, user)
      const letters = Array.from({ length: 12 }, () => tale.note(0))
      for (const letter of letters) tale.meets(letter, { status: 422 })
      const silent = tale.note(0)
      tale.meets(silent, { lost: 'reply' }, 3)
      tale.note(0)
      tale.read(250)
      tale.note(1)
      for (const letter of letters.toReversed())
        tale.step(tale.dice.of([0, 1, 5]), { retry: letter })
      tale.read(1)
    },
  },
  /** Of an envelope of unknown outcome that died whole, one letter is discarded (Q9). */
  halfOfAnEnvelope: {
    steersTo: ['one letter of an unknown envelope discarded'],
    config: { ...SHORT_WAITS, maxAttempts: 1, patienceMs: 0, batchWindowMs: 0 },
    tell: (tale) => {
      const [user] = tale.twoUsers()
      tale.loginWell(0, user)
      const [first = '', second = ''] = tale.tagsTogether(0, {}, {})
      tale.meets(first, { lost: 'request' })
      tale.meets(first, { status: 500 }, 2)
      tale.note(0)
      const [one, other] = tale.dice.of<readonly [string, string]>([
        [first, second],
        [second, first],
      ])
      tale.step(1500, { discard: one })
      tale.step(tale.dice.of([0, 5]), tale.dice.of([{ retry: other }, { discard: other }]))
    },
  },
  /** The time of a member is over while its envelope waits (Q8). */
  expiredMember: {
    steersTo: ['an expired member of an envelope that waits'],
    config: { ...SHORT_WAITS, patienceMs: 3_600_000, batchWindowMs: 0 },
    tell: (tale) => {
      const [user] = tale.twoUsers()
      tale.loginWell(0, user)
      const expiresInMs = tale.dice.of([300, 900])
      const [first = ''] = tale.tagsTogether(0, {}, { expiresInMs }, {})
      tale.meets(first, { status: 500 }, tale.dice.of([1, 2]))
      tale.tag(tale.dice.of([100, 600]))
    },
  },
  /** After a rejected envelope each member goes alone, whatever comes between (Q4). */
  solo: {
    steersTo: [
      'a member of a rejected envelope sent alone',
      'a member of a rejected envelope sent alone in a later life',
    ],
    config: { batchWindowMs: 0 },
    tell: (tale) => {
      const [user] = tale.twoUsers()
      tale.loginWell(0, user)
      const [first = '', second = '', third = ''] = tale.tagsTogether(0, {}, {}, {}, {})
      tale.meets(first, { status: 422 })
      if (tale.dice.chance(0.5)) tale.meets(second, { status: tale.dice.of([422, 500]) })
      tale.tag(tale.dice.of([5, 15]))
      tale.step(
        tale.dice.of([5, 12, 18]),
        tale.dice.of<Step>([
          { crash: true },
          { restart: true },
          { cancel: third },
          { network: 'down' },
        ]),
      )
      tale.step(tale.dice.of([10, 300]), { network: 'up' })
      tale.tag(1)
    },
  },
  /** More than an envelope may hold (Q4). */
  largeEnvelope: {
    steersTo: ['an envelope as large as one may be'],
    config: { batchWindowMs: 0 },
    tell: (tale) => {
      const [user] = tale.twoUsers()
      tale.loginWell(0, user)
      tale.step(0, { queue: 'pause' })
      for (let n = 0; n < 4; n += 1) tale.tag(0, { payload: { key: 'a', value: LARGE } })
      tale.step(5, { queue: 'resume' })
    },
  },
  /** One more than an envelope may hold (Q4). */
  crowd: {
    steersTo: ['an envelope of as many as there may be'],
    config: { batchWindowMs: 0, maxPending: 1_000_000, maxPayloadBytes: 262_144 },
    tell: (tale) => {
      const [user] = tale.twoUsers()
      tale.loginWell(0, user)
      tale.tagsTogether(0, ...Array.from({ length: 102 }, () => ({})))
    },
  },
  /** Neighbours come one after the other until the window of the head is over (Q4). */
  window: {
    steersTo: ['neighbours until the end of a window'],
    config: { batchWindowMs: 50 },
    tell: (tale) => {
      const [user] = tale.twoUsers()
      tale.loginWell(0, user)
      for (let n = 0; n < 5; n += 1) tale.tag(tale.dice.of([20, 20, 35]))
    },
  },
  /** The clock is set back while the head waits, and a new process goes on waiting (Q7). */
  backInAWait: {
    steersTo: ['the clock set back within a wait, then a new life'],
    config: { backoff: { base: 20_000, cap: 300_000, jitter: false }, patienceMs: 3_600_000 },
    tell: (tale) => {
      const [user] = tale.twoUsers()
      tale.loginWell(0, user)
      const first = tale.note(0)
      tale.note(0)
      tale.meets(first, { status: 500 }, 2)
      tale.step(100, { wall: -3_600_000 })
      tale.step(tale.dice.of([10, 1000]), tale.dice.of([{ restart: true }, { crash: true }]))
      tale.note(tale.dice.of([10, 30_000]))
    },
  },
  /** `flush()` waits for a head that backs off (Q19). */
  flushInAWait: {
    steersTo: ['a flush while a head backs off'],
    config: SHORT_WAITS,
    tell: (tale) => {
      const [user] = tale.twoUsers()
      tale.loginWell(0, user)
      const first = tale.note(0)
      tale.meets(first, { status: 500 }, tale.dice.of([1, 2]))
      tale.step(100, { flush: tale.dice.of([5000, 20_000]) })
    },
  },
  /** Outcomes are retained, though the next process begins much later (Q18). */
  longRetained: {
    steersTo: ['a process that begins long after an operation was dropped'],
    tell: (tale) => {
      const [user] = tale.twoUsers()
      tale.loginWell(0, user)
      tale.step(0, { network: 'down' })
      tale.note(0)
      const second = tale.note(0)
      tale.step(20, tale.dice.of([{ cancel: second }, { discard: second }]))
      tale.step(tale.dice.of([20, 700_000]), { wall: tale.dice.of([700_000, 3_600_000]) })
      tale.step(10, { restart: true })
      tale.look(10, second)
      tale.step(10, { network: 'up' })
    },
  },
  /** What a retried operation was made after stays ahead of it (Q9). */
  olderLetters: {
    steersTo: ['letters retried against their order'],
    config: { ...SHORT_WAITS, onDead: 'continue', batchWindowMs: 0 },
    tell: (tale) => {
      const [user] = tale.twoUsers()
      tale.loginWell(0, user)
      const letters = Array.from({ length: 3 }, () => tale.note(0))
      for (const letter of letters) tale.meets(letter, { status: 422 })
      const slow = tale.note(0)
      tale.takes(slow, 3000)
      tale.note(0)
      const [first = '', second = '', third = ''] = letters
      const order = tale.dice.of([
        [first, second, third],
        [second, first, third],
        [third, first, second],
        [third, second, first],
      ])
      for (const letter of order) tale.step(tale.dice.of([0, 100]), { retry: letter })
      tale.note(10)
    },
  },
  /** Letters go back while an envelope waits to be sent again as it was (Q5, Q9). */
  besideAnEnvelope: {
    steersTo: ['a letter retried while a recorded envelope waits'],
    config: { ...SHORT_WAITS, onDead: 'continue', batchWindowMs: 0, patienceMs: 3_600_000 },
    tell: (tale) => {
      const [user] = tale.twoUsers()
      tale.loginWell(0, user)
      const letter = tale.note(0)
      tale.meets(letter, { status: 422 })
      const [first = ''] = tale.tagsTogether(100, {}, {}, {})
      tale.meets(first, { lost: tale.dice.of(['request', 'reply']) }, 2)
      tale.step(tale.dice.of([5, 200]), { retry: letter })
      tale.note(10)
    },
  },
  /** Of several changes of one instant only the large one has no room (E2). */
  failingApart: {
    steersTo: ['one of several changes failing apart'],
    tell: (tale) => {
      const [user] = tale.twoUsers()
      tale.loginWell(0, user)
      tale.step(20, { disk: 'no-room' })
      tale.note(5)
      tale.tag(0, { payload: { key: 'a', value: LARGE } })
      tale.note(0)
      tale.note(tale.dice.of([0, 10]))
      tale.step(tale.dice.of([50, 500]), { disk: 'works' })
    },
  },
  /** `operation()` of a completed operation is answered from its retained outcome (Q23). */
  remembering: {
    steersTo: ['a completed operation is remembered'],
    config: { retainCompleted: true },
    tell: (tale) => {
      const [user] = tale.twoUsers()
      tale.loginWell(0, user)
      const first = tale.note(0)
      tale.look(tale.dice.of([5, 100, 400]), first)
      if (tale.dice.chance(0.5)) tale.step(5, { restart: true })
      tale.look(tale.dice.of([100, 2000, 20_000]), first)
    },
  },
  /** A process closes with a deadline. The request in flight ends within it, or does not (Q19). */
  closing: {
    steersTo: ['a request in flight ended within a close'],
    tell: (tale) => {
      const [user] = tale.twoUsers()
      tale.loginWell(0, user)
      const first = tale.dice.chance(0.5) ? tale.note(1) : tale.tag(1)
      tale.takes(first, tale.dice.of([100, 900]))
      tale.note(0)
      tale.step(50, { restart: tale.dice.of([300, 1000]) })
      tale.note(1500)
    },
  },
}

/** By name. */
export const STORIES: Readonly<Record<string, Story>> = { ...OF_THE_QUEUE, ...ACROSS_USERS }
