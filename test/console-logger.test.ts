/** `consoleLogger()` writes to `console`, by level. */
import { describe, expect, test, vi } from 'vitest'
import { consoleLogger } from '../src/log/console-logger.ts'
import type { LogLevel } from '../src/log/logger.ts'

const LEVELS = ['debug', 'info', 'warn', 'error'] as const

/** What the methods of `console` get, from now on. */
function listenToConsole(): string[] {
  const heard: string[] = []
  for (const level of LEVELS) {
    vi.spyOn(console, level).mockImplementation((...args: unknown[]) => {
      heard.push(`${level} ${JSON.stringify(args)}`)
    })
  }
  return heard
}

/** Writes one line of each level. */
function writeAll(logger: ReturnType<typeof consoleLogger>): void {
  for (const level of LEVELS) logger[level](`a line of ${level}`)
}

describe('the logger for the console', () => {
  test('writes from the level info on, by the method of the same name, with one argument', () => {
    const heard = listenToConsole()
    writeAll(consoleLogger())
    expect(heard).toEqual([
      'info ["a line of info"]',
      'warn ["a line of warn"]',
      'error ["a line of error"]',
    ])
  })

  test.each<[LogLevel, number]>([
    ['debug', 4],
    ['info', 3],
    ['warn', 2],
    ['error', 1],
  ])('writes from the level %s on if it is told so', (level, count) => {
    const heard = listenToConsole()
    const logger = consoleLogger({ level })
    writeAll(logger)
    expect(heard).toHaveLength(count)
    expect(LEVELS.filter((one) => logger.isLevelEnabled?.(one))).toHaveLength(count)
  })

  test('looks the methods up at each call', () => {
    const logger = consoleLogger()
    const heard = listenToConsole()
    logger.info('later')
    expect(heard).toEqual(['info ["later"]'])
  })

  test('leaves a percent sign as it is, because the text is the only argument', () => {
    const heard = listenToConsole()
    consoleLogger().info('100%s %o')
    expect(heard).toEqual(['info ["100%s %o"]'])
  })

  test.each([{ level: 'verbose' }, { level: 1 }, { level: null }, { level: 'Info' }])(
    'refuses %j',
    (options) => {
      expect(() => consoleLogger(options as never)).toThrow(TypeError)
    },
  )
})
