/**
 * Settles the outcome of an attempt. Every consequence goes the same way (`#carryOut`): it is committed; then the lane in
 * memory, the machines and the app hear of it; then the attempt ends. A change that cannot be stored is repeated until it
 * is stored. Until then the lane has the hold `storage-failed` (Q11).
 */
import { alarmOf } from '../alarms.ts'
import type { Answer, Change, CompleteChange, DeadlineChange } from '../../../storage/changes.ts'
import type { EnvelopeRow, OperationRow, PositionRow } from '../../../storage/rows.ts'
import type { HoldfastEvents } from '../../events.ts'
import type { DeadReason, Instant } from '../../model.ts'
import type { Interpreted } from '../../operations/interpreted.ts'
import { codeOf } from '../boundary/error-codec.ts'
import type { Context } from '../context.ts'
import type { Connectivity } from '../holds/connectivity.ts'
import type { Holds } from '../holds/holds.ts'
import type { Lane } from '../lanes/lane.ts'
import type { BackoffWaits } from '../holds/backoff-waits.ts'
import type { Records } from '../stored/records.ts'
import { notStored } from '../stored/storage-errors.ts'
import type { CommitWish } from '../stored/store.ts'
import { type AdmittedFollowUp, followUpRows } from './follow-ups.ts'

/** The wait before a lane that could not be read is read again. */
const REREAD_MS = 5000

/** The reason why operations become dead letters, and the data that is kept with them. */
export interface Death {
  readonly reason: DeadReason
  readonly excerpt: string | null
  readonly status: number | null
  /** The key of the envelope for a retry, if the outcome is unknown (Q8). */
  readonly envelopeKey: string | null
  readonly unknownSince?: Instant | null
  /** Members that die only because the other members and the envelope die: `outcome-unknown` (Q14). */
  readonly blameless?: readonly OperationRow[]
  /** The records whose creations failed (Q12). */
  readonly dependsOn?: readonly string[]
  /** The wait that the same reply asks of every lane (Q7). */
  readonly limit?: DeadlineChange | null
}

/** An operation in the current version, and the version in which it is still stored (Q14). */
export interface Upgraded {
  readonly row: OperationRow
  readonly from: number
}

type Applied = Extract<Answer, { applied: true }>

/** The changes of a lane to store, and the steps that follow once they are stored. */
interface Consequence {
  /** A function makes the changes anew for each try. */
  readonly changes: readonly Change[] | (() => readonly Change[])
  /** False: a loss of the changes in a power cut costs one resend under the same key. Default: true. */
  readonly synced?: boolean
  /** Operations that are no longer pending. */
  readonly gone?: readonly OperationRow[]
  /** Brings the lane in memory, and the holds, up to date. */
  readonly update?: (answer: Applied) => void
  /** Tells the app. */
  readonly report?: (answer: Applied) => void
  /** True if an operation that waits for a record may go on (Q12). */
  readonly areRecordsChanged?: boolean
}

/** The interpretation of a reply by the kind's code, with its follow-ups in the form to store. */
export type Sensible = Omit<Interpreted, 'followUps'> & {
  readonly followUps: readonly AdmittedFollowUp[]
}

/** The fields of the event that tells the app of a wait. */
type Retrying = Pick<HoldfastEvents['operation.retrying'], 'outcome' | 'status' | 'error'>

export interface SettlementParts {
  readonly context: Context
  readonly connectivity: Connectivity
  readonly holds: Holds
  readonly waits: BackoffWaits
  readonly records: Records
}

export class Settlement {
  readonly #context: Context
  readonly #parts: SettlementParts

  constructor(parts: SettlementParts) {
    this.#parts = parts
    this.#context = parts.context
  }

  /** The attempt is over. */
  end(lane: Lane): void {
    const { attempt } = lane
    attempt?.watch.ended()
    lane.attempt = null
    lane.repliesAtLastEnd = this.#parts.connectivity.replyCount
    this.#parts.connectivity.attemptEnded(lane)
    this.#context.laneEvents.attemptEnded(lane, attempt)
  }

  /** The head waits for neighbours to merge with. */
  collect(lane: Lane, waitMs: number): void {
    this.#parts.waits.collect(lane, waitMs)
    this.end(lane)
  }

  complete(
    lane: Lane,
    members: readonly OperationRow[],
    interpreted: Sensible | null = null,
  ): void {
    const { boundary, report, settings, lifetimes } = this.#context
    const made = madeBy(members, interpreted?.translations ?? {})
    const results = interpreted?.results ?? []
    const followUps = followUpRows(this.#context, members[0]?.id, interpreted?.followUps ?? [])
    const change: CompleteChange = {
      change: 'complete',
      lane: lane.id,
      members: members.map(memberOf),
      at: boundary.wall,
      made,
      followUps,
      positions: positionsOf(interpreted?.readingPosition ?? null, boundary.wall),
      retain: settings.retainCompleted,
      ...(results.length === 0 ? {} : { results }),
    }
    this.#carryOut(lane, {
      changes: [change],
      synced: false,
      gone: members,
      update: ({ affected, shifts }) => {
        lifetimes.settled(members)
        if (affected.length === 0) return
        lane.inserted(affected.map(placeOf), shifts)
        for (const row of followUps) lifetimes.enqueued(row)
      },
      report: ({ affected }) => {
        const { user } = lane
        for (const { id, kind } of members) {
          const result = results.find((one) => one.id === id)?.result
          report('operation.completed', {
            id,
            kind,
            user,
            ...(result === undefined ? {} : { result: JSON.parse(result) as unknown }),
          })
        }
        for (const { id, kind } of affected) report('operation.enqueued', { id, kind, user })
      },
      areRecordsChanged: made.length > 0,
    })
  }

  /** Drops an operation that must not be sent: it has expired, or another user has the device. */
  drop(lane: Lane, row: OperationRow, reason: 'expired' | 'superseded', then: () => void): void {
    const { boundary, report, lifetimes } = this.#context
    const { id, kind } = row
    const change: Change = {
      change: 'drop',
      lane: lane.id,
      members: [memberOf(row)],
      reason,
      at: boundary.wall,
    }
    const consequence: Consequence = {
      changes: [change],
      gone: [row],
      update: () => lifetimes.settled([row]),
      report: () => report('operation.dropped', { id, kind, user: lane.user, reason }),
      areRecordsChanged: row.creates.length > 0,
    }
    this.#carryOut(lane, consequence, then)
  }

  /** Makes operations dead letters; the lane goes on, or is held (Q9). */
  bury(lane: Lane, members: readonly OperationRow[], death: Death): void {
    const { status, blameless = [], dependsOn = [], limit = null } = death
    const reasonOf = (row: OperationRow) =>
      blameless.includes(row) ? 'outcome-unknown' : death.reason
    const { settings, report } = this.#context
    const change = this.#buryChange(lane, members, death)
    const changes = limit === null ? [change] : [change, limit]
    this.#carryOut(lane, {
      // An operation dies of a lost record only while the record is lost: a retry may have brought it back (Q12).
      changes: dependsOn.length === 0 ? changes : this.#whileUnchanged(lane, () => changes),
      gone: members,
      update: () => {
        lane.letters += members.length
        if (settings.onDead !== 'hold') return
        this.#parts.holds.setOnLane(lane, 'dead-letter', `${members[0]?.id ?? ''} is dead`)
      },
      report: () => {
        for (const row of members) {
          const { id, kind } = row
          report('operation.dead', { id, kind, user: lane.user, reason: reasonOf(row), status })
        }
      },
      areRecordsChanged: members.some((row) => row.creates.length > 0),
    })
  }

  #buryChange(lane: Lane, members: readonly OperationRow[], death: Death): Change {
    const { reason, excerpt, status, envelopeKey, unknownSince = null } = death
    const { blameless = [], dependsOn = [] } = death
    const attempts = lane.envelopeAt(members[0]?.place ?? 0)?.attempts ?? 0
    return {
      change: 'bury',
      lane: lane.id,
      members: members.map((row) =>
        blameless.includes(row) ? { ...memberOf(row), reason: 'outcome-unknown' } : memberOf(row),
      ),
      reason,
      status,
      excerpt,
      at: this.#context.boundary.wall,
      attempts: attempts + (reason === 'unreadable' ? 0 : 1),
      envelopeKey,
      unknownSince,
      dependsOn,
    }
  }

  /**
   * Dissolves an envelope: its members are sent one by one (Q4). `known`: the attempts of the head go on, because
   * the server has not judged the envelope (Q7, Q8).
   */
  sendAlone(lane: Lane, members: readonly OperationRow[], known: EnvelopeRow | null = null): void {
    const place = members[0]?.place ?? 0
    const through = members.at(-1)?.place ?? 0
    const kept = known === null ? null : { ...known, key: null, members: [] }
    const changes: Change[] = [{ change: 'solo', lane: lane.id, place, through }]
    if (kept !== null) changes.push({ change: 'envelope', envelope: kept })
    this.#carryOut(lane, { changes, update: () => lane.dissolved(place, through, kept) })
  }

  /** Makes the record of an envelope durable. */
  record(lane: Lane, envelope: EnvelopeRow, then: () => void): void {
    // The change is repeated only while all its members are there: a member may be cancelled in between.
    const changes = this.#whileUnchanged(lane, () => [{ change: 'envelope', envelope }])
    this.#carryOut(lane, { changes, update: () => lane.recorded(envelope) }, then)
  }

  /** Stores payloads in the current version, before they are first sent in it (Q14). */
  upgrade(lane: Lane, upgraded: readonly Upgraded[], then: () => void): void {
    const changes = this.#whileUnchanged(lane, () => upgraded.map((one) => upgradeOf(lane, one)))
    const update = () => lane.rewritten(upgraded.map(({ row }) => row))
    this.#carryOut(lane, { changes, update }, then)
  }

  /** The lane could not be read: it is read again after a while. */
  unreadable(lane: Lane, error: Error): void {
    if (this.#context.store.broken !== null) {
      this.end(lane)
      return
    }
    this.#storageFailed(lane, error)
    this.#context.boundary.arm(alarmOf('reread', lane.id), REREAD_MS, () => {
      this.#parts.holds.liftFromLane(lane, 'storage-failed')
    })
    this.end(lane)
  }

  /** The head waits before it is sent again (Q7). `changes`: further changes to store; then `stored` is called first. */
  wait(
    lane: Lane,
    members: readonly OperationRow[],
    envelope: EnvelopeRow,
    why: Retrying,
    changes: readonly Change[] = [],
    stored: () => void = () => undefined,
  ): void {
    const { boundary, report } = this.#context
    const { attempts } = envelope
    this.#carryOut(lane, {
      changes: [{ change: 'envelope', envelope }, ...changes],
      update: () => {
        stored()
        lane.recorded(envelope)
        this.#parts.waits.begin(lane, envelope)
      },
      report: () => {
        const retryAt = envelope.retryAt ?? boundary.wall
        for (const { id, kind } of members) {
          const { user } = lane
          report('operation.retrying', { id, kind, user, ...why, attempts, retryAt })
        }
      },
    })
  }

  /** The lane goes on with this envelope: a definite refusal, which by itself makes no lane wait (T4, T9, I10). */
  refused(lane: Lane, envelope: EnvelopeRow, then: () => void): void {
    const changes: readonly Change[] = [{ change: 'envelope', envelope }]
    this.#carryOut(lane, { changes, update: () => lane.recorded(envelope) }, then)
  }

  /** Carries out a consequence, then calls `next`. If a row was not as expected, the lane is read again instead. */
  #carryOut(lane: Lane, consequence: Consequence, next = () => this.end(lane)): void {
    const { changes, synced = true, gone, update, report, areRecordsChanged } = consequence
    this.store(lane, changes, { synced }, ([answer]) => {
      if (answer?.applied !== true) {
        lane.reordered(lane.pending)
        this.end(lane)
        return
      }
      if (gone !== undefined) this.#removed(lane, gone)
      update?.(answer)
      report?.(answer)
      if (areRecordsChanged === true) this.#parts.records.changed()
      next()
    })
  }

  /** Changes that are stored only while the rows of the lane are as they are now. */
  #whileUnchanged(lane: Lane, changes: () => readonly Change[]): () => readonly Change[] {
    const { order } = lane
    return () => (order === lane.order && !lane.isChanging ? changes() : [])
  }

  /** Commits at last; `then` judges whether each row was as expected. */
  store(
    lane: Lane,
    changes: readonly Change[] | (() => readonly Change[]),
    wish: CommitWish,
    then: (answers: readonly Answer[]) => void,
  ): void {
    const failed = (error: Error) => this.#storageFailed(lane, error)
    const stored = (answers: readonly Answer[]) => {
      this.#parts.holds.liftFromLane(lane, 'storage-failed')
      then(answers)
    }
    const { store, guarded } = this.#context
    store.commitAtLast(changes, wish, failed, guarded(lane, stored), () => this.end(lane))
  }

  #removed(lane: Lane, members: readonly OperationRow[]): void {
    lane.removed(members.map((row) => row.place))
    this.#parts.waits.end(lane)
  }

  #storageFailed(lane: Lane, cause: Error): void {
    // A journal has only the code of an error.
    this.#parts.holds.setOnLane(lane, 'storage-failed', `storage answers ${codeOf(cause)}`)
    const error = notStored(cause, 'what happened could not be recorded')
    this.#context.report('error', { error })
  }
}

function upgradeOf({ id: laneId }: Lane, { row, from }: Upgraded): Change {
  const { id, place, version, payload } = row
  return { change: 'upgrade', lane: laneId, id, place, from, version, payload }
}

/** A record that the reply does not translate is known to the server by the app's own id. */
function madeBy(
  members: readonly OperationRow[],
  translations: Readonly<Record<string, string>>,
): readonly { readonly local: string; readonly remote: string }[] {
  const translated = Object.keys(translations)
  if (translated.length === 0 && members.every(({ creates }) => creates.length === 0)) return []
  const locals = new Set(translated)
  for (const { creates } of members) for (const local of creates) locals.add(local)
  // Only an own property is a translation: the id of a record may also be `constructor`.
  const remoteOf = (local: string) =>
    Object.hasOwn(translations, local) ? (translations[local] ?? local) : local
  return Array.from(locals, (local) => ({ local, remote: remoteOf(local) }))
}

function positionsOf(
  position: Interpreted['readingPosition'],
  now: Instant,
): readonly PositionRow[] {
  if (position === null) return []
  const { key, token, delayMs } = position
  return [{ key, token, readyAt: now + delayMs, waitMs: delayMs }]
}

function memberOf({ id, place }: OperationRow): { id: OperationRow['id']; place: number } {
  return { id, place }
}

function placeOf({ place }: { readonly place: number }): number {
  return place
}
