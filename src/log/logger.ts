/** The logger of the app, as Holdfast calls it. It decides nothing: the engine works alike without it. */

/** From what only a developer wants to what needs a person. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/**
 * Where log lines go. `console`, a pino logger and electron-log fit as they are.
 *
 * Each call has one argument, a text such as
 * `holdfast operation.retrying id=1.s.x user=alice kind=note outcome=retry status=503 attempts=2`. It is the one call that
 * means the same to all of them: pino takes `(object, message)`, `console` and electron-log take `(message, ...values)`,
 * and each of them writes a text without further arguments as it is.
 *
 * A logger is called after the work that a line tells of, outside of the engine. If a method throws, or answers a
 * promise that rejects, the app gets one event `error` (`APP_CODE_FAILED`); the logger is still called, because a full
 * disk may have room later.
 *
 * @example
 * ```ts
 * import { createHoldfast, type HoldfastOptions } from 'holdfast'
 *
 * declare const options: HoldfastOptions
 *
 * const holdfast = await createHoldfast({ ...options, logger: console })
 * ```
 */
export interface Logger {
  debug(message: string): void
  info(message: string): void
  warn(message: string): void
  error(message: string): void
  /** False: no line of this level is made. Left out: every line is made. pino has this method. */
  isLevelEnabled?(level: LogLevel): boolean
}
