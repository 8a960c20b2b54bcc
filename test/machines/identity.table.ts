import type { identityMachine } from '../../machines/identity.machine.ts'
import type { Requirement, UserId } from '../../src/model.ts'
import type { Table } from './run-table.ts'

const alice = 'alice' as UserId
const bob = 'bob' as UserId

const loaded = (user: UserId | null, requirement: Requirement) =>
  ({ type: 'storage.loaded', user, requirement }) as const
const login = (user: UserId) => ({ type: 'user.loggedIn', user }) as const
const logout = { type: 'user.loggedOut' } as const
const learn = (requirement: Requirement) => ({ type: 'requirement.learned', requirement }) as const
const suspect = { type: 'requirement.suspected' } as const

const holdLanes = { type: 'lanes.hold' } as const
const releaseLanes = { type: 'lanes.release' } as const
const drop = { type: 'anonymous.drop' } as const
const hold = { type: 'anonymous.hold' } as const
const release = { type: 'anonymous.release' } as const
const adopt = (user: UserId) => ({ type: 'anonymous.adopt', user }) as const
const waive = { type: 'tokens.waive' } as const
const changed = (user: UserId | null, former: UserId | null) =>
  ({ type: 'identity.changed', user, former }) as const
const nowIs = (requirement: Requirement) =>
  ({ type: 'requirement.changed', requirement, suspected: false }) as const
const suspected = (requirement: Requirement) =>
  ({ type: 'requirement.changed', requirement, suspected: true }) as const

export const identityTable: Table<typeof identityMachine> = {
  input: { anonymous: 'drop', whileUnknown: 'hold' },
  rows: [
    // The start
    {
      name: 'at first nobody is known and every lane is held (I2)',
      given: [],
      when: 'start',
      expected: {
        value: { who: 'anonymous', requirement: 'unknown' },
        commands: [holdLanes],
        context: { user: null },
      },
    },
    {
      name: 'under the policy send an unknown requirement holds no lane (I2)',
      input: { whileUnknown: 'send' },
      given: [],
      when: 'start',
      expected: { value: { who: 'anonymous', requirement: 'unknown' }, commands: [] },
    },
    {
      name: 'the stored user is back after a restart, and nothing is announced (I1)',
      given: [],
      when: loaded(alice, 'unknown'),
      expected: {
        value: { who: 'identified', requirement: 'unknown' },
        commands: [],
        context: { user: alice },
      },
    },
    {
      name: 'with nobody stored the identity stays anonymous (I1)',
      given: [],
      when: loaded(null, 'unknown'),
      expected: {
        value: { who: 'anonymous', requirement: 'unknown' },
        commands: [],
        context: { user: null },
      },
    },
    {
      name: 'a stored required frees the lanes and drops what is anonymous, unannounced (I2, I3)',
      given: [],
      when: loaded(null, 'required'),
      expected: {
        value: { who: 'anonymous', requirement: 'required' },
        commands: [releaseLanes, drop],
      },
    },
    {
      name: 'a stored off frees the lanes, unannounced (I2)',
      given: [],
      when: loaded(alice, 'off'),
      expected: { value: { who: 'identified', requirement: 'off' }, commands: [releaseLanes] },
    },

    // Login and logout
    {
      name: 'a login changes the identity at once (I1)',
      given: [],
      when: login(alice),
      expected: {
        value: { who: 'identified', requirement: 'unknown' },
        commands: [changed(alice, null)],
        context: { user: alice },
      },
    },
    {
      name: 'a login of another user replaces the former one (I1)',
      given: [login(alice)],
      when: login(bob),
      expected: {
        value: { who: 'identified', requirement: 'unknown' },
        commands: [changed(bob, alice)],
        context: { user: bob },
      },
    },
    {
      name: 'a login of the same user is nothing (I11)',
      given: [login(alice)],
      when: login(alice),
      expected: {
        value: { who: 'identified', requirement: 'unknown' },
        commands: [],
        context: { user: alice },
      },
    },
    {
      name: 'a logout makes the identity anonymous at once (I1)',
      given: [login(alice)],
      when: logout,
      expected: {
        value: { who: 'anonymous', requirement: 'unknown' },
        commands: [changed(null, alice)],
        context: { user: null },
      },
    },
    {
      name: 'a logout of nobody is nothing',
      given: [],
      when: logout,
      expected: { value: { who: 'anonymous', requirement: 'unknown' }, commands: [] },
    },
    {
      name: 'neither a login nor a logout changes what the server demands',
      given: [learn('required'), login(alice)],
      when: logout,
      expected: {
        value: { who: 'anonymous', requirement: 'required' },
        commands: [changed(null, alice)],
      },
    },

    // Adoption
    {
      name: 'under adopt a login under required takes over what is anonymous (I3)',
      input: { anonymous: 'adopt' },
      given: [loaded(null, 'required')],
      when: login(alice),
      expected: {
        value: { who: 'identified', requirement: 'required' },
        commands: [changed(alice, null), adopt(alice)],
        context: { user: alice },
      },
    },
    {
      name: 'under adopt a login under an unknown requirement takes over what is anonymous (I3)',
      input: { anonymous: 'adopt' },
      given: [],
      when: login(alice),
      expected: {
        value: { who: 'identified', requirement: 'unknown' },
        commands: [changed(alice, null), adopt(alice)],
      },
    },
    {
      name: 'under off nothing is adopted (I3)',
      input: { anonymous: 'adopt' },
      given: [loaded(null, 'off')],
      when: login(alice),
      expected: {
        value: { who: 'identified', requirement: 'off' },
        commands: [changed(alice, null)],
      },
    },
    {
      name: 'under the policy hold nothing is adopted (I3)',
      input: { anonymous: 'hold' },
      given: [loaded(null, 'required')],
      when: login(alice),
      expected: {
        value: { who: 'identified', requirement: 'required' },
        commands: [changed(alice, null)],
      },
    },
    {
      name: 'under adopt the next login takes over, also where it follows upon another user (I3)',
      input: { anonymous: 'adopt' },
      given: [loaded(alice, 'required')],
      when: login(bob),
      expected: {
        value: { who: 'identified', requirement: 'required' },
        commands: [changed(bob, alice), adopt(bob)],
        context: { user: bob },
      },
    },
    {
      name: 'under adopt a login of the same user takes over nothing (I11)',
      input: { anonymous: 'adopt' },
      given: [loaded(alice, 'required')],
      when: login(alice),
      expected: { value: { who: 'identified', requirement: 'required' }, commands: [] },
    },
    {
      name: 'under off a change of users adopts nothing (I3)',
      input: { anonymous: 'adopt' },
      given: [loaded(alice, 'off')],
      when: login(bob),
      expected: {
        value: { who: 'identified', requirement: 'off' },
        commands: [changed(bob, alice)],
      },
    },

    // The requirement, from unknown
    {
      name: 'once required is learned the lanes go on and what is anonymous is dropped (I2, I3)',
      given: [],
      when: learn('required'),
      expected: {
        value: { who: 'anonymous', requirement: 'required' },
        commands: [releaseLanes, nowIs('required'), drop],
      },
    },
    {
      name: 'under the policy hold what is anonymous is kept unsent (I3)',
      input: { anonymous: 'hold' },
      given: [],
      when: learn('required'),
      expected: {
        value: { who: 'anonymous', requirement: 'required' },
        commands: [releaseLanes, nowIs('required'), hold],
      },
    },
    {
      name: 'under the policy adopt what is anonymous is kept unsent (I3)',
      input: { anonymous: 'adopt' },
      given: [],
      when: learn('required'),
      expected: {
        value: { who: 'anonymous', requirement: 'required' },
        commands: [releaseLanes, nowIs('required'), hold],
      },
    },
    {
      name: 'once off is learned every lane goes on, also one that a suspicion stopped (I2, I10)',
      given: [],
      when: learn('off'),
      expected: {
        value: { who: 'anonymous', requirement: 'off' },
        commands: [releaseLanes, nowIs('off'), waive],
      },
    },
    {
      name: 'unknown said again is nothing',
      given: [],
      when: learn('unknown'),
      expected: { value: { who: 'anonymous', requirement: 'unknown' }, commands: [] },
    },
    {
      name: 'while unknown a 401 to an unsigned request is told, and nothing changes (I2, I10)',
      input: { whileUnknown: 'send' },
      given: [],
      when: suspect,
      expected: {
        value: { who: 'anonymous', requirement: 'unknown' },
        commands: [suspected('unknown')],
      },
    },

    // The requirement, from required
    {
      name: 'required said again drops nothing and is not announced',
      given: [learn('required')],
      when: learn('required'),
      expected: { value: { who: 'anonymous', requirement: 'required' }, commands: [] },
    },
    {
      name: 'when required turns to off every lane goes on, token or not (I4)',
      input: { anonymous: 'hold' },
      given: [learn('required')],
      when: learn('off'),
      expected: {
        value: { who: 'anonymous', requirement: 'off' },
        commands: [waive, releaseLanes, release, nowIs('off')],
      },
    },
    {
      name: 'when required turns to unknown every lane is held for that reason alone (I2)',
      input: { anonymous: 'hold' },
      given: [learn('required')],
      when: learn('unknown'),
      expected: {
        value: { who: 'anonymous', requirement: 'unknown' },
        commands: [waive, releaseLanes, release, nowIs('unknown'), holdLanes],
      },
    },
    {
      name: 'under required a late 401 to an unsigned request is no news (I10)',
      given: [learn('required')],
      when: suspect,
      expected: { value: { who: 'anonymous', requirement: 'required' }, commands: [] },
    },

    // The requirement, from off
    {
      name: 'when off turns to required what is anonymous is dropped (I3)',
      given: [learn('off')],
      when: learn('required'),
      expected: {
        value: { who: 'anonymous', requirement: 'required' },
        commands: [releaseLanes, nowIs('required'), drop],
      },
    },
    {
      name: 'when off turns to unknown every lane is held (I2)',
      given: [learn('off')],
      when: learn('unknown'),
      expected: {
        value: { who: 'anonymous', requirement: 'unknown' },
        commands: [releaseLanes, nowIs('unknown'), holdLanes],
      },
    },
    {
      name: 'off said again frees whoever waits because of a suspicion, with no second event (I10)',
      given: [learn('off'), suspect],
      when: learn('off'),
      expected: {
        value: { who: 'anonymous', requirement: 'off' },
        commands: [waive, releaseLanes],
      },
    },
    {
      name: 'under off a 401 to an unsigned request is a suspicion, and the value stays (I10)',
      given: [learn('off')],
      when: suspect,
      expected: { value: { who: 'anonymous', requirement: 'off' }, commands: [suspected('off')] },
    },
  ],
}
