/** What may happen to the identity, and what holds on every step. */
import { isDeepStrictEqual } from 'node:util'
import type { IdentityEvent, identityMachine } from '../../machines/identity.machine.ts'
import type { Requirement, UserId } from '../../src/model.ts'
import { folded, has } from './told.ts'
import type { Invariants, Step } from './walk.ts'

const users = ['alice', 'bob'] as UserId[]
const requirements: readonly Requirement[] = ['unknown', 'required', 'off']

type IdentityStep = Step<typeof identityMachine>

export const identityEvents = ({ value }: IdentityStep['before']): readonly IdentityEvent[] => [
  { type: 'user.loggedOut' },
  { type: 'requirement.suspected' },
  ...users.map((user) => ({ type: 'user.loggedIn', user }) as const),
  ...requirements.map((requirement) => ({ type: 'requirement.learned', requirement }) as const),
  // Heard once, before anything else.
  ...(value.who === 'anonymous' && value.requirement === 'unknown'
    ? [null, ...users].flatMap((user) =>
        requirements.map((requirement) => ({ type: 'storage.loaded', user, requirement }) as const),
      )
    : []),
]

const isLanesHeld = ({ value, context }: IdentityStep['before']) =>
  value.requirement === 'unknown' && context.whileUnknown === 'hold'
const isAnonymousHeld = ({ value, context }: IdentityStep['before']) =>
  value.requirement === 'required' && context.anonymous !== 'drop'

export const identityInvariants: Invariants<typeof identityMachine> = {
  'somebody is logged in exactly when identified (I1)': ({ after }) =>
    (after.value.who === 'identified') === (after.context.user !== null),
  'a change of the identity is told exactly when there is one, with both users (I1)': ({
    before,
    event,
    after,
    commands,
  }) => {
    const told = commands.filter(({ type }) => type === 'identity.changed')
    const [user, former] = [after.context.user, before.context.user]
    const isSilent = user === former || event.type === 'storage.loaded'
    return isDeepStrictEqual(told, isSilent ? [] : [{ type: 'identity.changed', user, former }])
  },
  'a change of the requirement is told exactly when there is one (I2)': ({
    before,
    event,
    after,
    commands,
  }) => {
    const told = commands.filter(
      (command) => command.type === 'requirement.changed' && !command.suspected,
    )
    const { requirement } = after.value
    const isSilent = requirement === before.value.requirement || event.type === 'storage.loaded'
    const change = { type: 'requirement.changed', requirement, suspected: false }
    return isDeepStrictEqual(told, isSilent ? [] : [change])
  },
  'a suspicion changes nothing (I10)': ({ before, event, after }) =>
    event.type !== 'requirement.suspected' || isDeepStrictEqual(before.value, after.value),
  'anonymous operations are adopted by whoever logs in, under that policy, but not under off (I3)':
    ({ before, event, after, commands }) =>
      has(commands, 'anonymous.adopt') ===
      (event.type === 'user.loggedIn' &&
        before.context.user !== after.context.user &&
        after.context.anonymous === 'adopt' &&
        after.value.requirement !== 'off'),
  'all lanes are held exactly while the requirement is unknown, unless the policy is send (I2)': ({
    before,
    after,
    commands,
  }) =>
    folded(isLanesHeld(before), commands, ['lanes.hold', 'lanes.release']) === isLanesHeld(after),
  'the anonymous lane is held exactly under required, unless the policy is drop (I3)': ({
    before,
    after,
    commands,
  }) =>
    folded(isAnonymousHeld(before), commands, ['anonymous.hold', 'anonymous.release']) ===
    isAnonymousHeld(after),
  'what is anonymous is dropped exactly when the requirement becomes required (I3)': ({
    before,
    after,
    commands,
  }) =>
    has(commands, 'anonymous.drop') ===
    (before.value.requirement !== 'required' &&
      after.value.requirement === 'required' &&
      after.context.anonymous === 'drop'),
  'nobody waits for a token once none is demanded any more (I4)': ({ before, after, commands }) =>
    before.value.requirement !== 'required' ||
    after.value.requirement === 'required' ||
    has(commands, 'tokens.waive'),
}
