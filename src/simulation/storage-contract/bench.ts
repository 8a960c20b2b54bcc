/** Drives one storage by hand: its turns end when a case says so, and its clock stands still. */
import assert from 'node:assert/strict'
import type { LaneId, OperationId, UserId } from '../../model.ts'
import type { Affected, Answer, Change, FollowUp } from '../../../storage/changes.ts'
import { blankEnvelope } from '../../../storage/blank-envelope.ts'
import type { EnvelopeRow, OperationRow } from '../../../storage/rows.ts'
import type { CommitOptions, OpenedState, Storage } from '../../../storage/storage.ts'
import type { StorageContractCase, StorageSubject } from './subject.ts'

export const ANONYMOUS_LANE = 0 as LaneId
export const ALICE = 'alice' as UserId
export const BOB = 'bob' as UserId

/** 2026-01-01T00:00:00Z */
export const NOW = 1_767_225_600_000

export class Bench {
  /** What the storage is told of the wall clock. */
  wall = NOW
  storage: Storage
  readonly #subject: StorageSubject
  readonly #turnEnds: (() => void)[] = []
  #nonceCount = 0
  #lifeCount = 0

  constructor(subject: StorageSubject) {
    this.#subject = subject
    this.storage = subject.create()
  }

  /** Begins a life of the database; its number is in the fingerprint key and in the origin that are offered. */
  async open(): Promise<OpenedState> {
    this.#lifeCount += 1
    this.#turnEnds.length = 0
    return this.storage.open({
      atTurnEnd: (run) => void this.#turnEnds.push(run),
      monotonic: () => 0,
      wall: () => this.wall,
      newFingerprintKey: `fingerprint-key-${this.#lifeCount}`,
      origin: `https://${this.#lifeCount}.example`,
    })
  }

  /** Ends the turn of the event loop, and those it causes. */
  endTurn(): void {
    for (;;) {
      const run = this.#turnEnds.shift()
      if (run === undefined) return
      run()
    }
  }

  /** Commits in a turn of its own. */
  async commit(changes: readonly Change[], options?: CommitOptions): Promise<readonly Answer[]> {
    const committed = this.storage.commit(changes, options)
    this.endTurn()
    return committed
  }

  /** Commits one change, which must not miss, and says which operations it concerned. */
  async apply(change: Change): Promise<readonly Affected[]> {
    const [answer] = await this.commit([change])
    assert.ok(answer?.applied === true, `${change.change} was missed`)
    return answer.affected
  }

  /** Commits one change, which must miss. */
  async miss(change: Change): Promise<void> {
    const [answer, ...others] = await this.commit([change])
    assert.deepEqual([answer?.applied, others], [false, []], change.change)
  }

  enqueueing(user: UserId | null): Change {
    this.#nonceCount += 1
    return {
      change: 'enqueue',
      user,
      nonce: `nonce${this.#nonceCount}`,
      kind: 'note',
      version: 1,
      payload: `{"n":${this.#nonceCount}}`,
      enqueuedAt: NOW,
      expiresAt: null,
    }
  }

  /** Enqueues so many operations of one owner in one call. */
  async enqueue<Count extends number>(user: UserId | null, count: Count): Promise<Tuple<Count>> {
    const changes = Array.from({ length: count }, () => this.enqueueing(user))
    const answers = await this.commit(changes)
    return answers.flatMap((answer) => (answer.applied ? answer.affected : [])) as Tuple<Count>
  }

  /** Makes dead letters of them, as one envelope. */
  async bury(members: readonly Affected[], envelopeKey: string | null = null): Promise<void> {
    await this.apply({
      change: 'bury',
      lane: members[0]?.lane ?? ANONYMOUS_LANE,
      members,
      reason: envelopeKey === null ? 'rejected' : 'attempts-exhausted',
      status: 422,
      excerpt: '{"error":"no"}',
      at: NOW,
      attempts: 3,
      envelopeKey,
    })
  }

  async window(lane: LaneId): Promise<readonly OperationRow[]> {
    return this.storage.window(lane, 0, 1_000_000)
  }

  async idsOf(lane: LaneId): Promise<readonly OperationId[]> {
    return (await this.window(lane)).map((row) => row.id)
  }

  async reopen(): Promise<OpenedState> {
    const closed = this.storage.close()
    this.endTurn()
    await closed
    this.storage = this.#subject.create()
    return this.open()
  }

  async crash(): Promise<OpenedState> {
    await this.#subject.crash()
    this.storage = this.#subject.create()
    return this.open()
  }
}

/** So many operations, so that each can be named without asking whether it is there. */
type Tuple<Count extends number, Made extends Affected[] = []> = number extends Count
  ? readonly Affected[]
  : Made['length'] extends Count
    ? Made
    : Tuple<Count, [...Made, Affected]>

export function storageCase(
  name: string,
  check: (bench: Bench, subject: StorageSubject, opened: OpenedState) => Promise<void>,
): StorageContractCase {
  return {
    name,
    run: async (subject) => {
      try {
        const bench = new Bench(subject)
        const opened = await bench.open()
        await check(bench, subject, opened)
      } finally {
        await subject.dispose()
      }
    },
  }
}

/** An envelope of these members as it is recorded before its first sending (Q5). */
export function envelopeOf(
  members: readonly Affected[],
  known: Partial<EnvelopeRow> = {},
): EnvelopeRow {
  return {
    ...blankEnvelope(members[0]?.lane ?? ANONYMOUS_LANE, members[0]?.place ?? 0),
    key: 'envelope-key',
    members: members.map((member) => member.place),
    ...known,
  }
}

/** One that a reply yielded; each index another. */
export function followUpOf(index: number): FollowUp {
  return {
    id: `1.1.follow-up-${index}` as OperationId,
    kind: 'note',
    version: 1,
    payload: '{}',
    enqueuedAt: NOW,
    expiresAt: null,
    creates: [],
    deviceScoped: false,
  }
}

export function idsOf(operations: readonly { readonly id: OperationId }[]): OperationId[] {
  return operations.map((operation) => operation.id)
}
