/**
 * The settings in the header of a journal, which anybody may have written (E6): each number and each word is checked as
 * the option of that name is. A setting that an older version did not have may be absent.
 */
import { numberOf, wholeNumberOf } from '../checks/numbers.ts'
import { textOf, wordOf } from '../checks/texts.ts'
import { MOST_BYTES } from '../engine/boundary/rows-codec.ts'

type Fields = Readonly<Record<string, unknown>>

/** @throws TypeError or RangeError that names the setting. */
export function checkSettings(settings: Fields): void {
  const check = (name: string, rule: (what: string, value: unknown) => unknown) => {
    if (settings[name] !== undefined) rule(`settings.${name}`, settings[name])
  }
  for (const name of ['concurrency', 'maxSourceCalls', 'maxAttempts', 'maxPending']) {
    check(name, (what, value) => wholeNumberOf(what, value, 1))
  }
  check('maxPayloadBytes', (what, value) => wholeNumberOf(what, value, 1, MOST_BYTES))
  for (const name of ['patienceMs', 'batchWindowMs']) {
    check(name, (what, value) => numberOf(what, value, 0))
  }
  check('replyTimeoutMs', (what, value) => numberOf(what, value, 1))
  for (const [name, words] of Object.entries(WORDS)) {
    check(name, (what, value) => wordOf(what, value as string, words))
  }
  check('origin', textOf)
  check('backoff', checkBackoff)
}

/** @throws TypeError or RangeError that names the fact. */
export function checkKinds(kinds: readonly unknown[]): void {
  kinds.forEach((facts, index) => {
    const what = `kinds[${index}]`
    if (typeof facts !== 'object' || facts === null)
      throw new TypeError(`${what} must be an object`)
    const { kind, version, expiresInMs, idempotencyWindowMs } = facts as Fields
    textOf(`${what}.kind`, kind)
    if (version !== undefined) wholeNumberOf(`${what}.version`, version, 0)
    for (const [name, value] of Object.entries({ expiresInMs, idempotencyWindowMs })) {
      if (value !== undefined && value !== null) numberOf(`${what}.${name}`, value, 0)
    }
  })
}

const WORDS = {
  requirement: ['unknown', 'required', 'off'],
  whileUnknown: ['hold', 'send'],
  anonymous: ['drop', 'hold', 'adopt'],
  onDead: ['continue', 'hold'],
} as const

function checkBackoff(what: string, backoff: unknown): void {
  if (typeof backoff !== 'object' || backoff === null)
    throw new TypeError(`${what} must be an object`)
  const { baseMs, capMs, jitter } = backoff as Fields
  wholeNumberOf(`${what}.baseMs`, baseMs, 1)
  wholeNumberOf(`${what}.capMs`, capMs, 1)
  if (typeof jitter !== 'boolean') throw new TypeError(`${what}.jitter must be true or false`)
}
