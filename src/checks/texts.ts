/**
 * Texts that come from outside (Q21). SQLite stores UTF-8: half a surrogate pair becomes U+FFFD there, so that
 * two users would share one lane, and U+0000 ends a text for many programs. Such a text is refused, never repaired.
 */
import { show, showType } from './show.ts'

/** True if the value is text that comes back from storage as it is. */
export function isText(value: unknown): value is string {
  return typeof value === 'string' && value.isWellFormed() && !value.includes('\u0000')
}

/** True if the value is such a text and names something. */
export function isName(value: unknown): value is string {
  return value !== '' && isText(value)
}

/** @throws TypeError unless the value can name something; `what` begins the message: `enqueue: kind`. */
export function nameOf(what: string, value: unknown): string {
  return checkedName(what, value, show)
}

/** The same where the value may be a secret, say a token in the place of a user: it is not quoted (E6). */
export function secretNameOf(what: string, value: unknown): string {
  return checkedName(what, value, showType)
}

/** `shown`: the value as a message may have it. */
function checkedName(what: string, value: unknown, shown: (value: unknown) => string): string {
  if (isName(value)) return value
  throw new TypeError(`${what} must be ${ruleFor(value)}, not ${shown(value)}`)
}

/** As `nameOf()`, but the text may be empty. */
export function textOf(what: string, value: unknown): string {
  if (isText(value)) return value
  throw new TypeError(`${what} must be ${ruleFor(value)}, not ${show(value)}`)
}

/** @throws TypeError unless the value is one of these words. */
export function wordOf<const Word extends string>(
  what: string,
  value: Word,
  words: readonly Word[],
): Word {
  return checkedWord(what, value, words, show)
}

/** The same where the value may be a secret: it is not quoted (E6). */
export function secretWordOf<const Word extends string>(
  what: string,
  value: Word,
  words: readonly Word[],
): Word {
  return checkedWord(what, value, words, (wrong) =>
    typeof wrong === 'string' && wrong !== '' ? 'another string' : showType(wrong),
  )
}

function checkedWord<Word extends string>(
  what: string,
  value: Word,
  words: readonly Word[],
  shown: (value: unknown) => string,
): Word {
  if (words.includes(value)) return value
  const list = words.map((word) => `'${word}'`).join(', ')
  throw new TypeError(`${what} must be one of ${list}, not ${shown(value)}`)
}

function ruleFor(value: unknown): string {
  return typeof value === 'string' && value !== ''
    ? 'well-formed Unicode without U+0000'
    : 'a non-empty string'
}
