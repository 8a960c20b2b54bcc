/**
 * The token of one user: what is known of its validity, and in parallel the refresh that is to bring
 * the next one. It never sees a token: only generations and instants.
 *
 * `validity`
 * - `absent`: no usable token. Work parks its lane only where a token is demanded (I4, I5).
 * - `valid`: sent as it is.
 * - `expiring`: less than its margin is left. Sends go on while a fresh one is asked for (T9).
 * - `expired`: with a source the lane waits for a fresh one; without, only a 401 decides (T9).
 * - `refused`: the server answered 401 to this very generation (T4). Parked until a newer one.
 *
 * `refresh` (stays `idle` without a token source)
 * - `idle`: nobody asks.
 * - `asking`: one call of the source is under way, shared by all who wait (T6).
 * - `coolingDown`: the source failed, or what it gave was refused; an alarm ends it (T6, T8).
 * - `denied`: the source said that only the user can help. It ends with a token, with the session, or
 *   by refreshToken(); then the lane is not signed out any more.
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
  /** `missing`: the session has ended (T11); `unreadable`: the vault cannot give it back (T1). */
  | { readonly type: 'token.lost'; readonly reason: 'missing' | 'unreadable' }
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
  | { readonly type: 'source.failed' }
  | { readonly type: 'source.denied' }
  | { readonly type: 'alarm.fired'; readonly working: boolean }

export interface TokenNeed {
  readonly reason: TokenNeedReason
  /** The generation that was refused, where one was. */
  readonly refused: number | null
  /** Has the app been asked? Without a source at once, else once the source denied (T5). */
  readonly announced: boolean
}

export type CoolDownCause = 'unavailable' | 'refused-again'

export type TokenCommand =
  | { readonly type: 'lane.park'; readonly user: UserId }
  | { readonly type: 'lane.unpark'; readonly user: UserId }
  | { readonly type: 'lane.signOut'; readonly user: UserId }
  | { readonly type: 'lane.signIn'; readonly user: UserId }
  | { readonly type: 'need.opened'; readonly user: UserId; readonly need: TokenNeed }
  /** The app itself must act (T5). */
  | { readonly type: 'need.announced'; readonly user: UserId; readonly need: TokenNeed }
  | { readonly type: 'need.closed'; readonly user: UserId }
  | { readonly type: 'source.ask'; readonly user: UserId; readonly reason: TokenNeedReason }
  | { readonly type: 'refresh.failed'; readonly user: UserId }
  | {
      readonly type: 'coolDown.started'
      readonly user: UserId
      readonly cause: CoolDownCause
      /** How often in a row, from 1. */
      readonly round: number
    }
  | { readonly type: 'coolDown.ended'; readonly user: UserId }

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
  /** Generations refused since one was last accepted. */
  readonly refusedCount: number
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
      (event.type === 'token.refused' || event.type === 'token.accepted') &&
      event.generation === context.generation,
    /** Current, and not refused yet: a second 401 to one generation, or a late 200, says nothing new. */
    isInUse: and(['isCurrent', not(stateIn({ validity: 'refused' }))]),
    endsSession: ({ event }) => event.type === 'token.lost' && event.reason === 'missing',
    isRefusedAgain: ({ context }) => context.refusedCount > 0,
    hasFailed: ({ context }) => context.failedCount > 0,
    isDemanded: ({ event }) => event.type === 'work.due' && event.demanded,
    isNearEnd: ({ context, event }) =>
      event.type === 'work.due' && context.refreshAt !== null && event.now >= context.refreshAt,
    isExpired: ({ context, event }) =>
      event.type === 'work.due' && context.expiresAt !== null && event.now >= context.expiresAt,
    isStillWanted: ({ context, event }) =>
      event.type === 'alarm.fired' && event.working && context.need !== null,
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
      return { generation: 0, refreshAt: null, expiresAt: null, lostReason: event.reason }
    }),
    // Said each time: setting a hold twice, or lifting one that is not set, does nothing (Q18).
    park: enqueueActions(({ context, enqueue }) => {
      enqueue.assign({ parked: true })
      enqueue.emit({ type: 'lane.park', user: context.user })
    }),
    unpark: enqueueActions(({ context, enqueue }) => {
      enqueue.assign({ parked: false })
      enqueue.emit({ type: 'lane.unpark', user: context.user })
    }),
    signOut: enqueueActions(({ context, enqueue }) => {
      if (context.parked) enqueue.emit({ type: 'lane.signOut', user: context.user })
    }),
    signIn: emit(({ context }) => ({ type: 'lane.signIn', user: context.user })),
    /** A need is asked once (T5), but one that stops the lane replaces one that only warned. */
    openNeed: enqueueActions(({ context, enqueue }, params: Reason) => {
      const open = context.need
      if (open !== null && (open.reason !== 'expiring' || params.reason === 'expiring')) return
      const need: TokenNeed = {
        reason: params.reason,
        refused: params.reason === 'refused' ? context.generation : null,
        announced: !context.hasSource,
      }
      enqueue.assign({ need })
      enqueue.emit({ type: 'need.opened', user: context.user, need })
      if (need.announced) enqueue.emit({ type: 'need.announced', user: context.user, need })
    }),
    announceNeed: enqueueActions(({ context, enqueue }) => {
      if (context.need === null || context.need.announced) return
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
    countRefusal: assign(({ context }) => ({ refusedCount: context.refusedCount + 1 })),
    /** One that comes again was refused before, also where that is not known here any more. */
    countRepeat: assign(({ context }) => ({ refusedCount: Math.max(1, context.refusedCount) + 1 })),
    forgetRefusals: assign({ refusedCount: 0 }),
    forgetFailures: assign({ failedCount: 0 }),
    countFailure: assign(({ context }) => ({ failedCount: context.failedCount + 1 })),
    ask: emit(({ context, event }) => ({
      type: 'source.ask',
      user: context.user,
      reason: event.type === 'refresh.wanted' ? event.reason : (context.need?.reason ?? 'expiring'),
    })),
    reportRefreshFailed: emit(({ context }) => ({ type: 'refresh.failed', user: context.user })),
    coolDownUnavailable: emit(({ context }) => ({
      type: 'coolDown.started',
      user: context.user,
      cause: 'unavailable',
      round: context.failedCount,
    })),
    coolDownRefused: emit(({ context }) => ({
      type: 'coolDown.started',
      user: context.user,
      cause: 'refused-again',
      round: context.refusedCount - 1,
    })),
    endCoolDown: emit(({ context }) => ({ type: 'coolDown.ended', user: context.user })),
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
    failedCount: 0,
  }),
  on: {
    'token.accepted': { guard: 'isInUse', actions: 'forgetRefusals' },
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
            actions: ['countRefusal', 'park', ...openRefused, 'reportRefreshFailed'],
          },
          {
            guard: 'isInUse',
            target: '.refused',
            actions: ['countRefusal', 'park', ...openRefused],
          },
        ],
      },
      states: {
        absent: {
          on: {
            'work.due': { guard: 'isDemanded', actions: ['park', ...wantLost] },
            'unsigned.refused': { actions: ['park', ...wantLost] },
            'demand.waived': { actions: ['unpark', 'signIn', 'closeNeed'] },
          },
        },
        valid: {
          on: {
            'work.due': [
              {
                guard: and(['isDemanded', 'isExpired', 'hasSource']),
                target: 'expired',
                actions: ['park', ...want('expired')],
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
                actions: ['park', ...want('expired')],
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
              actions: ['park', ...want('expired')],
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
            'work.due': { actions: ['park', ...want('refused')] },
          },
        },
      },
    },
    refresh: {
      initial: 'idle',
      states: {
        idle: {
          on: {
            'refresh.wanted': { target: 'asking', actions: 'ask' },
            'refresh.requested': { guard: 'hasSource', target: 'asking', actions: 'ask' },
            'token.refused': [
              {
                guard: and(['isInUse', 'hasSource', 'isRefusedAgain']),
                target: 'coolingDown',
                actions: 'coolDownRefused',
              },
              { guard: and(['isInUse', 'hasSource']), target: 'asking', actions: 'ask' },
            ],
          },
        },
        asking: {
          on: {
            'source.answered': { target: 'idle', actions: 'forgetFailures' },
            'source.repeated': {
              target: 'coolingDown',
              actions: ['countRepeat', 'reportRefreshFailed', 'coolDownRefused'],
            },
            'source.failed': {
              target: 'coolingDown',
              actions: ['countFailure', 'coolDownUnavailable'],
            },
            'source.denied': { target: 'denied', actions: ['announceNeed', 'signOut'] },
            'token.lost': { guard: 'endsSession', target: 'idle' },
          },
        },
        coolingDown: {
          on: {
            'alarm.fired': [
              { guard: 'isStillWanted', target: 'asking', actions: 'ask' },
              // Nobody asks on: the next work parks the lane itself, and asks.
              { target: 'idle', actions: 'unpark' },
            ],
            // The wait after a failed refresh ahead gives way to the longer one (T8).
            'token.refused': {
              guard: and(['isInUse', 'isRefusedAgain']),
              actions: 'coolDownRefused',
            },
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
  },
})

/** Is nothing under way, nobody asked, and nothing counted? */
export function isAtRest({ value, context }: SnapshotFrom<typeof tokenMachine>): boolean {
  const { parked, need, refusedCount, failedCount, lostReason } = context
  return (
    (value.validity === 'absent' || value.validity === 'valid') &&
    value.refresh === 'idle' &&
    !parked &&
    need === null &&
    refusedCount === 0 &&
    failedCount === 0 &&
    lostReason === 'missing'
  )
}
