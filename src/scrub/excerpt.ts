/**
 * What is stored of a server's reply with a dead letter (Q9, E6): of JSON the texts that say what went wrong, of other
 * text the beginning, both scrubbed. Only the beginning of the reply is looked at, so that the work does not grow with the
 * length of the reply (Q21).
 */
import { type Kept, keptOfJson } from './kept-of-json.ts'
import { scrub, type ScrubOptions } from './scrub.ts'

/** So much of a reply is looked at for JSON: an error that stands further behind is not told. */
const WINDOW = 2048

/** The longest excerpt of JSON, in characters: a few texts of 256. */
const LONGEST = 1024

/** JSON in a text of JSON is looked at so often. */
const MOST_NESTED = 3

/** There was something, and nothing of it may be kept. */
const NOTHING_KEPT = '[redacted]'

export function excerptOf(body: string, options: ScrubOptions = {}): string {
  const kept = textsOf(body, options, MOST_NESTED)
  if (kept === null) return scrub(body, options)
  const texts = new Set(kept.map(({ name, text }) => `${name}: ${text}`))
  return texts.size === 0 ? NOTHING_KEPT : [...texts].join('; ').slice(0, LONGEST).toWellFormed()
}

/** What is kept of JSON, scrubbed; null: the text is no JSON. */
function textsOf(
  text: string,
  options: ScrubOptions,
  nested: number,
): readonly Pick<Kept, 'name' | 'text'>[] | null {
  const { isCut = false } = options
  const looked = text.slice(0, WINDOW)
  const kept = keptOfJson(looked, isCut || looked.length < text.length)
  if (kept === null) return null
  return kept.flatMap((one) => {
    const within = { ...options, isCut: one.isCut }
    if (nested > 0) {
      const inner = textsOf(one.text, within, nested - 1)
      if (inner !== null) return inner
    }
    return [{ name: one.name, text: scrub(one.text, within) }]
  })
}
