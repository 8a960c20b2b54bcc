/**
 * Which loggers fit the option `logger` as they are. The types below are structural copies of the public signatures of pino
 * and electron-log, so the compiler proves that these loggers can be given.
 */
import { format } from 'node:util'
import { describe, expect, test } from 'vitest'
import type { Logger } from '../src/log/logger.ts'
import { Rig } from './support/rig.ts'

// oxlint-disable typescript/no-explicit-any -- the signatures of others

/** pino 9 and 10: the extra arguments follow from the text. */
type PinoPlaceholder<T extends string> = T extends 'd' ? number : T extends 's' ? unknown : object
type PinoArguments<T, Acc extends unknown[] = []> = T extends `${infer _}%${infer P}${infer Rest}`
  ? P extends 'd' | 's' | 'j' | 'o' | 'O'
    ? PinoArguments<Rest, [...Acc, PinoPlaceholder<P>]>
    : PinoArguments<Rest, Acc>
  : Acc
interface PinoLogFn {
  <Message extends string = string>(message: Message, ...args: PinoArguments<Message>): void
  <T, Message extends string = string>(
    object: [T] extends [object] ? T : T,
    message?: T extends string ? never : Message,
    ...args: PinoArguments<Message> | []
  ): void
}

/** pino up to 9.5. */
interface OldPinoLogFn {
  <T extends object>(object: T, message?: string, ...args: any[]): void
  (object: unknown, message?: string, ...args: any[]): void
  (message: string, ...args: any[]): void
}

type PinoLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent'

interface PinoShaped<LogFn> extends Record<PinoLevel, LogFn> {
  level: PinoLevel | (string & {})
  isLevelEnabled(level: PinoLevel | (string & {})): boolean
  bindings(): Record<string, any>
}

interface ElectronLogShaped {
  error(...params: any[]): void
  warn(...params: any[]): void
  info(...params: any[]): void
  verbose(...params: any[]): void
  debug(...params: any[]): void
  silly(...params: any[]): void
  log(...params: any[]): void
  transports: Record<string, unknown>
}

/** winston: the methods answer the logger. */
interface WinstonShaped {
  error: WinstonMethod
  warn: WinstonMethod
  info: WinstonMethod
  debug: WinstonMethod
}
interface WinstonMethod {
  (message: string, ...meta: any[]): WinstonShaped
  (message: any): WinstonShaped
  (infoObject: object): WinstonShaped
}

// oxlint-enable typescript/no-explicit-any

/** Proves by the compiler alone that these fit. */
export const fits = {
  console: (logger: Console): Logger => logger,
  pino: (logger: PinoShaped<PinoLogFn>): Logger => logger,
  oldPino: (logger: PinoShaped<OldPinoLogFn>): Logger => logger,
  electronLog: (logger: ElectronLogShaped): Logger => logger,
  winston: (logger: WinstonShaped): Logger => logger,
}

/** Writes as pino does: an object first is merged into the record, else the first argument is the message. */
function pinoLike(records: { readonly level: string; readonly msg: unknown }[], least: PinoLevel) {
  const order: readonly PinoLevel[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']
  const isLevelEnabled = (level: string) =>
    order.indexOf(level as PinoLevel) >= order.indexOf(least)
  const logFn = (level: PinoLevel) =>
    function write(this: unknown, ...args: readonly unknown[]) {
      // The methods of pino need their logger as `this`.
      if (this !== logger) throw new TypeError('called without its logger')
      if (!isLevelEnabled(level)) return
      const isMerged = typeof args[0] === 'object'
      records.push({ level, msg: format(...(isMerged ? args.slice(1) : args)) })
    } as unknown as PinoLogFn
  const logger: PinoShaped<PinoLogFn> = {
    fatal: logFn('fatal'),
    error: logFn('error'),
    warn: logFn('warn'),
    info: logFn('info'),
    debug: logFn('debug'),
    trace: logFn('trace'),
    silent: logFn('silent'),
    level: least,
    isLevelEnabled,
    bindings: () => ({}),
  }
  return logger
}

/** Writes as `console` does: the first text is a format if there are further arguments. */
function consoleLike(written: string[]): Logger {
  const write = (...args: readonly unknown[]) => {
    written.push(format(...args))
  }
  return { debug: write, info: write, warn: write, error: write }
}

describe('a line is written as it is', () => {
  const USER = '100%s of alice %o'
  const LINE = 'holdfast token.updated user="100%s of alice %o" generation=1'

  test('by a logger in the shape of pino, whose message it is', async () => {
    const records: { level: string; msg: unknown }[] = []
    const rig = await Rig.start({ logger: pinoLike(records, 'trace') })
    await rig.login(USER, 'a1')
    expect(records).toContainEqual({ level: 'info', msg: LINE })
    expect(records.map(({ level }) => level)).toContain('debug')
    expect(rig.eventsOf('error')).toEqual([])
  })

  test('by a logger in the shape of the console', async () => {
    const written: string[] = []
    const rig = await Rig.start({ logger: consoleLike(written) })
    await rig.login(USER, 'a1')
    expect(written).toContain(LINE)
  })

  test('(a control) with a further argument it would be a format', () => {
    const written: string[] = []
    const logger = consoleLike(written) as unknown as Console
    logger.info(LINE, { user: USER })
    expect(written).not.toContain(LINE)
  })
})

test('a pino of the level info gets no details, and makes none', async () => {
  const records: { level: string; msg: unknown }[] = []
  const rig = await Rig.start({ logger: pinoLike(records, 'info') })
  await rig.login('alice', 'a1')
  expect(records.map(({ level }) => level)).not.toContain('debug')
  expect(records.length).toBeGreaterThan(1)
})
