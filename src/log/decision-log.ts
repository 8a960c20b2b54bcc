/**
 * The log beside the journal: one line per decision, for the logger of the app. It hears what a journal hears, redacted as
 * a journal is, and a few notes more. It must never decide, throw, or call the logger within a piece of the engine's work:
 * a line is made at once, because the state goes on, and is written afterwards.
 */
import { appCodeFailed } from '../app-code.ts'
import type { HoldfastError } from '../errors.ts'
import type { FileKey } from '../engine/boundary/file-key.ts'
import type { HoldfastEvents } from '../events.ts'
import { pseudonymsIn } from '../journal/pseudonyms.ts'
import { isThenable } from '../thrown.ts'
import { toldError } from '../told-error.ts'
import { logLineOf, type LogLine, type LogText, textOf } from './log-line.ts'
import type { Logger } from './logger.ts'

/** The times and the key of the moment in which a line is made. */
export interface LogMoment {
  readonly monotonic: number
  readonly fileKey: FileKey
}

/** Hears every `error` event of an engine. */
interface ErrorEvents {
  on(name: 'error', listener: (detail: HoldfastEvents['error']) => void): unknown
}

interface LogOptions {
  readonly logger: Logger
  /** True if user ids are to be replaced by pseudonyms. */
  readonly hasPseudonyms: boolean
}

export class DecisionLog {
  readonly #logger: Logger
  readonly #hasPseudonyms: boolean
  readonly #tellOfFailure: (error: HoldfastError) => void
  #hasFailed = false

  constructor(
    { logger, hasPseudonyms }: LogOptions,
    tellOfFailure: (error: HoldfastError) => void,
  ) {
    this.#logger = logger
    this.#hasPseudonyms = hasPseudonyms
    this.#tellOfFailure = tellOfFailure
  }

  /** False: the logger does not write details, so they need not be made. */
  get hasDetails(): boolean {
    try {
      return this.#logger.isLevelEnabled?.('debug') !== false
    } catch {
      // The app is told when the line is written, because the engine is at work now.
      return true
    }
  }

  /** Makes the line; the answer writes it. Null: nothing is to be written. */
  lineOf(lineNow: () => LogLine, { monotonic, fileKey }: LogMoment): (() => void) | null {
    try {
      const line = lineNow()
      const shown = this.#hasPseudonyms ? pseudonymsIn(line, fileKey) : line
      const text = logLineOf(shown, monotonic)
      return text === null ? null : () => this.#write(text)
    } catch (thrown) {
      return () => this.#failed(thrown)
    }
  }

  /** An event `error`, also one that is no decision of the engine: a listener that threw, a journal that was lost. */
  readonly hearError = ({ error }: HoldfastEvents['error']): void => {
    try {
      const { code, cause, reason, message } = toldError(error)
      const text = textOf('error', 'error', {
        code,
        cause: cause ?? undefined,
        reason: reason ?? undefined,
        // A message may name a user.
        message: this.#hasPseudonyms ? undefined : message,
      })
      this.#write(text)
    } catch (thrown) {
      this.#failed(thrown)
    }
  }

  #write({ level, text }: LogText): void {
    try {
      if (this.#logger.isLevelEnabled?.(level) === false) return
      const written: unknown = this.#logger[level](text)
      // A logger has nothing to answer, but one may be written as an async function.
      if (isThenable(written)) Promise.resolve(written).catch(this.#failed)
    } catch (thrown) {
      this.#failed(thrown)
    }
  }

  /** The app is told once: the line that tells of the failure fails too. */
  readonly #failed = (thrown: unknown): void => {
    if (this.#hasFailed) return
    this.#hasFailed = true
    this.#tellOfFailure(appCodeFailed('the option logger', thrown))
  }
}

/** The log of an engine; null: the app gave no logger. */
export function decisionLog(
  { logger, logPseudonyms }: { readonly logger: Logger | null; readonly logPseudonyms: boolean },
  events: ErrorEvents,
  tellOfFailure: (error: HoldfastError) => void,
): DecisionLog | null {
  if (logger === null) return null
  const log = new DecisionLog({ logger, hasPseudonyms: logPseudonyms }, tellOfFailure)
  events.on('error', log.hearError)
  return log
}
