import type {
  ParkCause,
  TokenCommand,
  TokenContext,
  TokenEvent,
  tokenMachine,
  TokenNeed,
} from '../../machines/token.machine.ts'
import type { TokenNeedReason, UserId } from '../../src/model.ts'
import type { Row, Table } from './run-table.ts'

type TokenRow = Row<typeof tokenMachine>
type Value = TokenRow['expected']['value']

const user = 'alice' as UserId
const withoutSource = { hasSource: false }

/** A token that never ends. */
const arrived = (generation: number) =>
  ({ type: 'token.arrived', generation, refreshAt: null, expiresAt: null, refused: false }) as const
/** One whose margin begins at 700 and that ends at 1000. */
const ending = { ...arrived(1), refreshAt: 700, expiresAt: 1000 } as const
const knownRefused = { ...arrived(3), refused: true } as const
const refused = (generation: number) => ({ type: 'token.refused', generation }) as const
const accepted = (generation: number) => ({ type: 'token.accepted', generation }) as const
const sessionEnded = { type: 'token.lost', reason: 'missing' } as const
const elsewhere = { type: 'token.lost', reason: 'elsewhere' } as const
const unreadable = { type: 'token.lost', reason: 'unreadable' } as const
const workDue = (now: number) => ({ type: 'work.due', now, demanded: true }) as const
const undemandedWorkDue = (now: number) => ({ type: 'work.due', now, demanded: false }) as const
const unsignedRefused = { type: 'unsigned.refused' } as const
const waived = { type: 'demand.waived' } as const
const refreshRequested = { type: 'refresh.requested' } as const
const answered = { type: 'source.answered' } as const
const repeated = { type: 'source.repeated' } as const
const failed = { type: 'source.failed' } as const
const denied = { type: 'source.denied' } as const
const overtaken = { type: 'source.overtaken' } as const
const waitOver: TokenEvent = { type: 'wait.over', working: true }
const idleWaitOver: TokenEvent = { type: 'wait.over', working: false }
const recalled = (by: 'login' | 'return' | 'work') => ({ type: 'need.recalled', by }) as const
const early = (generation: number) => ({ type: 'token.early', generation, until: 5000 }) as const
const vaultAnswered = { type: 'vault.answered' } as const
const ripened = { type: 'token.ripened' } as const
const alarm: TokenEvent = { type: 'alarm.fired', working: true }
const idleAlarm: TokenEvent = { type: 'alarm.fired', working: false }

const parkAs = (cause: ParkCause) => ({ type: 'lane.park', user, cause }) as const
const park = parkAs('needed')
const unpark = { type: 'lane.unpark', user } as const
const signOut = { type: 'lane.signOut', user } as const
const signIn = { type: 'lane.signIn', user } as const
const ask = (reason: TokenNeedReason) => ({ type: 'source.ask', user, reason }) as const
const opened = (need: TokenNeed) => ({ type: 'need.opened', user, need }) as const
const announced = (need: TokenNeed) => ({ type: 'need.announced', user, need }) as const
const closed = { type: 'need.closed', user } as const
const refreshFailed = { type: 'refresh.failed', user } as const
const coolDown = (round: number) => ({ type: 'coolDown.started', user, round }) as const
const wait = (round: number) => ({ type: 'wait.started', user, round }) as const
const waitEnded = { type: 'wait.ended', user } as const
const coolDownEnded = { type: 'coolDown.ended', user } as const

/** A need that the source is to answer. */
const need = (reason: TokenNeedReason, generation: number | null = null): TokenNeed => ({
  reason,
  refused: generation,
  announced: false,
})
/** A need that the app is to answer. */
const appNeed = (reason: TokenNeedReason, generation: number | null = null): TokenNeed => ({
  reason,
  refused: generation,
  announced: true,
})

const outcome = (
  validity: Value['validity'],
  refresh: Value['refresh'],
  commands: readonly TokenCommand[],
  context?: Partial<TokenContext>,
): TokenRow['expected'] => ({
  value: { validity, refresh, bound: 'open' },
  commands,
  ...(context === undefined ? {} : { context }),
})

/** The same within a wait of T8. */
const waiting = (
  ...[validity, refresh, ...rest]: Parameters<typeof outcome>
): TokenRow['expected'] => ({
  ...outcome(validity, refresh, ...rest),
  value: { validity, refresh, bound: 'waiting' },
})

const absent: TokenRow[] = [
  {
    name: 'at first there is no token, and nobody needs one (T5)',
    given: [],
    when: 'start',
    expected: outcome('absent', 'idle', [], { generation: 0, parked: false, need: null }),
  },
  {
    name: 'work of a user without a token parks the lane and has the source asked (T5)',
    given: [],
    when: workDue(0),
    expected: outcome('absent', 'asking', [park, opened(need('missing')), ask('missing')], {
      parked: true,
      need: need('missing'),
    }),
  },
  {
    name: 'without a source the app itself is asked (T5)',
    input: withoutSource,
    given: [],
    when: workDue(0),
    expected: outcome('absent', 'idle', [
      park,
      opened(appNeed('missing')),
      announced(appNeed('missing')),
    ]),
  },
  {
    name: 'the answer of the vault frees the lanes that waited for it (T1)',
    given: [],
    when: vaultAnswered,
    expected: outcome('absent', 'idle', [unpark], { parked: false }),
  },
  {
    name: 'work goes without a token where none is demanded (I4)',
    given: [],
    when: undemandedWorkDue(0),
    expected: outcome('absent', 'idle', [], { parked: false, need: null }),
  },
  {
    name: 'a need that is open is not opened again, and the source is called once (T5, T6)',
    given: [workDue(0)],
    when: workDue(1),
    expected: outcome('absent', 'asking', [park]),
  },
  {
    name: 'a 401 to an unsigned request parks the lane and opens a need (I10)',
    given: [],
    when: unsignedRefused,
    expected: outcome('absent', 'asking', [park, opened(need('missing')), ask('missing')], {
      parked: true,
    }),
  },
  {
    name: 'a 401 to an unsigned request parks nobody whose token has come meanwhile (T7)',
    given: [arrived(1)],
    when: unsignedRefused,
    expected: outcome('valid', 'idle', []),
  },
  {
    name: 'once no token is demanded the lane goes on and the need is closed (I4, I10)',
    input: withoutSource,
    given: [workDue(0)],
    when: waived,
    expected: outcome('absent', 'idle', [unpark, signIn, closed], { parked: false, need: null }),
  },
  {
    name: 'a source that denied stops nobody once no token is demanded (I4)',
    given: [workDue(0), denied],
    when: waived,
    expected: outcome('absent', 'denied', [unpark, signIn, closed], { parked: false, need: null }),
  },
  {
    name: 'a token resumes the lane at once and answers the need (T5, T7)',
    input: withoutSource,
    given: [workDue(0)],
    when: ending,
    expected: outcome('valid', 'idle', [unpark, closed], {
      generation: 1,
      refreshAt: 700,
      expiresAt: 1000,
      parked: false,
      need: null,
    }),
  },
  {
    name: 'a token that nobody needed is taken all the same (T2)',
    given: [],
    when: arrived(1),
    expected: outcome('valid', 'idle', [unpark], { generation: 1, triedCount: 0 }),
  },
]

const lost: TokenRow[] = [
  {
    name: 'the end of a session leaves nothing of its token (T11)',
    given: [ending],
    when: sessionEnded,
    expected: outcome('absent', 'idle', [unpark], {
      generation: 0,
      refreshAt: null,
      expiresAt: null,
      lostReason: 'missing',
    }),
  },
  {
    name: 'the end of a session ends its refresh, and its refusals count no more (T11)',
    given: [arrived(1), refused(1)],
    when: sessionEnded,
    expected: outcome('absent', 'idle', [unpark, closed], {
      parked: false,
      need: null,
      refusedCount: 0,
    }),
  },
  {
    name: 'the end of a session ends the wait for its source, and its failures count no more (T11)',
    given: [workDue(0), failed],
    when: sessionEnded,
    expected: outcome('absent', 'idle', [unpark, closed, coolDownEnded], { failedCount: 0 }),
  },
  {
    name: 'after the end of a session nobody is signed out by its source any more (T11)',
    given: [workDue(0), denied],
    when: sessionEnded,
    expected: outcome('absent', 'idle', [signIn, unpark, closed]),
  },
  {
    name: 'a 401 that comes after the end of its session is no news (T11)',
    given: [arrived(1), sessionEnded],
    when: refused(1),
    expected: outcome('absent', 'idle', []),
  },
  {
    name: 'a token that cannot be decrypted opens a need, and the source is asked (T1)',
    given: [],
    when: unreadable,
    expected: outcome('absent', 'asking', [unpark, opened(need('unreadable')), ask('unreadable')], {
      lostReason: 'unreadable',
      parked: false,
    }),
  },
  {
    name: 'a token that cannot be decrypted is no generation any more (T1)',
    input: withoutSource,
    given: [knownRefused, workDue(0)],
    when: unreadable,
    expected: outcome(
      'absent',
      'idle',
      [unpark, closed, opened(appNeed('unreadable')), announced(appNeed('unreadable'))],
      { generation: 0, parked: false },
    ),
  },
  {
    name: 'work that finds the token unreadable parks the lane for the need that is open (T1, T5)',
    given: [unreadable],
    when: workDue(0),
    expected: outcome('absent', 'asking', [park], { parked: true, need: need('unreadable') }),
  },
  {
    name: 'a later need says again that the token was unreadable (T1)',
    input: withoutSource,
    given: [unreadable, waived],
    when: workDue(0),
    expected: outcome('absent', 'idle', [
      park,
      opened(appNeed('unreadable')),
      announced(appNeed('unreadable')),
    ]),
  },
  {
    name: 'a call of the source under way serves the need of an unreadable token too (T6)',
    given: [workDue(0)],
    when: unreadable,
    expected: outcome('absent', 'asking', [unpark, closed, opened(need('unreadable'))]),
  },
  {
    name: 'an unreadable token does not cut the wait for the source short (T6)',
    given: [workDue(0), failed],
    when: unreadable,
    expected: outcome('absent', 'coolingDown', [unpark, closed, opened(need('unreadable'))], {
      failedCount: 1,
    }),
  },
  {
    name: 'an unreadable token of a user whose source denied is for the app to replace (T5)',
    given: [refreshRequested, denied],
    when: unreadable,
    expected: outcome('absent', 'denied', [
      unpark,
      opened(need('unreadable')),
      announced(appNeed('unreadable')),
    ]),
  },
]

const byWork: TokenRow[] = [
  {
    name: 'before its margin begins a token is sent as it is (T9)',
    given: [ending],
    when: workDue(699),
    expected: outcome('valid', 'idle', []),
  },
  {
    name: 'a token without an end is never refreshed ahead (T9)',
    given: [arrived(1)],
    when: workDue(Number.MAX_SAFE_INTEGER),
    expected: outcome('valid', 'idle', []),
  },
  {
    name: 'within its margin the source is asked while the send goes out (T9)',
    given: [ending],
    when: workDue(700),
    expected: outcome('expiring', 'asking', [opened(need('expiring')), ask('expiring')], {
      parked: false,
    }),
  },
  {
    name: 'without a source the app is asked once when a token is about to end (T9)',
    input: withoutSource,
    given: [ending],
    when: workDue(700),
    expected: outcome(
      'expiring',
      'idle',
      [opened(appNeed('expiring')), announced(appNeed('expiring'))],
      {
        parked: false,
      },
    ),
  },
  {
    name: 'a token is not refreshed ahead where none is demanded (I4)',
    given: [ending],
    when: undemandedWorkDue(700),
    expected: outcome('valid', 'idle', []),
  },
  {
    name: 'with an expired token and a source the lane waits for a fresh one (T9)',
    given: [ending],
    when: workDue(1000),
    expected: outcome('expired', 'asking', [park, opened(need('expired')), ask('expired')], {
      parked: true,
    }),
  },
  {
    name: 'without a source expiry never parks (T9)',
    input: withoutSource,
    given: [ending],
    when: workDue(1000),
    expected: outcome(
      'expired',
      'idle',
      [opened(appNeed('expiring')), announced(appNeed('expiring'))],
      {
        parked: false,
      },
    ),
  },
  {
    name: 'an expired token is sent where none is demanded (I4)',
    given: [ending],
    when: undemandedWorkDue(1000),
    expected: outcome('valid', 'idle', []),
  },
  {
    name: 'the source is asked ahead once per generation (T9)',
    given: [ending, workDue(700), answered],
    when: workDue(800),
    expected: outcome('expiring', 'idle', []),
  },
  {
    name: 'the source is asked ahead again by later work, if it failed (T9)',
    given: [ending, workDue(700), failed, idleAlarm],
    when: workDue(800),
    expected: outcome('expiring', 'asking', [ask('expiring')]),
  },
  {
    name: 'the source that failed ahead is not asked again where no token is demanded (I4)',
    given: [ending, workDue(700), failed, idleAlarm],
    when: undemandedWorkDue(800),
    expected: outcome('expiring', 'idle', []),
  },
  {
    name: 'once the token has ended the lane waits for the answer that is under way (T9)',
    given: [ending, workDue(700)],
    when: workDue(1000),
    expected: outcome('expired', 'asking', [park, opened(need('expired'))], { parked: true }),
  },
  {
    name: 'once the token has ended the source is asked, though it was asked ahead (T9)',
    given: [ending, workDue(700), answered],
    when: workDue(1000),
    expected: outcome('expired', 'asking', [park, opened(need('expired')), ask('expired')]),
  },
  {
    name: 'without a source the app is not asked again when the token has ended (T9)',
    input: withoutSource,
    given: [ending, workDue(700)],
    when: workDue(1000),
    expected: outcome('expired', 'idle', [], { parked: false }),
  },
  {
    name: 'a token in its margin parks nobody where none is demanded (I4)',
    given: [ending, workDue(700)],
    when: undemandedWorkDue(1000),
    expected: outcome('expiring', 'asking', []),
  },
  {
    name: 'more work parks again for the answer that is under way (T9)',
    given: [ending, workDue(1000), waived],
    when: workDue(1001),
    expected: outcome('expired', 'asking', [park, opened(need('expired'))], { parked: true }),
  },
  {
    name: 'more work has the source asked again where nobody asks any more (T9)',
    given: [ending, workDue(1000), failed, idleAlarm],
    when: workDue(1001),
    expected: outcome('expired', 'asking', [park, ask('expired')], { parked: true }),
  },
  {
    name: 'more work of an expired token is sent where none is demanded (I4)',
    given: [ending, workDue(1000), waived],
    when: undemandedWorkDue(1001),
    expected: outcome('expired', 'asking', []),
  },
  {
    name: 'without a source more work of an expired token is sent too (T9)',
    input: withoutSource,
    given: [ending, workDue(1000)],
    when: workDue(1001),
    expected: outcome('expired', 'idle', []),
  },
  {
    name: 'once no token is demanded an expired one parks nobody (I4)',
    given: [ending, workDue(1000)],
    when: waived,
    expected: outcome('expired', 'asking', [unpark, signIn, closed], { parked: false, need: null }),
  },
  {
    name: 'a source that calls the current token good frees the lane that held it for expired (T9)',
    given: [ending, workDue(1000)],
    when: answered,
    expected: outcome('valid', 'idle', [unpark, closed], { parked: false, need: null }),
  },
  {
    name: 'a fresh token frees a lane that waited out an expiry (T7)',
    given: [ending, workDue(1000)],
    when: arrived(2),
    expected: outcome('valid', 'asking', [unpark, closed], { generation: 2, expiresAt: null }),
  },
]

/** After a refusal, the refresh ahead of the next token has failed. */
const failedAhead = [
  arrived(1),
  refused(1),
  { ...ending, generation: 2 },
  answered,
  workDue(700),
  failed,
]

const refusals: TokenRow[] = [
  {
    name: 'a 401 to the current generation parks the lane and has the source asked (T4)',
    given: [arrived(1)],
    when: refused(1),
    expected: outcome('refused', 'asking', [park, opened(need('refused', 1)), ask('refused')], {
      parked: true,
      refusedCount: 1,
    }),
  },
  {
    name: 'without a source a 401 asks the app, and arms nothing (T4)',
    input: withoutSource,
    given: [arrived(1)],
    when: refused(1),
    expected: outcome('refused', 'idle', [
      park,
      opened(appNeed('refused', 1)),
      announced(appNeed('refused', 1)),
    ]),
  },
  {
    name: 'a 401 to an older generation opens no need (T4, T7)',
    given: [arrived(1), arrived(2)],
    when: refused(1),
    expected: outcome('valid', 'idle', [], { refusedCount: 0 }),
  },
  {
    name: 'a second 401 to the same generation is no second refusal (T4, T8)',
    given: [arrived(1), refused(1)],
    when: refused(1),
    expected: outcome('refused', 'asking', [], { refusedCount: 1 }),
  },
  {
    name: 'a second 401 to the same generation asks nobody once the asking has rested (T8)',
    given: [arrived(1), refused(1), failed, idleAlarm],
    when: refused(1),
    expected: outcome('refused', 'idle', []),
  },
  {
    name: 'a 401 while a token in its margin is in use makes the need a pressing one (T4, T9)',
    given: [ending, workDue(700)],
    when: refused(1),
    expected: outcome('refused', 'asking', [park, opened(need('refused', 1))]),
  },
  {
    name: 'a 401 while the source is given time waits for that time (T6)',
    given: [ending, workDue(700), failed],
    when: refused(1),
    expected: outcome('refused', 'coolingDown', [park, opened(need('refused', 1))]),
  },
  {
    name: 'a 401 after the source denied is for the app, and signs the lane out (T5, T6)',
    given: [ending, workDue(700), denied],
    when: refused(1),
    expected: outcome('refused', 'denied', [
      park,
      opened(need('refused', 1)),
      announced(appNeed('refused', 1)),
      signOut,
    ]),
  },
  {
    name: 'a second 401 after the source denied says nothing again (T5)',
    given: [ending, workDue(700), denied, refused(1)],
    when: refused(1),
    expected: outcome('refused', 'denied', []),
  },
  {
    name: 'a token that is refused after a refusal is asked for again only after a wait (T8)',
    given: [arrived(1), refused(1), arrived(2), answered],
    when: refused(2),
    expected: waiting('refused', 'idle', [
      park,
      opened(need('refused', 2)),
      refreshFailed,
      wait(1),
    ]),
  },
  {
    name: 'the next wait after refused tokens is the longer one (T8)',
    given: [
      arrived(1),
      refused(1),
      arrived(2),
      answered,
      refused(2),
      waitOver,
      arrived(3),
      answered,
    ],
    when: refused(3),
    expected: waiting('refused', 'idle', [
      park,
      opened(need('refused', 3)),
      refreshFailed,
      wait(2),
    ]),
  },
  {
    name: 'without a source the app is not told of a second refusal in a row before a wait is over (T8)',
    input: withoutSource,
    given: [arrived(1), refused(1), arrived(2)],
    when: refused(2),
    expected: waiting('refused', 'idle', [
      park,
      opened(need('refused', 2)),
      refreshFailed,
      wait(1),
    ]),
  },
  {
    name: 'a token that the app pushed during a call, and that is refused too, begins a wait (T8)',
    given: [arrived(1), refused(1), arrived(2)],
    when: refused(2),
    expected: waiting('refused', 'asking', [
      park,
      opened(need('refused', 2)),
      refreshFailed,
      wait(1),
    ]),
  },
  {
    name: 'a token that the app pushed before the source denied, and that is refused too, is told of (T8)',
    given: [arrived(1), refused(1), arrived(2), denied],
    when: refused(2),
    expected: waiting('refused', 'denied', [
      park,
      opened(need('refused', 2)),
      refreshFailed,
      announced(appNeed('refused', 2)),
      signOut,
      wait(1),
    ]),
  },
  {
    name: 'a token that is refused after a refusal begins a wait beside that of a failed refresh ahead (T8)',
    given: failedAhead,
    when: refused(2),
    expected: waiting('refused', 'coolingDown', [
      park,
      opened(need('refused', 2)),
      refreshFailed,
      wait(1),
    ]),
  },
  {
    name: 'a second 401 to the same generation does not make a wait longer (T8)',
    given: [arrived(1), refused(1), failed],
    when: refused(1),
    expected: outcome('refused', 'coolingDown', []),
  },
  {
    name: 'a refusal after one that the server took is a first one (T8)',
    given: [arrived(1), refused(1), arrived(2), answered, accepted(2)],
    when: refused(2),
    expected: outcome('refused', 'asking', [park, opened(need('refused', 2)), ask('refused')], {
      refusedCount: 1,
    }),
  },
  {
    name: 'what the server took under an older generation forgives nothing (T3, T8)',
    given: [arrived(1), refused(1), arrived(2), answered],
    when: accepted(1),
    expected: outcome('valid', 'idle', [], { refusedCount: 1 }),
  },
  {
    name: 'what the server took under a generation that it has refused forgives nothing (T8)',
    given: [arrived(1), refused(1)],
    when: accepted(1),
    expected: outcome('refused', 'asking', [], { refusedCount: 1 }),
  },
  {
    name: 'a newer token lifts a refused one, whatever the source is doing (T7)',
    given: [arrived(1), refused(1)],
    when: arrived(2),
    expected: outcome('valid', 'asking', [unpark, closed], {
      generation: 2,
      parked: false,
      need: null,
    }),
  },
  {
    name: 'a refused token stays parked though none is demanded (I4, T4)',
    input: withoutSource,
    given: [arrived(1), refused(1)],
    when: waived,
    expected: outcome('refused', 'idle', [], { parked: true }),
  },
  {
    name: 'a token known to be refused at the start asks nobody before there is work (T9)',
    given: [],
    when: knownRefused,
    expected: outcome('refused', 'idle', [], { generation: 3, refusedCount: 1, parked: false }),
  },
  {
    name: 'a token known to be refused stays so when the vault gives it back (T1, T4)',
    given: [knownRefused],
    when: knownRefused,
    expected: outcome('refused', 'idle', [], { refusedCount: 1 }),
  },
  {
    name: 'work that finds its token known to be refused opens the need anew (T5)',
    given: [knownRefused],
    when: workDue(0),
    expected: outcome('refused', 'asking', [park, opened(need('refused', 3)), ask('refused')], {
      parked: true,
    }),
  },
  {
    name: 'a newer token lifts one that was known to be refused (T7)',
    given: [knownRefused],
    when: arrived(4),
    expected: outcome('valid', 'idle', [unpark], { generation: 4 }),
  },
]

const refresh: TokenRow[] = [
  {
    name: 'refreshToken() asks the source, though the token is good (T6)',
    given: [arrived(1)],
    when: refreshRequested,
    expected: outcome('valid', 'asking', [ask('expiring')]),
  },
  {
    name: 'refreshToken() without a source asks nobody (T6)',
    input: withoutSource,
    given: [arrived(1)],
    when: refreshRequested,
    expected: outcome('valid', 'idle', []),
  },
  {
    name: 'refreshToken() joins a call under way (T6)',
    given: [workDue(0)],
    when: refreshRequested,
    expected: outcome('absent', 'asking', []),
  },
  {
    name: 'refreshToken() ends the wait for a source that failed (T6)',
    given: [workDue(0), failed],
    when: refreshRequested,
    expected: outcome('absent', 'asking', [coolDownEnded, ask('missing')]),
  },
  {
    name: 'refreshToken() asks a source that denied, which signs nobody out meanwhile (T6)',
    given: [workDue(0), denied],
    when: refreshRequested,
    expected: outcome('absent', 'asking', [signIn, ask('missing')], { parked: true }),
  },
  {
    name: 'a source that has answered is at rest, and its failures count no more (T6)',
    given: [ending, workDue(700), failed, alarm],
    when: answered,
    expected: outcome('expiring', 'idle', [], { failedCount: 0 }),
  },
  {
    name: 'a source that gives the refused token once more is asked again after a wait (T8)',
    given: [arrived(1), refused(1)],
    when: repeated,
    expected: waiting('refused', 'idle', [refreshFailed, wait(1)], { refusedCount: 2 }),
  },
  {
    name: 'and after a longer wait if it gives it again (T8)',
    given: [arrived(1), refused(1), repeated, waitOver],
    when: repeated,
    expected: waiting('refused', 'idle', [refreshFailed, wait(2)], { refusedCount: 3 }),
  },
  {
    name: 'a source that failed is asked again after a wait, and the need stays open (T6)',
    given: [workDue(0)],
    when: failed,
    expected: outcome('absent', 'coolingDown', [coolDown(1)], {
      parked: true,
      need: need('missing'),
    }),
  },
  {
    name: 'each further failure makes the wait longer (T6)',
    given: [workDue(0), failed, alarm],
    when: failed,
    expected: outcome('absent', 'coolingDown', [coolDown(2)]),
  },
  {
    name: 'a source that denied signs the lane out, and the app is asked (T5, T6)',
    given: [workDue(0)],
    when: denied,
    expected: outcome('absent', 'denied', [announced(appNeed('missing')), signOut], {
      need: appNeed('missing'),
    }),
  },
  {
    name: 'a refresh ahead that is denied asks the app and keeps the token in use (T9)',
    given: [ending, workDue(700)],
    when: denied,
    expected: outcome('expiring', 'denied', [announced(appNeed('expiring'))], { parked: false }),
  },
  {
    name: 'a source that denied what nobody needs troubles nobody (T5)',
    given: [arrived(1), refreshRequested],
    when: denied,
    expected: outcome('valid', 'denied', []),
  },
  {
    name: 'after the wait the source is asked again for the need that is open (T6)',
    given: [workDue(0), failed],
    when: alarm,
    expected: outcome('absent', 'asking', [ask('missing')]),
  },
  {
    name: 'after the wait the source is left alone while the user has nothing to send (T9)',
    given: [workDue(0), failed],
    when: idleAlarm,
    expected: outcome('absent', 'idle', [unpark], { parked: false, need: need('missing') }),
  },
  {
    name: 'after the wait the source is left alone when the need has been closed (T6)',
    given: [workDue(0), failed, waived],
    when: alarm,
    expected: outcome('absent', 'idle', [], { parked: false }),
  },
  {
    name: 'a token that comes during the wait ends it, and the failures count no more (T6)',
    given: [workDue(0), failed],
    when: arrived(1),
    expected: outcome('valid', 'idle', [unpark, closed, coolDownEnded], { failedCount: 0 }),
  },
  {
    name: 'a token known to be refused does not end the wait (T8)',
    given: [refreshRequested, failed],
    when: knownRefused,
    expected: outcome('refused', 'coolingDown', []),
  },
  {
    name: 'work after the source denied is for the app, and signs the lane out (T5, T6)',
    given: [refreshRequested, denied],
    when: workDue(0),
    expected: outcome('absent', 'denied', [
      park,
      opened(need('missing')),
      announced(appNeed('missing')),
      signOut,
    ]),
  },
  {
    name: 'a token signs the lane in again after the source denied (T6, T7)',
    given: [workDue(0), denied],
    when: arrived(1),
    expected: outcome('valid', 'idle', [signIn, unpark, closed]),
  },
  {
    name: 'a token known to be refused signs nobody in (T6)',
    given: [refreshRequested, denied],
    when: knownRefused,
    expected: outcome('refused', 'denied', []),
  },
]

/** Two tokens of a user have been refused in a row: the wait has begun. */
const twiceRefused = [arrived(1), refused(1), arrived(2), answered, refused(2)]
/** And three more within the wait. */
const exhausted = [
  ...twiceRefused,
  ...[3, 4, 5].flatMap((generation) => [arrived(generation), refused(generation)]),
]

/** The same while a call of the source is in flight. */
const exhaustedInCall = exhausted.filter((event) => event !== answered)

const bounds: TokenRow[] = [
  {
    name: 'a token that comes in the wait is tried at once (T8)',
    given: twiceRefused,
    when: arrived(3),
    expected: waiting('valid', 'idle', [unpark, closed], { triedCount: 1, parked: false }),
  },
  {
    name: 'the refusal of a token that was tried in the wait does not prolong the wait (T8)',
    given: [...twiceRefused, arrived(3)],
    when: refused(3),
    expected: waiting('refused', 'idle', [park, opened(need('refused', 3)), refreshFailed]),
  },
  {
    name: 'three tokens are tried in the wait, and the next one is held (T8)',
    given: exhausted,
    when: arrived(6),
    expected: waiting('held', 'idle', [parkAs('held'), closed], {
      generation: 6,
      parked: true,
      need: null,
    }),
  },
  {
    name: 'a newer token takes the place of the one that is held (T8)',
    given: [...exhausted, arrived(6)],
    when: arrived(7),
    expected: waiting('held', 'idle', [parkAs('held')], { generation: 7 }),
  },
  {
    name: 'a token that comes in the wait ends the count of failures of the source (T6, T8)',
    given: [...failedAhead, refused(2), alarm],
    when: arrived(3),
    expected: waiting('valid', 'idle', [unpark, closed], { failedCount: 0 }),
  },
  {
    name: 'a token that is held ends the time that a failed source is given (T6, T8)',
    given: [...exhaustedInCall, failed],
    when: arrived(6),
    expected: waiting('held', 'idle', [parkAs('held'), closed, coolDownEnded], { failedCount: 0 }),
  },
  {
    name: 'a token that is held is tried when the wait is over (T8)',
    given: [...exhausted, arrived(6)],
    when: waitOver,
    expected: outcome('valid', 'idle', [unpark], { parked: false }),
  },
  {
    name: 'the wait after one in which tokens were tried is the next longer one (T8)',
    given: [...exhausted, arrived(6), waitOver],
    when: refused(6),
    expected: waiting('refused', 'idle', [
      park,
      opened(need('refused', 6)),
      refreshFailed,
      wait(2),
    ]),
  },
  {
    name: 'work that finds its token held parks the lane (T8)',
    given: [...exhausted, arrived(6)],
    when: workDue(0),
    expected: waiting('held', 'idle', [parkAs('held')]),
  },
  {
    name: 'a token that only another process has leaves what was refused before counted (T8, Q17)',
    given: exhausted,
    when: elsewhere,
    expected: waiting('absent', 'idle', [unpark, closed], {
      generation: 0,
      refusedCount: 5,
      triedCount: 3,
      need: null,
      lostReason: 'missing',
    }),
  },
  {
    name: 'a lane whose token is held is not freed by the answer of the vault (T8, T1)',
    given: [...exhausted, arrived(6)],
    when: vaultAnswered,
    expected: waiting('held', 'idle', []),
  },
  {
    name: 'a token that the server accepts ends the wait and the count of refusals (T8)',
    given: [...twiceRefused, arrived(3)],
    when: accepted(3),
    expected: outcome('valid', 'idle', [waitEnded], {
      refusedCount: 0,
      waitCount: 0,
      triedCount: 0,
    }),
  },
  {
    name: 'a token that the server accepts frees the newer one that is held (T8)',
    given: [...exhausted.slice(0, -1), arrived(6)],
    when: accepted(5),
    expected: outcome('valid', 'idle', [unpark, waitEnded], { generation: 6, parked: false }),
  },
  {
    name: 'an acceptance that is older than the last refusal frees no token that is held (T8)',
    given: [...exhausted, arrived(6)],
    when: accepted(5),
    expected: waiting('held', 'idle', []),
  },
  {
    name: 'without a source the app is told of a token near its end when the wait is over before its time (T8, T9)',
    input: withoutSource,
    given: [...twiceRefused, { ...ending, generation: 3 }, workDue(700)],
    when: accepted(3),
    expected: outcome('expiring', 'idle', [waitEnded, announced(appNeed('expiring'))]),
  },
  {
    name: 'an acceptance that is older than the last refusal ends no wait (T8)',
    given: twiceRefused,
    when: accepted(1),
    expected: waiting('refused', 'idle', []),
  },
  {
    name: 'without a source the app is told again when the wait is over (T8)',
    input: withoutSource,
    given: twiceRefused,
    when: waitOver,
    expected: outcome('refused', 'idle', [announced(appNeed('refused', 2))], { parked: true }),
  },
  {
    name: 'without a source the app is told when the wait is over, also with nothing to send (T8)',
    input: withoutSource,
    given: twiceRefused,
    when: idleWaitOver,
    expected: outcome('refused', 'idle', [announced(appNeed('refused', 2))]),
  },
  {
    name: 'with a source the source is asked when the wait is over (T8)',
    given: twiceRefused,
    when: waitOver,
    expected: outcome('refused', 'asking', [ask('refused')], { parked: true }),
  },
  {
    name: 'the source is left alone after the wait while the user has nothing to send (T9)',
    given: twiceRefused,
    when: idleWaitOver,
    expected: outcome('refused', 'idle', [unpark], { parked: false }),
  },
  {
    name: 'work in the wait does not ask the source (T8)',
    given: twiceRefused,
    when: workDue(0),
    expected: waiting('refused', 'idle', [park]),
  },
  {
    name: 'the time of a source that failed is over within the longer wait: the source is not asked (T8)',
    given: [...failedAhead, refused(2)],
    when: alarm,
    expected: waiting('refused', 'idle', [], { parked: true }),
  },
  {
    name: 'refreshToken() ends the wait and asks the source (T6, T8)',
    given: twiceRefused,
    when: refreshRequested,
    expected: outcome('refused', 'asking', [ask('refused'), waitEnded]),
  },
  ...[twiceRefused, [...exhausted, arrived(6)]].map((given, index): TokenRow => ({
    name: `refreshToken() without a source ends no wait${index === 0 ? '' : ', and frees nothing'} (T8)`,
    input: withoutSource,
    given,
    when: refreshRequested,
    expected: waiting(index === 0 ? 'refused' : 'held', 'idle', []),
  })),
  {
    name: 'the refused token from a call that nothing waits for begins no wait (T8)',
    given: [arrived(1), refused(1), failed, idleAlarm],
    when: repeated,
    expected: outcome('refused', 'idle', [], { refusedCount: 1 }),
  },
  {
    name: 'refreshToken() frees a token that is held (T6, T8)',
    given: [...exhausted, arrived(6)],
    when: refreshRequested,
    expected: outcome('valid', 'asking', [unpark, ask('expiring'), waitEnded], { parked: false }),
  },
  {
    name: 'the end of a session ends the wait (T8, T11)',
    given: [...exhausted, arrived(6)],
    when: sessionEnded,
    expected: outcome('absent', 'idle', [unpark, waitEnded], { refusedCount: 0, waitCount: 0 }),
  },
  {
    name: 'in the wait the app is not told of a token that has become unreadable (T8)',
    input: withoutSource,
    given: twiceRefused,
    when: unreadable,
    expected: waiting('absent', 'idle', [unpark, closed, opened(need('unreadable'))]),
  },
]

const recalls: TokenRow[] = [
  ...(['login', 'return', 'work'] as const).map((by): TokenRow => ({
    name: `without a source an open need is told again (${by}, T5)`,
    input: withoutSource,
    given: [workDue(0)],
    when: recalled(by),
    expected: outcome('absent', 'idle', [announced(appNeed('missing'))]),
  })),
  {
    name: 'with a source an open need is for the source, and the app is not told (T5)',
    given: [workDue(0), failed],
    when: recalled('login'),
    expected: outcome('absent', 'coolingDown', []),
  },
  {
    name: 'after the source denied, the app is told again (T5)',
    given: [workDue(0), denied],
    when: recalled('return'),
    expected: outcome('absent', 'denied', [announced(appNeed('missing'))]),
  },
  {
    name: 'a need of a token near its end is told once (T5, T9)',
    input: withoutSource,
    given: [ending, workDue(700)],
    when: recalled('login'),
    expected: outcome('expiring', 'idle', []),
  },
  {
    name: 'where no need is open, nothing is told (T5)',
    input: withoutSource,
    given: [arrived(1)],
    when: recalled('login'),
    expected: outcome('valid', 'idle', []),
  },
  {
    name: 'in the wait after refused tokens a login tells the need (T5, T8)',
    input: withoutSource,
    given: twiceRefused,
    when: recalled('login'),
    expected: waiting('refused', 'idle', [announced(appNeed('refused', 2))]),
  },
  ...(['return', 'work'] as const).map((by): TokenRow => ({
    name: `in the wait after refused tokens nothing else tells the need (${by}, T5, T8)`,
    input: withoutSource,
    given: twiceRefused,
    when: recalled(by),
    expected: waiting('refused', 'idle', []),
  })),
]

const earlies: TokenRow[] = [
  {
    name: 'a token whose time has not come parks the lane without a need (T9)',
    given: [arrived(1)],
    when: early(1),
    expected: outcome(
      'early',
      'idle',
      [parkAs('early'), { type: 'early.started', user, until: 5000 }],
      { parked: true, need: null, refusedCount: 0 },
    ),
  },
  {
    name: 'a second 401 to a token whose time has not come changes nothing (T9)',
    given: [arrived(1), early(1)],
    when: early(1),
    expected: outcome('early', 'idle', []),
  },
  {
    name: 'a 401 to an older generation whose time has not come parks nothing (T3, T9)',
    given: [arrived(1), arrived(2)],
    when: early(1),
    expected: outcome('valid', 'idle', []),
  },
  {
    name: 'work that finds the time of its token not come parks the lane (T9)',
    given: [arrived(1), early(1)],
    when: workDue(0),
    expected: outcome('early', 'idle', [parkAs('early')]),
  },
  {
    name: 'when its time has come the token is sent once more (T9)',
    given: [arrived(1), early(1)],
    when: ripened,
    expected: outcome('valid', 'idle', [{ type: 'early.ended', user }, unpark], { parked: false }),
  },
  {
    name: 'a source that denies while the time of a token has not come signs nobody out (T6, T9)',
    given: [arrived(1), early(1), refreshRequested],
    when: denied,
    expected: outcome('early', 'denied', [], { parked: true, need: null }),
  },
  {
    name: 'when its time has come after the source denied the token is sent all the same (T6, T9)',
    given: [arrived(1), early(1), refreshRequested, denied],
    when: ripened,
    expected: outcome('valid', 'denied', [{ type: 'early.ended', user }, unpark], {
      parked: false,
    }),
  },
  {
    name: 'a newer token ends the wait for the time of the older one (T7, T9)',
    given: [arrived(1), early(1)],
    when: arrived(2),
    expected: outcome('valid', 'idle', [{ type: 'early.ended', user }, unpark], {
      generation: 2,
    }),
  },
  {
    name: 'a 401 once the time has come is a refusal (T4, T9)',
    given: [arrived(1), early(1), ripened],
    when: refused(1),
    expected: outcome('refused', 'asking', [park, opened(need('refused', 1)), ask('refused')]),
  },
  {
    name: 'the end of a session ends the wait for the time of its token (T9, T11)',
    given: [arrived(1), early(1)],
    when: sessionEnded,
    expected: outcome('absent', 'idle', [{ type: 'early.ended', user }, unpark]),
  },
  {
    name: 'a need of a token near its end is closed while its time has not come (T9)',
    input: withoutSource,
    given: [ending, workDue(700)],
    when: early(1),
    expected: outcome('early', 'idle', [
      parkAs('early'),
      closed,
      { type: 'early.started', user, until: 5000 },
    ]),
  },
]

const overtakens: TokenRow[] = [
  {
    name: 'an answer that a newer token has overtaken ends the call (T6)',
    given: [workDue(0), arrived(1)],
    when: overtaken,
    expected: outcome('valid', 'idle', []),
  },
  {
    name: 'an answer that a newer token has overtaken, which was lost since, has the source asked again (T6)',
    given: [workDue(0), arrived(1), unreadable],
    when: overtaken,
    expected: outcome('absent', 'asking', [ask('unreadable')]),
  },
  {
    name: 'an answer that a newer token has overtaken asks nothing in the wait after refused tokens (T6, T8)',
    given: [arrived(1), refused(1), arrived(2), refused(2)],
    when: overtaken,
    expected: waiting('refused', 'idle', []),
  },
]

export const tokenTable: Table<typeof tokenMachine> = {
  input: { user, hasSource: true },
  rows: [
    ...absent,
    ...lost,
    ...byWork,
    ...refusals,
    ...refresh,
    ...bounds,
    ...recalls,
    ...earlies,
    ...overtakens,
  ],
}
