/** Everything that an engine tells a logger, kept for a test. */
import type { Logger, LogLevel } from '../../src/log/logger.ts'

/** A logger that keeps its lines, each after its level. */
export function keepingLogger(more: Pick<Logger, 'pseudonyms' | 'isLevelEnabled'> = {}): {
  readonly logger: Logger
  readonly lines: string[]
} {
  const lines: string[] = []
  const keep = (level: LogLevel) => (message: string) => {
    lines.push(`${level} ${message}`)
  }
  const logger = {
    debug: keep('debug'),
    info: keep('info'),
    warn: keep('warn'),
    error: keep('error'),
    ...more,
  }
  return { logger, lines }
}
