/** What a kind's code says of a reply, checked, as the engine uses it. */
import type { Codec } from '../engine/boundary/boundary.ts'
import { payloadOfSize } from '../engine/boundary/rows-codec.ts'
import type { JsonRecord } from '../journal/lines.ts'
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

/** The code threw or made no sense; or it yielded a follow-up of somebody else, which it must not. */
export type Misjudged = 'threw' | 'foreign-follow-up'

const OUTCOMES: ReadonlySet<string> = new Set(['accepted', 'retry', 'refused-token', 'rejected'])
const DEFAULT_DELAY_MS = 500

/** Of a follow-up's payload a journal keeps the size. */
export const interpretedCodec: Codec<Interpreted | Misjudged> = {
  write: (interpreted) =>
    typeof interpreted === 'string'
      ? interpreted
      : ({
          ...interpreted,
          followUps: interpreted.followUps.map(({ payload, ...followUp }) => ({
            ...followUp,
            bytes: Buffer.byteLength(payload),
          })),
        } as unknown as JsonRecord),
  read: (json) => {
    if (typeof json === 'string') return json as Misjudged
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
  if (followUps.some((followUp) => isOfAnother(followUp.owner, owner))) return 'foreign-follow-up'
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

function isOfAnother(named: Owner | undefined, owner: Owner): boolean {
  return named !== undefined && named.user !== owner.user
}
