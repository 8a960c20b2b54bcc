/**
 * The identity: who the app's next operation belongs to, and in parallel what the server demands.
 *
 * `who`
 * - `anonymous`: nobody is logged in; operations belong to the anonymous identity of this device.
 * - `identified`: `context.user` is logged in.
 *
 * `requirement` (I2)
 * - `unknown`: nobody has said yet. Under the policy `whileUnknown: 'hold'` every lane is held.
 * - `required`: the server demands identity verification. Entering it deals with the anonymous
 *   operations as the policy `anonymous` says (I3), and every user's lane needs a token (I5).
 * - `off`: it does not. A 401 to an unsigned request raises a suspicion, never a change (I10); so it
 *   does under `unknown`, where the policy `send` lets such requests out.
 *
 * login() and logout() are facts at the moment they are called (I1): storing them is repeated until
 * it succeeds, so this machine hears them at once and not after a commit.
 */
import { and, assertEvent, assign, emit, enqueueActions, not, setup, stateIn } from 'xstate'
import type { Requirement, UserId } from '../src/model.ts'
import { type AnonymousPolicy, dropsAnonymous } from './anonymous-policy.ts'

export type UnknownPolicy = 'hold' | 'send'

export type IdentityEvent =
  /** What the last run left behind; heard once, at the start, and never announced. */
  | {
      readonly type: 'storage.loaded'
      readonly user: UserId | null
      readonly requirement: Requirement
    }
  | { readonly type: 'user.loggedIn'; readonly user: UserId }
  | { readonly type: 'user.loggedOut' }
  | { readonly type: 'requirement.learned'; readonly requirement: Requirement }
  | { readonly type: 'requirement.suspected' }

export type IdentityCommand =
  | {
      readonly type: 'identity.changed'
      readonly user: UserId | null
      readonly former: UserId | null
    }
  | {
      readonly type: 'requirement.changed'
      readonly requirement: Requirement
      readonly suspected: boolean
    }
  /** The hold `requirement-unknown` on every lane. */
  | { readonly type: 'lanes.hold' }
  | { readonly type: 'lanes.release' }
  /** Drop what is stored of the anonymous identity (I3). */
  | { readonly type: 'anonymous.drop' }
  /** The hold `signed-out` on the anonymous lane. */
  | { readonly type: 'anonymous.hold' }
  | { readonly type: 'anonymous.release' }
  | { readonly type: 'anonymous.adopt'; readonly user: UserId }
  /** From now on a user's lane may go without a token (I4, I10). */
  | { readonly type: 'tokens.waive' }

export interface IdentityContext {
  readonly user: UserId | null
  readonly anonymous: AnonymousPolicy
  readonly whileUnknown: UnknownPolicy
}

export interface IdentityInput {
  readonly anonymous: AnonymousPolicy
  readonly whileUnknown: UnknownPolicy
}

interface Value {
  readonly value: Requirement
}

/** A guard and two reports, each about one value of the requirement. */
const isLearned = (value: Requirement) => ({ type: 'isRequirement' as const, params: { value } })
const report = (value: Requirement) => ({ type: 'reportRequirement' as const, params: { value } })
const suspect = (value: Requirement) => ({ type: 'reportSuspicion' as const, params: { value } })

export const identityMachine = setup({
  types: {} as {
    context: IdentityContext
    input: IdentityInput
    events: IdentityEvent
    emitted: IdentityCommand
  },
  guards: {
    isRequirement: ({ event }, params: Value) =>
      (event.type === 'requirement.learned' || event.type === 'storage.loaded') &&
      event.requirement === params.value,
    isSomebody: ({ event }) => event.type === 'storage.loaded' && event.user !== null,
    isOtherUser: ({ context, event }) =>
      event.type === 'user.loggedIn' && event.user !== context.user,
    adoptsAnonymous: ({ context }) => context.anonymous === 'adopt',
  },
  actions: {
    changeUser: assign(({ event }) => {
      assertEvent(event, ['user.loggedIn', 'storage.loaded'])
      return { user: event.user }
    }),
    forgetUser: assign({ user: null }),
    reportUser: emit(({ context, event }) => ({
      type: 'identity.changed',
      user: event.type === 'user.loggedIn' ? event.user : null,
      former: context.user,
    })),
    reportRequirement: emit((_, params: Value) => ({
      type: 'requirement.changed',
      requirement: params.value,
      suspected: false,
    })),
    reportSuspicion: emit((_, params: Value) => ({
      type: 'requirement.changed',
      requirement: params.value,
      suspected: true,
    })),
    holdLanes: enqueueActions(({ context, enqueue }) => {
      if (context.whileUnknown === 'hold') enqueue.emit({ type: 'lanes.hold' })
    }),
    releaseLanes: emit({ type: 'lanes.release' }),
    stopAnonymous: emit(({ context }) => ({
      type: dropsAnonymous(context.anonymous, 'required') ? 'anonymous.drop' : 'anonymous.hold',
    })),
    releaseAnonymous: emit({ type: 'anonymous.release' }),
    adoptAnonymous: emit(({ event }) => {
      assertEvent(event, 'user.loggedIn')
      return { type: 'anonymous.adopt', user: event.user }
    }),
    waiveTokens: emit({ type: 'tokens.waive' }),
  },
}).createMachine({
  id: 'identity',
  type: 'parallel',
  context: ({ input }) => ({
    user: null,
    anonymous: input.anonymous,
    whileUnknown: input.whileUnknown,
  }),
  states: {
    who: {
      initial: 'anonymous',
      states: {
        anonymous: {
          on: {
            'storage.loaded': { guard: 'isSomebody', target: 'identified', actions: 'changeUser' },
            'user.loggedIn': [
              {
                guard: and(['adoptsAnonymous', not(stateIn({ requirement: 'off' }))]),
                target: 'identified',
                actions: ['reportUser', 'changeUser', 'adoptAnonymous'],
              },
              { target: 'identified', actions: ['reportUser', 'changeUser'] },
            ],
          },
        },
        identified: {
          on: {
            'user.loggedIn': [
              {
                guard: and([
                  'isOtherUser',
                  'adoptsAnonymous',
                  not(stateIn({ requirement: 'off' })),
                ]),
                actions: ['reportUser', 'changeUser', 'adoptAnonymous'],
              },
              { guard: 'isOtherUser', actions: ['reportUser', 'changeUser'] },
            ],
            'user.loggedOut': { target: 'anonymous', actions: ['reportUser', 'forgetUser'] },
          },
        },
      },
    },
    requirement: {
      initial: 'unknown',
      states: {
        unknown: {
          entry: 'holdLanes',
          exit: 'releaseLanes',
          on: {
            'storage.loaded': [
              { guard: isLearned('required'), target: 'required' },
              { guard: isLearned('off'), target: 'off' },
            ],
            'requirement.learned': [
              { guard: isLearned('required'), target: 'required', actions: report('required') },
              // Whoever waits because of a suspicion may go (I10).
              { guard: isLearned('off'), target: 'off', actions: [report('off'), 'waiveTokens'] },
            ],
            'requirement.suspected': { actions: suspect('unknown') },
          },
        },
        required: {
          entry: 'stopAnonymous',
          // A late 401 to an unsigned request may have held the anonymous lane here too.
          exit: ['waiveTokens', 'releaseLanes', 'releaseAnonymous'],
          on: {
            'requirement.learned': [
              { guard: isLearned('unknown'), target: 'unknown', actions: report('unknown') },
              { guard: isLearned('off'), target: 'off', actions: report('off') },
            ],
          },
        },
        off: {
          exit: 'releaseLanes',
          on: {
            'requirement.learned': [
              { guard: isLearned('unknown'), target: 'unknown', actions: report('unknown') },
              { guard: isLearned('required'), target: 'required', actions: report('required') },
              // `off` said again: whoever waits because of a suspicion may go (I10).
              { actions: ['waiveTokens', 'releaseLanes'] },
            ],
            'requirement.suspected': { actions: suspect('off') },
          },
        },
      },
    },
  },
})
