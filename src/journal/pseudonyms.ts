/**
 * A journal in which every user id is replaced by a pseudonym (E6): a digest with the key of the database, so that one
 * user has one pseudonym in all journals of a database, and nobody without the key can tell the user. A replay works with
 * the pseudonyms as it does with the ids.
 *
 * User ids stand under a few names, in the names of alarms, in two calls that take nothing else, and in the line of those
 * who wait for the token source.
 */
import type { FileKey } from '../engine/boundary/file-key.ts'
import type { KindFacts } from '../operations/kind-facts.ts'
import type { Settings } from '../options.ts'
import { headerOf } from './header.ts'
import type { InLine, JournalHeader, JournalSink, Json, JsonRecord, OutLine } from './lines.ts'

/** `subject`: the user that a token names. */
const NAMES: ReadonlySet<string> = new Set(['user', 'former', 'identity', 'subject'])

const ALARM_OF_USER = /^(coolDown|early|logout|source|vault|wait):(.*)$/s
const CALLS_OF_USER: ReadonlySet<string> = new Set(['forget', 'refreshToken'])

/** The journal of the app with its header, through pseudonyms if it asks for them; null: there is none. */
export function begun(
  journal: JournalSink | null,
  settings: Settings,
  kinds: readonly KindFacts[],
  fileKey: () => FileKey,
): JournalSink | null {
  const sink = journal?.pseudonyms === true ? new PseudonymJournal(journal, fileKey) : journal
  sink?.header(headerOf(settings, kinds))
  return sink
}

class PseudonymJournal implements JournalSink {
  readonly #journal: JournalSink
  readonly #fileKey: () => FileKey

  constructor(journal: JournalSink, fileKey: () => FileKey) {
    this.#journal = journal
    this.#fileKey = fileKey
  }

  header(header: JournalHeader): unknown {
    return this.#journal.header({ ...header, pseudonyms: true })
  }

  /** Answers what the sink answers, which may be a promise that rejects. */
  write(line: InLine | OutLine, t: number, wall?: number): unknown {
    return this.#journal.write(pseudonymsIn(line, this.#fileKey()), t, wall)
  }

  wantsSummary(): boolean {
    return this.#journal.wantsSummary?.() === true
  }

  noSummary(why: string): void {
    this.#journal.noSummary?.(why)
  }
}

/** The line with a pseudonym in the place of each user id. */
export function pseudonymsIn<Line extends object>(line: Line, fileKey: FileKey): Line {
  return new Pseudonyms(fileKey).lineOf(line as JsonRecord) as Line
}

class Pseudonyms {
  readonly #fileKey: FileKey

  constructor(fileKey: FileKey) {
    this.#fileKey = fileKey
  }

  lineOf(line: JsonRecord): JsonRecord {
    const { in: entered, out, name, args } = line
    const isCall = entered === 'call' && typeof name === 'string' && CALLS_OF_USER.has(name)
    if (isCall && typeof args === 'string') return { ...line, args: this.#of(args) }
    const isAlarm = entered === 'alarm' || out === 'alarm' || out === 'alarm.cancelled'
    const plain = this.#json(line) as JsonRecord
    return isAlarm && typeof name === 'string' ? { ...plain, name: this.#alarm(name) } : plain
  }

  #json(value: Json | undefined, name = ''): Json | undefined {
    if (typeof value === 'string') return NAMES.has(name) ? this.#of(value) : value
    if (typeof value !== 'object' || value === null) return value
    if (isList(value)) return value.map((item) => this.#item(item, name) ?? null)
    // As JSON has it: a token says of itself what may be known.
    const { toJSON } = value as { readonly toJSON?: unknown }
    const plain = typeof toJSON === 'function' ? (toJSON.call(value) as typeof value) : value
    const entries = Object.entries(plain).map(([key, item]) => [key, this.#json(item, key)])
    return Object.fromEntries(entries) as Json
  }

  #item(item: Json, name: string): Json | undefined {
    if (name === 'alarms' && typeof item === 'string') return this.#alarm(item)
    // Who waits for the source: the user, and why.
    if (name === 'line' && isList(item)) {
      const [user, ...why] = item
      return [typeof user === 'string' ? this.#of(user) : (user ?? null), ...why]
    }
    return this.#json(item, name)
  }

  #alarm(name: string): string {
    const [, alarm, user] = ALARM_OF_USER.exec(name) ?? []
    return alarm === undefined ? name : `${alarm}:${this.#of(user ?? '')}`
  }

  #of(user: string): string {
    return `user-${this.#fileKey.digest('user', user)}`
  }
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value)
}
