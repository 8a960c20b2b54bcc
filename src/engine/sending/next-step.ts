/**
 * Decides the next step of an attempt from the known facts. An attempt asks four times, each time with more facts: at the
 * head, with its records, with the token, and with the request. Pure: the functions only ask `facts`, in the order in
 * which they are written.
 */
import type { OperationRow } from '../../../storage/rows.ts'
import type { Built, Unreadable } from '../../operations/render-request.ts'
import type { Lane } from '../lanes/lane.ts'
import { READY, type RecordState } from '../stored/records.ts'
import type { Envelope } from './envelope.ts'

/** The facts of a lane that the steps ask for. */
export interface HeadFacts {
  /** True if the envelope at the head may need rows that are not in memory. */
  needsMore(lane: Lane, head: OperationRow): boolean
  /** True if the head waits after a failure (Q7). */
  mustWait(lane: Lane): boolean
  /** An operation that would be sent, but is past its own time (Q8). */
  expired(lane: Lane, head: OperationRow): OperationRow | undefined
  /** True if another user has the device by now (I8). */
  isSuperseded(lane: Lane, head: OperationRow): boolean
  /** True if the server may have forgotten the key of an envelope whose outcome is unknown (Q5). */
  isTooOld(lane: Lane, head: OperationRow): boolean
}

export interface TokenFacts {
  /** True if the lane may send: it has no holds, and it has a token if the server demands a token (T9). */
  hasToken(lane: Lane): boolean
  /** How long the head still waits for neighbours to merge with, in ms (Q4). */
  collectMs(lane: Lane, envelope: Envelope): number
  /** True if the envelope must be in storage before it is first sent (Q5, Q8, I3). */
  mustBeRecorded(lane: Lane, envelope: Envelope): boolean
}

export interface RequestFacts {
  hasToken(lane: Lane): boolean
  /** True if this operation must not be sent, or not be sent again (Q8, I8). */
  isOver(lane: Lane, row: OperationRow): boolean
}

type End = { readonly step: 'end' }
type Again = { readonly step: 'again' }

export type HeadStep =
  | End
  /** More rows must be read from storage. */
  | { readonly step: 'load' }
  | {
      readonly step: 'drop'
      readonly row: OperationRow
      readonly reason: 'expired' | 'superseded'
    }
  | { readonly step: 'buryUnknown'; readonly head: OperationRow }
  /** Payloads are upgraded to the current version, and the records are looked up. */
  | { readonly step: 'prepare' }

export type RecordStep =
  | { readonly step: 'proceed' }
  | { readonly step: 'buryUnreadable' }
  /** Another lane must create the record first. */
  | { readonly step: 'awaitRecord'; readonly local: string }
  | { readonly step: 'buryDependent'; readonly locals: readonly string[] }

export type TokenStep =
  | End
  | Again
  | { readonly step: 'collect'; readonly waitMs: number }
  | { readonly step: 'record'; readonly envelope: Envelope }
  | { readonly step: 'build'; readonly envelope: Envelope }

export type RequestStep =
  | End
  | Again
  | { readonly step: 'buryUnreadable'; readonly why: Unreadable }
  | { readonly step: 'complete' }
  | { readonly step: 'send'; readonly request: Extract<Built, { state: 'request' }>['request'] }

const END: End = { step: 'end' }
const AGAIN: Again = { step: 'again' }
const LOAD: HeadStep = { step: 'load' }
const PREPARE: HeadStep = { step: 'prepare' }
const PROCEED: RecordStep = { step: 'proceed' }
const BURY_UNREADABLE: RecordStep = { step: 'buryUnreadable' }
const COMPLETE: RequestStep = { step: 'complete' }

export function stepAtHead(lane: Lane, facts: HeadFacts): HeadStep {
  const { head } = lane
  if (head === undefined || facts.needsMore(lane, head)) return LOAD
  if (facts.mustWait(lane)) return END
  const expired = facts.expired(lane, head)
  if (expired !== undefined) return { step: 'drop', row: expired, reason: 'expired' }
  if (facts.isSuperseded(lane, head)) return { step: 'drop', row: head, reason: 'superseded' }
  if (facts.isTooOld(lane, head)) return { step: 'buryUnknown', head }
  return PREPARE
}

/** `states`: the record states of the operations at the head that stay together. The first not ready decides (Q12). */
export function stepWithRecords(states: readonly RecordState[]): RecordStep {
  const decisive = states.find(({ state }) => state !== 'ready') ?? READY
  switch (decisive.state) {
    case 'ready':
      return PROCEED
    case 'unreadable':
      return BURY_UNREADABLE
    case 'awaited':
      return { step: 'awaitRecord', local: decisive.local }
    case 'lost':
      return { step: 'buryDependent', locals: decisive.locals }
  }
}

/** `formed`: forms the envelope at the head; it answers null if the rows of the envelope are not in memory. */
export function stepWithToken(
  lane: Lane,
  facts: TokenFacts,
  formed: () => Envelope | null,
): TokenStep {
  if (!facts.hasToken(lane)) return END
  const envelope = formed()
  if (envelope === null) return AGAIN
  const waitMs = facts.collectMs(lane, envelope)
  if (waitMs > 0) return { step: 'collect', waitMs }
  const isReady = envelope.isRecorded || !facts.mustBeRecorded(lane, envelope)
  return { step: isReady ? 'build' : 'record', envelope }
}

/** The code of the kind may have taken long, so `facts` is asked again (E6, Q8, I8). */
export function stepWithRequest(
  lane: Lane,
  members: readonly OperationRow[],
  built: Built,
  facts: RequestFacts,
): RequestStep {
  switch (built.state) {
    case 'unreadable':
      return { step: 'buryUnreadable', why: built }
    case 'nothing':
      return COMPLETE
    case 'request':
      if (members.some((row) => facts.isOver(lane, row))) return AGAIN
      return facts.hasToken(lane) ? { step: 'send', request: built.request } : END
  }
}
