/**
 * The kinds as the engine uses them. Each call of an app's own code goes through the boundary, with
 * its answer: a replay has the answers and calls no such code.
 */
import type { OperationRow } from '../../storage/storage.ts'
import { atOnce } from '../app-code.ts'
import { type Boundary, type Codec, plain } from '../engine/boundary/boundary.ts'
import type { Owner } from '../model.ts'
import type { Reply } from '../ports/transport.ts'
import { errorOf, textOf } from '../thrown.ts'
import type { AnyOperationKind, RecordLookup } from './define-operation.ts'
import { interpretReply } from './interpret-reply.ts'
import type { KindFacts } from './kind-facts.ts'
import { type Interpreted, interpretedCodec, interpretedOf, type Misjudged } from './interpreted.ts'
import { type Checked, checkedCodec, Payloads } from './payloads.ts'
import { type Built, builtCodec, render, shortDigest, type Unreadable } from './render-request.ts'

/** The records that an operation creates and needs, by local id (Q12). */
export interface RecordUse {
  readonly creates: readonly string[]
  readonly required: readonly string[]
  readonly optional: readonly string[]
}

/** What a kind's code has said of an operation, once and for all. */
export interface Told {
  readonly mergeKey: string | null
  readonly use: RecordUse | null
}

const NO_RECORDS: RecordUse = { creates: [], required: [], optional: [] }

export class Kinds {
  readonly #boundary: Boundary
  readonly #specs = new Map<string, AnyOperationKind['spec']>()
  readonly #facts: ReadonlyMap<string, KindFacts>
  readonly #payloads: Payloads
  readonly #mergeKeys = new WeakMap<OperationRow, string>()
  readonly #uses = new WeakMap<OperationRow, RecordUse>()

  constructor(boundary: Boundary, kinds: readonly AnyOperationKind[], facts: readonly KindFacts[]) {
    this.#boundary = boundary
    for (const { kind, spec } of kinds) this.#specs.set(kind, spec)
    this.#facts = new Map(facts.map((fact) => [fact.kind, fact]))
    this.#payloads = new Payloads(this.#specs)
  }

  facts(kind: string): KindFacts | undefined {
    return this.#facts.get(kind)
  }

  /** Do operations of this kind merge with neighbours? (Q4) */
  isMerging(kind: string): boolean {
    return (this.#facts.get(kind)?.mergeGroup ?? null) !== null
  }

  /** May operations of this kind create or need records? (Q12) */
  hasRecords(kind: string): boolean {
    return this.#facts.get(kind)?.hasRecords === true
  }

  all(): Iterable<KindFacts> {
    return this.#facts.values()
  }

  /** Does the payload (JSON text) fit its schema? `then` hears why not, or null. */
  check(kind: string, text: string, then: (why: string | null) => void): void {
    this.#pullOrAsk(
      'kind.check',
      checkedCodec,
      () => this.#payloads.check(kind, text),
      (checked: Checked) => then(checked.ok ? null : checked.why),
    )
  }

  /** The same for who cannot wait: why it does not fit, or does not answer at once; or null. */
  checkAtOnce(kind: string, text: string): string | null {
    const checked = this.#boundary.pull('kind.check', checkedCodec, () => {
      const answer = this.#payloads.check(kind, text)
      return answer instanceof Promise ? 'later' : answer
    })
    if (checked === 'later') return 'it does not answer at once'
    return checked.ok ? null : checked.why
  }

  /** The records that an operation of this payload creates and needs (Q12). */
  recordsOf(kind: string, text: string, version: number): RecordUse {
    if (!this.hasRecords(kind)) return NO_RECORDS
    return this.#boundary.pull('kind.records', plain<RecordUse>(), () => {
      const checked = this.#payloads.read(kind, text, version)
      if (checked instanceof Promise || !checked.ok) return NO_RECORDS
      return usedBy(this.#specs.get(kind), checked.payload as never)
    })
  }

  uses(row: OperationRow): RecordUse {
    if (!this.hasRecords(row.kind)) return NO_RECORDS
    const known = this.#uses.get(row)
    if (known !== undefined) return known
    const use =
      this.#unusable(row) === null ? this.recordsOf(row.kind, row.payload, row.version) : NO_RECORDS
    this.#uses.set(row, use)
    return use
  }

  /** For a journal that begins here: it is not asked again. */
  told(row: OperationRow): Told {
    return { mergeKey: this.#mergeKeys.get(row) ?? null, use: this.#uses.get(row) ?? null }
  }

  remember(row: OperationRow, { mergeKey, use }: Told): void {
    if (mergeKey !== null) this.#mergeKeys.set(row, mergeKey)
    if (use !== null) this.#uses.set(row, use)
  }

  /** Makes the request of an envelope. */
  build(
    rows: readonly OperationRow[],
    owner: Owner,
    record: RecordLookup,
    then: (built: Built) => void,
  ): void {
    const unusable = unreadable(rows.map((row) => this.#unusable(row)))
    if (unusable !== null) {
      then(unusable)
      return
    }
    this.#pullOrAsk('kind.build', builtCodec, () => this.#build(rows, owner, record), then)
  }

  /** What this operation merges with: a group and a key, or null where it merges with nothing (Q4). */
  mergeKey(row: OperationRow): string | null {
    const group = this.#facts.get(row.kind)?.mergeGroup
    if (group === undefined || group === null || this.#unusable(row) !== null) return null
    const known = this.#mergeKeys.get(row)
    if (known !== undefined) return known
    // Only whether two are the same decides anything: a journal need not know what they are.
    const key = this.#boundary.pull('kind.mergeKey', plain<string | null>(), () => {
      const made = this.#mergeKeyOf(row)
      return made === null ? null : shortDigest(JSON.stringify([group, made]))
    })
    if (key !== null) this.#mergeKeys.set(row, key)
    return key
  }

  /** What a reply means, by the kind's code or by Q6. */
  interpret(
    kind: string,
    owner: Owner,
    reply: Reply,
    afterUnknown: boolean,
  ): Interpreted | Misjudged {
    return this.#boundary.pull('kind.interpret', interpretedCodec, () => {
      const spec = this.#specs.get(kind)
      const context = { owner, reply: spec?.reply ?? null, afterUnknown }
      try {
        return interpretedOf(atOnce((spec?.interpret ?? interpretReply)(reply, context)), owner)
      } catch (error) {
        return { misjudged: 'threw', cause: errorOf(error) }
      }
    })
  }

  /** What a logout adds for the leaving user: the payload as JSON text, or null (I7). */
  onLogout(kind: string, owner: Owner): string | null {
    return this.#boundary.pull('kind.onLogout', payloadCodec, () => {
      try {
        const payload = this.#specs.get(kind)?.onLogout?.(owner) ?? null
        return payload === null ? null : JSON.stringify(payload)
      } catch {
        return null
      }
    })
  }

  /** Why a stored operation can not even be looked at, or null (Q14). */
  #unusable(row: OperationRow): string | null {
    const facts = this.#facts.get(row.kind)
    if (facts === undefined) return `the kind ${row.kind} is unknown`
    if (row.version === facts.version) return null
    if (row.version < facts.version && facts.hasUpgrade) return null
    return `${row.kind} is stored in version ${row.version}, known is ${facts.version}`
  }

  #build(
    rows: readonly OperationRow[],
    owner: Owner,
    record: RecordLookup,
  ): Built | Promise<Built> {
    const checks = rows.map((row) => this.#payloads.read(row.kind, row.payload, row.version))
    if (checks.some((check) => check instanceof Promise)) {
      const settled = checks.map((check) => Promise.resolve(check))
      return Promise.all(settled).then((checked) => this.#buildOf(rows, owner, record, checked))
    }
    return this.#buildOf(rows, owner, record, checks as Checked[])
  }

  #buildOf(
    rows: readonly OperationRow[],
    owner: Owner,
    record: RecordLookup,
    checks: readonly Checked[],
  ): Built {
    const [head] = rows
    const spec = head === undefined ? undefined : this.#specs.get(head.kind)
    if (head === undefined || spec === undefined) return thrown('kind.build', 'no kind')
    const invalid = unreadable(checks.map((check) => (check.ok ? null : check.why)))
    if (invalid !== null) {
      const failed = checks.map((check) => (check.ok ? null : (check.thrown ?? null)))
      return { ...invalid, thrown: failed.find((error) => error !== null) ?? null }
    }
    const payloads = checks.map((check) => (check.ok ? check.payload : null) as never)
    const operations = rows.map(({ id, kind }) => ({ id, kind }))
    try {
      const request =
        spec.merge === undefined
          ? spec.request({ payload: payloads[0] as never, owner, id: head.id, record })
          : spec.merge.combine(payloads, { owner, operations, record })
      return request === null
        ? { state: 'nothing' }
        : { state: 'request', request: render(atOnce(request)) }
    } catch (error) {
      const why = `${head.kind}: its request could not be made: ${textOf(error)}`
      return thrown('kind.build', why, errorOf(error))
    }
  }

  #mergeKeyOf(row: OperationRow): string | null {
    const checked = this.#payloads.read(row.kind, row.payload, row.version)
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
    if (value !== 'later') then(value as T)
    else this.#ask(name, codec, () => promised as Promise<T>, then)
  }

  #ask<T>(
    name: string,
    codec: Codec<T | 'later'>,
    put: () => Promise<T>,
    then: (value: T) => void,
  ): void {
    const question = { name, args: () => null, codec, put }
    this.#boundary.ask<T | 'later'>(question, (answer) => {
      then(
        answer.ok
          ? (answer.value as T)
          : thrown(name, `its schema threw ${answer.error.name}`, answer.error),
      )
    })
  }
}

/** Of a payload only that there is one, and its size. */
const payloadCodec: Codec<string | null> = {
  write: (text) => (text === null ? null : { bytes: Buffer.byteLength(text) }),
  read: (json) => (json === null ? null : '{}'.padEnd((json as { readonly bytes: number }).bytes)),
}

function usedBy(spec: AnyOperationKind['spec'] | undefined, payload: never): RecordUse {
  try {
    const { required = [], optional = [] } = spec?.needs?.(payload) ?? {}
    return { creates: spec?.creates?.(payload) ?? [], required, optional }
  } catch {
    return NO_RECORDS
  }
}

function thrown<T>(name: string, why: string, error: Error | null = null): T {
  const unusable = { state: 'unreadable', why, which: [], thrown: error } satisfies Built
  return (name === 'kind.check' ? { ok: false, why } : unusable) as T
}

/** Of each operation why it cannot be read, or null. */
function unreadable(reasons: readonly (string | null)[]): Unreadable | null {
  const why = reasons.find((reason) => reason !== null) ?? null
  if (why === null) return null
  const which = reasons.flatMap((reason, index) => (reason === null ? [] : [index]))
  return { state: 'unreadable', why, which, thrown: null }
}
