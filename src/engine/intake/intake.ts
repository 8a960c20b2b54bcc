/**
 * Takes operations in (Q1, Q2): the owner is fixed at the call, places follow the order of the calls, and the call
 * resolves after the commit. A slow schema delays the later calls of its owner, but never changes their order.
 *
 * If a question to storage is open already, further calls made in one go follow together, as one question: a thousand
 * questions with their answers would take longer than the storing itself.
 */
import { dropsAnonymous } from '../../../machines/anonymous-policy.ts'
import type { Answer, EnqueueChange } from '../../../storage/changes.ts'
import { formatOperationId } from '../../../storage/operation-id.ts'
import { StorageError } from '../../../storage/storage-error.ts'
import type { LaneId, OperationId, UserId } from '../../model.ts'
import {
  admit,
  type Admission,
  type Admitted,
  type Draft,
  refusalOf,
  withinLimit,
} from './admission.ts'
import { arrive } from './arrive.ts'
import type { Codec, Settle } from '../boundary/boundary.ts'
import { nonce } from '../random-draws.ts'
import { LinkedList, Link } from '../linked-list.ts'
import type { Context } from '../context.ts'
import { draftChange, rowOf } from './draft-row.ts'
import { payloadOfSize } from '../boundary/rows-codec.ts'
import { Outstanding } from './outstanding.ts'

/** The result of an `enqueue()`. */
export type Enqueued =
  | { readonly id: OperationId; readonly dropped: false }
  /** An anonymous operation under `required` (I3). */
  | { readonly id: OperationId; readonly dropped: true }

export const draftCodec: Codec<Draft> = {
  write: ({ payload, given: _given, ...draft }) => ({
    ...draft,
    bytes: Buffer.byteLength(payload),
  }),
  read: (json) => {
    const { bytes, ...draft } = json as unknown as Omit<Draft, 'payload'> & {
      readonly bytes: number
    }
    return { ...draft, payload: payloadOfSize(bytes) }
  },
}

/** One call, until it is over. */
class Ticket extends Link {
  readonly user: UserId | null
  readonly draft: Draft
  readonly nonce: string
  /** The epoch of the device at the call (I8). */
  readonly deviceEpoch: number
  readonly settle: Settle<Enqueued>
  /** The payload and records that its kind has answered; null: the schema has not answered. */
  admitted: Admitted | null = null
  /** True if the call waits for its schema, or for the schema of an earlier call. */
  isInLine = false
  isOver = false
  /** The change to store, once it is known. */
  change: EnqueueChange | null = null

  constructor(
    user: UserId | null,
    draft: Draft,
    unique: string,
    deviceEpoch: number,
    settle: Settle<Enqueued>,
  ) {
    super()
    this.user = user
    this.draft = draft
    this.nonce = unique
    this.deviceEpoch = deviceEpoch
    this.settle = settle
  }
}

const NO_LANE = 0 as LaneId

/** The maximum number of calls in one question. A transaction takes a few times as many. */
const MOST_TOGETHER = 128

export interface IntakeParts {
  readonly context: Context
}

export class Intake {
  readonly #context: Context
  /** Calls that cannot be stored yet, by owner, in the order of the calls. */
  readonly #queues = new Map<UserId | null, Ticket[]>()
  /** The calls that are not over, and the callbacks that wait for some of them. */
  readonly #open = new LinkedList<Ticket>()
  readonly #waiting = new Outstanding<Ticket>()
  /** The number of questions to storage that are not answered. */
  #askedCount = 0
  /** The calls that the next question takes together. */
  #together: Ticket[] = []

  constructor(parts: IntakeParts) {
    this.#context = parts.context
  }

  /** Calls `then` when every call that this owner has made so far is over; at once if they are over. */
  whenStored(user: UserId | null, then: () => void): void {
    const left: Ticket[] = []
    for (const ticket of this.#open) if (ticket.user === user) left.push(ticket)
    this.#waiting.whenOver(left, then)
  }

  /** The same for the calls of every owner. */
  whenAllStored(then: () => void): void {
    this.#waiting.whenOver(this.#open, then)
  }

  enqueue(draft: Draft, settle: Settle<Enqueued>): void {
    const { lanes, pilot, store } = this.#context
    const { user } = pilot
    const refusal = store.broken ?? refusalOf(this.#context, draft)
    if (refusal !== null) {
      settle.reject(refusal)
      return
    }
    const ticket = new Ticket(user, draft, nonce(this.#context), lanes.deviceEpoch, settle)
    lanes.countUnstored(user, 1)
    this.#open.add(ticket)
    admit(this.#context, draft, (admission) => {
      this.#checked(ticket, withinLimit(this.#context, draft, admission))
    })
    if (ticket.isOver) return
    const queue = this.#queues.get(user)
    if (queue === undefined && ticket.admitted !== null) {
      this.#store(ticket)
      return
    }
    ticket.isInLine = true
    if (queue === undefined) this.#queues.set(user, [ticket])
    else queue.push(ticket)
  }

  /** The schema has answered: mostly at once. */
  #checked(ticket: Ticket, admission: Admission): void {
    if (admission.ok) ticket.admitted = admission.admitted
    else this.#refuse(ticket, admission.refusal)
    if (ticket.isInLine) this.#advance(ticket.user)
  }

  #over(ticket: Ticket): void {
    ticket.isOver = true
    this.#open.remove(ticket)
    this.#waiting.over(ticket)
  }

  #refuse(ticket: Ticket, unfit: Error): void {
    const queue = this.#queues.get(ticket.user)
    if (ticket.isInLine) queue?.splice(queue.indexOf(ticket), 1)
    ticket.settle.reject(unfit)
    this.#over(ticket)
    this.#context.laneEvents.enqueueAbandoned(ticket.user)
  }

  /** Stores the calls that are admitted, up to the first call that is not checked yet. */
  #advance(user: UserId | null): void {
    const queue = this.#queues.get(user) ?? []
    while (queue[0] !== undefined && queue[0].admitted !== null) {
      const ticket = queue.shift()
      if (ticket !== undefined) this.#store(ticket)
    }
    if (queue.length === 0) this.#queues.delete(user)
  }

  #store(ticket: Ticket): void {
    const { user, draft, admitted, nonce: unique } = ticket
    if (admitted === null || isDropped(this.#context, user)) {
      this.#drop(ticket)
      return
    }
    const { kind, expiresInMs } = draft
    const { payload, creates } = admitted
    const wanted = draftChange(this.#context, user, unique, { kind, payload, creates, expiresInMs })
    const change = this.#isSuperseded(ticket, wanted)
      ? { ...wanted, superseded: true as const }
      : wanted
    ticket.change = change
    const together = this.#together
    if (this.#askedCount === 0 && together.length === 0) {
      this.#ask([ticket], [change])
      return
    }
    together.push(ticket)
    if (together.length === 1) this.#context.boundary.soon(this.askTogether)
    if (together.length === MOST_TOGETHER) this.askTogether()
  }

  /** True if another user took the device during the check: that login dropped only operations already stored (I8). */
  #isSuperseded({ user, deviceEpoch }: Ticket, { deviceScoped }: EnqueueChange): boolean {
    return (
      deviceScoped === true && user !== null && this.#context.lanes.hasLostDevice(user, deviceEpoch)
    )
  }

  /** Asks storage to store the calls that were put together so far. */
  readonly askTogether = (): void => {
    const tickets = this.#together
    if (tickets.length === 0) return
    this.#together = []
    this.#ask(
      tickets,
      tickets.flatMap(({ change }) => change ?? []),
    )
  }

  #ask(tickets: readonly Ticket[], changes: readonly EnqueueChange[]): void {
    this.#askedCount += 1
    this.#context.store.commit(changes, { apart: true }, (answer) => {
      this.#askedCount -= 1
      const faults: unknown[] = []
      tickets.forEach((ticket, index) => {
        // A fault with one call must not leave the others open.
        try {
          this.#stored(ticket, answer.ok ? answer.value[index] : answer.error)
        } catch (fault) {
          faults.push(fault)
        }
      })
      if (faults.length > 0) throw faults[0]
    })
  }

  #stored(ticket: Ticket, answer: Answer | Error | undefined): void {
    const { user, settle, change } = ticket
    const applied = answer instanceof Error || answer?.applied !== true ? null : answer
    const put = applied?.affected[0]
    if (put === undefined || change === null) {
      settle.reject(answer instanceof Error ? answer : notStored(answer))
      this.#over(ticket)
      this.#context.laneEvents.enqueueAbandoned(user)
      return
    }
    this.#context.lanes.countUnstored(user, -1)
    arrive(this.#context, user, rowOf(change, put), ticket.deviceEpoch, applied?.isFirst === true)
    settle.resolve({ id: put.id, dropped: false })
    this.#over(ticket)
  }

  /** Stores nothing of the call, and tells the caller and the listeners (I3). */
  #drop(ticket: Ticket): void {
    const { user, draft, nonce: unique, settle } = ticket
    const id = dropAtOnce(this.#context, draft.kind, unique)
    settle.resolve({ id, dropped: true })
    this.#over(ticket)
    this.#context.laneEvents.enqueueAbandoned(user)
  }
}

/** The error of a call that could not be stored, though others in the same question could. */
function notStored(answer: Answer | undefined): Error {
  const code = answer?.applied === false ? answer.failed : undefined
  const message = 'the operation was not stored'
  return code === undefined ? new Error(message) : new StorageError(code, message)
}

/** True if an operation of this owner is dropped now instead of stored (I3). */
export function isDropped({ pilot, settings }: Context, user: UserId | null): boolean {
  return user === null && dropsAnonymous(settings.anonymous, pilot.requirement)
}

/** Reports that the operation is dropped; nothing of it is stored. Returns the id that it would have had. */
export function dropAtOnce({ report }: Context, kind: string, unique: string): OperationId {
  const id = formatOperationId(NO_LANE, 0, unique)
  report('operation.dropped', { id, user: null, kind, reason: 'anonymous' })
  return id
}
