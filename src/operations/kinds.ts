/**
 * The kinds as the engine uses them. Each call of an app's own code goes through the boundary, with
 * its answer: a replay has the answers and calls no such code.
 */
import type { OperationRow } from '../../storage/rows.ts'
import { appCodeFailed, atOnce } from '../app-code.ts'
import { type Boundary, type Codec, plain } from '../engine/boundary/boundary.ts'
import { readError, writeError } from '../engine/boundary/error-codec.ts'
import { payloadOfSize } from '../engine/boundary/rows-codec.ts'
import { asHoldfastError, HoldfastError } from '../errors.ts'
import type { HoldfastEvents } from '../events.ts'
import type { Json } from '../journal/lines.ts'
import type { Owner } from '../model.ts'
import type { Reply } from '../ports/transport.ts'
import { errorOf, textOf } from '../thrown.ts'
import type { Checked } from './checked.ts'
import type { AnyOperationKind } from './define-operation.ts'
import { interpretReply } from './interpret-reply.ts'
import type { KindFacts } from './kind-facts.ts'
import { type Interpreted, interpretedCodec, interpretedOf, type Misjudged } from './interpreted.ts'
import { payloadText } from './payload-text.ts'
import { type Given, Payloads, type Storable, storableCodec } from './payloads.ts'
import { type RecordLookup, recordLookups } from './record-lookups.ts'
import {
  NO_RECORDS,
  type RecordUse,
  recordUse,
  unknownUse,
  type UnknownUse,
  useCodec,
} from './record-use.ts'
import { type Built, builtCodecOf, render, type Unreadable } from './render-request.ts'

/** What a kind's code has said of an operation, once and for all. */
export interface KindAnswers {
  /** False: the code threw. Null: nobody has asked. */
  readonly mergeKey: string | false | null
  /** As a journal has it. Null: nobody has asked. */
  readonly use: Json
}

type ReportError = (name: 'error', detail: HoldfastEvents['error']) => void

export interface KindsParts {
  readonly boundary: Boundary
  readonly kinds: readonly AnyOperationKind[]
  readonly facts: readonly KindFacts[]
  readonly report: ReportError
}

export class Kinds {
  readonly #boundary: Boundary
  readonly #builtCodec: Codec<Built | 'later'>
  readonly #specs = new Map<string, AnyOperationKind['spec']>()
  readonly #facts: ReadonlyMap<string, KindFacts>
  readonly #payloads: Payloads
  /** True if a kind can bring older payloads to its version. */
  readonly canUpgrade: boolean
  readonly #report: ReportError
  /** False: the code threw, and the operation merges with nothing. */
  readonly #mergeKeys = new WeakMap<OperationRow, string | false>()
  readonly #uses = new WeakMap<OperationRow, RecordUse | UnknownUse>()
  /** The payloads of the last requests, as the schema answers them: a schema may not answer at once a second time. */
  readonly #sentPayloads = new WeakMap<OperationRow, unknown>()

  /** `report` tells the app of an exception of the code of a kind. */
  constructor({ boundary, kinds, facts, report }: KindsParts) {
    this.#boundary = boundary
    this.#builtCodec = builtCodecOf(boundary)
    this.#report = report
    for (const { kind, spec } of kinds) this.#specs.set(kind, spec)
    this.#facts = new Map(facts.map((fact) => [fact.kind, fact]))
    this.#payloads = new Payloads(this.#specs)
    this.canUpgrade = facts.some(({ hasUpgrade }) => hasUpgrade)
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

  /** What is stored of a payload (JSON text) that its schema takes (Q14); `then` hears that, or why it does not. */
  check(given: Given, then: (storable: Storable) => void): void {
    this.#pullOrAsk('kind.check', storableCodec, () => this.#payloads.check(given), then)
  }

  /** The same for a caller that cannot wait: a schema that does not answer at once refuses. */
  checkAtOnce(given: Given): Storable {
    const storable = this.#boundary.pull('kind.check', storableCodec, () => {
      const answer = this.#payloads.check(given)
      return answer instanceof Promise ? 'later' : answer
    })
    return storable === 'later' ? { ok: false, why: 'it does not answer at once' } : storable
  }

  /** True if the operation is of an older version, which an `upgrade` can bring to the current one (Q14). */
  isOld(row: OperationRow): boolean {
    const facts = this.#facts.get(row.kind)
    return facts !== undefined && facts.hasUpgrade && row.version < facts.version
  }

  /** The payload in the current version, to be stored; null: it cannot be made, and the operation is unreadable. */
  upgrade({ kind, payload, version }: OperationRow, then: (text: string | null) => void): void {
    this.#pullOrAsk(
      'kind.upgrade',
      storableCodec,
      () => this.#payloads.upgrade(kind, payload, version),
      (storable) => then(storable.ok ? (storable.text ?? payload) : null),
    )
  }

  /** The records that an operation of this payload creates and needs (Q12). */
  recordsOf(kind: string, text: string, version: number): RecordUse | UnknownUse {
    if (!this.hasRecords(kind)) return NO_RECORDS
    return this.#boundary.pull('kind.records', useCodec, () => {
      const checked = this.#payloads.read(kind, text, version)
      const spec = this.#specs.get(kind)
      if (checked instanceof Promise) return unknownUse(`the schema of ${kind} answers later`)
      if (!checked.ok) return unknownUse(checked.why, checked.thrown)
      if (spec === undefined) return unknownUse(`the kind ${kind} is unknown`)
      return recordUse(spec, checked.payload as never)
    })
  }

  /** The same of a stored operation, asked once. */
  uses(row: OperationRow): RecordUse | UnknownUse {
    if (!this.hasRecords(row.kind)) return NO_RECORDS
    const known = this.#uses.get(row)
    if (known !== undefined) return known
    const why = this.#unusable(row)
    const use = why === null ? this.recordsOf(row.kind, row.payload, row.version) : unknownUse(why)
    this.#uses.set(row, use)
    return use
  }

  /** For a journal that begins here: it is not asked again. */
  answersOf(row: OperationRow): KindAnswers {
    const use = this.#uses.get(row)
    return {
      mergeKey: this.#mergeKeys.get(row) ?? null,
      use: use === undefined ? null : useCodec.write(use),
    }
  }

  remember(row: OperationRow, { mergeKey, use }: KindAnswers): void {
    if (mergeKey !== null) this.#mergeKeys.set(row, mergeKey)
    if (use !== null) this.#uses.set(row, useCodec.read(use))
  }

  /** Makes the request of an envelope. */
  build(
    rows: readonly OperationRow[],
    owner: Owner,
    lookup: RecordLookup,
    then: (built: Built) => void,
  ): void {
    const unusable = unreadable(rows.map((row) => this.#unusable(row)))
    if (unusable !== null) {
      then(unusable)
      return
    }
    this.#pullOrAsk('kind.build', this.#builtCodec, () => this.#build(rows, owner, lookup), then)
  }

  /** What this operation merges with: a group and a key, or null where it merges with nothing (Q4). */
  mergeKey(row: OperationRow): string | null {
    const group = this.#facts.get(row.kind)?.mergeGroup
    if (group === undefined || group === null || this.#unusable(row) !== null) return null
    const known = this.#mergeKeys.get(row)
    if (known !== undefined) return known === false ? null : known
    let thrown: unknown = null
    // Only whether two are the same decides anything: a journal need not know what they are.
    const key = this.#boundary.pull('kind.mergeKey', plain<string | false | null>(), () => {
      try {
        const made = this.#mergeKeyOf(row)
        if (made === null) return null
        return this.#boundary.fileKey.digest('merge', JSON.stringify([group, made]))
      } catch (error) {
        thrown = error
        return false
      }
    })
    if (key !== null) this.#mergeKeys.set(row, key)
    if (key === false) {
      this.#report('error', { error: appCodeFailed(`merge.key of ${row.kind}`, thrown) })
    }
    return key === false ? null : key
  }

  /** What a reply to these operations means, by the code of their kind or by Q6. */
  interpret(
    rows: readonly OperationRow[],
    owner: Owner,
    reply: Reply,
    afterUnknown: boolean,
  ): Interpreted | Misjudged {
    return this.#boundary.pull('kind.interpret', interpretedCodec, () => {
      const spec = this.#specs.get(rows[0]?.kind ?? '')
      const context = { reply: spec?.reply ?? null, afterUnknown }
      try {
        if (spec?.interpret === undefined) {
          return interpretedOf(interpretReply(reply, context), owner, rows)
        }
        const operations = rows.map((row) => ({
          id: row.id,
          payload: this.#sentPayloads.get(row) as never,
        }))
        const interpretation = spec.interpret(reply, { ...context, owner, operations })
        return interpretedOf(atOnce(interpretation), owner, rows)
      } catch (error) {
        return { misjudged: 'threw', cause: errorOf(error) }
      }
    })
  }

  /** What a logout adds for the leaving user: the payload as JSON text, or null (I7). The logout goes on without it. */
  onLogout(kind: string, owner: Owner): string | null {
    const text = this.#boundary.pull('kind.onLogout', farewellCodec, () => {
      try {
        const payload: unknown = atOnce(this.#specs.get(kind)?.onLogout?.(owner)) ?? null
        return payload === null ? null : payloadText(kind, payload)
      } catch (thrown) {
        return asHoldfastError(thrown, 'APP_CODE_FAILED', `onLogout of ${kind} threw`)
      }
    })
    if (!(text instanceof HoldfastError)) return text
    this.#report('error', { error: text })
    return null
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
    lookup: RecordLookup,
  ): Built | Promise<Built> {
    const checks = rows.map((row) => this.#payloads.read(row.kind, row.payload, row.version))
    if (checks.some((check) => check instanceof Promise)) {
      const settled = checks.map((check) => Promise.resolve(check))
      return Promise.all(settled).then((checked) => this.#buildOf(rows, owner, lookup, checked))
    }
    return this.#buildOf(rows, owner, lookup, checks as Checked[])
  }

  #buildOf(
    rows: readonly OperationRow[],
    owner: Owner,
    lookup: RecordLookup,
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
    if (spec.interpret !== undefined) {
      for (const [index, row] of rows.entries()) this.#sentPayloads.set(row, payloads[index])
    }
    const operations = rows.map(({ id, kind }) => ({ id, kind }))
    const lookups = recordLookups(lookup)
    try {
      const request =
        spec.merge === undefined
          ? spec.request({ payload: payloads[0] as never, owner, id: head.id, ...lookups })
          : spec.merge.combine(payloads, { owner, operations, ...lookups })
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
    return String(atOnce(merge.key(checked.payload as never)))
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
const farewellCodec: Codec<string | HoldfastError | null> = {
  write: (text) => {
    if (text === null) return null
    return typeof text === 'string'
      ? { bytes: Buffer.byteLength(text) }
      : { error: writeError(text) }
  },
  read: (json) => {
    if (json === null) return null
    const { bytes, error } = json as { readonly bytes: number; readonly error?: Json }
    return error === undefined ? payloadOfSize(bytes) : (readError(error) as HoldfastError)
  },
}

function thrown<T>(name: string, why: string, error: Error | null = null): T {
  const unusable = { state: 'unreadable', why, which: [], thrown: error } satisfies Built
  return (name === 'kind.build' ? unusable : { ok: false, why }) as T
}

/** Of each operation why it cannot be read, or null. */
function unreadable(reasons: readonly (string | null)[]): Unreadable | null {
  const why = reasons.find((reason) => reason !== null) ?? null
  if (why === null) return null
  const which = reasons.flatMap((reason, index) => (reason === null ? [] : [index]))
  return { state: 'unreadable', why, which, thrown: null }
}
