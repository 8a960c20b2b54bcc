/** What may happen to a user's token, and what holds on every step. */
import { isDeepStrictEqual } from 'node:util'
import { createActor } from 'xstate'
import {
  isAtRest,
  type TokenContext,
  type TokenEvent,
  tokenMachine,
} from '../../machines/token.machine.ts'
import { folded, has } from './told.ts'
import type { Invariants, Step } from './walk.ts'

type TokenStep = Step<typeof tokenMachine>
type TokenSnapshot = TokenStep['before']

/** One event of each kind that may come, in a bounded number of generations, refusals and failures. */
export function tokenEvents({ value, context }: TokenSnapshot): readonly TokenEvent[] {
  const { generation, refusedCount, failedCount, triedCount, waitCount } = context
  // The third refusal, and what comes in a wait, is looked at where nothing has gone wrong besides.
  const isPlain = failedCount === 0 && context.lostReason === 'missing'
  const mayRefuse = refusedCount < 2 || (refusedCount === 2 && isPlain)
  const known = { type: 'token.arrived', refreshAt: null, expiresAt: null } as const
  const events: TokenEvent[] = [
    { type: 'token.lost', reason: 'missing' },
    { type: 'token.lost', reason: 'elsewhere' },
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
    if (mayRefuse) events.push({ type: 'token.refused', generation: sent })
    events.push({ type: 'token.accepted', generation: sent })
  }
  if (generation < 2) {
    const next = { ...known, generation: generation + 1, refused: false }
    events.push(next)
    if (refusedCount < 2) events.push({ ...next, refreshAt: 700, expiresAt: 1000 })
  }
  // Found at the start, perhaps once more when the vault has answered.
  const isStart = value.validity === 'absent' && generation === 0 && refusedCount === 0
  if (isStart || value.validity === 'refused') {
    events.push({ ...known, generation: Math.max(1, generation), refused: true })
  }
  // Enough to have one held in a wait (T8).
  const isTrying = value.bound === 'waiting' && value.refresh === 'idle' && isPlain
  if (isTrying && generation >= 2 && generation < 6) {
    events.push({ ...known, generation: generation + 1, refused: false })
  }
  if (value.bound === 'waiting') {
    events.push({ type: 'wait.over', working: true }, { type: 'wait.over', working: false })
  }
  if (generation === 1) events.push({ type: 'token.early', generation, until: 500 })
  if (value.validity === 'early') events.push({ type: 'token.ripened' })
  events.push({ type: 'vault.answered' })
  if (value.refresh === 'asking') events.push({ type: 'source.overtaken' })
  for (const by of ['login', 'work'] as const) events.push({ type: 'need.recalled', by })
  if (triedCount === 0 && waitCount < 2) events.push({ type: 'token.lost', reason: 'unreadable' })
  if (failedCount < 1 && refusedCount < 2) events.push({ type: 'source.failed' })
  // The source's answer tells of a token that is good, or of the refused one.
  if (value.validity === 'refused') {
    if (mayRefuse) events.push({ type: 'source.repeated' })
  } else if (value.validity !== 'absent') {
    events.push({ type: 'source.answered' })
  }
  return events
}

/** Does it only wait for an alarm: for the end of a wait, or for the time of its token? */
const isTimed = ({ value }: TokenSnapshot): boolean =>
  value.validity === 'held' || value.validity === 'early'

const isWaiting = ({ value }: TokenSnapshot): boolean => value.bound === 'waiting'

const isNew = (event: TokenEvent): boolean => event.type === 'token.arrived' && !event.refused

/** The open need, as the commands tell it. */
function needTold(before: TokenContext['need'], commands: TokenStep['commands']) {
  const last = commands.findLast(({ type }) => type.startsWith('need.'))
  if (last === undefined) return before
  return 'need' in last ? last.need : null
}

/** One that is made when the token of this one is all that is remembered. */
function anew({ value, context }: TokenSnapshot): TokenSnapshot {
  const { user, hasSource, generation, refreshAt, expiresAt } = context
  const actor = createActor(tokenMachine, { input: { user, hasSource } }).start()
  const arrival = { type: 'token.arrived', generation, refreshAt, expiresAt } as const
  if (value.validity === 'valid') actor.send({ ...arrival, refused: false })
  return actor.getSnapshot()
}

function isSameState(one: TokenSnapshot, other: TokenSnapshot): boolean {
  return isDeepStrictEqual([one.value, one.context], [other.value, other.context])
}

export const tokenInvariants: Invariants<typeof tokenMachine> = {
  'a fresh token answers the need and frees the lane at once (T5, T7)': ({ event, after }) =>
    !isNew(event) ||
    after.value.validity === 'held' ||
    (after.value.validity === 'valid' && after.context.need === null && !after.context.parked),
  'a token is held exactly in a wait in which three others were tried (T8)': ({
    before,
    event,
    after,
  }) => {
    const isExhausted = before.value.bound === 'waiting' && before.context.triedCount >= 3
    return !isNew(event) || (after.value.validity === 'held') === isExhausted
  },
  'within a wait at most three tokens are tried (T8)': ({ after }) => after.context.triedCount <= 3,
  'a token is held only within a wait (T8)': ({ after }) =>
    after.value.validity !== 'held' || after.value.bound === 'waiting',
  'a held or early token has no need: it only waits for an alarm (T8, T9)': ({ after }) =>
    !isTimed(after) || (after.context.need === null && after.context.parked),
  'an alarm is armed exactly while a wait after refused tokens lasts (T8)': ({
    before,
    event,
    after,
    commands,
  }) => {
    const wasArmed = before.value.bound === 'waiting' && event.type !== 'wait.over'
    return folded(wasArmed, commands, ['wait.started', 'wait.ended']) === isWaiting(after)
  },
  'an alarm is armed exactly while the time of a token has not come (T9)': ({
    before,
    after,
    commands,
  }) =>
    folded(before.value.validity === 'early', commands, ['early.started', 'early.ended']) ===
    (after.value.validity === 'early'),
  'in a wait the source is not asked, but by refreshToken() (T8)': ({
    before,
    event,
    after,
    commands,
  }) =>
    !isWaiting(before) ||
    !isWaiting(after) ||
    !has(commands, 'source.ask') ||
    event.type === 'refresh.requested',
  'in a wait the app is told of no need, but by a login, or where the source denied (T5, T8)': ({
    before,
    event,
    after,
    commands,
  }) => {
    const isLogin = event.type === 'need.recalled' && event.by === 'login'
    const isDenied = after.value.refresh === 'denied'
    const mayTell = !isWaiting(before) || !isWaiting(after) || isLogin || isDenied
    return mayTell || !has(commands, 'need.announced')
  },
  'no lane is parked while its token works (T9)': ({ after }) =>
    !['valid', 'expiring'].includes(after.value.validity) || !after.context.parked,
  'a refused token has the lane parked, from the refusal until nobody asks any more (T4)': ({
    before,
    event,
    after,
  }) => {
    if (after.value.validity !== 'refused' || after.context.parked) return true
    if (['token.arrived', 'alarm.fired', 'wait.over'].includes(event.type)) return true
    return before.value.validity === 'refused' && !before.context.parked
  },
  'a parked lane has an open need, unless it only waits for an alarm (T5, T8, T9)': ({ after }) =>
    !after.context.parked || after.context.need !== null || isTimed(after),
  'a parked lane has somebody who brings a token: the source, an alarm, or the app (V: no-park)': ({
    after,
  }) => {
    const { parked, need } = after.context
    const isLeftToTheApp = after.value.refresh === 'idle' || after.value.refresh === 'denied'
    const isByAlarm = isTimed(after) || isWaiting(after)
    return !parked || !isLeftToTheApp || isByAlarm || need?.announced === true
  },
  'without a source nobody ever asks one (T5)': ({ after, commands }) =>
    after.context.hasSource || (after.value.refresh === 'idle' && !has(commands, 'source.ask')),
  'the source is asked exactly when a call begins, so once at a time (T6)': ({
    before,
    event,
    after,
    commands,
  }) => {
    const isOver = before.value.refresh !== 'asking' || event.type === 'source.overtaken'
    const begins = isOver && after.value.refresh === 'asking'
    return commands.filter(({ type }) => type === 'source.ask').length === (begins ? 1 : 0)
  },
  'an alarm is armed exactly while cooling down (T6)': ({ before, event, after, commands }) => {
    const wasArmed = before.value.refresh === 'coolingDown' && event.type !== 'alarm.fired'
    const isArmed = after.value.refresh === 'coolingDown'
    return folded(wasArmed, commands, ['coolDown.started', 'coolDown.ended']) === isArmed
  },
  'each wait counts its round from one (T6, T8)': ({ commands }) =>
    commands.every((command) => !('round' in command) || command.round >= 1),
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
  'the app is asked once for each need, and again only after a login, a return, work or a wait (T5, T8)':
    ({ before, event, commands }) => {
      const asked = commands.filter(({ type }) => type === 'need.announced').length
      const isAgain = event.type === 'need.recalled' || event.type === 'wait.over'
      const mayBe =
        isAgain || has(commands, 'need.opened') || before.context.need?.announced === false
      return asked === 0 || (asked === 1 && mayBe)
    },
  'what the server said to an older generation changes nothing (T3)': ({
    before,
    event,
    after,
    commands,
  }) => {
    if (event.type !== 'token.refused' && event.type !== 'token.accepted') return true
    const { generation, refusedGeneration } = before.context
    // What was not refused may still be accepted: that ends the count of refusals (T8).
    const isGood = event.type === 'token.accepted' && event.generation > refusedGeneration
    if (event.generation === generation || isGood) return true
    return commands.length === 0 && isDeepStrictEqual(before.context, after.context)
  },
  'work that demands no token changes nothing, unless the token is refused (I4)': ({
    before,
    event,
    commands,
  }) =>
    event.type !== 'work.due' ||
    event.demanded ||
    ['refused', 'early', 'held'].includes(before.value.validity) ||
    commands.length === 0,
  'a machine at rest, stopped and made anew, knows all that it knew': ({ after }) =>
    !isAtRest(after) || isSameState(anew(after), after),
  'a machine at rest has nobody who waits for it: no call, no alarm, no hold, no need (T5, T6)': ({
    after,
  }) =>
    !isAtRest(after) ||
    (after.value.refresh === 'idle' && !after.context.parked && after.context.need === null),
  'a machine with a valid token, or none, and nothing open is at rest': ({ after }) => {
    const { parked, need, refusedCount, failedCount, lostReason } = after.context
    const isOpen = parked || need !== null || refusedCount > 0 || failedCount > 0
    const isPlain = after.value.validity === 'valid' || after.value.validity === 'absent'
    const isIdle =
      after.value.refresh === 'idle' && after.value.bound === 'open' && lostReason === 'missing'
    return isAtRest(after) === (isPlain && isIdle && !isOpen)
  },
  'the end of a session leaves a machine at rest (T11)': ({ event, after }) =>
    event.type !== 'token.lost' || event.reason !== 'missing' || isAtRest(after),
  'the end of a session leaves nothing behind (T11)': ({ event, after }) => {
    if (event.type !== 'token.lost' || event.reason !== 'missing') return true
    const { generation, parked, need, refusedCount } = after.context
    const isRid = generation === 0 && !parked && need === null && refusedCount === 0
    return isRid && after.value.validity === 'absent' && after.value.refresh === 'idle'
  },
}
