/** The logger that writes to `console`. No other file of the library may use `console`. */
import { wordOf } from '../checks/texts.ts'
import type { Logger, LogLevel } from './logger.ts'

export interface ConsoleLoggerOptions {
  /** The lowest level that is written. Default: `info`. */
  readonly level?: LogLevel
}

/** From the lowest to the highest. */
const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error']

/**
 * A logger that writes each line by the method of `console` of the same name: `warn` and `error` go to `stderr`. The
 * methods are looked up at each call, so that a program that replaces them gets the lines.
 *
 * @throws TypeError unless the level is one of `debug`, `info`, `warn` and `error`.
 * @example
 * ```ts
 * import { consoleLogger, createHoldfast, type HoldfastOptions } from 'holdfast'
 *
 * declare const options: HoldfastOptions
 *
 * const holdfast = await createHoldfast({ ...options, logger: consoleLogger({ level: 'debug' }) })
 * ```
 */
export function consoleLogger({ level = 'info' }: ConsoleLoggerOptions = {}): Logger {
  const least = LEVELS.indexOf(wordOf('consoleLogger: level', level, LEVELS))
  const isEnabled = (one: LogLevel) => LEVELS.indexOf(one) >= least
  const writer = (one: LogLevel) => (message: string) => {
    if (isEnabled(one)) console[one](message)
  }
  return Object.freeze<Logger>({
    debug: writer('debug'),
    info: writer('info'),
    warn: writer('warn'),
    error: writer('error'),
    isLevelEnabled: isEnabled,
  })
}
