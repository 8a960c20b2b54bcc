/**
 * The kinds as the engine uses them. Each call of an app's own code goes through the boundary, with
 * its answer: a replay has the answers and calls no such code.
 */
import { createHash } from 'node:crypto'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { OperationRow } from '../../storage/storage.ts'
import { type Boundary, type Codec, plain } from '../engine/boundary.ts'
import type { Json } from '../journal/lines.ts'
import type { Owner } from '../model.ts'
import type { Reply } from '../ports/transport.ts'
import type { AnyOperationKind, Interpretation, RequestSpec } from './define-operation.ts'
import { interpretReply } from './interpret-reply.ts'

/** What a kind declares, as plain data. */
export interface KindFacts {
  readonly kind: string
  readonly version: number
  readonly reply: 'json' | 'any'
  readonly expiresInMs: number | null
  /** Null: operations of this kind never merge. */
  readonly mergeGroup: string | null
}

/** What goes out, made by a kind's code. */
export interface BuiltRequest {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | null
}

export type Built =
  | { readonly state: 'request'; readonly request: BuiltRequest }
  /** `combine` needs no request: all are completed at once (Q4). */
  | { readonly state: 'nothing' }
  /** The stored payload, or the kind's code, is of no use any more (Q14). */
  | { readonly state: 'unreadable'; readonly why: string }

type Checked =
  { readonly ok: true; readonly payload: unknown } | { readonly ok: false; readonly why: string }

const NO_REQUEST: BuiltRequest = { method: '', path: '', headers: {}, body: null }

/** A replay knows whether there was a request, not which. */
const builtCodec: Codec<Built | 'later'> = {
  write: (built) => {
    if (built === 'later') return 'later'
    if (built.state !== 'request') return { state: built.state }
    const { body } = built.request
    return { state: 'request', body: body === null ? null : digestOf(body) }
  },
  read: (json) => {
    if (json === 'later') return 'later'
    const { state } = json as { readonly state: Built['state'] }
    if (state === 'request') return { state, request: NO_REQUEST }
    return state === 'nothing' ? { state } : { state, why: 'replayed' }
  },
}

const checkedCodec: Codec<Checked | 'later'> = {
  write: (checked) => (checked === 'later' ? checked : checked.ok ? 'valid' : 'invalid'),
  read: (json) => {
    if (json === 'later') return 'later'
    return json === 'valid' ? { ok: true, payload: null } : { ok: false, why: 'replayed' }
  },
}

export class Kinds {
  readonly #boundary: Boundary
  readonly #specs = new Map<string, AnyOperationKind['spec']>()
  readonly #facts: ReadonlyMap<string, KindFacts>
  readonly #mergeKeys = new WeakMap<OperationRow, string>()

  constructor(boundary: Boundary, kinds: readonly AnyOperationKind[], facts: readonly KindFacts[]) {
    this.#boundary = boundary
    for (const { kind, spec } of kinds) this.#specs.set(kind, spec)
    this.#facts = new Map(facts.map((fact) => [fact.kind, fact]))
  }

  facts(kind: string): KindFacts | undefined {
    return this.#facts.get(kind)
  }

  /** Does the payload (JSON text) fit its schema? `then` hears why not, or null. */
  check(kind: string, text: string, then: (why: string | null) => void): void {
    const finish = (checked: Checked) => then(checked.ok ? null : checked.why)
    this.#pullOrAsk('kind.check', checkedCodec, () => this.#validate(kind, text), finish)
  }

  /** Makes the request of an envelope. */
  build(rows: readonly OperationRow[], owner: Owner, then: (built: Built) => void): void {
    const unusable = rows.map((row) => this.#unusable(row)).find((why) => why !== null)
    if (unusable !== undefined && unusable !== null) {
      then({ state: 'unreadable', why: unusable })
      return
    }
    this.#pullOrAsk('kind.build', builtCodec, () => this.#build(rows, owner), then)
  }

  /** What this operation merges with: a group and a key, or null where it merges with nothing (Q4). */
  mergeKey(row: OperationRow): string | null {
    const group = this.#facts.get(row.kind)?.mergeGroup
    if (group === undefined || group === null || this.#unusable(row) !== null) return null
    const known = this.#mergeKeys.get(row)
    if (known !== undefined) return known
    const key = this.#boundary.pull('kind.mergeKey', plain<string | null>(), () =>
      this.#mergeKeyOf(row),
    )
    if (key === null) return null
    const full = JSON.stringify([group, key])
    this.#mergeKeys.set(row, full)
    return full
  }

  /** What a reply means, by the kind's code or by Q6; null: that code threw. */
  interpret(
    kind: string,
    owner: Owner,
    reply: Reply,
    afterUnknown: boolean,
  ): Interpretation | null {
    return this.#boundary.pull('kind.interpret', plain<Interpretation | null>(), () => {
      const spec = this.#specs.get(kind)
      const context = { owner, reply: spec?.reply ?? 'json', afterUnknown }
      try {
        return refuseMalformed((spec?.interpret ?? interpretReply)(reply, context))
      } catch {
        return null
      }
    })
  }

  #unusable(row: OperationRow): string | null {
    const facts = this.#facts.get(row.kind)
    if (facts === undefined) return `the kind ${row.kind} is unknown`
    if (row.version === facts.version) return null
    return `${row.kind} is stored in version ${row.version}, known is ${facts.version}`
  }

  #validate(kind: string, text: string): Checked | Promise<Checked> {
    const schema = this.#specs.get(kind)?.payload
    if (schema === undefined) return { ok: false, why: `the kind ${kind} is unknown` }
    try {
      const result = schema['~standard'].validate(JSON.parse(text))
      return result instanceof Promise ? result.then(checkedOf) : checkedOf(result)
    } catch (error) {
      return { ok: false, why: `the schema of ${kind} threw ${String(error)}` }
    }
  }

  #build(rows: readonly OperationRow[], owner: Owner): Built | Promise<Built> {
    const checks = rows.map((row) => this.#validate(row.kind, row.payload))
    if (checks.some((check) => check instanceof Promise)) {
      const settled = checks.map((check) => Promise.resolve(check))
      return Promise.all(settled).then((checked) => this.#buildOf(rows, owner, checked))
    }
    return this.#buildOf(rows, owner, checks as Checked[])
  }

  #buildOf(rows: readonly OperationRow[], owner: Owner, checks: readonly Checked[]): Built {
    const head = rows[0]
    const spec = head === undefined ? undefined : this.#specs.get(head.kind)
    if (head === undefined || spec === undefined) return { state: 'unreadable', why: 'no kind' }
    const payloads: never[] = []
    for (const check of checks) {
      if (!check.ok) return { state: 'unreadable', why: check.why }
      payloads.push(check.payload as never)
    }
    try {
      const request =
        spec.merge === undefined
          ? spec.request({ payload: payloads[0] as never, owner, id: head.id })
          : spec.merge.combine(payloads, owner)
      return request === null
        ? { state: 'nothing' }
        : { state: 'request', request: render(request) }
    } catch (error) {
      return {
        state: 'unreadable',
        why: `${head.kind}: its request could not be made: ${String(error)}`,
      }
    }
  }

  #mergeKeyOf(row: OperationRow): string | null {
    const checked = this.#validate(row.kind, row.payload)
    const merge = this.#specs.get(row.kind)?.merge
    if (checked instanceof Promise || !checked.ok || merge === undefined) return null
    try {
      return String(merge.key(checked.payload as never))
    } catch {
      return null
    }
  }

  /** Most code answers at once; what answers with a promise is asked for as a thing of its own. */
  #pullOrAsk<T>(
    name: string,
    codec: Codec<T | 'later'>,
    take: () => T | Promise<T>,
    then: (value: T) => void,
  ): void {
    let promised: Promise<T> | undefined
    const value = this.#boundary.pull<T | 'later'>(name, codec, () => {
      const taken = take()
      if (!(taken instanceof Promise)) return taken
      promised = taken
      return 'later'
    })
    if (value !== 'later') {
      then(value as T)
      return
    }
    const question = { name, args: () => null, codec, put: () => promised as Promise<T> }
    this.#boundary.ask<T | 'later'>(question, (answer) => {
      then(answer.ok ? (answer.value as T) : this.#thrown(name, answer.error))
    })
  }

  #thrown<T>(name: string, error: Error): T {
    const why = `its schema threw ${error.name}`
    return (name === 'kind.check' ? { ok: false, why } : { state: 'unreadable', why }) as T
  }
}

/** The facts about each kind, as they stand in a journal's header. */
export function factsOf(kinds: readonly AnyOperationKind[]): KindFacts[] {
  return kinds.map(({ kind, spec }) => ({
    kind,
    version: spec.version ?? 1,
    reply: spec.reply ?? 'json',
    expiresInMs: spec.expiresInMs ?? null,
    mergeGroup: spec.merge === undefined ? null : (spec.merge.group ?? kind),
  }))
}

/** The size of a text in bytes, and the beginning of its SHA-256. */
export function digestOf(text: string): Json {
  const sha256 = createHash('sha256').update(text).digest('base64url').slice(0, 22)
  return { bytes: Buffer.byteLength(text), sha256 }
}

function checkedOf(result: StandardSchemaV1.Result<unknown>): Checked {
  if (result.issues === undefined) return { ok: true, payload: result.value }
  const why = result.issues.map(({ path = [], message }) => {
    const where = path.map((part) => String(typeof part === 'object' ? part.key : part)).join('.')
    return where === '' ? message : `${where}: ${message}`
  })
  return { ok: false, why: why.join('; ') }
}

function render({ method, path, query, body, headers = {} }: RequestSpec): BuiltRequest {
  const search = query === undefined ? '' : `?${new URLSearchParams(query).toString()}`
  const lowered = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])
  return {
    method,
    path: path + search,
    headers: Object.fromEntries(lowered),
    body: body === undefined ? null : JSON.stringify(body),
  }
}

const OUTCOMES: ReadonlySet<string> = new Set(['accepted', 'retry', 'refused-token', 'rejected'])

function refuseMalformed(interpretation: Interpretation): Interpretation {
  const { outcome, reason } = interpretation
  if (!OUTCOMES.has(outcome)) throw new TypeError(`interpret answered the outcome ${outcome}`)
  return reason === undefined ? { outcome } : { outcome, reason }
}
