/**
 * How operations come in (Q1, Q2): the owner is fixed at the call, places follow the order of the calls,
 * and the call resolves after the commit. A schema that takes its time delays the later calls of its
 * owner, never their order.
 *
 * Where one is on its way to storage already, those that are called for in one go follow it together, as one
 * question: a thousand questions with their answers would take longer than to store them.
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

/** What became of it. */
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
  /** What its kind has stored of it; null: the schema has not answered. */
  admitted: Admitted | null = null
  /** Does it wait for its schema, or for calls before it that do? */
  isInLine = false
  isOver = false
  /** What is to be stored, once that is known. */
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

/** So many at most: a transaction takes a few times as many. */
const MOST_TOGETHER = 128

export interface IntakeParts {
  readonly context: Context
}

export class Intake {
  readonly #context: Context
  /** Calls that cannot be stored yet, by owner, in the order of the calls. */
  readonly #queues = new Map<UserId | null, Ticket[]>()
  /** Calls that are not over, and who waits for those that were made before them. */
  readonly #open = new LinkedList<Ticket>()
  readonly #waiting = new Outstanding<Ticket>()
  /** Questions to storage that are not answered. */
  #askedCount = 0
  /** Calls that follow together. */
  #together: Ticket[] = []

  constructor(parts: IntakeParts) {
    this.#context = parts.context
  }

  /** Hears when every call of this owner that has been made by now is over; at once, if they are. */
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
    this.#abandoned(ticket.user)
  }

  #abandoned(user: UserId | null): void {
    this.#context.lanes.countUnstored(user, -1)
    this.#context.laneEvents.enqueueAbandoned(user)
  }

  /** Stores what is found fit and has nothing unchecked before it. */
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

  /** While its payload was checked another user has taken the device: what that login dropped was stored already (I8). */
  #isSuperseded({ user, deviceEpoch }: Ticket, { deviceScoped }: EnqueueChange): boolean {
    return (
      deviceScoped === true && user !== null && this.#context.lanes.hasLostDevice(user, deviceEpoch)
    )
  }

  /** Asks for what was put together so far. */
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
        // What goes wrong with one of them must not leave the others open.
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
      this.#abandoned(user)
      return
    }
    this.#context.lanes.countUnstored(user, -1)
    arrive(this.#context, user, rowOf(change, put), ticket.deviceEpoch, applied?.isFirst === true)
    settle.resolve({ id: put.id, dropped: false })
    this.#over(ticket)
  }

  /** Nothing is stored of it, and everybody is told (I3). */
  #drop(ticket: Ticket): void {
    const { user, draft, nonce: unique, settle } = ticket
    const id = dropAtOnce(this.#context, draft.kind, unique)
    settle.resolve({ id, dropped: true })
    this.#over(ticket)
    this.#abandoned(user)
  }
}

/** Why this one could not be stored, though others with it could. */
function notStored(answer: Answer | undefined): Error {
  const code = answer?.applied === false ? answer.failed : undefined
  const message = 'the operation was not stored'
  return code === undefined ? new Error(message) : new StorageError(code, message)
}

/** Is an operation of this owner dropped instead of stored, as things are? (I3) */
export function isDropped({ pilot, settings }: Context, user: UserId | null): boolean {
  return user === null && dropsAnonymous(settings.anonymous, pilot.requirement)
}

/** Tells that it is dropped; nothing is stored of it. Answers the id it would have had. */
export function dropAtOnce({ report }: Context, kind: string, unique: string): OperationId {
  const id = formatOperationId(NO_LANE, 0, unique)
  report('operation.dropped', { id, user: null, kind, reason: 'anonymous' })
  return id
}
