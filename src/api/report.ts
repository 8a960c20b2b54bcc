/**
 * `report()`: what a bug report needs, as one plain object. It must never hold a token, a payload or a header, and never
 * fail because storage does: a report is most needed then.
 */
import type { Status } from '../engine/status.ts'
import type { ErrorCode } from '../errors.ts'
import type { FileKey } from '../engine/boundary/file-key.ts'
import { flagOf } from '../checks/flags.ts'
import { wholeNumberOf } from '../checks/numbers.ts'
import type { JournalHeader, JournalLine } from '../journal/lines.ts'
import { pseudonymsIn } from '../journal/pseudonyms.ts'
import { RingJournal } from '../journal/ring-journal.ts'
import type { DeadReason, Instant, OperationId, UserId } from '../model.ts'
import type { KindFacts } from '../operations/kind-facts.ts'
import type { ResolvedOptions } from '../options.ts'
import { shownOrigin } from '../origin.ts'
import { codeIn } from '../thrown.ts'
import { VERSION } from '../version.ts'
import { describeLetter } from './operation-info.ts'
import { query } from './query.ts'
import type { RecentErrors } from './recent-errors.ts'

/** As many letters at most: more do not fit into a report. */
const MOST_LETTERS = 1000
const DEFAULT_LETTERS = 100

export interface ReportOptions {
  /**
   * Replaces user ids by the pseudonyms that a journal with `pseudonyms` has for this database. Texts that may name a user
   * in words, the excerpts of dead letters and the messages of errors, are left out. Default: false.
   */
  readonly pseudonyms?: boolean
  /** How many dead letters are told of, the newest, a whole number from 0 to 1000. Default: 100. */
  readonly deadLetters?: number
}

/** A dead letter without its payload. */
export interface ReportedLetter {
  readonly id: OperationId
  readonly user: UserId | null
  readonly kind: string
  readonly version: number
  readonly enqueuedAt: Instant
  readonly reason: DeadReason
  readonly status: number | null
  /** The beginning of the server's reply, redacted; null: there is none, or `pseudonyms` was asked for. */
  readonly excerpt: string | null
  readonly diedAt: Instant
  readonly attempts: number
}

/** An error of which the app was told by the event `error` or `token.refreshFailed`. */
export interface ReportedError {
  /** When the engine dealt with what led to it. */
  readonly at: Instant
  readonly code: ErrorCode
  /** The name of the cause; null: there is none, or it is no error. */
  readonly cause: string | null
  /** The system's name of the failure, such as `ECONNREFUSED`; null: the cause has none. */
  readonly reason: string | null
  /** Redacted, and at most 256 characters. Null: `pseudonyms` was asked for. */
  readonly message: string | null
}

/** Plain JSON. Its members may change with any version: it is for people. */
export interface Report {
  /** The version of Holdfast. */
  readonly holdfast: string
  /** The version of Node. */
  readonly node: string
  /** The operating system and the processor, such as `linux x64`. */
  readonly platform: string
  readonly createdAt: Instant
  /** True if each user id is a pseudonym. */
  readonly pseudonyms: boolean
  /** The options that decide anything, with their defaults, as a journal has them; of a URL only the origin. */
  readonly options: Readonly<Record<string, unknown>>
  /** What each kind declares. */
  readonly kinds: readonly Readonly<Record<string, unknown>>[]
  readonly status: Status
  /** Null: storage cannot be read. `count`: of all there are; `newest`: the newest first. */
  readonly deadLetters: {
    readonly count: number
    readonly newest: readonly ReportedLetter[]
  } | null
  /** The code of the error with which storage answered, `CLOSED` after `close()`; null: it could be read. */
  readonly storageFailure: ErrorCode | null
  /** The last errors that the app was told of, the oldest first. */
  readonly errors: readonly ReportedError[]
  /** The lines of the ring journal, which replay as they stand; null: the option `journal` is no `ringJournal()`. */
  readonly journal: readonly string[] | null
}

export interface ReporterParts {
  readonly options: ResolvedOptions
  readonly facts: readonly KindFacts[]
  readonly errors: RecentErrors
  readonly fileKey: () => FileKey
  readonly status: () => Status
}

export class Reporter {
  readonly #parts: ReporterParts

  constructor(parts: ReporterParts) {
    this.#parts = parts
  }

  /** @throws TypeError or RangeError that names the option. */
  async report({
    pseudonyms = false,
    deadLetters = DEFAULT_LETTERS,
  }: ReportOptions): Promise<Report> {
    flagOf('report: pseudonyms', pseudonyms)
    wholeNumberOf('report: deadLetters', deadLetters, 0, MOST_LETTERS)
    // First, so that the rest tells what storage has answered.
    const letters = await this.#letters(deadLetters)
    const report = this.#report(letters, pseudonyms)
    return pseudonyms ? pseudonymsIn(withoutTexts(report), this.#parts.fileKey()) : report
  }

  #report(letters: readonly ReportedLetter[] | Error, pseudonyms: boolean): Report {
    const { options, facts, errors, status } = this.#parts
    const now = status()
    const isRead = !(letters instanceof Error)
    return {
      holdfast: VERSION,
      node: process.versions.node,
      platform: `${process.platform} ${process.arch}`,
      createdAt: options.ports.clock.wall(),
      pseudonyms,
      options: {
        ...options.settings,
        origin: shownOrigin(options.settings.origin),
        formerOrigins: options.settings.formerOrigins.map(shownOrigin),
      },
      kinds: facts.map((kind) => ({ ...kind })),
      status: now,
      deadLetters: isRead ? { count: now.counts.dead, newest: letters } : null,
      storageFailure: isRead ? null : (codeIn(letters) as ErrorCode),
      errors: errors.all(),
      journal: this.#journal(pseudonyms),
    }
  }

  /** The newest dead letters, or why they cannot be read. */
  async #letters(limit: number): Promise<readonly ReportedLetter[] | Error> {
    const { storage } = this.#parts.options.ports
    if (limit === 0) return []
    try {
      const letters = await query(() => storage.letters({ limit, order: 'newest' }))
      return letters.map((letter) => {
        const { state: _state, payload: _payload, ...rest } = describeLetter(letter, letter.user)
        return rest
      })
    } catch (thrown) {
      return thrown as Error
    }
  }

  #journal(pseudonyms: boolean): readonly string[] | null {
    const { options, fileKey } = this.#parts
    const { journal, settings } = options
    if (!(journal instanceof RingJournal)) return null
    const lines = journal.text().trimEnd().split('\n')
    const isDone = journal.pseudonyms || !pseudonyms
    const shown = isDone ? lines : lines.map((line) => pseudonymousLine(line, fileKey()))
    // An origin stands in the header, and in the lines of rate limits. A transport of the app may have a password in it.
    const [origin, bare] = [settings.origin, shownOrigin(settings.origin)].map(inJson)
    return shown.map((line) => line.replaceAll(origin ?? '', () => bare ?? ''))
  }
}

/** As it stands within a text of JSON. */
function inJson(text: string): string {
  return JSON.stringify(text).slice(1, -1)
}

function pseudonymousLine(line: string, fileKey: FileKey): string {
  const parsed = JSON.parse(line) as JournalHeader | JournalLine
  return JSON.stringify(
    'journal' in parsed ? { ...parsed, pseudonyms: true } : pseudonymsIn(parsed, fileKey),
  )
}

/** A server and an app may name a user in any words. */
function withoutTexts(report: Report): Report {
  const { deadLetters, errors } = report
  return {
    ...report,
    deadLetters: deadLetters && {
      ...deadLetters,
      newest: deadLetters.newest.map((letter) => ({ ...letter, excerpt: null })),
    },
    errors: errors.map((error) => ({ ...error, message: null })),
  }
}
