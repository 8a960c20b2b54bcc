/**
 * How operations come in (Q1, Q2): the owner is fixed at the call, places follow the order of the calls,
 * and the call resolves after the commit. A schema that takes its time delays the later calls of its
 * owner, never their order.
 */
import type { OperationRow } from '../../storage/storage.ts'
import { formatOperationId } from '../../storage/operation-id.ts'
import { asHoldfastError, HoldfastError } from '../errors.ts'
import type { LaneId, OperationId, UserId } from '../model.ts'
import type { Codec, Settle } from './boundary.ts'
import { nonce } from './chance.ts'
import type { Core } from './core.ts'
import { payloadOfSize } from './rows-codec.ts'

/** What `enqueue()` was called with. */
export interface Draft {
  readonly kind: string
  /** JSON text. */
  readonly payload: string
  readonly expiresInMs: number | null
}

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
  readonly settle: Settle<Enqueued>
  isChecked: boolean
}

const NO_LANE = 0 as LaneId

export class Intake {
  readonly #core: Core
  /** Calls that cannot be stored yet, by owner, in the order of the calls. */
  readonly #tickets = new Map<UserId | null, Ticket[]>()
  /** Stored, as far as is known, or about to be. */
  #underWay = 0

  constructor(core: Core) {
    this.#core = core
  }

  enqueue(draft: Draft, settle: Settle<Enqueued>): void {
    const { kinds, settings, lanes, pilot } = this.#core
    const { user } = pilot
    if (kinds.facts(draft.kind) === undefined) {
      settle.reject(new HoldfastError('UNKNOWN_KIND', unknownKind(draft.kind)))
      return
    }
    const bytes = Buffer.byteLength(draft.payload)
    if (bytes > settings.maxPayloadBytes) {
      const message = `the payload of ${draft.kind} has ${bytes} bytes, maxPayloadBytes is ${settings.maxPayloadBytes}`
      settle.reject(new HoldfastError('PAYLOAD_TOO_LARGE', message))
      return
    }
    if (lanes.count('pending') + this.#underWay >= settings.maxPending) {
      const message = `${settings.maxPending} operations are pending, as many as maxPending allows`
      settle.reject(new HoldfastError('QUEUE_FULL', message, { retryable: true }))
      return
    }
    const ticket: Ticket = { user, draft, nonce: nonce(this.#core), settle, isChecked: false }
    const line = this.#tickets.get(user)
    if (line === undefined) this.#tickets.set(user, [ticket])
    else line.push(ticket)
    this.#underWay += 1
    kinds.check(draft.kind, draft.payload, (why) => {
      ticket.isChecked = true
      if (why !== null) this.#refuse(ticket, why)
      this.#advance(user)
    })
  }

  /** Is no call under way? */
  get isIdle(): boolean {
    return this.#underWay === 0
  }

  #refuse(ticket: Ticket, why: string): void {
    const line = this.#tickets.get(ticket.user)
    line?.splice(line.indexOf(ticket), 1)
    this.#underWay -= 1
    const message = `the payload of ${ticket.draft.kind} does not fit its schema: ${why}`
    ticket.settle.reject(new HoldfastError('INVALID_PAYLOAD', message))
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
    const { boundary, kinds, settings, pilot } = this.#core
    const { user, draft, settle } = ticket
    if (user === null && pilot.requirement === 'required' && settings.anonymous === 'drop') {
      this.#drop(ticket)
      return
    }
    const facts = kinds.facts(draft.kind)
    const expiresInMs = draft.expiresInMs ?? facts?.expiresInMs ?? null
    const row = {
      kind: draft.kind,
      version: facts?.version ?? 1,
      payload: draft.payload,
      enqueuedAt: boundary.wall,
      expiresAt: expiresInMs === null ? null : boundary.wall + expiresInMs,
    }
    this.#core.store.commit(
      [{ change: 'enqueue', user, nonce: ticket.nonce, ...row }],
      {},
      (answer) => {
        this.#underWay -= 1
        const put = answer.ok && answer.value[0]?.applied ? answer.value[0].affected[0] : undefined
        if (put === undefined) {
          settle.reject(answer.ok ? new Error('the operation was not stored') : answer.error)
          return
        }
        const { id, lane, place } = put
        this.#arrived(user, { id, lane, place, ...row })
        settle.resolve({ id, dropped: false })
      },
    )
  }

  /** Nothing is stored of it, and everybody is told (I3). */
  #drop({ user, draft, nonce: unique, settle }: Ticket): void {
    this.#underWay -= 1
    const id = formatOperationId(NO_LANE, 0, unique)
    this.#core.report('operation.dropped', { id, user, kind: draft.kind, reason: 'anonymous' })
    settle.resolve({ id, dropped: true })
  }

  #arrived(user: UserId | null, row: OperationRow): void {
    const { lanes, pilot, report } = this.#core
    const line = lanes.make({ lane: row.lane, user, pending: 0, letters: 0, soloThrough: 0 })
    line.arrived(row)
    report('operation.enqueued', { id: row.id, user, kind: row.kind })
    if (line.pending === 1) pilot.arrived(line)
  }
}

function unknownKind(kind: string): string {
  return `the kind ${kind} is unknown; give its definition to createHoldfast({ operations })`
}

/** The payload as JSON text. @throws HoldfastError `INVALID_PAYLOAD` where it is not JSON. */
export function payloadText(kind: string, payload: unknown): string {
  let text: string | undefined
  try {
    text = JSON.stringify(payload)
  } catch (error) {
    throw asHoldfastError(error, 'INVALID_PAYLOAD', `the payload of ${kind} is not JSON`)
  }
  if (text === undefined) {
    throw new HoldfastError('INVALID_PAYLOAD', `the payload of ${kind} is not JSON`)
  }
  return text
}
