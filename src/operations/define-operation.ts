/** How an app says what its operations are: one definition per kind. */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { isPositive, lifetimeOf } from '../checks/numbers.ts'
import { show } from '../checks/show.ts'
import { nameOf, wordOf } from '../checks/texts.ts'
import type { OperationId, Outcome, Owner } from '../model.ts'
import type { Reply } from '../ports/transport.ts'
import type { StoredPayload } from './stored-payload.ts'

/** The request that carries an operation to the server. */
export interface RequestSpec {
  readonly method: 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'GET'
  /**
   * Comes behind the path of the transport's `baseUrl`: `/users/alice/notes`. It begins with one slash and has no `?`,
   * `#`, backslash, white space or control character, and no segment `.` or `..` (Q6). The tag `path` makes one from
   * parts.
   */
  readonly path: string
  /** The parameters, behind the path. */
  readonly query?: Readonly<Record<string, string>>
  /** Anything JSON; left out: no body. */
  readonly body?: unknown
  /** Further headers, of Latin-1. `authorization` and `idempotency-key` are Holdfast's. */
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * The server's ids of records, for a request (Q12). If an operation created a record under a local id, its server's id is
 * the translation of that id by a reply. Any other id is the server's own id, and is answered unchanged.
 */
export interface RecordLookups {
  /**
   * The server's id of a record that the request requires.
   *
   * @throws Error if the creation of the record failed. Such a record is an optional need: use `optionalRecord()`.
   */
  readonly record: (id: string) => string
  /** The server's id of a record that the request can do without. Null: the creation of the record failed. */
  readonly optionalRecord: (id: string) => string | null
}

export interface RequestInput<Payload> extends RecordLookups {
  readonly payload: Payload
  readonly owner: Owner
  readonly id: OperationId
}

/** What a reply means. */
export interface Interpretation {
  readonly outcome: Exclude<Outcome, 'unknown' | 'unsent'>
  /** Why it is `rejected`, where there is more to say. */
  readonly reason?: 'conflict'
  /** Of `accepted`: the server's ids of records the operation created, by local id (Q12). */
  readonly translations?: Readonly<Record<string, string>>
  /** Of `accepted`: operations of the same owner that come directly behind this one (Q13). */
  readonly followUps?: readonly FollowUpDraft[]
  /** Of `accepted`: what a read must name to see this write (R1). */
  readonly readingPosition?: ReadingPosition
  /**
   * Of `accepted`: what came of the operation, as JSON, at most 64 KiB (Q23). It is in the settlement, in
   * `operation.completed` and in `operation(id)`. Of an envelope of several members: what came of each member that
   * `results` does not name. A result that is too large, or no JSON, is left out and reported.
   */
  readonly result?: unknown
  /** Of `accepted`, for an envelope of several members: what came of each, by its id. */
  readonly results?: Readonly<Record<string, unknown>>
}

export interface ReadingPosition {
  readonly token: string
  /** How long after this reply a read waits, in milliseconds. Default: 500. */
  readonly delayMs?: number
  /** Which reads it is for. Default: all that name no key. */
  readonly key?: string
}

/** A kind's word about the body of a 2xx: JSON, anything at all (HTML too), or null: neither is declared (Q6). */
export type DeclaredReply = 'json' | 'any' | null

export interface InterpretContext<Payload = unknown> {
  readonly owner: Owner
  /** The members of the envelope, in their order, with their payloads as the schema answers them. */
  readonly operations: readonly { readonly id: OperationId; readonly payload: Payload }[]
  /** The word of the kind about its replies; null: it declares nothing. */
  readonly reply: DeclaredReply
  /** Was the outcome of an earlier attempt of this envelope unknown? */
  readonly afterUnknown: boolean
}

/** How neighbours of a kind become one request (Q4). */
export interface MergeSpec<Payload> {
  /** Kinds of one group merge with each other. Default: the kind itself. */
  readonly group?: string
  /** Only operations with the same key merge. */
  readonly key: (payload: Payload) => string
  /** One request for all of them, or null: none is needed, all are completed at once. */
  readonly combine: (payloads: readonly Payload[], input: MergeInput) => RequestSpec | null
}

export interface MergeInput extends RecordLookups {
  readonly owner: Owner
  /** Which operations the payloads are of, in the same order. */
  readonly operations: readonly { readonly id: OperationId; readonly kind: string }[]
}

/** The records an operation uses, by local id (Q12). */
export interface RecordNeeds {
  /** Without these it is dead. */
  readonly required?: readonly string[]
  /** Without these it is sent all the same. */
  readonly optional?: readonly string[]
}

export type Upgrade = (payload: unknown, fromVersion: number) => unknown

/** By the version that a step begins with. */
export type UpgradeSteps = Readonly<Record<number, (payload: unknown) => unknown>>

/** All that a kind says of itself but its schema. */
interface KindSpec<Payload, Kind extends string = string> {
  /** Names the kind in storage: never reuse it for something else. */
  readonly kind: Kind
  /** Makes the request. It must be pure: after an unknown outcome it is sent again, unchanged (Q5). */
  readonly request: (input: RequestInput<Payload>) => RequestSpec
  /** A whole number, from 1. Default: 1. */
  readonly version?: number
  /**
   * The body of a 2xx (Q6). `json`: JSON or nothing; any other body makes the outcome `retry`. `any`: anything, also
   * an HTML page. Left out: every 2xx is `accepted`. Unless `any` is declared, an HTML page is a captive portal's.
   */
  readonly reply?: 'json' | 'any'
  /** Judges a reply (Q6). It must be pure. Default: `interpretReply`. */
  readonly interpret?: (reply: Reply, context: InterpretContext<Payload>) => Interpretation
  readonly merge?: MergeSpec<Payload>
  /**
   * Dropped, with reason `expired`, if it was not sent within so many milliseconds: of the monotonic clock and of sleep while
   * the process lives, of the wall clock across a restart (Q8). Default: never.
   */
  readonly expiresInMs?: number
  /**
   * Brings a stored payload of an older version to this one (Q14). The result is stored. A map has one step for each
   * older version, which brings its payload to the next version: `{ 1: (payload) => …, 2: (payload) => … }`. Without
   * this, and for a version that the map leaves out, such a payload is `unreadable`.
   */
  readonly upgrade?: Upgrade | UpgradeSteps
  /** The local ids of the records it creates (Q12). If it throws, `enqueue()` rejects with `APP_CODE_FAILED`. */
  readonly creates?: (payload: Payload) => readonly string[]
  /** The records it uses (Q12). If it throws, `enqueue()` rejects with `APP_CODE_FAILED`. */
  readonly needs?: (payload: Payload) => RecordNeeds
  /** Is it of no use once another user has logged in on this device? (I8) Default: false. */
  readonly deviceScoped?: boolean
  /**
   * At a logout, what is enqueued for the leaving user, before the switch: a payload, or null (I7). The schema must
   * answer at once. If it throws, or the payload does not fit, an `error` event tells, and the logout goes on.
   */
  readonly onLogout?: (owner: Owner) => unknown
  /**
   * How long the server remembers idempotency keys, in milliseconds. An unknown outcome older than
   * that is not sent again blindly: it becomes a dead letter, `outcome-unknown` (Q5). Default: for ever.
   */
  readonly idempotencyWindowMs?: number
}

export interface OperationSpec<
  Schema extends StandardSchemaV1,
  Kind extends string = string,
> extends KindSpec<StandardSchemaV1.InferOutput<Schema>, Kind> {
  /**
   * Any Standard Schema (zod, valibot, arktype, …). It runs at `enqueue()`, and its output is stored, as JSON, so that
   * defaults are drawn once; if the schema does not take that output again, its input is stored (Q14).
   */
  readonly payload: Schema
}

/** A kind whatever its payload. */
export interface AnyOperationKind {
  readonly kind: string
  readonly spec: KindSpec<never> & { readonly payload: StandardSchemaV1 }
}

/** An operation the app wants: what `enqueue()` takes. */
export interface OperationDraft<Kind extends string = string, Payload = unknown> {
  readonly kind: Kind
  readonly payload: Payload
  /** For this operation only, in milliseconds. Default: that of its kind. */
  readonly expiresInMs?: number
}

/** An operation that a reply yields. It belongs to the owner of the one it follows, and to nobody else. */
export interface FollowUpDraft extends OperationDraft {
  /** May say so; naming another owner is an error. */
  readonly owner?: Owner
}

export interface DraftOptions {
  /** For this operation only. */
  readonly expiresInMs?: number
}

/** The drafts of these kinds: a union of one draft type for each kind. */
export type DraftOf<Kinds extends AnyOperationKind> = Kinds extends {
  readonly kind: infer Kind extends string
  readonly spec: { readonly payload: infer Schema extends StandardSchemaV1 }
}
  ? OperationDraft<Kind, StandardSchemaV1.InferInput<Schema>>
  : never

/** What the app reads of an operation of a known kind. `Info`: its type before the kind was known. */
export type InfoOf<Info, Kind extends string, Schema extends StandardSchemaV1> = Info extends {
  readonly kind: string
}
  ? Info & { readonly kind: Kind } & (Info extends { readonly payload: unknown }
        ? { readonly payload: StoredPayload<Schema> }
        : object)
  : never

/** A kind, and the function that makes drafts of it. */
export interface OperationKind<Schema extends StandardSchemaV1, Kind extends string = string> {
  (
    payload: StandardSchemaV1.InferInput<Schema>,
    options?: DraftOptions,
  ): OperationDraft<Kind, StandardSchemaV1.InferInput<Schema>>
  readonly kind: Kind
  readonly spec: OperationSpec<Schema, Kind>
  /**
   * True if this is an operation of this kind: one that the engine answers, or the detail of an event. Its payload then
   * has a type. An operation that is stored in another version of the kind has another payload, so for it this is false.
   *
   * ```ts
   * for (const letter of (await holdfast.deadLetters()).items) {
   *   if (addNote.is(letter)) console.log(letter.payload.text)
   * }
   * ```
   */
  is<Info extends object>(info: Info | null): info is InfoOf<Info, Kind, Schema>
}

/**
 * Defines a kind of operation.
 *
 * ```ts
 * const addNote = defineOperation({
 *   kind: 'note',
 *   payload: z.object({ text: z.string() }),
 *   request: ({ payload, owner }) => ({ method: 'POST', path: path`/users/${owner.user}/notes`, body: payload }),
 * })
 * ```
 *
 * @throws TypeError where a part is missing or of the wrong type.
 */
export function defineOperation<Schema extends StandardSchemaV1, const Kind extends string>(
  spec: OperationSpec<Schema, Kind>,
): OperationKind<Schema, Kind> {
  refuseMalformed(spec)
  const { kind, version = 1 } = spec
  const make = (payload: StandardSchemaV1.InferInput<Schema>, options: DraftOptions = {}) => ({
    kind,
    payload,
    ...options,
  })
  const is = <Info extends object>(info: Info | null): info is InfoOf<Info, Kind, Schema> => {
    const { kind: itsKind, version: itsVersion = version } = (info ?? {}) as Partial<typeof spec>
    return itsKind === kind && itsVersion === version
  }
  return Object.assign(make, { kind, spec: Object.freeze({ ...spec }), is })
}

function refuseMalformed(spec: AnyOperationKind['spec']): void {
  const { kind, version = 1, expiresInMs, reply, merge } = spec
  nameOf('defineOperation: kind', kind)
  const where = `defineOperation(${kind})`
  if (typeof spec.payload?.['~standard']?.validate !== 'function') {
    throw new TypeError(`${where}: payload must be a Standard Schema (zod, valibot, arktype, …)`)
  }
  const functions = ['request', 'interpret', 'creates', 'needs', 'onLogout'] as const
  for (const name of functions) {
    if (spec[name] !== undefined && typeof spec[name] !== 'function') {
      throw new TypeError(`${where}: ${name} must be a function`)
    }
  }
  if (spec.request === undefined) throw new TypeError(`${where}: request is missing`)
  if (!Number.isSafeInteger(version) || version < 1) {
    throw new TypeError(`${where}: version must be a whole number from 1, not ${show(version)}`)
  }
  if (spec.upgrade !== undefined) refuseMalformedUpgrade(where, spec.upgrade, version)
  if (reply !== undefined) wordOf(`${where}: reply`, reply, ['json', 'any'])
  if (expiresInMs !== undefined) lifetimeOf(`${where}: expiresInMs`, expiresInMs)
  const { idempotencyWindowMs } = spec
  if (idempotencyWindowMs !== undefined && !isPositive(idempotencyWindowMs)) {
    const value = show(idempotencyWindowMs)
    throw new TypeError(`${where}: idempotencyWindowMs must be more than 0, not ${value}`)
  }
  if (merge?.group !== undefined) nameOf(`${where}: merge.group`, merge.group)
  if (
    merge !== undefined &&
    (typeof merge.key !== 'function' || typeof merge.combine !== 'function')
  ) {
    throw new TypeError(`${where}: merge needs the functions key and combine`)
  }
}

function refuseMalformedUpgrade(where: string, upgrade: unknown, version: number): void {
  if (typeof upgrade === 'function') return
  if (typeof upgrade !== 'object' || upgrade === null) {
    throw new TypeError(`${where}: upgrade must be a function, or a map of functions by version`)
  }
  for (const [from, step] of Object.entries(upgrade)) {
    const isOlder = /^[1-9]\d*$/.test(from) && Number(from) < version
    if (!isOlder) {
      throw new TypeError(`${where}: upgrade[${show(from)}] is of no version before ${version}`)
    }
    if (typeof step !== 'function') {
      throw new TypeError(`${where}: upgrade[${from}] must be a function`)
    }
  }
}
