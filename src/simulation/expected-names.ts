/** The names in the expectation of a scenario: each stands for something that the product or the scenario itself has. */
import {
  DEAD_REASON_SET,
  DROP_REASONS,
  ERROR_CODES,
  EVENT_NAME_SET,
  fieldsOfEvent,
  HOLD_NAMES,
  MISUSE_ERRORS,
  NEED_REASONS,
  reasonsOfEvent,
  TRANSPORT_CODES,
} from './known-names.ts'
import { type NameProblem, NO_USER, unknownName, unlessKnown } from './name-problem.ts'
import { CALLS_WITHOUT_STEP, namesOfStep } from './rejections.ts'
import type { Expectation, ExpectedRequest, Scenario } from './scenario.ts'
import type { Vocabulary } from './scenario-vocabulary.ts'

type Path = readonly PropertyKey[]
type Problems = Iterable<NameProblem>
type ExpectedEvent = NonNullable<Expectation['events']>[number]
type ExpectedLook = NonNullable<Expectation['looks']>[string]
type Final = NonNullable<Expectation['final']>

const NO_OPERATION = 'no step enqueues'
const NO_READ = 'no step reads'
const NO_EVENT = 'there is no event'
const NO_KIND = 'there is no kind'
const NO_REASON = 'there is no reason'
const NO_CODE = 'there is no error code'

/** How `holds` names the owner that no user is. */
const ANONYMOUS = 'anonymous'

/** In the order in which they stand in the format. */
export function* wrongExpectations(scenario: Scenario, names: Vocabulary): Problems {
  const { expect } = scenario
  if (expect === undefined) return
  const { requests = [], events = [], never = [], sourceCalls = [], applied = [] } = expect
  for (const [index, request] of requests.entries()) {
    yield* inRequest(['expect', 'requests', index], request, index, requests.length, names)
  }
  const reasons = new Set([...TRANSPORT_CODES, ...unsentReasons(scenario), ...ERROR_CODES])
  for (const [index, event] of events.entries()) {
    yield* inEvent(['expect', 'events', index], event, names, reasons)
  }
  for (const [index, name] of never.entries()) {
    yield* unlessKnown(['expect', 'never', index], NO_EVENT, name, EVENT_NAME_SET)
  }
  for (const [index, { user, reason }] of sourceCalls.entries()) {
    const path = ['expect', 'sourceCalls', index]
    yield* unlessKnown([...path, 'user'], NO_USER, user, names.users)
    yield* unlessKnown([...path, 'reason'], NO_REASON, reason, NEED_REASONS)
  }
  yield* operationsIn(['expect', 'applied'], applied, names)
  for (const [id, look] of Object.entries(expect.looks ?? {})) {
    yield* inLook(['expect', 'looks', id], id, look, names)
  }
  for (const [index, needs] of (expect.listened ?? []).entries()) {
    yield* inNeeds(['expect', 'listened', index], needs, names)
  }
  yield* inFinal(['expect', 'final'], expect.final ?? {}, names)
  yield* inRejects(scenario, names)
}

function* inRequest(
  path: Path,
  { user, kind, ops = [], token, sameKeyAs, newKeyAs }: ExpectedRequest,
  index: number,
  count: number,
  names: Vocabulary,
): Problems {
  yield* unlessKnown([...path, 'user'], NO_USER, user, names.users)
  if (kind !== undefined && kind !== 'read' && !names.isKind(kind)) {
    yield unknownName([...path, 'kind'], NO_KIND, kind, [...names.kinds, 'read'])
  }
  for (const [nth, id] of ops.entries()) {
    if (names.isOperation(id) || names.reads.has(id)) continue
    const known = [...names.operations, ...names.reads]
    yield unknownName([...path, 'ops', nth], 'no step enqueues or reads', id, known)
  }
  yield* unlessKnown([...path, 'token'], 'there is no token under tokens:', token, names.tokens)
  for (const [field, other] of Object.entries({ sameKeyAs, newKeyAs })) {
    if (other === undefined || (other !== index && other < count)) continue
    const what = `must be the index of another item of requests, 0 to ${count - 1}`
    yield { path: [...path, field], what }
  }
}

function* inEvent(
  path: Path,
  expected: ExpectedEvent,
  names: Vocabulary,
  retryCodes: ReadonlySet<string>,
): Problems {
  const { event, id, user, kind, reason, code } = expected
  const fields = fieldsOfEvent(event)
  if (fields === null) {
    yield unknownName([...path, 'event'], NO_EVENT, event, EVENT_NAME_SET)
    return
  }
  for (const field of Object.keys(expected)) {
    if (field === 'event' || fields.has(field)) continue
    const has = fields.size === 0 ? 'none' : [...fields].join(', ')
    yield { path: [...path, field], what: `the event ${event} never has this field; it has ${has}` }
  }
  yield* unlessKnown([...path, 'user'], NO_USER, user, names.users)
  if (kind !== undefined && !names.isKind(kind)) {
    yield unknownName([...path, 'kind'], NO_KIND, kind, names.kinds)
  }
  if (id !== undefined && event.startsWith('read.')) {
    yield* unlessKnown([...path, 'id'], NO_READ, id, names.reads)
  } else if (id !== undefined) yield* operationsIn([...path, 'id'], id, names)
  const reasons = reasonsOfEvent(event)
  if (reasons !== null) yield* unlessKnown([...path, 'reason'], NO_REASON, reason, reasons)
  const codes = event === 'operation.retrying' ? retryCodes : ERROR_CODES
  yield* unlessKnown([...path, 'code'], NO_CODE, code, codes)
}

/** Why no byte of a request leaves, as the rules of the server say. */
function unsentReasons({ server }: Scenario): readonly string[] {
  return (server?.replies ?? []).flatMap(({ unsent }) => unsent ?? [])
}

/** One name, a list of names, or names as keys. */
function* operationsIn(
  path: Path,
  ids: string | readonly string[] | Readonly<Record<string, string>>,
  names: Vocabulary,
): Problems {
  const uses: readonly (readonly [Path, string])[] =
    typeof ids === 'string'
      ? [[path, ids]]
      : Array.isArray(ids)
        ? (ids as readonly string[]).map((id, index) => [[...path, index], id])
        : Object.keys(ids).map((id) => [[...path, id], id])
  for (const [where, id] of uses) {
    if (!names.isOperation(id)) yield unknownName(where, NO_OPERATION, id, names.operations)
  }
}

function* inFinal(path: Path, final: Final, names: Vocabulary): Problems {
  const { identity, dead = {}, dropped = {}, holds = {}, needs = {}, reads = {} } = final
  yield* unlessKnown([...path, 'identity'], NO_USER, identity, names.users)
  for (const list of ['pending', 'completed', 'cancelled', 'dead', 'dropped'] as const) {
    yield* operationsIn([...path, list], final[list] ?? [], names)
  }
  yield* valuesOf([...path, 'dead'], dead, NO_REASON, DEAD_REASON_SET)
  yield* valuesOf([...path, 'dropped'], dropped, NO_REASON, DROP_REASONS)
  for (const [owner, list] of Object.entries(holds)) {
    const where = [...path, 'holds', owner]
    if (!isOwner(owner, names)) yield unknownName(where, NO_USER, owner, names.users)
    for (const [index, hold] of list.entries()) {
      yield* unlessKnown([...where, index], 'there is no hold', hold, HOLD_NAMES)
    }
  }
  yield* inNeeds([...path, 'needs'], needs, names)
  for (const id of Object.keys(reads)) {
    yield* unlessKnown([...path, 'reads', id], NO_READ, id, names.reads)
  }
}

/** By user, the reason. */
function* inNeeds(
  path: Path,
  needs: Readonly<Record<string, string>>,
  names: Vocabulary,
): Problems {
  for (const user of Object.keys(needs)) {
    yield* unlessKnown([...path, user], NO_USER, user, names.users)
  }
  yield* valuesOf(path, needs, NO_REASON, NEED_REASONS)
}

function* inLook(path: Path, id: string, look: ExpectedLook, names: Vocabulary): Problems {
  yield* unlessKnown(path, 'no step looks under the id', id, names.looks)
  if (typeof look === 'number' || look === null) return
  if (Array.isArray(look)) {
    yield* operationsIn(path, look as readonly string[], names)
    return
  }
  const { user, kind, reason } = look as Exclude<typeof look, readonly string[]>
  yield* unlessKnown([...path, 'user'], NO_USER, user, names.users)
  if (kind !== undefined && !names.isKind(kind)) {
    yield unknownName([...path, 'kind'], NO_KIND, kind, names.kinds)
  }
  const reasons = new Set([...DEAD_REASON_SET, ...DROP_REASONS])
  yield* unlessKnown([...path, 'reason'], NO_REASON, reason, reasons)
}

function* valuesOf(
  path: Path,
  values: Readonly<Record<string, string>>,
  is: string,
  known: ReadonlySet<string>,
): Problems {
  for (const [key, value] of Object.entries(values)) {
    yield* unlessKnown([...path, key], is, value, known)
  }
}

/** A user, or a lane of a user: `alice/uploads`. */
function isOwner(name: string, { users }: Vocabulary): boolean {
  if (name === ANONYMOUS || users.has(name)) return true
  return [...users, ANONYMOUS].some((user) => name.startsWith(`${user}/`))
}

/** Each name is the id of a step, the word of a step without an id, or the id of an operation that no step enqueues. */
function* inRejects({ steps, expect }: Scenario, names: Vocabulary): Problems {
  const known = new Set([
    ...names.operations,
    ...names.reads,
    ...CALLS_WITHOUT_STEP,
    ...steps.flatMap((step) => [...namesOfStep(step), ...operationOf(step)]),
  ])
  const codes = new Set([...ERROR_CODES, ...MISUSE_ERRORS])
  for (const [name, expected] of Object.entries(expect?.rejects ?? {})) {
    const path = ['expect', 'rejects', name]
    yield* unlessKnown(path, 'no step has the id or the name', name, known)
    if (typeof expected === 'string') yield* unlessKnown(path, NO_CODE, expected, codes)
    else {
      for (const [index, code] of expected.entries()) {
        yield* unlessKnown([...path, index], NO_CODE, code, codes)
      }
    }
  }
}

function operationOf(step: Scenario['steps'][number]): readonly string[] {
  if ('cancel' in step) return [step.cancel]
  if ('retry' in step) return [typeof step.retry === 'string' ? step.retry : step.retry.id]
  return 'discard' in step ? [step.discard] : []
}
