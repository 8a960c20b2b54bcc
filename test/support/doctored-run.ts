/** A small run written by hand, to be doctored: alice enqueues n1, it is sent with a1, and completed. */
import type { Status } from '../../src/engine/status.ts'
import type { EventName } from '../../src/events.ts'
import type { ListedInvariant } from '../../src/simulation/invariants/index.ts'
import type { RunRecord } from '../../src/simulation/invariants/run-record.ts'
import type { Row, RowChange, RowTable } from '../../src/simulation/row-log.ts'
import { scenarioKinds } from '../../src/simulation/scenario-kinds.ts'
import type { SeenRequest } from '../../src/simulation/scripted-server.ts'
import type {
  Acknowledgement,
  DemandCall,
  HeardEvent,
  SeenCall,
  SeenLateListener,
  SeenLife,
  SeenReceipt,
  SeenSetAside,
  SeenSubscription,
  SeenTurn,
  SourceCall,
} from '../../src/simulation/seen.ts'
import { StoredRows } from '../../src/simulation/stored-rows.ts'
import type { StoredToken } from '../../src/simulation/stored-token.ts'
import { WALL_START } from '../../src/simulation/virtual-time.ts'

type Lists =
  | 'lives'
  | 'calls'
  | 'acknowledged'
  | 'receipts'
  | 'subscriptions'
  | 'lateListeners'
  | 'turns'
  | 'requests'
  | 'heard'
  | 'setAsides'
  | 'sourceCalls'
  | 'demandCalls'

/** The same with everything in reach of the one who doctors it. */
export interface DoctoredRun extends Omit<
  { -readonly [Name in keyof RunRecord]: RunRecord[Name] },
  Lists
> {
  readonly lives: SeenLife[]
  readonly calls: SeenCall[]
  readonly acknowledged: Acknowledgement[]
  readonly receipts: SeenReceipt[]
  readonly subscriptions: SeenSubscription[]
  readonly lateListeners: SeenLateListener[]
  readonly turns: SeenTurn[]
  readonly requests: SeenRequest[]
  readonly heard: HeardEvent[]
  readonly setAsides: SeenSetAside[]
  readonly sourceCalls: SourceCall[]
  readonly demandCalls: DemandCall[]
  journal: string[]
  faults: unknown[]
}

const SETTINGS: RunRecord['settings'] = {
  anonymous: 'drop',
  backoff: { baseMs: 1000, capMs: 300_000, jitter: false },
  batchWindowMs: 0,
  concurrency: 4,
  hasRequirementSource: false,
  hasSource: false,
  hasVault: true,
  maxAttempts: 12,
  maxPayloadBytes: 262_144,
  maxPending: 1_000_000,
  maxSourceCalls: 16,
  onDead: 'continue',
  origin: 'https://server.test',
  patienceMs: 3_600_000,
  replyTimeoutMs: 30_000,
  whileUnknown: 'hold',
}

const STATUS: Status = {
  queue: 'running',
  identity: 'alice' as Status['identity'],
  requirement: 'required',
  lanes: [],
  owners: [],
  tokenNeeds: [],
  counts: { pending: 0, sending: 0, dead: 0 },
  totals: {
    accepted: 0,
    retried: 0,
    dead: {
      rejected: 0,
      'attempts-exhausted': 0,
      unreadable: 0,
      conflict: 0,
      'dependency-dead': 0,
      'outcome-unknown': 0,
    },
    refreshed: 0,
    oldestHeadAt: null,
  },
}

/** The id of the operation of this name that was put there first. */
export const idOf = (name: string, place = 1, lane = 1) =>
  `${lane.toString(36)}.${(place * 1024).toString(36)}.${name}`

/** The run in which nothing is wrong. */
export function cleanRun(): DoctoredRun {
  const run = emptyRun()
  put(run, 0, [
    ['lanes', { lane: 0, user: null }],
    ['lanes', { lane: 1, user: 'alice' }],
    ['meta', { name: 'identity', value: 'alice' }],
    ['meta', { name: 'requirement', value: 'required' }],
    ['tokens', tokenRow('alice', 1)],
  ])
  call(run, { name: 'login', user: 'alice', token: 'a1' })
  hear(run, 'token.updated', { user: 'alice', generation: 1 })
  enqueue(run, 'n1')
  send(run, ['n1'])
  complete(run, 'n1')
  return run
}

/** What an invariant says of a run. */
export function violationsOf({ begin }: ListedInvariant, run: RunRecord): readonly unknown[] {
  const ask = begin(run)
  return [...ask('rest'), ...ask('end')]
}

export function put(
  run: DoctoredRun,
  at: number,
  rows: readonly (readonly [RowTable, Row])[],
  action: RowChange['action'] = 'put',
): void {
  const changes = rows.map(([table, row]) => ({ table, action, row }))
  run.rows.apply(changes, at, run.lives.length - 1)
}

export function call(run: DoctoredRun, facts: Partial<SeenCall>): SeenCall {
  const made: SeenCall = {
    at: 0,
    wall: 0,
    life: run.lives.length - 1,
    name: 'enqueue',
    step: null,
    user: 'alice',
    token: null,
    draft: null,
    pending: null,
    filter: null,
    key: null,
    after: null,
    needs: [],
    interpret: null,
    deadlineMs: null,
    left: null,
    settledAt: facts.at ?? 0,
    result: undefined,
    error: null,
    ...facts,
  }
  run.calls.push(made)
  return made
}

export function hear(run: DoctoredRun, event: EventName, detail: object, at = 0): void {
  run.heard.push({ at, life: run.lives.length - 1, event, detail })
}

export function operationRow(name: string, place = 1, lane = 1): Row {
  return {
    id: idOf(name, place, lane),
    lane,
    place: place * 1024,
    kind: 'note',
    version: 1,
    payload: JSON.stringify({ text: name }),
    enqueued_at: 0,
    expires_at: null,
  }
}

export function tokenRow(user: string, generation: number, facts: Row = {}): Row {
  const row = { user, generation, epoch: 0, refused: 0, fingerprint: 'a', expires_at: null }
  return { ...row, ...facts }
}

/** Enqueues a note, in the place of its number. */
export function enqueue(run: DoctoredRun, name: string, place = 1): void {
  const draft = { kind: 'note', payload: { text: name } }
  const made = call(run, { step: name, draft })
  put(run, 0, [['operations', operationRow(name, place)]])
  hear(run, 'operation.enqueued', { id: idOf(name, place), user: 'alice', kind: 'note' })
  run.acknowledged.push({ at: 0, life: 0, id: idOf(name, place), call: made, found: 'pending' })
}

export function complete(run: DoctoredRun, name: string, place = 1, at = 10): void {
  put(run, at, [['operations', operationRow(name, place)]], 'gone')
  hear(run, 'operation.completed', { id: idOf(name, place), user: 'alice', kind: 'note' }, at)
}

/** A request that was answered with 200, after 10 ms. */
export function send(
  run: DoctoredRun,
  names: readonly string[],
  facts: Partial<SeenRequest> = {},
): SeenRequest {
  const ids = names.map((name) => idOf(name))
  const at = facts.at ?? 0
  const status = facts.status === undefined ? 200 : facts.status
  const headers = { 'content-type': 'application/json' }
  const sent: SeenRequest = {
    at,
    user: 'alice',
    kind: 'note',
    ops: names,
    ids,
    token: 'a1',
    key: ids[0] ?? '',
    body: { text: names[0] },
    record: null,
    position: null,
    unsent: null,
    status,
    endedAt: at + 10,
    endedWall: at + 10,
    reply: status === null ? null : { status, headers, body: '{}' },
    givenUpAt: null,
    applied: status === 200,
    created: null,
    client: { life: 0, wall: at, requirement: 'required', head: ids, token: storedToken() },
    ...facts,
  }
  run.requests.push(sent)
  return sent
}

export function storedToken(facts: Partial<StoredToken> = {}): StoredToken {
  const token = { user: 'alice', generation: 1, epoch: 0, isRefused: false, isHeld: true }
  return { ...token, expiresAt: null, life: 0, at: 0, ...facts }
}

export function ask(run: DoctoredRun, at: number, facts: Partial<SourceCall> = {}): void {
  run.sourceCalls.push({ at, user: 'alice', reason: 'refused', life: 0, answer: null, ...facts })
}

/** A lane with something pending, as `status()` shows it. */
export function showLane(run: DoctoredRun, holds: readonly string[], sending = false): void {
  const shown = holds.map((name) => ({
    name: name as never,
    cause: 'a test',
    since: 0,
    until: null,
  }))
  const lane = { user: 'alice' as never, pending: 1, sending, holds: shown }
  const rest = {
    headEnqueuedAt: 0,
    attempts: 0,
    refusedTokens: 0,
    lastFailure: null,
    retryAt: null,
  }
  const counts = { ...run.status.counts, pending: 1 }
  run.status = { ...run.status, lanes: [{ ...lane, ...rest }], counts }
}

export function beginLife(run: DoctoredRun, facts: Partial<SeenLife> = {}): void {
  const versions = new Map([['note', 1]])
  const former = run.lives.at(-1)
  if (former !== undefined) former.endedAt ??= facts.startedAt ?? 0
  const { acknowledged, rows } = run
  run.life = run.lives.length
  run.lives.push({
    process: 'main',
    startedAt: 0,
    wall: WALL_START,
    endedAt: null,
    closingAt: null,
    after: { acknowledged: acknowledged.length, transitions: rows.transitions.length },
    beganBy: 'start',
    kept: new Set(),
    versions,
    leftover: null,
    ...facts,
  })
}

function emptyRun(): DoctoredRun {
  const run: DoctoredRun = {
    settings: SETTINGS,
    kinds: new Map(scenarioKinds.map((kind) => [kind.kind, kind])),
    tokens: {
      user: (name) => (name.startsWith('a') ? 'alice' : 'bob'),
      isAccepted: () => true,
      expiresAt: (name) => (name === 'a9' ? 9000 : null),
      notBefore: (name) => (name === 'a8' ? 9000 : null),
      secrets: () => ['secret-of-a1', 'header.claims.signature-of-a2'],
    },
    life: 0,
    now: 100_000,
    wall: 100_000,
    identity: 'alice',
    requirement: 'required',
    isOnline: true,
    isSaidToBeOnline: true,
    isAwake: true,
    isPaused: false,
    isClosing: false,
    vault: 'works',
    lives: [],
    calls: [],
    acknowledged: [],
    receipts: [],
    subscriptions: [],
    lateListeners: [],
    turns: [],
    requests: [],
    heard: [],
    setAsides: [],
    watches: 'works',
    isUnaware: false,
    sourceCalls: [],
    demandCalls: [],
    journal: ['{"journal":1}'],
    faults: [],
    rows: new StoredRows(),
    status: STATUS,
    timerCount: 0,
    checkCount: 0,
    listenerCount: 1,
    isQuiet: true,
    isDamaged: false,
    lost: new Set(),
    buried: new Set(),
    bytes: () => Buffer.from('the database'),
    idsInDatabase: () => ({
      pending: [...run.rows.pending.keys()].sort(),
      dead: [...run.rows.letters.keys()].sort(),
    }),
  }
  beginLife(run)
  return run
}
