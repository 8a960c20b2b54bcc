/** Marks of pairs in which something waits, or is retained, for a long time. */
import type { Mark } from './mark.ts'

export const OF_WAITS: Readonly<Record<string, Mark>> = {
  'an envelope of as many as there may be': ({ requests }) =>
    requests.some(({ ids }) => ids.length === 100),
  'neighbours until the end of a window': ({ requests, settings, rows }) =>
    requests.some(
      ({ ids, at }) =>
        settings.batchWindowMs > 0 &&
        ids.length > 2 &&
        at - (rows.storedAt.get(ids[0] ?? '') ?? at) === settings.batchWindowMs &&
        ids.some((id) => at - (rows.storedAt.get(id) ?? 0) < settings.batchWindowMs / 2),
    ),
  'the clock set back within a wait, then a new life': ({ turns, requests, lives }) =>
    turns.some(
      ({ turn, at, byMs }) =>
        turn === 'wall' &&
        byMs < 0 &&
        requests.some(({ status, endedAt }) => status === 500 && at - (endedAt ?? at) < 20_000) &&
        lives.some(({ startedAt }) => startedAt > at && startedAt - at < 20_000),
    ),
  'a death of silences while others were answered': ({ rows, requests }) =>
    rows.transitions.some(
      ({ id, to, reason, at }) =>
        to === 'dead' &&
        reason === 'attempts-exhausted' &&
        requests.some(
          ({ ids, reply, endedAt }) => ids[0] === id && reply === null && endedAt === at,
        ),
    ),
  'a captive portal probed several times by two lanes': ({ requests }) => {
    const portals = requests.filter(({ status }) => status === 511)
    return portals.length > 2 && new Set(portals.map(({ user }) => user)).size > 1
  },
  'a flush while a head backs off': ({ calls, requests }) =>
    calls.some(
      ({ name, at, deadlineMs }) =>
        name === 'flush' &&
        (deadlineMs ?? 0) > 1000 &&
        requests.some(({ status, endedAt }) => status === 500 && at - (endedAt ?? at) < 1000),
    ),
  'a process that begins long after an operation was dropped': ({ rows, lives }) =>
    [...rows.outcomes.values()].some(({ settled_at: settledAt }) =>
      lives.some(({ wall }) => wall - Number(settledAt) > 600_000),
    ),
  'a letter retried while a recorded envelope waits': ({ rows }) =>
    rows.transitions.some(
      ({ from, to, at, life }) =>
        from === 'dead' &&
        to === 'pending' &&
        [...rows.keys.values()].some(
          ({ ids, life: then }) =>
            ids.length > 1 && then === life && ids.some((id) => (rows.storedAt.get(id) ?? at) < at),
        ),
    ),
}
