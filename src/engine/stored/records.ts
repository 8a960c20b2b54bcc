/**
 * The records that operations need (Q12): is each of them there, still to come, or lost? Asked of
 * storage when an operation's turn has come; what its kind then asks `record()` is answered from here.
 */
import { parseOperationId } from '../../../storage/operation-id.ts'
import type { OperationRow, RecordRow } from '../../../storage/rows.ts'
import type { OperationId } from '../../model.ts'
import type { RecordLookup } from '../../operations/record-lookups.ts'
import type { NeededRecords, UnknownUse } from '../../operations/record-use.ts'
import type { Answered } from '../boundary/boundary.ts'
import type { Context } from '../context.ts'
import type { Holds } from '../holds/holds.ts'
import type { Lane } from '../lanes/lane.ts'

/** What stands between an operation and its sending, as far as records go. */
export type RecordState =
  | { readonly state: 'ready' }
  /** Their creations failed, or come too late, and it cannot do without them. */
  | { readonly state: 'lost'; readonly locals: readonly string[] }
  /** The code of the kind did not say which records it needs. */
  | { readonly state: 'unreadable'; readonly use: UnknownUse }
  /** Their creation is pending in another lane. */
  | { readonly state: 'awaited'; readonly local: string }

export interface Resolution {
  readonly stateOf: (row: OperationRow) => RecordState
  /** Answers `record()` and `optionalRecord()` in the request of these operations. */
  readonly lookupOf: (members: readonly OperationRow[]) => RecordLookup
}

/** What stands between a read and its sending, as far as records go. */
export type ReadRecords =
  | { readonly state: 'ready'; readonly lookup: RecordLookup }
  /** Their creations failed, and the read requires them. */
  | { readonly state: 'lost'; readonly locals: readonly string[] }
  /** The operations that create them are pending. */
  | { readonly state: 'awaited'; readonly creations: readonly OperationId[] }

export const READY: RecordState = { state: 'ready' }

const NONE_KNOWN: ReadonlyMap<string, RecordRow> = new Map()

export interface RecordsParts {
  readonly context: Context
  readonly holds: Holds
}

export class Records {
  readonly #context: Context
  readonly #parts: RecordsParts

  constructor(parts: RecordsParts) {
    this.#parts = parts
    this.#context = parts.context
  }

  /** Hears at once where nothing is needed. */
  resolve(
    lane: Lane,
    rows: readonly OperationRow[],
    failed: (error: Error) => void,
    then: (resolution: Resolution) => void,
  ): void {
    const { kinds, store } = this.#context
    if (!rows.some(({ kind }) => kinds.hasRecords(kind))) {
      then(this.#resolutionOf(lane, rows, NONE_KNOWN))
      return
    }
    const locals = new Set<string>()
    for (const row of rows) {
      const use = kinds.uses(row)
      if ('error' in use) continue
      for (const local of use.required) locals.add(local)
      for (const local of use.optional) locals.add(local)
    }
    if (locals.size === 0) {
      then(this.#resolutionOf(lane, rows, NONE_KNOWN))
      return
    }
    store.records([...locals], (answer) => {
      if (!answer.ok) failed(answer.error)
      else {
        const known = new Map(answer.value.map((row) => [row.local, row]))
        then(this.#resolutionOf(lane, rows, known))
      }
    })
  }

  /** Passes the records that a read needs, as they are now. A read stands in no lane, so no creation comes too late. */
  ofRead(
    { required, optional }: NeededRecords,
    then: (answer: Answered<ReadRecords>) => void,
  ): void {
    this.#context.store.records([...required, ...optional], (answer) => {
      if (!answer.ok) {
        then(answer)
        return
      }
      const known = new Map(answer.value.map((row) => [row.local, row]))
      const lost = required.filter((local) => known.get(local)?.state === 'lost')
      const creations = answer.value.flatMap(({ state, creation }) =>
        state === 'pending' && creation !== null ? [creation] : [],
      )
      if (lost.length > 0) then({ ok: true, value: { state: 'lost', locals: lost } })
      else if (creations.length > 0) then({ ok: true, value: { state: 'awaited', creations } })
      else then({ ok: true, value: { state: 'ready', lookup: lookupIn(known) } })
    })
  }

  /** The head waits for a record that another lane is to create. */
  await(lane: Lane, local: string): void {
    this.#parts.holds.setOnLane(
      lane,
      'awaiting-record',
      `the record ${local} is still to be created`,
    )
  }

  /** An operation that creates records has settled, or come back: whoever waits looks again. */
  changed(): void {
    for (const lane of this.#context.lanes.pending()) {
      this.#parts.holds.liftFromLane(lane, 'awaiting-record')
    }
  }

  /**
   * Another process has changed what is stored: a creation may have ended there. Only a lane whose head waits for nothing
   * any more is released, so that the app hears nothing of the others.
   */
  readonly changedElsewhere = (): void => {
    for (const lane of Array.from(this.#context.lanes.pending())) {
      if (lane.holds.has('awaiting-record')) this.#lookAgain(lane)
    }
  }

  #lookAgain(lane: Lane): void {
    const { head } = lane
    const release = () => this.#parts.holds.liftFromLane(lane, 'awaiting-record')
    if (head === undefined) {
      release()
      return
    }
    this.resolve(lane, [head], release, ({ stateOf }) => {
      if (lane.head !== head || stateOf(head).state !== 'awaited') release()
    })
  }

  #resolutionOf(
    lane: Lane,
    asked: readonly OperationRow[],
    known: ReadonlyMap<string, RecordRow>,
  ): Resolution {
    return {
      stateOf: (row) => {
        const use = this.#context.kinds.uses(row)
        if ('error' in use) return { state: 'unreadable', use }
        const { required, optional } = use
        if (required.length === 0 && optional.length === 0) return READY
        // One that came while storage was asked is not known to be ready: its turn comes later.
        const [unasked] = asked.includes(row) ? [] : [...required, ...optional]
        if (unasked !== undefined) return { state: 'awaited', local: unasked }
        const upToIt = () => lane.rows.slice(0, lane.rows.indexOf(row) + 1)
        const lost = required.filter((local) => isLost(known.get(local), row, upToIt))
        if (lost.length > 0) return { state: 'lost', locals: lost }
        const awaited = [...required, ...optional].find((local) => {
          const record = known.get(local)
          return record?.state === 'pending' && record.lane !== lane.id
        })
        return awaited === undefined ? READY : { state: 'awaited', local: awaited }
      },
      lookupOf: (members) => (id) => {
        const record = known.get(id)
        const [head] = members
        if (record === undefined || head === undefined) return id
        if (isLost(record, head, () => members)) return null
        const isOwn = members.some((row) => row.id === record.creation)
        return isOwn ? id : (record.remote ?? id)
      },
    }
  }
}

/** Of records of which none is pending. */
function lookupIn(known: ReadonlyMap<string, RecordRow>): RecordLookup {
  return (id) => {
    const record = known.get(id)
    return record?.state === 'lost' ? null : (record?.remote ?? id)
  }
}

/**
 * Is it out of reach for an operation? Lost; or to be created behind it in its own lane, where it comes too
 * late: the creation was adopted, or retried (I3, Q9). `near`: what is sent before it, or with it.
 */
function isLost(
  record: RecordRow | undefined,
  row: OperationRow,
  near: () => readonly OperationRow[],
): boolean {
  if (record === undefined || record.state === 'made') return false
  if (record.state === 'lost') return true
  const { creation, lane: laneId } = record
  if (laneId !== row.lane || creation === null) return false
  return !near().some(({ id }) => id === creation) && !wasMadeAfter(creation, row)
}

/** A creation made after an operation was in its lane is not the one that was meant. */
function wasMadeAfter(creation: OperationId, { id, lane: laneId, place }: OperationRow): boolean {
  const made = parseOperationId(creation)
  const put = parseOperationId(id)
  if (made === null || put === null) return true
  if (made.lane === put.lane) return made.place > put.place
  return made.lane === laneId && made.place > place
}
