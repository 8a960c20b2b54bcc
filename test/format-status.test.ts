/** `formatStatus()` tells the status in a few lines for people. */
import { describe, expect, test } from 'vitest'
import { HOLDS, type HoldName } from '../machines/holds.ts'
import { ageInWords, leftInWords } from '../src/api/duration-words.ts'
import { formatStatus } from '../src/api/format-status.ts'
import { failureInWords, HOLD_WORDS, NEED_WORDS } from '../src/api/hold-words.ts'
import type { HoldStatus, LaneStatus, OwnerStatus, Status } from '../src/engine/status.ts'
import type { UserId } from '../src/model.ts'
import { replying, Rig } from './support/rig.ts'

const NOW = Date.UTC(2026, 0, 1, 12)
const ALICE = 'alice' as UserId
const BOB = 'bob' as UserId

function statusOf(parts: Partial<Status>): Status {
  return {
    queue: 'running',
    identity: null,
    requirement: 'required',
    lanes: [],
    owners: [],
    tokenNeeds: [],
    counts: { pending: 0, sending: 0, dead: 0 },
    totals: {} as Status['totals'],
    ...parts,
  }
}

function laneOf(user: UserId | null, parts: Partial<LaneStatus> = {}): LaneStatus {
  return {
    user,
    pending: 1,
    sending: false,
    holds: [],
    headEnqueuedAt: null,
    attempts: 0,
    refusedTokens: 0,
    lastFailure: null,
    retryAt: null,
    ...parts,
  }
}

function ownerOf(user: UserId | null, parts: Partial<OwnerStatus> = {}): OwnerStatus {
  const nothing = { pending: 1, sending: 0, dead: 0, lastCompletedAt: null, lastFailure: null }
  return { user, ...nothing, ...parts }
}

/** A hold that was set 3 min ago. */
function holdOf(name: HoldName, until: number | null = null, cause = 'for the test'): HoldStatus {
  return { name, cause, since: NOW - 180_000, until }
}

/** The lines of an owner with this lane. */
function linesOf(lane: LaneStatus, more: Partial<Status> = {}): string[] {
  const { user } = lane
  const text = formatStatus(statusOf({ lanes: [lane], owners: [ownerOf(user)], ...more }), {
    now: NOW,
  })
  return text.split('\n').slice(2)
}

describe('a duration in words', () => {
  test.each([
    [0, '0 s'],
    [59_999, '59 s'],
    [60_000, '1 min'],
    [3_599_999, '59 min'],
    [3_600_000, '1 h'],
    [172_799_999, '47 h'],
    [172_800_000, '2 days'],
    [-5000, '0 s'],
  ])('that has passed: %i ms are %s', (ms, words) => {
    expect(ageInWords(ms)).toBe(words)
  })

  test.each([
    [0, '0 s'],
    [1, '1 s'],
    [59_000, '59 s'],
    [59_001, '1 min'],
    [60_001, '2 min'],
    [3_540_001, '1 h'],
    [172_800_000, '2 days'],
    [-5000, '0 s'],
  ])('that is left: %i ms are %s', (ms, words) => {
    expect(leftInWords(ms)).toBe(words)
  })
})

describe('the words', () => {
  test('of every hold are there, and of no other', () => {
    expect(Object.keys(HOLD_WORDS).toSorted()).toEqual(Object.keys(HOLDS).toSorted())
  })

  test.each(Object.keys(HOLDS) as HoldName[])('of %s tell its time and its cause', (name) => {
    const [, line] = linesOf(laneOf(ALICE, { holds: [holdOf(name)] }))
    expect(line).toBe(`  ${HOLD_WORDS[name].words} (for 3 min): for the test`)
  })

  test.each([
    ['backing-off', 'waits 4 min'],
    ['rate-limited', 'waits 4 min'],
    ['suspended', 'asleep (for 3 min, next try in 4 min)'],
    ['awaiting-token', 'needs a fresh token (for 3 min, next try in 4 min)'],
  ] as const)('of %s with an end tell the time that is left', (name, words) => {
    const [, line] = linesOf(laneOf(ALICE, { holds: [holdOf(name, NOW + 239_000)] }))
    expect(line).toBe(`  ${words}: for the test`)
  })

  test('of every token need are told with its hold, and once more in a line of their own', () => {
    for (const [reason, words] of Object.entries(NEED_WORDS)) {
      const tokenNeeds = [{ user: ALICE, reason: reason as never, generation: null }]
      const lines = linesOf(laneOf(ALICE, { holds: [holdOf('awaiting-token')] }), { tokenNeeds })
      expect(lines).toEqual([
        '"alice": 1 pending',
        `  needs a fresh token (for 3 min): ${words}`,
        `tokens needed: "alice" (${words})`,
      ])
    }
  })

  test.each([
    [{ at: NOW, status: 503, code: null }, 'server answered 503'],
    [{ at: NOW, status: null, code: 'ECONNREFUSED' }, 'no reply, ECONNREFUSED'],
    [{ at: NOW, status: null, code: null }, 'no reply'],
  ])('of the failure %j are %s', (failure, words) => {
    expect(failureInWords(failure)).toBe(words)
  })
})

describe('the text', () => {
  test('of an engine with nothing to do has two lines', () => {
    expect(formatStatus(statusOf({}), { now: NOW })).toBe(
      'holdfast is running, nobody is logged in, requirement required\nnothing pending',
    )
  })

  test('tells of each owner what holds it, and what was last', () => {
    const lastFailure = { at: NOW - 70_000, status: 503, code: null }
    const text = formatStatus(
      statusOf({
        identity: ALICE,
        counts: { pending: 5, sending: 1, dead: 2 },
        owners: [
          ownerOf(BOB, { pending: 2, lastFailure }),
          ownerOf(null, { pending: 0, dead: 1 }),
          ownerOf(ALICE, {
            pending: 3,
            sending: 1,
            dead: 1,
            lastCompletedAt: NOW - 130_000,
            lastFailure,
          }),
        ],
        lanes: [
          laneOf(BOB, { pending: 2, lastFailure, holds: [holdOf('offline')] }),
          laneOf(ALICE, {
            pending: 3,
            lastFailure,
            retryAt: NOW + 239_000,
            holds: [holdOf('backing-off', NOW + 239_000, 'after attempt 2: status 503')],
          }),
        ],
      }),
      { now: NOW },
    )
    expect(text.split('\n')).toEqual([
      'holdfast is running, logged in as "alice", requirement required',
      '5 pending, 1 sending, 2 dead letters',
      '"alice": 3 pending, 1 sending, 1 dead letter; last completed 2 min ago',
      '  waits 4 min: server answered 503',
      '"bob": 2 pending; last failure 1 min ago: server answered 503',
      '  offline (for 3 min): for the test',
      'anonymous: nothing pending, 1 dead letter',
    ])
  })

  test('of the wait for operations to merge with tells no failure', () => {
    const cause = 'waiting for operations to merge with'
    const holds = [holdOf('backing-off', NOW + 500, cause)]
    const lastFailure = { at: NOW - 1000, status: 401, code: null }
    expect(linesOf(laneOf(ALICE, { holds, lastFailure }))).toContain(`  waits 1 s: ${cause}`)
  })

  test('of several lanes of an owner tells each hold once, with the first end', () => {
    const waiting = (until: number) =>
      laneOf(ALICE, { holds: [holdOf('backing-off', until), holdOf('paused')] })
    const lanes = [
      waiting(NOW + 60_000),
      waiting(NOW + 5000),
      laneOf(ALICE, { holds: [holdOf('paused')] }),
    ]
    const text = formatStatus(statusOf({ lanes, owners: [ownerOf(ALICE)] }), { now: NOW })
    expect(text.split('\n').slice(3)).toEqual([
      '  waits 5 s [2 of 3 lanes]: for the test',
      '  paused (for 3 min) [3 of 3 lanes]: for the test',
    ])
  })

  test('escapes control characters, and cuts long user ids', () => {
    const user = '\u001b[2J\nbob\u202e' as UserId
    const holds = [holdOf('awaiting-record', null, 'the record \n\u0007 is still to be created')]
    const text = formatStatus(
      statusOf({
        identity: user,
        lanes: [laneOf(user, { holds })],
        owners: [ownerOf(user), ownerOf('x'.repeat(1000) as UserId)],
        tokenNeeds: [{ user, reason: 'missing', generation: null }],
      }),
      { now: NOW },
    )
    // oxlint-disable-next-line no-control-regex
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/)
    expect(text.split('\n')).toHaveLength(6)
    expect(text).toContain('"\\u001b[2J\\nbob\\u202e"')
    expect(text).toContain(`"${'x'.repeat(64)}…"`)
    expect(text).not.toContain('x'.repeat(65))
  })

  test('has at most 20 owners and 20 token needs, those with something pending first', () => {
    const users = Array.from({ length: 50 }, (_, nth) => `user-${nth}` as UserId)
    const owners = users.map((user, nth) => ownerOf(user, { pending: nth < 45 ? 0 : 1 }))
    const tokenNeeds = users.map((user) => ({ user, reason: 'missing', generation: null }) as const)
    const lines = formatStatus(statusOf({ owners, tokenNeeds }), { now: NOW }).split('\n')
    expect(lines).toHaveLength(24)
    expect(lines[2]).toBe('"user-45": 1 pending')
    expect(lines[22]).toBe('and 30 more owners')
    expect(lines[23]).toMatch(/^tokens needed: "user-0" \(no token\), .*, and 30 more users$/)
  })

  test('is the same for a status that went through JSON', async () => {
    const rig = await Rig.start({ answer: replying(503), backoff: { jitter: false } })
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    await rig.advance()
    const status = rig.holdfast.status()
    const now = rig.time.wall()
    const text = formatStatus(status, { now })
    expect(text).toContain('  waits 1 s: server answered 503')
    expect(formatStatus(JSON.parse(JSON.stringify(status)) as Status, { now })).toBe(text)
  })

  test('takes its times from the clock of the machine, unless it is given one', () => {
    const at = Date.now() + 50 * 86_400_000
    expect(formatStatus(statusOf({ owners: [ownerOf(ALICE, { lastCompletedAt: at })] }))).toContain(
      'last completed 0 s ago',
    )
  })

  test.each([Number.NaN, Number.POSITIVE_INFINITY, '1', null])('refuses %j as now', (now) => {
    expect(() => formatStatus(statusOf({}), { now: now as never })).toThrow(TypeError)
  })
})
