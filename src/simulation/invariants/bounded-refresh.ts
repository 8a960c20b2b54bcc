/**
 * The token source is asked once at a time for each user; after a failure only when the wait is over;
 * after a denial only when something has changed; ahead of expiry once per generation; and when what
 * it gave is refused again and again, only 30 s later, doubling to 15 min (T6, T8, T9). The waits end
 * with the process. Over all users it is asked `maxSourceCalls` times at once, and what it answers does not
 * replace a token that has come since (T6). It is asked ahead at most 30 s before the token ends (T9), and a vault that is
 * unavailable after waits that double (T1).
 */
import type { SourceCall, SourceOutcome } from '../seen.ts'
import type { TokenStep } from '../stored-rows.ts'
import { additionsTo, follow, type Invariant } from './invariant.ts'
import { isDoubt } from './judged-reads.ts'
import { outcomeOf } from './outcome.ts'
import { LOOK_MS } from './unheard-commits.ts'
import { vaultTries } from './vault-tries.ts'
import { refusedTries } from './refused-tries.ts'
import type { RunRecord } from './run-record.ts'
import { AFTER_REFUSED_TOKENS, doublingWait } from './doubling-wait.ts'

const ANSWER_TIMEOUT_MS = 60_000
const UNAVAILABLE = { baseMs: 1000, capMs: 300_000 }

/** What happened to one user's tokens, in one life. */
interface Story {
  readonly life: number
  readonly last: SourceCall
  /** Calls in a row that came to nothing. */
  readonly failures: number
  /** Tokens in a row that were refused too. */
  readonly rounds: number
}

interface Events {
  /** New generations and ends of sessions. */
  readonly steps: TokenStep[]
  /** When a token of this user was accepted. */
  readonly acceptedAt: number[]
  /** When one was refused. */
  readonly refusedAt: number[]
  /** When the app judged a reply to a read as a refused token: the source is asked once after each (R3). */
  readonly doubtedAt: number[]
}

export const boundedRefresh: Invariant = (run) => {
  const tries = refusedTries(run)
  const calls = additionsTo(run.sourceCalls)
  const steps = additionsTo(run.rows.tokenSteps)
  const stories = new Map<string, Story>()
  const events = new Map<string, Events>()
  const eventsOf = (user: string): Events => {
    const known = events.get(user) ?? { steps: [], acceptedAt: [], refusedAt: [], doubtedAt: [] }
    events.set(user, known)
    return known
  }
  const followRequests = follow(run, {
    ended: (request) => {
      const { user, token, endedAt } = request
      const outcome = outcomeOf(request)
      if (user === null || token === null || endedAt === null) return
      if (outcome === 'unknown' || outcome === 'portal') return
      const { acceptedAt, refusedAt, doubtedAt } = eventsOf(user)
      if (isDoubt(run, request)) doubtedAt.push(endedAt)
      else if (outcome === 'refused-token') refusedAt.push(endedAt)
      else acceptedAt.push(endedAt)
    },
  })
  const vault = vaultTries(run)
  return (moment) => {
    followRequests()
    const late: unknown[] = vault()
    for (const step of steps()) {
      if (!isNews(step)) continue
      if (isOvertaken(run, step, eventsOf(step.user))) {
        late.push({ step, why: 'a newer token had come since the call that gave it began' })
      }
      eventsOf(step.user).steps.push(step)
    }
    const asked = calls().flatMap((call) => {
      const before = stories.get(call.user)
      const { next, why } = judge(run, before, call, eventsOf(call.user))
      stories.set(call.user, next)
      const crowd = crowdOf(run, call)
      const early = aheadMs(run, call)
      const isCrowded = crowd > run.settings.maxSourceCalls
      return [
        ...(why === null ? [] : [{ before: before?.last, call, why }]),
        ...(early > LARGEST_MARGIN_MS ? [{ call, why: `the token ends in ${early} ms` }] : []),
        ...(isCrowded ? [{ call, why: `${crowd} calls are in flight` }] : []),
      ]
    })
    return [...late, ...asked, ...tries(moment)]
  }
}

/** The margin of T9, and how far the corrected clock may be from the wall. */
const LARGEST_MARGIN_MS = 30_000 + 6000

/** How long the token still works when the source is asked for the next one ahead; 0: it is not asked ahead. */
function aheadMs(run: RunRecord, call: SourceCall): number {
  const { rows, requests, turns, wall, now, calls } = run
  const { reason, user, at } = call
  const isCorrected = requests.some((sent) => sent.reply?.headers['date'] !== undefined)
  const isJumped = turns.some(({ turn }) => turn === 'wall' || turn === 'slept')
  const token = rows.tokens.get(user)
  if (reason !== 'expiring' || isCorrected || isJumped || token === undefined) return 0
  if (token.at >= at || token.expiresAt === null) return 0
  const isWanted = calls.some(
    ({ name, user: whose, at: when }) =>
      name === 'refreshToken' && whose === user && when >= token.at && when <= at,
  )
  if (isWanted) return 0
  return token.expiresAt - (wall - (now - at))
}

/** How many calls are in flight over all users, this one too (T6). */
function crowdOf({ sourceCalls, calls, rows }: RunRecord, { at, life }: SourceCall): number {
  return sourceCalls.filter((call) => {
    if (call.life !== life || call.at > at || at - call.at >= ANSWER_TIMEOUT_MS) return false
    if (call.answer !== null && call.answer.at <= at) return false
    // One of a session that has ended, or is just ending, is in flight no longer (T11).
    const isOf = (user: string | null, when: number) => user === call.user && when >= call.at
    const hasEnded = rows.tokenSteps.some((step) => isOf(step.user, step.at) && isEnd(step))
    const isEnding = calls.some(
      ({ name, user, at: when }) =>
        (name === 'logout' || name === 'forget') && isOf(user, when) && when <= at,
    )
    return !hasEnded && !isEnding
  }).length
}

/** Has an answer of the source taken the place of a token that had come since its call began? (T6) */
function isOvertaken(run: RunRecord, step: TokenStep, { steps }: Events): boolean {
  if (!step.isHeld || step.former?.generation === step.generation) return false
  const isPushed = run.calls.some(
    ({ token, user, at }) => token !== null && user === step.user && at === step.at,
  )
  const given = run.sourceCalls.filter(
    ({ user, life, answer }) =>
      user === step.user &&
      life === step.life &&
      answer?.outcome === 'token' &&
      answer.at === step.at,
  )
  return (
    !isPushed &&
    given.length > 0 &&
    given.every((call) =>
      steps.some(
        (since) =>
          since.life === step.life && since.isHeld && since.at > call.at && since.at < step.at,
      ),
    )
  )
}

function isNews({ former, generation, epoch }: TokenStep): boolean {
  return former === null || former.generation !== generation || former.epoch !== epoch
}

function judge(
  run: RunRecord,
  before: Story | undefined,
  call: SourceCall,
  events: Events,
): { next: Story; why: string | null } {
  const first: Story = { life: call.life, last: call, failures: 0, rounds: 0 }
  if (before === undefined || before.life !== call.life) return { next: first, why: null }
  const { last } = before
  const came = cameTo(last, call.at)
  const since = events.steps.filter(({ at, life }) => life === call.life && at >= last.at)
  if (came === 'under way') {
    // A session ends for every process, whichever ends it (T11).
    const hasEnded = events.steps.some((step) => step.at >= last.at - lateMs(run) && isEnd(step))
    const isOfAnother = hasEnded || isAskedFor(run, before, call, ['forget', 'logout'])
    return { next: first, why: isOfAnother ? null : 'another call is under way' }
  }
  // Of a user who has never had a token, the end of a session leaves nothing to see but the call.
  if (isAskedFor(run, before, call, ['refreshToken', 'forget', 'logout'])) {
    return { next: first, why: null }
  }
  if (came.outcome === 'token' && since.length === 0 && isUnstored(run, came, call)) {
    return { next: first, why: null }
  }
  // A token that was pushed meanwhile, to whichever process, has overtaken the answer: that is not used (T6).
  const isUnheard = ({ at, life }: TokenStep) =>
    since.length === 0 && life !== call.life && at >= last.at - lateMs(run)
  const isOvertaking = (step: TokenStep) =>
    (step.at >= last.at || isUnheard(step)) && step.at < came.at
  if (came.outcome === 'token' && events.steps.some(isOvertaking)) {
    return { next: first, why: null }
  }
  // A session ends for every process, whichever ends it (T11).
  const steps = events.steps.filter(
    (step) => since.includes(step) || (step.at >= last.at && isEnd(step)),
  )
  if (came.outcome === 'token') return afterToken(before, call, came, { ...events, steps })
  if (since.length > 0) return { next: first, why: null }
  // Without a vault, all that others hear of a new token is that there is one: the user has acted. With one
  // it comes here too, and is asked about only when it has been tried, or is past its time.
  const given = events.steps.find(({ at }) => at >= last.at)
  const isTried = call.reason !== 'refused' || events.refusedAt.some((at) => at >= (given?.at ?? 0))
  const hasActed =
    given !== undefined && (!run.settings.hasVault || (call.reason !== 'missing' && isTried))
  if (hasActed) return { next: first, why: null }
  if (came.outcome === 'none' || came.outcome === 'denied') {
    return { next: first, why: 'it had denied, and nothing has changed' }
  }
  const failures = before.failures + 1
  const waitMs = run.settings.backoff.jitter ? 0 : doublingWait(UNAVAILABLE, failures)
  return { next: { ...first, failures }, why: tooSoon(call, came.at, waitMs) }
}

/** How late a process learns of the end of a session: one whose watch is lost looks so often (Q17). */
function lateMs({ watches, turns }: RunRecord): number {
  const isLost = watches !== 'works' || turns.some(({ turn }) => turn === 'watch-failed')
  return isLost ? LOOK_MS : 0
}

/** `refreshToken()` asks if nobody does, and ends any wait (T6); who is forgotten begins anew (I12). */
function isAskedFor(
  { calls }: RunRecord,
  { last }: Story,
  { at, user }: SourceCall,
  names: readonly string[],
): boolean {
  return calls.some(
    (call) =>
      names.includes(call.name) && call.user === user && call.at >= last.at && call.at <= at,
  )
}

/** What it gave could not be stored: it is as if it had not been there (T15 apart). */
function isUnstored({ turns }: RunRecord, came: SourceOutcome, call: SourceCall): boolean {
  return turns.some(({ turn, at }) => turn === 'disk' && at >= came.at && at <= call.at)
}

function afterToken(
  before: Story,
  call: SourceCall,
  came: SourceOutcome,
  { steps, acceptedAt, doubtedAt }: Events,
): { next: Story; why: string | null } {
  const { last } = before
  const next: Story = { life: call.life, last: call, failures: 0, rounds: 0 }
  if (call.reason === 'expiring' && last.reason === 'expiring' && steps.length === 0) {
    return { next, why: 'this generation has been refreshed ahead already' }
  }
  if (call.reason !== 'refused' || last.reason !== 'refused') return { next, why: null }
  // Its own token is one step; another one was pushed, or the session has ended.
  const isReset = steps.length > 1 || steps.some(isEnd)
  const isGood = [...acceptedAt, ...doubtedAt].some((at) => at >= came.at)
  if (isReset || isGood) return { next, why: null }
  const rounds = before.rounds + 1
  return {
    next: { ...next, rounds },
    why: tooSoon(call, came.at, doublingWait(AFTER_REFUSED_TOKENS, rounds)),
  }
}

/** What a call had come to by now. One that has no answer for so long counts as failed. */
function cameTo({ at, answer }: SourceCall, now: number): SourceOutcome | 'under way' {
  if (answer !== null && answer.at - at <= ANSWER_TIMEOUT_MS && answer.at <= now) return answer
  const timeoutAt = at + ANSWER_TIMEOUT_MS
  if (now < timeoutAt) return 'under way'
  return { at: timeoutAt, wall: 0, outcome: 'throws', token: null }
}

function isEnd({ former, epoch }: TokenStep): boolean {
  return (former?.epoch ?? 0) !== epoch
}

function tooSoon({ at }: SourceCall, since: number, waitMs: number): string | null {
  return at - since >= waitMs ? null : `after ${at - since} ms, ${waitMs} are to be waited`
}
