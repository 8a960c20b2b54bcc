/**
 * The token of one user: what is known of its validity, and in parallel the refresh that is to bring
 * the next one, and the bound on tokens that are refused again and again. It never sees a token: only
 * generations and instants.
 *
 * `validity`
 * - `absent`: no usable token. Work parks its lane only where a token is demanded (I4, I5).
 * - `valid`: sent as it is.
 * - `expiring`: less than its margin is left. Sends go on while a fresh one is asked for (T9).
 * - `expired`: with a source the lane waits for a fresh one; without, only a 401 decides (T9).
 * - `refused`: the server answered 401 to this very generation (T4). Parked until a newer one.
 * - `early`: the server answered 401 because the time of this generation has not come yet (T9). Parked
 *   until an alarm says that it has come.
 * - `held`: it came in a wait of `bound` in which three others had been tried. Parked until that wait ends.
 *
 * `refresh` (stays `idle` without a token source)
 * - `idle`: nobody asks.
 * - `asking`: one call of the source is under way, shared by all who wait (T6).
 * - `coolingDown`: the source failed; an alarm ends it (T6).
 * - `denied`: the source said that only the user can help. It ends with a token, with the session, or
 *   by refreshToken(); then the lane is not signed out any more.
 *
 * `bound` (T8)
 * - `open`: the source is asked, the app is told of a need and a token is tried at once.
 * - `waiting`: a token that was obtained after a refusal was refused too. Until an alarm ends it, the source
 *   is not asked, the app is not told of the need, and three tokens at most are tried. It ends before that
 *   with a token that the server accepts, with the session, or by refreshToken().
 *
 * `context.need` is the open token need (T5), `context.parked` says whether the lane has been told to
 * wait. All instants are of the corrected clock and come with the events; there are no timers here.
 *
 * A machine at rest (`isAtRest`) remembers nothing but the token that it was told of: it may be stopped,
 * and one that is made anew and told of that token again decides the same.
 */
import {
  and,
  assertEvent,
  assign,
  emit,
  enqueueActions,
  not,
  setup,
  type SnapshotFrom,
  stateIn,
} from 'xstate'
import type { Instant, TokenNeedReason, UserId } from '../src/model.ts'

export type TokenEvent =
  /** A newer generation has been stored, or was found at the start. */
  | {
      readonly type: 'token.arrived'
      readonly generation: number
      /** From when on a send asks for the next one. */
      readonly refreshAt: Instant | null
      readonly expiresAt: Instant | null
      /** Found at the start, and known to be refused. */
      readonly refused: boolean
    }
  /** The server answered 401 to a request that was sent with this generation. */
  | { readonly type: 'token.refused'; readonly generation: number }
  /** The server took a request that was sent with this generation. */
  | { readonly type: 'token.accepted'; readonly generation: number }
  /** The server answered 401 to this generation, whose time begins only then (T9). */
  | { readonly type: 'token.early'; readonly generation: number; readonly until: Instant }
  /** That time has come. */
  | { readonly type: 'token.ripened' }
  /**
   * `missing`: the session has ended (T11); `unreadable`: the vault cannot give it back (T1); `elsewhere`: only another
   * process has the one that took its place (Q17).
   */
  | { readonly type: 'token.lost'; readonly reason: 'missing' | 'unreadable' | 'elsewhere' }
  /** The user's lane has something to send. */
  | { readonly type: 'work.due'; readonly now: Instant; readonly demanded: boolean }
  /** The server answered 401 to a request without a token (I10). */
  | { readonly type: 'unsigned.refused' }
  | { readonly type: 'demand.waived' }
  | { readonly type: 'refresh.requested' }
  | { readonly type: 'refresh.wanted'; readonly reason: TokenNeedReason }
  /** The source answered: with a newer token, or with the one that is current and valid. */
  | { readonly type: 'source.answered' }
  /** The source gave the refused token once more (T8). */
  | { readonly type: 'source.repeated' }
  /** A newer token has come since the call began: the answer is not used (T6). */
  | { readonly type: 'source.overtaken' }
  | { readonly type: 'source.failed' }
  | { readonly type: 'source.denied' }
  /** The time that the source was given is over (T6). */
  | { readonly type: 'alarm.fired'; readonly working: boolean }
  /** The wait after refused tokens is over (T8). */
  | { readonly type: 'wait.over'; readonly working: boolean }
  /** Something has happened after which an open need is told again (T5). */
  | { readonly type: 'need.recalled'; readonly by: 'login' | 'return' | 'work' }
  /** The vault has given back the token, or cannot; the engine has held its lanes until then. */
  | { readonly type: 'vault.answered' }

export interface TokenNeed {
  readonly reason: TokenNeedReason
  /** The generation that was refused, where one was. */
  readonly refused: number | null
  /** Has the app been asked? Without a source at once, else once the source denied (T5). */
  readonly announced: boolean
}

/** Why a lane is parked: no token can be sent, none yet (`early`), or none before the wait is over (`held`). */
export type ParkCause = 'needed' | 'early' | 'held'

export type TokenCommand =
  | { readonly type: 'lane.park'; readonly user: UserId; readonly cause: ParkCause }
  | { readonly type: 'lane.unpark'; readonly user: UserId }
  | { readonly type: 'lane.signOut'; readonly user: UserId }
  | { readonly type: 'lane.signIn'; readonly user: UserId }
  | { readonly type: 'need.opened'; readonly user: UserId; readonly need: TokenNeed }
  /** The app itself must act (T5). It may be told so several times. */
  | { readonly type: 'need.announced'; readonly user: UserId; readonly need: TokenNeed }
  | { readonly type: 'need.closed'; readonly user: UserId }
  | { readonly type: 'source.ask'; readonly user: UserId; readonly reason: TokenNeedReason }
  | { readonly type: 'refresh.failed'; readonly user: UserId }
  | {
      readonly type: 'coolDown.started' | 'wait.started'
      readonly user: UserId
      /** How often in a row, from 1. */
      readonly round: number
    }
  | { readonly type: 'coolDown.ended'; readonly user: UserId }
  | { readonly type: 'wait.ended'; readonly user: UserId }
  /** The alarm for the time of a token is to be armed. */
  | { readonly type: 'early.started'; readonly user: UserId; readonly until: Instant }
  | { readonly type: 'early.ended'; readonly user: UserId }

export interface TokenContext {
  readonly user: UserId
  readonly hasSource: boolean
  readonly generation: number
  readonly refreshAt: Instant | null
  readonly expiresAt: Instant | null
  readonly parked: boolean
  readonly need: TokenNeed | null
  /** Why there is no token, while there is none. */
  readonly lostReason: 'missing' | 'unreadable'
  /** Generations refused since one was last accepted, and the last of them. */
  readonly refusedCount: number
  readonly refusedGeneration: number
  /** Waits of T8 since a token was last accepted, and the tokens that were tried within this one. */
  readonly waitCount: number
  readonly triedCount: number
  /** Calls of the source in a row that failed. */
  readonly failedCount: number
}

export interface TokenInput {
  readonly user: UserId
  readonly hasSource: boolean
}

interface Reason {
  readonly reason: TokenNeedReason
}

interface Parking {
  readonly cause: ParkCause
}

/** So many tokens are tried within one wait (T8). More would let an app that pushes in a loop send in a loop. */
const MOST_TRIED = 3

const parkAs = (cause: ParkCause) => ({ type: 'park' as const, params: { cause } })
const park = parkAs('needed')

/** Opens a need for this reason and, where there is a source, has it asked. */
const want = (reason: TokenNeedReason) => [
  { type: 'openNeed' as const, params: { reason } },
  { type: 'wantToken' as const, params: { reason } },
]

const openRefused = [{ type: 'openNeed' as const, params: { reason: 'refused' } as Reason }]

/** The same where there is no token: why it was lost is why one is needed. */
const lostReason = ({ context }: { context: TokenContext }): Reason => ({
  reason: context.lostReason,
})
const wantLost = [
  { type: 'openNeed' as const, params: lostReason },
  { type: 'wantToken' as const, params: lostReason },
]

/** Guards within actions: the types of XState do not know that `check()` takes these. */
const inWait = stateIn({ bound: 'waiting' }) as never
const isDenied = stateIn({ refresh: 'denied' }) as never

export const tokenMachine = setup({
  types: {} as {
    context: TokenContext
    input: TokenInput
    events: TokenEvent
    emitted: TokenCommand
  },
  guards: {
    hasSource: ({ context }) => context.hasSource,
    isKnownRefused: ({ event }) => event.type === 'token.arrived' && event.refused,
    isCurrent: ({ context, event }) =>
      (event.type === 'token.refused' || event.type === 'token.early') &&
      event.generation === context.generation,
    /** Current, and not refused yet: a second 401 to one generation, or a late 200, says nothing new. */
    isInUse: and(['isCurrent', not(stateIn({ validity: 'refused' }))]),
    endsSession: ({ event }) => event.type === 'token.lost' && event.reason === 'missing',
    isElsewhere: ({ event }) => event.type === 'token.lost' && event.reason === 'elsewhere',
    isRefusedAgain: ({ context }) => context.refusedCount > 0,
    /** It has not been refused, although a newer one may have come since. */
    isGood: ({ context, event }) =>
      event.type === 'token.accepted' &&
      event.generation > context.refusedGeneration &&
      event.generation <= context.generation,
    isWaiting: stateIn({ bound: 'waiting' }),
    isEarly: stateIn({ validity: 'early' }),
    hasTriedEnough: and([
      stateIn({ bound: 'waiting' }),
      ({ context }: { context: TokenContext }) => context.triedCount >= MOST_TRIED,
    ]),
    isNeeded: ({ context }) => context.need !== null,
    isNotParked: ({ context }) => !context.parked,
    hasFailed: ({ context }) => context.failedCount > 0,
    isDemanded: ({ event }) => event.type === 'work.due' && event.demanded,
    isNearEnd: ({ context, event }) =>
      event.type === 'work.due' && context.refreshAt !== null && event.now >= context.refreshAt,
    isExpired: ({ context, event }) =>
      event.type === 'work.due' && context.expiresAt !== null && event.now >= context.expiresAt,
    isStillWanted: ({ context, event }) =>
      (event.type === 'alarm.fired' || event.type === 'wait.over') &&
      event.working &&
      context.need !== null,
  },
  actions: {
    takeToken: assign(({ event }) => {
      assertEvent(event, 'token.arrived')
      return {
        generation: event.generation,
        refreshAt: event.refreshAt,
        expiresAt: event.expiresAt,
        lostReason: 'missing' as const,
      }
    }),
    loseToken: assign(({ event }) => {
      assertEvent(event, 'token.lost')
      const lostReason = event.reason === 'elsewhere' ? 'missing' : event.reason
      return { generation: 0, refreshAt: null, expiresAt: null, lostReason }
    }),
    // Said each time: setting a hold twice, or lifting one that is not set, does nothing (Q18).
    park: enqueueActions(({ context, enqueue }, { cause }: Parking) => {
      enqueue.assign({ parked: true })
      enqueue.emit({ type: 'lane.park', user: context.user, cause })
    }),
    unpark: enqueueActions(({ context, enqueue }) => {
      enqueue.assign({ parked: false })
      enqueue.emit({ type: 'lane.unpark', user: context.user })
    }),
    /** Not who is parked with a token that may still be good: before its time, or held. */
    signOut: enqueueActions(({ context, enqueue }) => {
      if (context.parked && context.need !== null)
        enqueue.emit({ type: 'lane.signOut', user: context.user })
    }),
    signIn: emit(({ context }) => ({ type: 'lane.signIn', user: context.user })),
    /** A need is asked once (T5), but one that stops the lane replaces one that only warned. */
    openNeed: enqueueActions(({ context, enqueue, check, event }, params: Reason) => {
      const open = context.need
      // The second refusal in a row begins the wait in which the app is not told (T8).
      const isFirst = event.type !== 'token.refused' || context.refusedCount <= 1
      const isTold = !context.hasSource && isFirst && !check(inWait)
      if (open !== null && (open.reason !== 'expiring' || params.reason === 'expiring')) return
      const need: TokenNeed = {
        reason: params.reason,
        refused: params.reason === 'refused' ? context.generation : null,
        announced: isTold,
      }
      enqueue.assign({ need })
      enqueue.emit({ type: 'need.opened', user: context.user, need })
      if (isTold) enqueue.emit({ type: 'need.announced', user: context.user, need })
    }),
    announceNeed: enqueueActions(({ context, enqueue }) => {
      if (context.need === null || context.need.announced) return
      const need = { ...context.need, announced: true }
      enqueue.assign({ need })
      enqueue.emit({ type: 'need.announced', user: context.user, need })
    }),
    /** Nothing but the app can answer it, and the wait is over: it is told, also where it was before (T8). */
    announceOwed: enqueueActions(({ context, enqueue }) => {
      if (context.need === null || context.hasSource) return
      if (context.need.announced && context.need.reason === 'expiring') return
      const need = { ...context.need, announced: true }
      enqueue.assign({ need })
      enqueue.emit({ type: 'need.announced', user: context.user, need })
    }),
    /** T5. Within a wait of T8 only a login tells it again. */
    recallNeed: enqueueActions(({ context, enqueue, check, event }) => {
      assertEvent(event, 'need.recalled')
      if (context.need === null || context.need.reason === 'expiring') return
      if (event.by !== 'login' && check(inWait)) return
      if (context.hasSource && !check(isDenied)) return
      const need = { ...context.need, announced: true }
      enqueue.assign({ need })
      enqueue.emit({ type: 'need.announced', user: context.user, need })
    }),
    closeNeed: enqueueActions(({ context, enqueue }) => {
      if (context.need === null) return
      enqueue.assign({ need: null })
      enqueue.emit({ type: 'need.closed', user: context.user })
    }),
    wantToken: enqueueActions(({ context, enqueue }, params: Reason) => {
      if (context.hasSource) enqueue.raise({ type: 'refresh.wanted', reason: params.reason })
    }),
    countRefusal: assign(({ context, event }) => {
      assertEvent(event, ['token.refused', 'token.arrived'])
      return { refusedCount: context.refusedCount + 1, refusedGeneration: event.generation }
    }),
    /** One that comes again was refused before, also where that is not known here any more. */
    countRepeat: assign(({ context }) => ({ refusedCount: Math.max(1, context.refusedCount) + 1 })),
    forgetRefusals: assign({
      refusedCount: 0,
      refusedGeneration: 0,
      waitCount: 0,
      triedCount: 0,
    }),
    countTry: assign(({ context }) => ({ triedCount: context.triedCount + 1 })),
    forgetFailures: assign({ failedCount: 0 }),
    countFailure: assign(({ context }) => ({ failedCount: context.failedCount + 1 })),
    ask: emit(({ context, event }) => ({
      type: 'source.ask',
      user: context.user,
      reason: event.type === 'refresh.wanted' ? event.reason : (context.need?.reason ?? 'expiring'),
    })),
    reportRefreshFailed: emit(({ context }) => ({ type: 'refresh.failed', user: context.user })),
    coolDown: emit(({ context }) => ({
      type: 'coolDown.started',
      user: context.user,
      round: context.failedCount,
    })),
    endCoolDown: emit(({ context }) => ({ type: 'coolDown.ended', user: context.user })),
    startWait: enqueueActions(({ context, enqueue }) => {
      const round = context.waitCount + 1
      enqueue.assign({ waitCount: round, triedCount: 0 })
      enqueue.emit({ type: 'wait.started', user: context.user, round })
    }),
    endWait: emit(({ context }) => ({ type: 'wait.ended', user: context.user })),
    startEarly: emit(({ context, event }) => {
      assertEvent(event, 'token.early')
      return { type: 'early.started', user: context.user, until: event.until }
    }),
    endEarly: emit(({ context }) => ({ type: 'early.ended', user: context.user })),
  },
}).createMachine({
  id: 'token',
  type: 'parallel',
  context: ({ input }) => ({
    user: input.user,
    hasSource: input.hasSource,
    generation: 0,
    refreshAt: null,
    expiresAt: null,
    parked: false,
    need: null,
    lostReason: 'missing',
    refusedCount: 0,
    refusedGeneration: 0,
    waitCount: 0,
    triedCount: 0,
    failedCount: 0,
  }),
  on: {
    'need.recalled': { actions: 'recallNeed' },
    // They may be parked for a reason of their own by now.
    'vault.answered': { guard: 'isNotParked', actions: 'unpark' },
  },
  states: {
    validity: {
      initial: 'absent',
      on: {
        'token.arrived': [
          // Another process was told so.
          {
            guard: 'isKnownRefused',
            target: '.refused',
            actions: ['takeToken', 'countRefusal'],
          },
          {
            guard: 'hasTriedEnough',
            target: '.held',
            actions: ['takeToken', 'forgetFailures', parkAs('held'), 'closeNeed'],
          },
          {
            guard: 'isWaiting',
            target: '.valid',
            actions: ['takeToken', 'forgetFailures', 'countTry', 'unpark', 'closeNeed'],
          },
          {
            target: '.valid',
            actions: ['takeToken', 'forgetFailures', 'unpark', 'closeNeed'],
          },
        ],
        'token.lost': [
          {
            guard: 'endsSession',
            target: '.absent',
            actions: ['loseToken', 'forgetRefusals', 'forgetFailures', 'unpark', 'closeNeed'],
          },
          // What was refused here before stays counted (T8).
          {
            guard: 'isElsewhere',
            target: '.absent',
            actions: ['loseToken', 'unpark', 'closeNeed'],
          },
          {
            target: '.absent',
            actions: ['loseToken', 'unpark', 'closeNeed', ...want('unreadable')],
          },
        ],
        'token.refused': [
          // Wherever it came from, the source or the app, it was obtained after a refusal (T8).
          {
            guard: and(['isInUse', 'isRefusedAgain']),
            target: '.refused',
            actions: ['countRefusal', park, ...openRefused, 'reportRefreshFailed'],
          },
          {
            guard: 'isInUse',
            target: '.refused',
            actions: ['countRefusal', park, ...openRefused],
          },
        ],
        'token.early': {
          guard: and(['isInUse', not('isEarly')]),
          target: '.early',
          actions: [parkAs('early'), 'closeNeed'],
        },
      },
      states: {
        absent: {
          on: {
            'work.due': { guard: 'isDemanded', actions: [park, ...wantLost] },
            'unsigned.refused': { actions: [park, ...wantLost] },
            'demand.waived': { actions: ['unpark', 'signIn', 'closeNeed'] },
          },
        },
        valid: {
          on: {
            'work.due': [
              {
                guard: and(['isDemanded', 'isExpired', 'hasSource']),
                target: 'expired',
                actions: [park, ...want('expired')],
              },
              {
                guard: and(['isDemanded', 'isExpired']),
                target: 'expired',
                actions: { type: 'openNeed', params: { reason: 'expiring' } },
              },
              {
                guard: and(['isDemanded', 'isNearEnd']),
                target: 'expiring',
                actions: want('expiring'),
              },
            ],
          },
        },
        expiring: {
          on: {
            'work.due': [
              {
                guard: and(['isDemanded', 'isExpired', 'hasSource']),
                target: 'expired',
                actions: [park, ...want('expired')],
              },
              { guard: and(['isDemanded', 'isExpired']), target: 'expired' },
              // Once per generation, unless it failed (T9).
              {
                guard: and(['isDemanded', 'hasFailed']),
                actions: { type: 'wantToken', params: { reason: 'expiring' } },
              },
            ],
          },
        },
        expired: {
          on: {
            'work.due': {
              guard: and(['isDemanded', 'hasSource']),
              actions: [park, ...want('expired')],
            },
            'demand.waived': { actions: ['unpark', 'signIn', 'closeNeed'] },
            // No newer one: the clock was corrected meanwhile, and by it this one still works.
            'source.answered': { target: 'valid', actions: ['unpark', 'closeNeed'] },
          },
        },
        refused: {
          on: {
            // Said again when the vault gives back what storage already called refused.
            'token.arrived': { guard: 'isKnownRefused' },
            'work.due': { actions: [park, ...want('refused')] },
          },
        },
        early: {
          entry: 'startEarly',
          exit: 'endEarly',
          on: {
            'token.ripened': { target: 'valid', actions: 'unpark' },
            'work.due': { actions: parkAs('early') },
          },
        },
        held: {
          on: {
            'wait.over': { target: 'valid', actions: 'unpark' },
            'token.accepted': { guard: 'isGood', target: 'valid', actions: 'unpark' },
            'refresh.requested': { guard: 'hasSource', target: 'valid', actions: 'unpark' },
            'work.due': { actions: parkAs('held') },
          },
        },
      },
    },
    refresh: {
      initial: 'idle',
      states: {
        idle: {
          on: {
            'refresh.wanted': { guard: not('isWaiting'), target: 'asking', actions: 'ask' },
            'refresh.requested': { guard: 'hasSource', target: 'asking', actions: 'ask' },
            'token.refused': {
              guard: and(['isInUse', 'hasSource', not('isRefusedAgain')]),
              target: 'asking',
              actions: 'ask',
            },
            'wait.over': [
              {
                guard: and(['hasSource', 'isStillWanted']),
                target: 'asking',
                actions: 'ask',
              },
              // Nobody asks on: the next work parks the lane itself, and asks.
              { guard: and(['hasSource', 'isNeeded']), actions: 'unpark' },
            ],
          },
        },
        asking: {
          on: {
            'source.answered': { target: 'idle', actions: 'forgetFailures' },
            'source.overtaken': [
              { guard: and(['isNeeded', not('isWaiting')]), actions: 'ask' },
              { target: 'idle' },
            ],
            'source.repeated': { target: 'idle', actions: ['countRepeat', 'reportRefreshFailed'] },
            'source.failed': { target: 'coolingDown', actions: ['countFailure', 'coolDown'] },
            'source.denied': { target: 'denied', actions: ['announceNeed', 'signOut'] },
            'token.lost': { guard: 'endsSession', target: 'idle' },
          },
        },
        coolingDown: {
          on: {
            'alarm.fired': [
              // The source is asked when the longer wait is over (T8).
              { guard: 'isWaiting', target: 'idle' },
              { guard: 'isStillWanted', target: 'asking', actions: 'ask' },
              // Nobody asks on: the next work parks the lane itself, and asks.
              { guard: 'isNeeded', target: 'idle', actions: 'unpark' },
              { target: 'idle' },
            ],
            'refresh.requested': { target: 'asking', actions: ['endCoolDown', 'ask'] },
            'token.arrived': {
              guard: not('isKnownRefused'),
              target: 'idle',
              actions: 'endCoolDown',
            },
            'token.lost': { guard: 'endsSession', target: 'idle', actions: 'endCoolDown' },
          },
        },
        denied: {
          exit: 'signIn',
          on: {
            'refresh.wanted': { actions: ['announceNeed', 'signOut'] },
            'token.refused': { guard: 'isInUse', actions: ['announceNeed', 'signOut'] },
            'refresh.requested': { target: 'asking', actions: 'ask' },
            'token.arrived': { guard: not('isKnownRefused'), target: 'idle' },
            'token.lost': { guard: 'endsSession', target: 'idle' },
          },
        },
      },
    },
    bound: {
      initial: 'open',
      on: {
        'token.accepted': { guard: 'isGood', actions: 'forgetRefusals' },
      },
      states: {
        open: {
          on: {
            'token.refused': {
              guard: and(['isInUse', 'isRefusedAgain']),
              target: 'waiting',
              actions: 'startWait',
            },
            'source.repeated': {
              guard: stateIn({ refresh: 'asking' }),
              target: 'waiting',
              actions: 'startWait',
            },
          },
        },
        waiting: {
          on: {
            'wait.over': { target: 'open', actions: 'announceOwed' },
            'token.accepted': {
              guard: 'isGood',
              target: 'open',
              actions: ['forgetRefusals', 'endWait', 'announceOwed'],
            },
            'refresh.requested': { guard: 'hasSource', target: 'open', actions: 'endWait' },
            'token.lost': { guard: 'endsSession', target: 'open', actions: 'endWait' },
          },
        },
      },
    },
  },
})

/** True if there is a token that an alarm will have sent: before its time (T9), or in the wait after refused tokens (T8). */
export function waitsForAlarm({ value }: SnapshotFrom<typeof tokenMachine>): boolean {
  return value.validity === 'early' || value.validity === 'held'
}

/** Is nothing under way, nobody asked, and nothing counted? */
export function isAtRest({ value, context }: SnapshotFrom<typeof tokenMachine>): boolean {
  const { parked, need, refusedCount, failedCount, lostReason } = context
  return (
    (value.validity === 'absent' || value.validity === 'valid') &&
    value.refresh === 'idle' &&
    value.bound === 'open' &&
    !parked &&
    need === null &&
    refusedCount === 0 &&
    failedCount === 0 &&
    lostReason === 'missing'
  )
}
