/** What a kind's code says of a reply, checked, as the engine uses it. */
import type { Codec } from '../engine/boundary/boundary.ts'
import { readError, writeError } from '../engine/boundary/error-codec.ts'
import { payloadOfSize } from '../engine/boundary/rows-codec.ts'
import type { Json, JsonRecord } from '../journal/lines.ts'
import type { Owner } from '../model.ts'
import type { FollowUpDraft, Interpretation, ReadingPosition } from './define-operation.ts'

export interface InterpretedFollowUp {
  readonly kind: string
  /** JSON text. */
  readonly payload: string
  readonly expiresInMs: number | null
}

export interface Interpreted {
  readonly outcome: Interpretation['outcome']
  readonly reason: 'conflict' | null
  readonly translations: Readonly<Record<string, string>>
  readonly followUps: readonly InterpretedFollowUp[]
  readonly ryw: { readonly token: string; readonly delayMs: number; readonly key: string } | null
}

/** The code threw, or its answer made no sense; or a follow-up names another owner. */
export interface Misjudged {
  readonly misjudged: 'threw' | 'foreign-follow-up'
  /** The exception; null: there is none. */
  readonly cause: Error | null
}

const OUTCOMES: ReadonlySet<string> = new Set(['accepted', 'retry', 'refused-token', 'rejected'])
const DEFAULT_DELAY_MS = 500

/** Of a follow-up's payload a journal keeps the size. */
export const interpretedCodec: Codec<Interpreted | Misjudged> = {
  write: (interpreted) =>
    'misjudged' in interpreted
      ? {
          misjudged: interpreted.misjudged,
          error: interpreted.cause === null ? null : writeError(interpreted.cause),
        }
      : ({
          ...interpreted,
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
    const read = json as unknown as Omit<Interpreted, 'followUps'> & {
      readonly followUps: readonly (Omit<InterpretedFollowUp, 'payload'> & {
        readonly bytes: number
      })[]
    }
    return {
      ...read,
      followUps: read.followUps.map(({ kind, expiresInMs, bytes }) => ({
        kind,
        expiresInMs,
        payload: payloadOfSize(bytes),
      })),
    }
  },
}

/** @throws TypeError where it makes no sense: the reply counts as `retry` then, and nothing is lost (Q6). */
export function interpretedOf(
  interpretation: Interpretation,
  owner: Owner,
): Interpreted | Misjudged {
  const { outcome, reason, translations = {}, followUps = [], ryw } = interpretation
  if (!OUTCOMES.has(outcome)) throw new TypeError(`interpret answered the outcome ${outcome}`)
  if (!Object.values(translations).every(isText)) {
    throw new TypeError('interpret answered translations that are no texts')
  }
  if (followUps.some((followUp) => isOfAnother(followUp.owner, owner))) {
    return { misjudged: 'foreign-follow-up', cause: null }
  }
  return {
    outcome,
    reason: reason ?? null,
    translations,
    followUps: followUps.map(followUpOf),
    ryw: ryw === undefined ? null : positionOf(ryw),
  }
}

function followUpOf({ kind, payload, expiresInMs }: FollowUpDraft): InterpretedFollowUp {
  const text: unknown = JSON.stringify(payload)
  const isLasting = expiresInMs === undefined || (Number.isFinite(expiresInMs) && expiresInMs > 0)
  if (!isText(kind) || !isText(text) || !isLasting) {
    throw new TypeError('interpret answered a follow-up that cannot be stored')
  }
  return { kind, payload: text, expiresInMs: expiresInMs ?? null }
}

function positionOf({ token, delayMs = DEFAULT_DELAY_MS, key = '' }: ReadingPosition) {
  if (!isText(token) || !isText(key) || !(Number.isFinite(delayMs) && delayMs >= 0)) {
    throw new TypeError('interpret answered a reading position that is none')
  }
  return { token, key, delayMs: Math.ceil(delayMs) }
}

/** What a kind's code answers may be anything. */
function isText(value: unknown): value is string {
  return typeof value === 'string'
}

function isRecord(json: Json): json is JsonRecord {
  return typeof json === 'object' && json !== null && !Array.isArray(json)
}

function isOfAnother(named: Owner | undefined, owner: Owner): boolean {
  return named !== undefined && named.user !== owner.user
}
