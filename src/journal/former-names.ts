/** Settings under the names that a journal of an earlier version has. Such a journal replays all the same. */
import type { JsonRecord } from './lines.ts'

/** The settings of a header, under the names of today: the option `backoff` had `base` and `cap`. */
export function settingsOfToday(settings: JsonRecord): JsonRecord {
  const { backoff } = settings
  if (typeof backoff !== 'object' || backoff === null || Array.isArray(backoff)) return settings
  const { base, cap, ...rest } = backoff as JsonRecord
  return {
    ...settings,
    backoff: {
      ...(base === undefined ? {} : { baseMs: base }),
      ...(cap === undefined ? {} : { capMs: cap }),
      ...rest,
    },
  }
}
