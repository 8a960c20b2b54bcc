/** What an invariant is, and what most of them need. */
import type { SeenRequest } from '../scripted-server.ts'
import type { StoredOperation } from '../stored-rows.ts'
import type { RunRecord } from './run-record.ts'

/** When the invariants are asked: whenever the world rests, at the end of the run, and after `close()`. */
export type Moment = 'rest' | 'end' | 'closed'

/**
 * One invariant. It is called once for a run, and answers what is to be asked at each moment: that
 * remembers how far it has looked, and answers the evidence of each violation that it has found since.
 */
export type Invariant = (run: RunRecord) => (moment: Moment) => readonly unknown[]

/** Answers, each time, what has been added to a list that only grows. */
export function additionsTo<T>(list: readonly T[]): () => readonly T[] {
  let seen = 0
  return () => {
    if (seen === list.length) return []
    const added = list.slice(seen)
    seen = list.length
    return added
  }
}

/** Judges anew only when the rows or what `status()` shows have changed. */
export function onChange(
  run: RunRecord,
  judge: () => readonly unknown[],
): () => readonly unknown[] {
  let revision = -1
  let status: unknown = null
  return () => {
    if (run.rows.revision === revision && run.status === status) return []
    revision = run.rows.revision
    status = run.status
    return judge()
  }
}

interface Followed {
  /** A request was sent; the ones before it that are over by now have ended. */
  readonly sent?: (request: SeenRequest) => void
  /** It is over for the client: replied to, broken, given up, or its process died. */
  readonly ended?: (request: SeenRequest) => void
}

/** Follows the requests from their sending to their end, as near to the order of things as it can be known. */
export function follow(run: RunRecord, { sent, ended }: Followed): () => void {
  const added = additionsTo(run.requests)
  let open: SeenRequest[] = []
  const settle = () => {
    if (!open.some((request) => isOver(run, request))) return
    open = open.filter((request) => {
      if (!isOver(run, request)) return true
      ended?.(request)
      return false
    })
  }
  return () => {
    settle()
    for (const request of added()) {
      sent?.(request)
      open.push(request)
      settle()
    }
  }
}

export function isOver({ lives }: RunRecord, request: SeenRequest): boolean {
  const { endedAt, givenUpAt, client } = request
  return endedAt !== null || givenUpAt !== null || hasEnded(lives, client.life)
}

/** Is the life of this index over? */
export function hasEnded(lives: RunRecord['lives'], life: number): boolean {
  return lives[life]?.endedAt !== null
}

/** Did the app let forget this user, in this span of time? (I12) */
export function isForgotten(
  { calls }: RunRecord,
  user: string | null,
  { from = 0, to = Number.POSITIVE_INFINITY } = {},
): boolean {
  return calls.some(
    (call) => call.name === 'forget' && call.user === user && call.at >= from && call.at <= to,
  )
}

/** Is there no process but the first one, in all of the run? */
export function isAlone({ lives }: Pick<RunRecord, 'lives'>): boolean {
  return lives.every(({ process }) => process === 'main')
}

/** The operation that this user has pending first; null: nothing is. */
export function headOf(
  { rows }: Pick<RunRecord, 'rows'>,
  user: string | null,
): StoredOperation | null {
  let head: StoredOperation | null = null
  for (const row of rows.pending.values()) {
    if (row.user === user && (head === null || row.place < head.place)) head = row
  }
  return head
}

export function isRead({ kind }: SeenRequest): boolean {
  return kind === 'read'
}

/** A request, as evidence. */
export function show({ at, user, kind, ops, token, key, status }: SeenRequest): object {
  return { at, user, kind, ops, token, key, status }
}
