/**
 * The waits of a read before it may be sent: first for the writes that it must see, then for the creations of the
 * records that it needs, then for the delay of the newest reading position (R1, R2, Q12).
 */
import { alarmOf } from '../alarms.ts'
import type { PositionRow } from '../../../storage/rows.ts'
import { HoldfastError } from '../../errors.ts'
import type { OperationId } from '../../model.ts'
import type { Wallet } from '../tokens/wallet.ts'
import type { Context } from '../context.ts'
import type { Intake } from '../intake/intake.ts'
import type { Records } from '../stored/records.ts'
import type { Read, ReadBook } from './read.ts'

export interface ReadWaitsParts {
  readonly context: Context
  readonly wallet: Wallet
  readonly intake: Intake
  readonly records: Records
  readonly book: ReadBook
}

export class ReadWaits {
  readonly #context: Context
  readonly #parts: ReadWaitsParts

  constructor(parts: ReadWaitsParts) {
    this.#parts = parts
    this.#context = parts.context
  }

  begin(read: Read): void {
    const { intake } = this.#parts
    read.phase = 'storing'
    let left = 2
    const stored = () => {
      left -= 1
      if (left > 0 || !this.#parts.book.has(read)) return
      read.phase = 'settling'
      if (read.awaited.size === 0) this.#advance(read)
      else this.#awaitNamed([read])
    }
    if (read.after !== null) stored()
    else {
      intake.whenStored(read.user, () => {
        this.#standBehindLane(read)
        stored()
      })
    }
    // The creation of a record may be one of the operations that are just being stored, of any owner.
    if (read.needs === null) stored()
    else intake.whenAllStored(stored)
  }

  /** This operation has settled: no read waits for it from now on. */
  settled(id: OperationId, reads: Iterable<Read>): void {
    for (const read of reads) read.awaited.delete(id)
  }

  /** Some operations have settled: a read that waits for no further operation goes on. */
  advance(reads: Iterable<Read>): void {
    for (const read of reads) this.#advance(read)
  }

  /** Another process has settled operations, and it is not known which. */
  recheck(reads: Iterable<Read>): void {
    const settling = [...reads].filter((read) => this.#isSettling(read))
    const isNamed = ({ awaited }: Read) => awaited.size > 0
    this.#awaitNamed(settling.filter(isNamed))
    for (const read of settling) if (!isNamed(read)) this.#advance(read)
  }

  /**
   * Looks for the records that the read needs (Q12), then for the newest reading position, and waits for its delay, once
   * (R1, R2).
   */
  look(read: Read): void {
    read.phase = 'delaying'
    const { user } = read
    // The wait for the token comes first, because the position must still be the newest when it is sent.
    if (user === null) this.#lookForRecords(read)
    else this.#parts.wallet.whenStored(user, () => this.#lookForRecords(read))
  }

  lookLater(read: Read, delayMs: number): void {
    read.phase = 'delaying'
    this.#context.boundary.arm(alarmOf('read', read.id), delayMs, () => this.look(read))
  }

  /** A journal begins here while this read may be waiting. */
  restore(read: Read, alarms: ReadonlySet<string>): void {
    const alarm = alarmOf('read', read.id)
    if (alarms.has(alarm)) this.#context.boundary.rearm(alarm, () => this.look(read))
  }

  /** Ends the waits of the read. */
  end(read: Read): void {
    const { boundary, lanes } = this.#context
    if (read.barrier !== null) lanes.ofUser(read.user)?.barriers.delete(read.barrier)
    boundary.disarm(alarmOf('read', read.id))
  }

  /** The operations of the lane at the call are stored: the read waits for all of them. */
  #standBehindLane(read: Read): void {
    if (!this.#parts.book.has(read)) return
    const lane = this.#context.lanes.ofUser(read.user)
    if (lane === undefined || lane.pending === 0) return
    read.barrier = { through: lane.tail }
    lane.barriers.add(read.barrier)
  }

  /** Asks storage once for all operations that these reads wait for. */
  #awaitNamed(reads: readonly Read[]): void {
    const ids = new Set(reads.flatMap(({ awaited }) => [...awaited]))
    if (ids.size === 0) return
    this.#context.store.settled([...ids], (settled) => {
      for (const read of reads.filter((one) => this.#isSettling(one))) {
        if (!settled.ok) this.#parts.book.fail(read, settled.error)
        else {
          for (const id of settled.value) read.awaited.delete(id)
          this.#advance(read)
        }
      }
    })
  }

  #advance(read: Read): void {
    if (!this.#isSettling(read) || read.awaited.size > 0) return
    this.#firstPlaceOf(read, (first) => {
      const { barrier } = read
      if (!this.#isSettling(read)) return
      if (first === null || barrier === null || first > barrier.through) this.look(read)
    })
  }

  #isSettling(read: Read): boolean {
    return this.#parts.book.has(read) && read.phase === 'settling'
  }

  /** Passes the first place of the lane. Null: the lane is empty, or the read does not wait for it. */
  #firstPlaceOf(read: Read, then: (place: number | null) => void): void {
    const { lanes, phase, store } = this.#context
    const lane = lanes.ofUser(read.user)
    if (read.barrier === null || lane === undefined || lane.pending === 0) {
      then(null)
      return
    }
    // If another process dispatches, rows in memory may be gone from storage.
    if (lane.head !== undefined && phase.dispatches) {
      then(lane.head.place)
      return
    }
    store.window(lane.id, Number.MIN_SAFE_INTEGER, 1, (answer) => {
      if (answer.ok) then(answer.value[0]?.place ?? null)
      else this.#parts.book.fail(read, answer.error)
    })
  }

  #lookForRecords(read: Read): void {
    const { book, records } = this.#parts
    if (!book.has(read)) return
    if (read.needs === null) {
      this.#lookForPosition(read)
      return
    }
    records.ofRead(read.needs, (answer) => {
      if (!book.has(read)) return
      if (!answer.ok) book.fail(read, answer.error)
      else if (answer.value.state === 'lost') book.fail(read, lostRecords(answer.value.locals))
      else if (answer.value.state === 'awaited') {
        read.phase = 'settling'
        for (const id of answer.value.creations) read.awaited.add(id)
        this.#awaitNamed([read])
      } else {
        read.lookup = answer.value.lookup
        this.#lookForPosition(read)
      }
    })
  }

  #lookForPosition(read: Read): void {
    if (read.isLastTry) {
      this.#parts.book.ready(read, null)
      return
    }
    this.#context.store.position(read.user, read.key, (answer) => {
      if (!this.#parts.book.has(read)) return
      if (!answer.ok) {
        // Without the position the read would not see the writes.
        this.#parts.book.fail(read, answer.error)
        return
      }
      if (read.user !== null && this.#parts.wallet.isStoring(read.user)) {
        // A token that came in between must be the one that is sent (I4).
        this.look(read)
        return
      }
      const position = answer.value
      const leftMs = position === null ? 0 : this.#leftOf(position)
      if (position === null || leftMs <= 0 || read.waitedFor === position.token) {
        this.#parts.book.ready(read, position?.token ?? null)
        return
      }
      read.waitedFor = position.token
      this.lookLater(read, leftMs)
    })
  }

  #leftOf({ readyAt, waitMs }: PositionRow): number {
    return Math.min(readyAt - this.#context.boundary.wall, waitMs)
  }
}

function lostRecords(locals: readonly string[]): HoldfastError {
  const which = locals.length === 1 ? 'record' : 'records'
  const message = `the read requires the ${which} ${locals.join(', ')}, whose creation failed`
  return new HoldfastError('READ_FAILED', message)
}
