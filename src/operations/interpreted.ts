/** What a kind's code says of a reply, checked, as the engine uses it. */
import { cutMs, isPositive } from '../checks/numbers.ts'
import { isText } from '../checks/texts.ts'
import type { Codec } from '../engine/boundary/boundary.ts'
import { readError, writeError } from '../engine/boundary/error-codec.ts'
import { payloadOfSize } from '../engine/boundary/rows-codec.ts'
import type { Json, JsonRecord } from '../journal/lines.ts'
import type { OperationId, Owner } from '../model.ts'
import { type Member, type Results, resultsOf, sizesOf } from './results.ts'
import type { FollowUpDraft, Interpretation, ReadingPosition } from './define-operation.ts'

export interface InterpretedFollowUp {
  readonly kind: string
  /** JSON text. */
  readonly payload: string
  readonly expiresInMs: number | null
}

export interface Interpreted extends Results {
  readonly outcome: Interpretation['outcome']
  readonly reason: 'conflict' | null
  readonly translations: Readonly<Record<string, string>>
  readonly followUps: readonly InterpretedFollowUp[]
  readonly readingPosition: {
    readonly token: string
    readonly delayMs: number
    readonly key: string
  } | null
}

/** The code threw, or its answer made no sense; or a follow-up names another owner. */
export interface Misjudged {
  readonly misjudged: 'threw' | 'foreign-follow-up'
  /** The exception; null: there is none. */
  readonly cause: Error | null
}

const OUTCOMES: ReadonlySet<string> = new Set(['accepted', 'retry', 'refused-token', 'rejected'])
const DEFAULT_DELAY_MS = 500

/** A read waits no longer than this for its writes to become visible (R1). */
const LONGEST_DELAY_MS = 60_000

/** A reply with more of them made no sense (Q13). */
const MOST_FOLLOW_UPS = 100

const NO_TEXTS = 'no well-formed Unicode without U+0000'

/** Of the payload of a follow-up, and of a result, a journal keeps the size. */
export const interpretedCodec: Codec<Interpreted | Misjudged> = {
  write: (interpreted) =>
    'misjudged' in interpreted
      ? {
          misjudged: interpreted.misjudged,
          error: interpreted.cause === null ? null : writeError(interpreted.cause),
        }
      : ({
          ...interpreted,
          ...(interpreted.results === undefined ? {} : { results: sizesOf(interpreted.results) }),
          followUps: interpreted.followUps.map(({ payload, ...followUp }) => ({
            ...followUp,
            bytes: Buffer.byteLength(payload),
          })),
        } as unknown as JsonRecord),
  read: (json) => {
    if (isRecord(json) && 'misjudged' in json) {
      const { misjudged, error = null } = json
      const cause = error === null ? null : readError(error)
      return { misjudged: misjudged as Misjudged['misjudged'], cause }
    }
    const read = interpretedOfToday(json as JsonRecord) as unknown as Omit<
      Interpreted,
      'followUps' | 'results'
    > & {
      readonly results?: readonly { readonly id: OperationId; readonly bytes: number }[]
      readonly followUps: readonly (Omit<InterpretedFollowUp, 'payload'> & {
        readonly bytes: number
      })[]
    }
    const { results, ...rest } = read
    const ofSize = results?.map(({ id, bytes }) => ({ id, result: payloadOfSize(bytes) }))
    return {
      ...rest,
      ...(ofSize === undefined ? {} : { results: ofSize }),
      followUps: read.followUps.map(({ kind, expiresInMs, bytes }) => ({
        kind,
        expiresInMs,
        payload: payloadOfSize(bytes),
      })),
    }
  },
}

/** @throws TypeError where it makes no sense: the reply counts as `retry` then, and nothing is lost (Q6, Q21). */
export function interpretedOf(
  interpretation: Interpretation,
  owner: Owner,
  members: readonly Member[],
): Interpreted | Misjudged {
  const { reason, translations, followUps = [], readingPosition } = interpretation
  const outcome = outcomeOf(interpretation)
  refuseUnless(reason === undefined || reason === 'conflict', 'an unknown reason')
  refuseUnless(Array.isArray(followUps), 'follow-ups that are no list')
  refuseUnless(followUps.length <= MOST_FOLLOW_UPS, `more than ${MOST_FOLLOW_UPS} follow-ups`)
  if (followUps.some((followUp) => isOfAnother(followUp.owner, owner))) {
    return { misjudged: 'foreign-follow-up', cause: null }
  }
  return {
    outcome,
    reason: reason ?? null,
    translations: translations === undefined ? {} : translationsOf(translations),
    followUps: followUps.map(followUpOf),
    readingPosition: readingPosition === undefined ? null : positionOf(readingPosition),
    ...(outcome === 'accepted' ? resultsOf(interpretation, members) : {}),
  }
}

/** @throws TypeError unless there is such an outcome. */
export function outcomeOf({ outcome }: Pick<Interpretation, 'outcome'>): Interpretation['outcome'] {
  refuseUnless(OUTCOMES.has(outcome), 'an unknown outcome')
  return outcome
}

function translationsOf(translations: Readonly<Record<string, string>>): Record<string, string> {
  const isMap = typeof translations === 'object' && translations !== null
  refuseUnless(isMap && !Array.isArray(translations), 'translations that are no object')
  const entries = Object.entries(translations)
  refuseUnless(
    entries.every(([local, remote]) => isText(local) && isText(remote)),
    `translations that are ${NO_TEXTS}`,
  )
  return Object.fromEntries(entries)
}

function followUpOf({ kind, payload, expiresInMs }: FollowUpDraft): InterpretedFollowUp {
  const text: unknown = JSON.stringify(payload)
  refuseUnless(isText(kind), `the kind of a follow-up that is ${NO_TEXTS}`)
  refuseUnless(typeof text === 'string', 'a follow-up whose payload is not JSON')
  const isLasting = expiresInMs === undefined || isPositive(expiresInMs)
  refuseUnless(isLasting, 'a follow-up whose expiresInMs is not more than 0')
  return {
    kind,
    payload: text as string,
    expiresInMs: expiresInMs === undefined ? null : cutMs(expiresInMs),
  }
}

function positionOf({ token, delayMs = DEFAULT_DELAY_MS, key = '' }: ReadingPosition) {
  refuseUnless(isText(token) && isText(key), `a reading position that is ${NO_TEXTS}`)
  const isDelay = typeof delayMs === 'number' && delayMs >= 0
  refuseUnless(isDelay, 'a reading position whose delayMs is not 0 or more')
  return { token, key, delayMs: Math.ceil(cutMs(delayMs, LONGEST_DELAY_MS)) }
}

/** The text of a reply is not quoted: it may be secret. */
function refuseUnless(makesSense: boolean, answer: string): void {
  if (!makesSense) throw new TypeError(`interpret answered ${answer}`)
}

function isRecord(json: Json): json is JsonRecord {
  return typeof json === 'object' && json !== null && !Array.isArray(json)
}

function isOfAnother(named: Owner | undefined, owner: Owner): boolean {
  return named !== undefined && named.user !== owner.user
}

/** In a journal of an earlier version `readingPosition` is `ryw`. Such a journal replays all the same. */
function interpretedOfToday(interpreted: JsonRecord): JsonRecord {
  const { ryw, ...rest } = interpreted
  return ryw === undefined ? interpreted : { ...rest, readingPosition: ryw }
}
