/**
 * How operations come in (Q1, Q2): the owner is fixed at the call, places follow the order of the calls,
 * and the call resolves after the commit. A schema that takes its time delays the later calls of its
 * owner, never their order.
 */
import { formatOperationId } from '../../../storage/operation-id.ts'
import type { LaneId, OperationId, UserId } from '../../model.ts'
import { checkSchema, type Draft, refusalOf } from './admission.ts'
import { arrive } from './arrive.ts'
import type { Codec, Settle } from '../boundary/boundary.ts'
import { nonce } from '../boundary/chance.ts'
import type { Core } from '../core.ts'
import { draftRow } from './draft-row.ts'
import { payloadOfSize } from '../boundary/rows-codec.ts'

/** What became of it. */
export type Enqueued =
  | { readonly id: OperationId; readonly dropped: false }
  /** An anonymous operation under `required` (I3). */
  | { readonly id: OperationId; readonly dropped: true }

export const draftCodec: Codec<Draft> = {
  write: ({ payload, ...draft }) => ({ ...draft, bytes: Buffer.byteLength(payload) }),
  read: (json) => {
    const { bytes, ...draft } = json as unknown as Omit<Draft, 'payload'> & {
      readonly bytes: number
    }
    return { ...draft, payload: payloadOfSize(bytes) }
  },
}

/** One call, waiting for its schema and for the calls before it. */
interface Ticket {
  readonly user: UserId | null
  readonly draft: Draft
  readonly nonce: string
  /** Whose turn on the device it was (I8). */
  readonly turn: number
  readonly settle: Settle<Enqueued>
  isChecked: boolean
}

/** Somebody who waits for calls to be over. */
interface Waiting {
  readonly left: Set<Ticket>
  readonly run: () => void
}

const NO_LANE = 0 as LaneId

export class Intake {
  readonly #core: Core
  /** Calls that cannot be stored yet, by owner, in the order of the calls. */
  readonly #tickets = new Map<UserId | null, Ticket[]>()
  /** Calls that are not over, by owner, and who waits for those that were made before them. */
  readonly #open = new Map<UserId | null, Set<Ticket>>()
  readonly #waiting = new Set<Waiting>()

  constructor(core: Core) {
    this.#core = core
  }

  /** Hears when every call of this owner that has been made by now is over; at once, if they are. */
  whenStored(user: UserId | null, then: () => void): void {
    const left = new Set(this.#open.get(user))
    if (left.size === 0) then()
    else this.#waiting.add({ left, run: then })
  }

  enqueue(draft: Draft, settle: Settle<Enqueued>): void {
    const { lanes, pilot } = this.#core
    const { user } = pilot
    const refusal = refusalOf(this.#core, draft)
    if (refusal !== null) {
      settle.reject(refusal)
      return
    }
    const ticket: Ticket = {
      user,
      draft,
      nonce: nonce(this.#core),
      turn: lanes.turn,
      settle,
      isChecked: false,
    }
    const line = this.#tickets.get(user)
    if (line === undefined) this.#tickets.set(user, [ticket])
    else line.push(ticket)
    lanes.coming(user, 1)
    this.#openOf(user).add(ticket)
    checkSchema(this.#core, draft, (unfit) => {
      ticket.isChecked = true
      if (unfit !== null) this.#refuse(ticket, unfit)
      this.#advance(user)
    })
  }

  #openOf(user: UserId | null): Set<Ticket> {
    const open = this.#open.get(user) ?? new Set<Ticket>()
    this.#open.set(user, open)
    return open
  }

  #over(ticket: Ticket): void {
    const open = this.#openOf(ticket.user)
    open.delete(ticket)
    if (open.size === 0) this.#open.delete(ticket.user)
    for (const waiting of this.#waiting) {
      waiting.left.delete(ticket)
      if (waiting.left.size > 0) continue
      this.#waiting.delete(waiting)
      waiting.run()
    }
  }

  #refuse(ticket: Ticket, unfit: Error): void {
    const line = this.#tickets.get(ticket.user)
    line?.splice(line.indexOf(ticket), 1)
    ticket.settle.reject(unfit)
    this.#over(ticket)
    this.#cameToNothing(ticket.user)
  }

  #cameToNothing(user: UserId | null): void {
    this.#core.lanes.coming(user, -1)
    this.#core.pilot.cameToNothing(user)
  }

  /** Stores what is checked and has nothing unchecked before it. */
  #advance(user: UserId | null): void {
    const line = this.#tickets.get(user) ?? []
    while (line[0]?.isChecked === true) {
      const ticket = line.shift()
      if (ticket !== undefined) this.#store(ticket)
    }
    if (line.length === 0) this.#tickets.delete(user)
  }

  #store(ticket: Ticket): void {
    const { user, draft, settle } = ticket
    if (isDropped(this.#core, user)) {
      this.#drop(ticket)
      return
    }
    const row = draftRow(this.#core, draft)
    this.#core.store.commit(
      [{ change: 'enqueue', user, nonce: ticket.nonce, ...row }],
      {},
      (answer) => {
        const applied = answer.ok && answer.value[0]?.applied === true ? answer.value[0] : null
        const put = applied?.affected[0]
        if (put === undefined) {
          settle.reject(answer.ok ? new Error('the operation was not stored') : answer.error)
          this.#over(ticket)
          this.#cameToNothing(user)
          return
        }
        const { id, lane, place } = put
        this.#core.lanes.coming(user, -1)
        const isFirst = applied?.isFirst === true
        arrive(this.#core, user, { id, lane, place, ...row }, ticket.turn, isFirst)
        settle.resolve({ id, dropped: false })
        this.#over(ticket)
      },
    )
  }

  /** Nothing is stored of it, and everybody is told (I3). */
  #drop(ticket: Ticket): void {
    const { user, draft, nonce: unique, settle } = ticket
    const id = dropAtOnce(this.#core, draft.kind, unique)
    settle.resolve({ id, dropped: true })
    this.#over(ticket)
    this.#cameToNothing(user)
  }
}

/** Is an operation of this owner dropped instead of stored, as things are? (I3) */
export function isDropped({ pilot, settings }: Core, user: UserId | null): boolean {
  return user === null && pilot.requirement === 'required' && settings.anonymous === 'drop'
}

/** Tells that it is dropped; nothing is stored of it. Answers the id it would have had. */
export function dropAtOnce({ report }: Core, kind: string, unique: string): OperationId {
  const id = formatOperationId(NO_LANE, 0, unique)
  report('operation.dropped', { id, user: null, kind, reason: 'anonymous' })
  return id
}
