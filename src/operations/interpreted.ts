/** What a kind's code says of a reply, checked, as the engine uses it. */
import type { Codec } from '../engine/boundary.ts'
import { payloadOfSize } from '../engine/rows-codec.ts'
import type { JsonRecord } from '../journal/lines.ts'
import type { Owner } from '../model.ts'
import type { Interpretation } from './define-operation.ts'

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
  if (followUps.some((followUp) => isOfAnother(followUp.owner, owner))) return 'foreign-follow-up'
  return {
    outcome,
    reason: reason ?? null,
    translations,
    followUps: followUps.map(({ kind, payload, expiresInMs }) => ({
      kind,
      payload: JSON.stringify(payload),
      expiresInMs: expiresInMs ?? null,
    })),
    ryw:
      ryw === undefined
        ? null
        : { token: ryw.token, delayMs: ryw.delayMs ?? DEFAULT_DELAY_MS, key: ryw.key ?? '' },
  }
}

function isOfAnother(named: Owner | undefined, owner: Owner): boolean {
  return named !== undefined && named.user !== owner.user
}
