/**
 * The one scrubber: every text that a server or foreign code wrote passes through it before it leaves the engine, as an
 * excerpt, a message, a cause or a line of a log (E6, Q9, Q22, T16). It must never let a secret through, and its work
 * must not grow with the text: it looks at 1 KB, a few times.
 */
import { knownTokens, type Range } from './known-tokens.ts'
import { namedSecrets } from './named-secrets.ts'
import { type View, viewsOf } from './views.ts'

/** So many characters are looked at (E6). */
const MOST_SCRUBBED = 1024

/** The longest text that leaves, in characters. */
const LONGEST = 256

const REDACTED = '[redacted]'

/** A key, a hash, a JWT, a base64 text: no word of a message is so long and has digits. */
const RUN = /[\w+/=~.-]{16,}/g

/** Control characters, but for tabs and line ends: a terminal obeys them. */
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g

export interface ScrubOptions {
  /** Tokens that are known, of every generation. */
  readonly tokens?: readonly string[]
  /** True if the text is only the beginning of another one: its end may be the beginning of a secret. */
  readonly isCut?: boolean
}

/** The text without secrets, at most 256 characters of it. */
export function scrub(text: string, { tokens = [], isCut = false }: ScrubOptions = {}): string {
  const looked = text.slice(0, MOST_SCRUBBED)
  const { views, isWhole } = viewsOf(looked)
  // Nobody escapes an honest text so often.
  if (!isWhole) return REDACTED
  const isSecret = new Uint8Array(looked.length)
  for (const view of views) {
    const found = [
      ...runs(view.text),
      ...namedSecrets(view.text),
      ...knownTokens(view.text, tokens),
    ]
    for (const range of found) mark(isSecret, view, range)
  }
  if (isCut || looked.length < text.length) isSecret.fill(1, startOfLastWord(looked))
  // The cut may split a character, and storage takes well-formed text only.
  return render(looked, isSecret).slice(0, LONGEST).toWellFormed().replace(CONTROL, '\ufffd')
}

function runs(text: string): Range[] {
  const found: Range[] = []
  for (const { 0: run, index } of text.matchAll(RUN)) {
    if (/[A-Za-z]/.test(run) && /\d/.test(run)) found.push([index, index + run.length])
  }
  return found
}

function mark(isSecret: Uint8Array, { from, to }: View, [start, end]: Range): void {
  if (end > start) isSecret.fill(1, from[start] ?? 0, to[end - 1] ?? isSecret.length)
}

/** A text without any space has no word that is not the last. */
function startOfLastWord(text: string): number {
  return text.length - (/\S*$/.exec(text.slice(-LONGEST))?.[0].length ?? 0)
}

function render(text: string, isSecret: Uint8Array): string {
  const parts: string[] = []
  for (let at = 0; at < text.length;) {
    const kind = isSecret[at] ?? 0
    let end = at
    while (end < text.length && isSecret[end] === kind) end += 1
    parts.push(kind === 1 ? REDACTED : text.slice(at, end))
    at = end
  }
  return parts.join('')
}
