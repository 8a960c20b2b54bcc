/**
 * Every key the server saw belongs to an enqueued operation or to a recorded envelope, with the body
 * that its kind makes of what the app enqueued.
 */
import { isDeepStrictEqual } from 'node:util'
import type { OperationId, UserId } from '../../model.ts'
import type {
  AnyOperationKind,
  MergeInput,
  RecordLookups,
} from '../../operations/define-operation.ts'
import type { SeenRequest } from '../scripted-server.ts'
import { additionsTo, follow, type Invariant, isRead, show } from './invariant.ts'
import type { RunRecord } from './run-record.ts'

export const noPhantom: Invariant = (run) => {
  const acknowledged = additionsTo(run.acknowledged)
  const payloads = new Map<string, unknown>()
  /** What the server has called each record that was created under a local id, by whomever (Q12). */
  const records = new Map<string, string[]>()
  let violations: unknown[] = []
  const followRequests = follow(run, {
    sent: (request) => {
      if (request.applied) learnRecord(records, request)
      if (isRead(request)) return
      const why = phantomOf(run, request) ?? bodyFault(run, request, payloads, records)
      if (why !== null) violations.push({ ...show(request), why })
    },
  })
  return () => {
    violations = []
    for (const { id, call } of acknowledged()) {
      // What a schema has drawn is known from storage alone (Q14).
      if (call.draft?.kind !== 'stamp') payloads.set(id, call.draft?.payload)
    }
    followRequests()
    return violations
  }
}

function phantomOf({ rows }: RunRecord, { ids, key }: SeenRequest): string | null {
  if (ids.length === 0) return 'it carries no operation'
  if (!ids.every((id) => rows.known.has(id))) return 'an operation was never stored'
  if (ids.length === 1 && keysOf(rows, ids[0] ?? '').includes(key)) return null
  const recorded = rows.keys.get(key)
  if (recorded === undefined) return 'no envelope was recorded under its key'
  return isDeepStrictEqual(recorded.ids, ids) ? null : `recorded were ${recorded.ids.join(', ')}`
}

/** The keys that an operation may be sent under alone: each replaced payload has its own (Q9). */
function keysOf({ replaced }: RunRecord['rows'], id: string): readonly string[] {
  const revisions = Array.from({ length: replaced.get(id) ?? 0 }, (_, n) => `${id}~${n + 1}`)
  return [id, ...revisions]
}

/** Null where the body is as it must be, or where this cannot be told (Q14: an older version). */
function bodyFault(
  { rows, kinds, lives }: RunRecord,
  { ids, kind, user, body, client }: SeenRequest,
  payloads: ReadonlyMap<string, unknown>,
  records: ReadonlyMap<string, readonly string[]>,
): string | null {
  const spec = kinds.get(kind)?.spec
  const stored = ids.map((id) => rows.known.get(id))
  if (spec === undefined) return `there is no kind ${kind}`
  const version = lives[client.life]?.versions.get(kind)
  if (stored.some((operation) => operation?.version !== version)) return null
  const made = ids.map((id) =>
    payloads.has(id) && !rows.replaced.has(id)
      ? payloads.get(id)
      : (JSON.parse(rows.known.get(id)?.payload ?? '') as unknown),
  )
  const operations = ids.map((id) => ({ id: id as OperationId, kind }))
  const owner = { user: user as UserId | null }
  // A record is called by its local id, by what the server has called it, or, if it failed, not at all.
  const same = (id: string) => id
  const own: RecordLookups = { record: same, optionalRecord: same }
  const most = Math.max(0, ...[...records.values()].map((remotes) => remotes.length))
  const translated = Array.from({ length: most }, (_, nth): RecordLookups => {
    const remote = (id: string) => records.get(id)?.[nth] ?? id
    return { record: remote, optionalRecord: remote }
  })
  const lookups: RecordLookups[] = [own, ...translated, { ...own, optionalRecord: () => null }]
  const expected = (known: RecordLookups) => bodyOf(spec, made, { owner, operations, ...known })
  if (lookups.some((known) => isDeepStrictEqual(expected(known), body))) return null
  return `its body is ${JSON.stringify(body)}, expected was ${JSON.stringify(expected(own))}`
}

function bodyOf(
  { merge, request }: AnyOperationKind['spec'],
  payloads: readonly unknown[],
  input: MergeInput,
): unknown {
  const { operations, ...rest } = input
  const id = operations[0]?.id ?? ('' as OperationId)
  const spec =
    merge === undefined
      ? request({ payload: payloads[0] as never, id, ...rest })
      : merge.combine(payloads as never[], input)
  return JSON.parse(JSON.stringify(spec?.body ?? null))
}

function learnRecord(records: Map<string, string[]>, { body, created }: SeenRequest): void {
  const { record } = (body ?? {}) as { readonly record?: string }
  if (created !== null && record !== undefined) {
    records.set(record, [...(records.get(record) ?? []), created])
  }
}
