/** Every path through the machines: all states are reached, nothing fails, and what must hold holds. */
import { isDeepStrictEqual } from 'node:util'
import { type AnyStateMachine } from 'xstate'
import { describe, expect, it } from 'vitest'
import type { Hold } from '../../machines/holds.ts'
import {
  type AnonymousPolicy,
  type IdentityEvent,
  identityMachine,
  type UnknownPolicy,
} from '../../machines/identity.machine.ts'
import { type LaneEvent, laneMachine } from '../../machines/lane.machine.ts'
import { type QueueEvent, queueMachine } from '../../machines/queue.machine.ts'
import { type TokenContext, type TokenEvent, tokenMachine } from '../../machines/token.machine.ts'
import type { LaneId, Requirement, UserId } from '../../src/model.ts'
import { type Bounds, type Step, walk } from './walk.ts'

/** By sentence, what each step must keep to. */
type Invariants<Machine extends AnyStateMachine> = Record<string, (step: Step<Machine>) => boolean>

function testPaths<Machine extends AnyStateMachine>(
  title: string,
  machine: Machine,
  bounds: Bounds<Machine>,
  invariants: Invariants<Machine>,
  unreachable: readonly string[] = [],
) {
  describe(`every path through ${title}`, () => {
    const { snapshots, steps, unreached } = walk(machine, bounds)

    it('reaches every state', () => {
      expect(snapshots.length).toBeGreaterThan(1)
      expect(unreached).toStrictEqual(unreachable)
    })

    it.each(Object.keys(invariants))('%s', (sentence) => {
      const broken = steps.find((step) => invariants[sentence]?.(step) !== true)
      expect(broken && told(broken)).toBeUndefined()
    })
  })
}

/** A step in short, for the report of a failure. */
function told<Machine extends AnyStateMachine>({ before, event, after, commands }: Step<Machine>) {
  const short = ({ value, context }: { value: unknown; context: unknown }) => ({ value, context })
  return { before: short(before), event, after: short(after), commands }
}

const has = (commands: readonly { readonly type: string }[], type: string): boolean =>
  commands.some((command) => command.type === type)

const isUnique = (items: readonly unknown[]): boolean => new Set(items).size === items.length

// The lane

const hold = (name: Hold['name']): Hold => ({ name, cause: 'a test', since: 0 })

const laneEvents: readonly LaneEvent[] = [
  { type: 'operations.arrived' },
  { type: 'operations.gone' },
  { type: 'slot.granted' },
  { type: 'attempt.ended', pending: true },
  { type: 'attempt.ended', pending: false },
  ...(['paused', 'offline', 'awaiting-token'] as const).flatMap((name): LaneEvent[] => [
    { type: 'hold.set', hold: hold(name) },
    { type: 'hold.lifted', name },
  ]),
]

type LaneStep = Step<typeof laneMachine>
const asks = ({ value, context }: LaneStep['before']) =>
  value === 'waiting' && context.holds.length === 0

testPaths(
  'the lane',
  laneMachine,
  { input: { lane: 1 as LaneId, holds: [] }, events: () => laneEvents },
  {
    'a lane begins to send only while nothing holds it (Q18)': ({ before, after }) =>
      after.value !== 'sending' || before.value === 'sending' || before.context.holds.length === 0,
    'an attempt is asked for exactly when a lane begins to send (Q3)': (step) =>
      has(step.commands, 'attempt.requested') ===
      (step.before.value !== 'sending' && step.after.value === 'sending'),
    'a hold is in the set at most once (Q18)': ({ after }) =>
      isUnique(after.context.holds.map(({ name }) => name)),
    'a hold is told exactly when it joins or leaves the set (Q18)': (step) => {
      const { before, after, commands } = step
      const grown = after.context.holds.length - before.context.holds.length
      return (
        has(commands, 'lane.held') === grown > 0 && has(commands, 'lane.released') === grown < 0
      )
    },
    'a slot is asked for exactly when a lane may send from now on (Q15)': (step) =>
      has(step.commands, 'slot.requested') === (!asks(step.before) && asks(step.after)),
    'the request is withdrawn exactly when it is not wanted any more (Q18)': (step) =>
      has(step.commands, 'slot.withdrawn') ===
      (asks(step.before) && !asks(step.after) && step.after.value !== 'sending'),
    'a slot is returned when the attempt is over, or when it is not used (Q3)': (step) =>
      has(step.commands, 'slot.returned') ===
      ((step.before.value === 'sending' && step.after.value !== 'sending') ||
        (step.event.type === 'slot.granted' &&
          step.before.value !== 'sending' &&
          step.after.value !== 'sending')),
    'a lane idles exactly when it becomes empty': (step) =>
      has(step.commands, 'lane.idled') ===
      (step.before.value !== 'empty' && step.after.value === 'empty'),
  },
)

// The queue

const lanes = [1, 2, 3] as LaneId[]
const queueEvents: readonly QueueEvent[] = [
  { type: 'storage.loaded' },
  { type: 'close.requested' },
  { type: 'deadline.passed' },
  ...lanes.flatMap((lane): QueueEvent[] => [
    { type: 'slot.requested', lane },
    { type: 'slot.withdrawn', lane },
    { type: 'slot.returned', lane },
  ]),
]

testPaths(
  'the queue',
  queueMachine,
  { input: { slots: 2 }, events: ({ status }) => (status === 'active' ? queueEvents : []) },
  {
    'no more lanes send than there are slots (Q3)': ({ after }) =>
      after.context.sending.length <= after.context.slots,
    'a lane is at most once in the line and the slots together (Q3)': ({ after }) =>
      isUnique([...after.context.line, ...after.context.sending]),
    'no slot is free while a lane waits for one (Q15)': ({ after }) =>
      after.value !== 'running' ||
      after.context.line.length === 0 ||
      after.context.sending.length === after.context.slots,
    'a slot is granted exactly to those who have one from now on, and only when running (Q19)': ({
      before,
      after,
      commands,
    }) => {
      const granted = commands.flatMap((command) =>
        command.type === 'slot.granted' ? [command.lane] : [],
      )
      const fresh = after.context.sending.filter((lane) => !before.context.sending.includes(lane))
      return (
        isDeepStrictEqual(granted, fresh) && (granted.length === 0 || after.value === 'running')
      )
    },
    'a closing engine has something in flight, and nobody in the line (Q19)': ({ after }) =>
      after.value !== 'closing' ||
      (after.context.sending.length > 0 && after.context.line.length === 0),
    'it says that it is closed exactly when it closes (Q19)': ({ after, commands }) =>
      has(commands, 'queue.closed') === (after.value === 'closed'),
  },
)

// The identity

const users = ['alice', 'bob'] as UserId[]
const requirements: readonly Requirement[] = ['unknown', 'required', 'off']

type IdentityStep = Step<typeof identityMachine>

const identityEvents = ({ value }: IdentityStep['before']): readonly IdentityEvent[] => [
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

/** What the last of two opposite commands leaves behind. */
function folded(
  before: boolean,
  commands: readonly { readonly type: string }[],
  [set, lifted]: readonly [string, string],
): boolean {
  const last = commands.findLast(({ type }) => type === set || type === lifted)
  return last === undefined ? before : last.type === set
}

const isLanesHeld = ({ value, context }: IdentityStep['before']) =>
  value.requirement === 'unknown' && context.whileUnknown === 'hold'
const isAnonymousHeld = ({ value, context }: IdentityStep['before']) =>
  value.requirement === 'required' && context.anonymous !== 'drop'

const identityInvariants: Invariants<typeof identityMachine> = {
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

for (const anonymous of ['drop', 'hold', 'adopt'] satisfies AnonymousPolicy[]) {
  for (const whileUnknown of ['hold', 'send'] satisfies UnknownPolicy[]) {
    testPaths(
      `the identity under ${anonymous} and ${whileUnknown}`,
      identityMachine,
      { input: { anonymous, whileUnknown }, events: identityEvents },
      identityInvariants,
    )
  }
}

// The token

type TokenStep = Step<typeof tokenMachine>
type TokenSnapshot = TokenStep['before']

/** One event of each kind that may come, in a bounded number of generations, refusals and failures. */
function tokenEvents({ value, context }: TokenSnapshot): readonly TokenEvent[] {
  const { generation, refusedCount, failedCount } = context
  const known = { type: 'token.arrived', refreshAt: null, expiresAt: null } as const
  const events: TokenEvent[] = [
    { type: 'token.lost', reason: 'missing' },
    { type: 'token.lost', reason: 'unreadable' },
    { type: 'unsigned.refused' },
    { type: 'demand.waived' },
    { type: 'refresh.requested' },
    { type: 'source.denied' },
    { type: 'alarm.fired', working: true },
    { type: 'alarm.fired', working: false },
  ]
  for (const now of [0, 700, 1000]) {
    for (const demanded of [true, false]) events.push({ type: 'work.due', now, demanded })
  }
  for (const sent of [generation - 1, generation].filter((candidate) => candidate > 0)) {
    if (refusedCount < 3) events.push({ type: 'token.refused', generation: sent })
    events.push({ type: 'token.accepted', generation: sent })
  }
  if (generation < 2) {
    const next = { ...known, generation: generation + 1, refused: false }
    events.push(next, { ...next, refreshAt: 700, expiresAt: 1000 })
  }
  // Found at the start, perhaps once more when the vault has answered.
  const isStart = value.validity === 'absent' && generation === 0 && refusedCount === 0
  if (isStart || value.validity === 'refused') {
    events.push({ ...known, generation: Math.max(1, generation), refused: true })
  }
  if (failedCount < 1) events.push({ type: 'source.failed' })
  // The source's answer tells of a token that is good, or of the refused one.
  if (value.validity === 'refused') {
    if (refusedCount < 3) events.push({ type: 'source.repeated' })
  } else if (value.validity !== 'absent') {
    events.push({ type: 'source.answered' })
  }
  return events
}

const isNew = (event: TokenEvent): boolean => event.type === 'token.arrived' && !event.refused

/** The open need, as the commands tell it. */
function needTold(before: TokenContext['need'], commands: TokenStep['commands']) {
  const last = commands.findLast(({ type }) => type.startsWith('need.'))
  if (last === undefined) return before
  return 'need' in last ? last.need : null
}

const tokenInvariants: Invariants<typeof tokenMachine> = {
  'a fresh token answers the need and frees the lane at once (T5, T7)': ({ event, after }) =>
    !isNew(event) ||
    (after.value.validity === 'valid' && after.context.need === null && !after.context.parked),
  'no lane is parked while its token works (T9)': ({ after }) =>
    !['valid', 'expiring'].includes(after.value.validity) || !after.context.parked,
  'a refused token has the lane parked, from the refusal until nobody asks any more (T4)': ({
    before,
    event,
    after,
  }) => {
    if (after.value.validity !== 'refused' || after.context.parked) return true
    if (event.type === 'token.arrived' || event.type === 'alarm.fired') return true
    return before.value.validity === 'refused' && !before.context.parked
  },
  'a parked lane has an open need (T5)': ({ after }) =>
    !after.context.parked || after.context.need !== null,
  'a parked lane has somebody who brings a token: the source, an alarm, or the app (V: no-park)': ({
    after,
  }) => {
    const { parked, need } = after.context
    const isLeftToTheApp = after.value.refresh === 'idle' || after.value.refresh === 'denied'
    return !parked || !isLeftToTheApp || need?.announced === true
  },
  'without a source nobody ever asks one (T5)': ({ after, commands }) =>
    after.context.hasSource || (after.value.refresh === 'idle' && !has(commands, 'source.ask')),
  'the source is asked exactly when a call begins, so once at a time (T6)': ({
    before,
    after,
    commands,
  }) =>
    commands.filter(({ type }) => type === 'source.ask').length ===
    (before.value.refresh !== 'asking' && after.value.refresh === 'asking' ? 1 : 0),
  'an alarm is armed exactly while cooling down (T6, T8)': ({ before, event, after, commands }) => {
    const wasArmed = before.value.refresh === 'coolingDown' && event.type !== 'alarm.fired'
    const isArmed = after.value.refresh === 'coolingDown'
    return folded(wasArmed, commands, ['coolDown.started', 'coolDown.ended']) === isArmed
  },
  'each wait counts its round from one (T6, T8)': ({ commands }) =>
    commands.every((command) => command.type !== 'coolDown.started' || command.round >= 1),
  'a lane is signed out only while its source denies (T6)': ({ before, after, commands }) =>
    (!has(commands, 'lane.signOut') || after.value.refresh === 'denied') &&
    (before.value.refresh !== 'denied' ||
      after.value.refresh === 'denied' ||
      has(commands, 'lane.signIn')),
  'the lane hears whether it is parked (T7)': ({ before, after, commands }) =>
    folded(before.context.parked, commands, ['lane.park', 'lane.unpark']) === after.context.parked,
  'the commands tell the need that is open (T5)': ({ before, after, commands }) =>
    isDeepStrictEqual(needTold(before.context.need, commands), after.context.need),
  'a need is opened only where none is open, or where it presses more (T5, T9)': ({
    before,
    commands,
  }) => {
    const open = before.context.need
    return (
      !has(commands, 'need.opened') ||
      has(commands, 'need.closed') ||
      open === null ||
      open.reason === 'expiring'
    )
  },
  'the app is asked once for each need (T5)': ({ before, commands }) => {
    const asked = commands.filter(({ type }) => type === 'need.announced').length
    const mayBe = has(commands, 'need.opened') || before.context.need?.announced === false
    return asked === 0 || (asked === 1 && mayBe)
  },
  'what the server said to an older generation changes nothing (T3)': ({
    before,
    event,
    after,
    commands,
  }) => {
    if (event.type !== 'token.refused' && event.type !== 'token.accepted') return true
    if (event.generation === before.context.generation) return true
    return commands.length === 0 && isDeepStrictEqual(before.context, after.context)
  },
  'work that demands no token changes nothing, unless the token is refused (I4)': ({
    before,
    event,
    commands,
  }) =>
    event.type !== 'work.due' ||
    event.demanded ||
    before.value.validity === 'refused' ||
    commands.length === 0,
  'the end of a session leaves nothing behind (T11)': ({ event, after }) => {
    if (event.type !== 'token.lost' || event.reason !== 'missing') return true
    const { generation, parked, need, refusedCount } = after.context
    const isRid = generation === 0 && !parked && need === null && refusedCount === 0
    return isRid && after.value.validity === 'absent' && after.value.refresh === 'idle'
  },
}

const alice = 'alice' as UserId

testPaths(
  'the token with a source',
  tokenMachine,
  { input: { user: alice, hasSource: true }, events: tokenEvents },
  tokenInvariants,
)

testPaths(
  'the token without a source',
  tokenMachine,
  { input: { user: alice, hasSource: false }, events: tokenEvents },
  tokenInvariants,
  ['asking', 'coolingDown', 'denied'].map((state) => `token.refresh.${state}`),
)
