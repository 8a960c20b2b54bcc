/**
 * Every invariant can fail: each is shown a record that was doctored so that it must report it, and one
 * that looks alike and keeps the rule. That every scenario keeps all of them is in scenarios.test.ts.
 */
import { describe, expect, test } from 'vitest'
import type { Status } from '../src/engine/status.ts'
import { HoldfastError } from '../src/errors.ts'
import type { EventName } from '../src/events.ts'
import { InvariantChecks } from '../src/simulation/invariant-checks.ts'
import { INVARIANTS } from '../src/simulation/invariants/index.ts'
import type { DemandOutcome, SeenCall, SeenLife } from '../src/simulation/seen.ts'
import type { SeenRequest } from '../src/simulation/scripted-server.ts'
import type { Row, RowChange } from '../src/simulation/row-log.ts'
import { WALL_START } from '../src/simulation/virtual-time.ts'
import {
  ask,
  beginLife,
  call,
  cleanRun,
  complete,
  type DoctoredRun,
  enqueue,
  hear,
  idOf,
  operationRow,
  put,
  send,
  showLane,
  storedToken,
  tokenRow,
  violationsOf,
} from './support/doctored-run.ts'

/** Only its head has arrived, and half of its body. */
const CUT = { status: 200, headers: {}, body: '{"ok"', isCut: true }

type Doctor = (run: DoctoredRun) => void

/** What an invariant must report, and what it must let pass. */
const CASES: Readonly<Record<string, { readonly broken: Doctor; readonly kept: Doctor }[]>> = {
  'no-loss': [
    {
      // Its row has gone, and nobody was told why.
      broken: (run) => {
        enqueue(run, 'n2', 2)
        put(run, 20, [['operations', operationRow('n2', 2)]], 'gone')
      },
      kept: (run) => {
        enqueue(run, 'n2', 2)
        put(run, 20, [['operations', operationRow('n2', 2)]], 'gone')
        put(run, 20, [['outcomes', dropped('n2', 2, 'logout')]])
      },
    },
    {
      // Completed, says the engine, and the server answered 500.
      broken: (run) => sendSecond(run, 500),
      kept: (run) => sendSecond(run, 200),
    },
    {
      // The server answered 200, and what no kind understands (Q6).
      broken: (run) => sendSecond(run, 200, '{"record":7}'),
      kept: (run) => sendSecond(run, 200, '{"record":"srv-1"}'),
    },
    {
      // Completed without a request: that may be where neighbours come to nothing (Q4).
      broken: (run) => fold(run, [2, -1]),
      kept: (run) => fold(run, [2, -2]),
    },
  ],
  'durable-before-ack': [
    {
      broken: (run) => {
        run.idsInDatabase = () => ({ pending: ['1.sg.n9'], dead: [] })
      },
      kept: (run) => {
        run.idsInDatabase = () => ({ pending: [], dead: [] })
      },
    },
    {
      broken: (run) => acknowledge(run, null),
      kept: (run) => acknowledge(run, 'pending'),
    },
    {
      broken: (run) => {
        enqueue(run, 'n2', 2)
        beginLife(run, { startedAt: 50, beganBy: 'crash' })
      },
      kept: (run) => {
        enqueue(run, 'n2', 2)
        beginLife(run, { startedAt: 50, beganBy: 'crash', kept: new Set([idOf('n2', 2)]) })
      },
    },
  ],
  'no-phantom': [
    {
      broken: (run) => send(run, ['n7'], { at: 50 }),
      kept: (run) => send(run, ['n1'], { at: 50, applied: false }),
    },
    {
      broken: (run) => send(run, ['n1'], { at: 50, key: 'a key that nobody recorded' }),
      kept: (run) => {
        const members = JSON.stringify([2048])
        const envelope = { lane: 1, place: 2048, key: 'k2', members, attempts: 0, retry_at: null }
        enqueue(run, 'n2', 2)
        put(run, 40, [['envelopes', envelope]])
        send(run, ['n2'], { at: 50, ids: [idOf('n2', 2)], key: 'k2' })
      },
    },
    {
      broken: (run) => send(run, ['n1'], { at: 50, body: { text: 'something else' } }),
      kept: (run) => send(run, ['n1'], { at: 50, body: { text: 'n1' } }),
    },
  ],
  'stable-key': [
    {
      broken: (run) => sendAfterUnknown(run, { key: 'another' }),
      kept: (run) => sendAfterUnknown(run, {}),
    },
    {
      broken: (run) => sendAfterUnknown(run, { body: { text: 'changed' } }),
      // Upgraded by a newer version of the app (Q14).
      kept: (run) => {
        beginLife(run, { beganBy: 'restart', versions: new Map([['note', 2]]) })
        const client = { ...clientOf(run), life: 1 }
        sendAfterUnknown(run, { body: { text: 'changed' }, client })
      },
    },
    {
      // A known limit: only a record that was created since may be called otherwise (Q12).
      broken: (run) => callOtherwise(run, 99),
      kept: (run) => callOtherwise(run, 100),
    },
  ],
  'effect-once': [
    {
      broken: (run) => send(run, ['n1'], { at: 50 }),
      kept: (run) => send(run, ['n1'], { at: 50, applied: false }),
    },
  ],
  settles: [
    {
      broken: (run) => send(run, ['n1'], { at: 50, applied: false }),
      // Another process has not heard it.
      kept: (run) => {
        beginLife(run, { beganBy: 'crash' })
        send(run, ['n1'], { at: 50, applied: false, client: { ...clientOf(run), life: 1 } })
      },
    },
    {
      broken: (run) => {
        Object.assign(run.requests[0] ?? {}, { reply: CUT })
        send(run, ['n1'], { at: 50, applied: false })
      },
      // A creation says in its body what it has made.
      kept: (run) => {
        Object.assign(run.requests[0] ?? {}, { kind: 'create', reply: CUT })
        send(run, ['n1'], { at: 50, applied: false })
      },
    },
  ],
  'lane-fifo': [
    {
      // Q9: what is retried comes behind what was made before it.
      broken: (run) => retryBeside(run, { olderAt: 4, backAt: 3 }),
      kept: (run) => retryBeside(run, { olderAt: 4, backAt: 5 }),
    },
    {
      broken: (run) => send(run, ['n1'], { client: { ...clientOf(run), head: [idOf('n0')] } }),
      kept: (run) => send(run, ['n1']),
    },
    {
      broken: (run) => {
        enqueue(run, 'n3', 3)
        enqueue(run, 'n2', 2)
      },
      kept: (run) => {
        enqueue(run, 'n2', 2)
        enqueue(run, 'n3', 3)
      },
    },
    {
      // What a reply yields goes ahead of what waits behind it (Q13).
      broken: (run) => {
        enqueue(run, 'n2', 2)
        followUp(run, 3)
      },
      kept: (run) => {
        enqueue(run, 'n3', 3)
        followUp(run, 2)
      },
    },
  ],
  'lane-exclusive': [
    {
      broken: (run) => send(run, ['n1'], { at: 5 }),
      kept: (run) => send(run, ['n1'], { at: 10 }),
    },
  ],
  'token-valid-at-send': [
    {
      broken: (run) => {
        send(run, ['n1'], { at: 20, status: 401 })
        send(run, ['n1'], { at: 30 })
      },
      kept: (run) => {
        send(run, ['n1'], { at: 20, status: 401 })
        const token = storedToken({ generation: 2 })
        send(run, ['n1'], { at: 30, client: { ...clientOf(run), token } })
      },
    },
    {
      broken: (run) => {
        const token = storedToken({ isRefused: true })
        send(run, ['n1'], { at: 30, client: { ...clientOf(run), token } })
      },
      kept: (run) => send(run, ['n1'], { at: 30 }),
    },
    {
      // Q17: a process with a silent watch hears of the refusal by another process within 32 s.
      broken: (run) => refuseElsewhere(run, 32_021),
      kept: (run) => refuseElsewhere(run, 32_020),
    },
    {
      // Q17: a commit of its own is a look.
      broken: (run) => {
        put(run, 500, [['operations', operationRow('n2', 2)]])
        refuseElsewhere(run, 1000)
      },
      kept: (run) => {
        put(run, 10, [['operations', operationRow('n2', 2)]])
        refuseElsewhere(run, 1000)
      },
    },
    {
      broken: (run) => sendExpired(run, 100),
      // It looked so when it arrived.
      kept: (run) => sendExpired(run, 9500),
    },
  ],
  'own-token-only': [
    {
      broken: (run) => send(run, ['n1'], { token: 'b1' }),
      kept: (run) => {
        call(run, { name: 'updateToken', token: 'a2' })
        send(run, ['n1'], { token: 'a2' })
      },
    },
    {
      broken: (run) => send(run, ['n1'], { user: 'bob', token: null, client: offClient(run) }),
      kept: (run) => send(run, ['n1'], { token: null, client: offClient(run) }),
    },
    {
      broken: (run) => send(run, ['n1'], { token: null }),
      kept: (run) => send(run, ['n1'], { token: null, client: offClient(run) }),
    },
    {
      // The device is another user's by then (I8).
      broken: (run) => sendFromDevice(run, 'bob'),
      kept: (run) => sendFromDevice(run, 'alice'),
    },
  ],
  'bounded-refresh': [
    {
      // T1: a vault that is unavailable is tried after 1 s, then after 2 s.
      broken: (run) => lockVault(run, [0, 1000, 2000]),
      kept: (run) => lockVault(run, [0, 1000, 3000]),
    },
    {
      // T9: at most 30 s ahead.
      broken: (run) => askAhead(run, 60_000),
      kept: (run) => askAhead(run, 30_000),
    },
    {
      broken: (run) => {
        ask(run, 100)
        ask(run, 200)
      },
      // The first has had no answer for a minute, and the wait after that is over.
      kept: (run) => {
        ask(run, 100)
        ask(run, 61_100)
      },
    },
    {
      // Whoever asks for a token joins a call under way, and ends a wait (T6).
      broken: (run) => {
        call(run, { name: 'refreshToken', at: 150 })
        ask(run, 100)
        ask(run, 150)
      },
      kept: (run) => {
        call(run, { name: 'refreshToken', at: 150 })
        askTwice(run, 'throws', 40)
      },
    },
    {
      broken: (run) => askTwice(run, 'throws', 500),
      kept: (run) => askTwice(run, 'throws', 1000),
    },
    {
      broken: (run) => askTwice(run, 'denied', 500_000),
      kept: (run) => {
        put(run, 150, [['tokens', tokenRow('alice', 2)]])
        askTwice(run, 'denied', 500_000)
      },
    },
    {
      // What another process was given reaches this one through the vault; without, it can only ask (Q17).
      broken: (run) => deniedMeanwhileGiven(run),
      kept: (run) => {
        run.settings = { ...run.settings, hasVault: false }
        deniedMeanwhileGiven(run)
      },
    },
    {
      broken: (run) => askTwice(run, 'token', 29_999),
      kept: (run) => askTwice(run, 'token', 30_000),
    },
    {
      // R3: after each reply to a read that the app judges as a refused token the source is asked once.
      broken: (run) => askTwice(run, 'token', 4900),
      kept: (run) => {
        readTwice(run, DOUBTING, { status: 403 }, { status: 403, at: 5000 })
        askTwice(run, 'token', 4900)
      },
    },
    {
      broken: (run) => askTwice(run, 'token', 30_000, 'expiring'),
      kept: (run) => {
        put(run, 150, [['tokens', tokenRow('alice', 2)]])
        askTwice(run, 'token', 30_000, 'expiring')
      },
    },
    {
      // Over all users at most `maxSourceCalls` calls are in flight (T6).
      broken: (run) => {
        run.settings = { ...run.settings, maxSourceCalls: 1 }
        ask(run, 100)
        ask(run, 200, { user: 'bob' })
      },
      kept: (run) => {
        run.settings = { ...run.settings, maxSourceCalls: 1 }
        ask(run, 100, { answer: { at: 200, wall: 200, outcome: 'denied', token: null } })
        ask(run, 200, { user: 'bob' })
      },
    },
    {
      // An answer does not replace a token that has come since its call began (T6).
      broken: (run) => answerAfter(run, 150),
      kept: (run) => answerAfter(run, 50),
    },
    {
      // Of refused tokens, at most five are tried before the first wait is over (T8).
      broken: (run) => refuse(run, [0, 20, 40, 60, 80, 100]),
      kept: (run) => refuse(run, [0, 20, 40, 60, 80, 30_030]),
    },
    {
      broken: (run) => refuse(run, [0, 20, 40, 60, 80, 30_030, 30_050, 30_070, 30_090, 30_110]),
      kept: (run) => {
        refuse(run, [0, 20, 40])
        send(run, ['n1'], { at: 50 })
        refuse(run, [60, 80, 100, 120, 140])
      },
    },
    {
      // No byte left, or nobody answered: that accepts no token.
      broken: (run) => {
        refuse(run, [0, 20, 40])
        send(run, ['n1'], { at: 50, status: null, unsent: 'ENETUNREACH' })
        refuse(run, [60, 80, 100])
      },
      kept: (run) => {
        refuse(run, [0, 20, 40])
        send(run, ['n1'], { at: 50, status: 503 })
        refuse(run, [60, 80, 100])
      },
    },
    {
      // Each process counts for itself, also where another one lives.
      broken: (run) => {
        besides(run)
        refuseEach(run, ['a2', 'a3', 'a4', 'a5', 'a6', 'a7'])
      },
      kept: (run) => {
        besides(run)
        refuseEach(run, ['a2', 'a3', 'a4', 'a5', 'a6'])
        refuseEach(run, ['a2', 'a3', 'a4', 'a5', 'a6'], { at: 500, life: 1 })
      },
    },
    {
      // An older token is no new try, where the newer one has not come to this process yet.
      broken: (run) => {
        besides(run)
        refuseEach(run, ['a2', 'a3', 'a4', 'a5', 'a6', 'a7', 'a10'])
      },
      kept: (run) => {
        besides(run)
        call(run, { name: 'updateToken', token: 'a10', at: 125, life: 1 })
        refuseEach(run, ['a2', 'a3', 'a4', 'a5', 'a6', 'a7'])
      },
    },
    {
      // Its wait may have begun with what the other one was refused; what is accepted there ends none here.
      broken: (run) => {
        besides(run)
        refuseEach(run, ['a2', 'a3', 'a4', 'a5', 'a6'])
        send(run, ['n1'], { at: 450, client: { ...clientOf(run), life: 1 } })
        refuseEach(run, ['a7'], { at: 500 })
      },
      kept: (run) => {
        besides(run)
        refuseEach(run, ['a2', 'a3'], { life: 1 })
        refuseEach(run, ['a4', 'a5', 'a6', 'a7', 'a10'], { at: 29_000 })
        refuseEach(run, ['a11', 'a12', 'a13', 'a14'], { at: 30_060 })
      },
    },
    {
      // Another process that had ended before this one began excuses nothing.
      broken: (run) => {
        besides(run, { endedAt: 10 })
        beginLife(run, { startedAt: 20 })
        refuse(run, [20, 40, 60, 80, 100, 120], { life: 2 })
      },
      kept: (run) => {
        besides(run, { endedAt: 10 })
        beginLife(run, { startedAt: 20 })
        refuse(run, [20, 40, 60, 80, 100], { life: 2 })
      },
    },
  ],
  'requirement-asks': [
    {
      // I2: a failure is told, once.
      broken: (run) => askRequirement(run, 0, { at: 10, outcome: 'fails' }),
      kept: (run) => {
        askRequirement(run, 0, { at: 10, outcome: 'fails' })
        hear(run, 'error', { error: new HoldfastError('REQUIREMENT_UNKNOWN', 'no answer') })
      },
    },
    {
      // A source that does not know has not failed.
      broken: (run) => {
        askRequirement(run, 0, { at: 10, outcome: 'unknown' })
        hear(run, 'error', { error: new HoldfastError('REQUIREMENT_UNKNOWN', 'no answer') })
      },
      kept: (run) => askRequirement(run, 0, { at: 10, outcome: 'unknown' }),
    },
    {
      // Without an answer for 60 s, in which the machine did not sleep, it has failed.
      broken: (run) => {
        askRequirement(run, run.now - 62_000, null)
      },
      kept: (run) => {
        run.turns.push({ at: run.now - 1000, turn: 'slept', byMs: 10_000 })
        askRequirement(run, run.now - 62_000, null)
      },
    },
    {
      // While nothing is known: again after 1 s, then after 2 s.
      broken: (run) => {
        askInVain(run, [run.now - 9000, run.now - 4500])
      },
      kept: (run) => {
        askInVain(run, [run.now - 9000, run.now - 2500])
      },
    },
    {
      // It is asked at the start.
      broken: (run) => {
        run.requirement = 'unknown'
        run.settings = { ...run.settings, hasRequirementSource: true }
      },
      kept: (run) => {
        run.settings = { ...run.settings, hasRequirementSource: true }
      },
    },
  ],
  'portal-probes': [
    {
      // Q6: 1 s after the first answer of the portal, 2 s after the next one.
      broken: (run) => meetPortal(run, [100, 1110, 2120]),
      kept: (run) => meetPortal(run, [100, 1110, 3120]),
    },
    {
      // Where the server itself has answered meanwhile, it is gone.
      broken: (run) => meetPortal(run, [100, 500]),
      kept: (run) => {
        send(run, ['n2'], { at: 100, status: 511 })
        send(run, ['n3'], { at: 100, endedAt: 200 })
        send(run, ['n2'], { at: 500 })
      },
    },
  ],
  'bounded-retry': [
    {
      // Q8: a silence counts if the server has answered others since the one before.
      broken: (run) => beSilent(run, true),
      kept: (run) => beSilent(run, false),
    },
    {
      broken: (run) => retryAfter(run, 500, 999),
      kept: (run) => retryAfter(run, 500, 1000),
    },
    {
      // The network came back: that ends a wait after no reply at all, and no other (Q7).
      broken: (run) => {
        run.turns.push({ at: 200, turn: 'online', byMs: 0 })
        retryAfter(run, 500, 200)
      },
      kept: (run) => {
        run.turns.push({ at: 200, turn: 'online', byMs: 0 })
        retryAfter(run, null, 200)
      },
    },
    {
      broken: (run) => sendWhileLimited(run, 4999),
      kept: (run) => sendWhileLimited(run, 5000),
    },
    {
      broken: (run) => {
        send(run, ['n2'], { at: 100, status: 500, ids: [idOf('n2', 2)] })
        exhaust(run)
      },
      kept: (run) => {
        run.settings = { ...run.settings, maxAttempts: 1, patienceMs: 0 }
        send(run, ['n2'], { at: 100, status: 500, ids: [idOf('n2', 2)] })
        exhaust(run)
      },
    },
    {
      // Nothing dies of attempts that did not leave (Q8).
      broken: (run) => exhaustUnsent(run, 'ECONNREFUSED'),
      kept: (run) => exhaustUnsent(run, null),
    },
    {
      // The first 431 under a token does not count (Q8).
      broken: (run) => exhaustWith431(run, 1),
      kept: (run) => exhaustWith431(run, 2),
    },
    {
      // What could not be recorded, the next process knows nothing of (Q11).
      broken: (run) => retryInNextLife(run, 99),
      kept: (run) => retryInNextLife(run, 110),
    },
    {
      // An end that could not be recorded leaves the attempts before it counted (Q11).
      broken: (run) => exhaustAfterAnEnd(run, 1209),
      kept: (run) => exhaustAfterAnEnd(run, 1210),
    },
    {
      // A process that closed has heard the reply of its last instant; one that died may not have (Q19).
      broken: (run) => limitLastInstant(run, { timers: 0, listeners: 0 }),
      kept: (run) => limitLastInstant(run, null),
    },
    {
      broken: (run) => sendInTime(run, 1000, 1001),
      kept: (run) => sendInTime(run, 1000, 999),
    },
    {
      // Q8: while a process lives, the wall clock does not count.
      broken: (run) => {
        setClock(run, 10, -3_600_000)
        sendInTime(run, 1000, 1001)
      },
      kept: (run) => {
        setClock(run, 10, 3_600_000)
        sendInTime(run, 1000, 999)
      },
    },
    {
      // Q8: across a restart the wall clock counts, and one that went backward counts as no time.
      broken: (run) => sendInNextLife(run, 3_600_000),
      kept: (run) => sendInNextLife(run, -3_600_000),
    },
  ],
  'legal-transitions': [
    {
      // Q12: what depends on a creation comes back with it.
      broken: (run) => retryCreation(run, false),
      kept: (run) => retryCreation(run, true),
    },
    {
      // Q18: an outcome is retained for a week.
      broken: (run) => forgetOutcome(run, 6),
      kept: (run) => forgetOutcome(run, 8),
    },
    {
      // Q8: while a process lives, the wall clock does not count.
      broken: (run) => expire(run, 3_600_000, 999 - 10),
      kept: (run) => expire(run, -3_600_000, 1000),
    },
    {
      // It may have arrived (Q10).
      broken: (run) => cancelSent(run, null),
      kept: (run) => cancelSent(run, 503),
    },
    {
      broken: (run) => cancelSent(run, null),
      kept: (run) => cancelSent(run, null, 'ECONNREFUSED'),
    },
    {
      // A later attempt that did not leave makes nothing known (Q5).
      broken: (run) => {
        send(run, ['n2'], { at: 5, ids: [idOf('n2', 2)], status: null })
        cancelSent(run, null, 'ECONNREFUSED')
      },
      kept: (run) => {
        send(run, ['n2'], { at: 5, ids: [idOf('n2', 2)], status: 503 })
        cancelSent(run, null, 'ECONNREFUSED')
      },
    },
    {
      broken: (run) => put(run, 30, [['tokens', tokenRow('alice', 1, { refused: 1 })]]),
      kept: (run) => {
        send(run, ['n1'], { at: 20, status: 401 })
        put(run, 30, [['tokens', tokenRow('alice', 1, { refused: 1 })]])
      },
    },
    {
      broken: (run) => put(run, 30, [['operations', operationRow('n1')]]),
      kept: (run) => put(run, 30, [['operations', operationRow('n2', 2)]]),
    },
    {
      broken: (run) => revive(run),
      kept: (run) => {
        call(run, { name: 'retry', step: 'n2', at: 40 })
        revive(run)
      },
    },
    {
      broken: (run) => put(run, 30, [['tokens', tokenRow('alice', 0)]]),
      kept: (run) => put(run, 30, [['tokens', tokenRow('alice', 2)]]),
    },
  ],
  'too-late': [
    {
      broken: (run) => refuseToCancel(run, { status: null, unsent: 'ENOTFOUND' }),
      kept: (run) => refuseToCancel(run, { status: null }),
    },
    {
      broken: (run) => refuseToCancel(run, { status: 503 }),
      // It is still in flight.
      kept: (run) => refuseToCancel(run, { status: 503, endedAt: 50 }),
    },
  ],
  'events-match-rows': [
    {
      // Storage broke before the engine could look whether the app had committed: that holds for the app's transactions alone.
      broken: (run) => commitUnheard(run),
      kept: (run) => commitUnheard(run, 'commit'),
    },
    {
      broken: (run) => hear(run, 'operation.completed', { id: idOf('n1'), user: 'alice' }, 20),
      kept: (run) => hear(run, 'operation.sent', { id: idOf('n1'), user: 'alice' }, 20),
    },
    {
      broken: (run) => put(run, 30, [['tokens', tokenRow('alice', 1, { refused: 1 })]]),
      kept: (run) => {
        put(run, 30, [['tokens', tokenRow('alice', 1, { refused: 1 })]])
        hear(run, 'token.refused', { user: 'alice', generation: 1 }, 30)
      },
    },
    {
      broken: (run) => showLane(run, []),
      kept: (run) => {
        enqueue(run, 'n2', 2)
        showLane(run, [])
      },
    },
  ],
  'typed-failure': [
    {
      broken: (run) => call(run, { error: new Error('something') }),
      kept: (run) => call(run, { error: new HoldfastError('QUEUE_FULL', 'full') }),
    },
    {
      broken: (run) => hear(run, 'error', { error: new HoldfastError('INTERNAL', 'a fault') }),
      kept: (run) => hear(run, 'error', { error: new HoldfastError('STORAGE_FULL', 'full') }),
    },
    {
      // An attempt that failed tells why (Q22).
      broken: (run) => hear(run, 'operation.retrying', retrying('unsent', null)),
      kept: (run) => hear(run, 'operation.retrying', retrying('unsent', 'ECONNREFUSED')),
    },
    {
      broken: (run) => call(run, { name: 'logout', at: 100, settledAt: null }),
      kept: (run) => call(run, { name: 'logout', at: 99_000, settledAt: null }),
    },
    {
      // R5: a read with a deadline ends then, and not before.
      broken: (run) => call(run, { name: 'read', at: 100, deadlineMs: 5000, settledAt: null }),
      kept: (run) => call(run, { name: 'read', at: 100, settledAt: null }),
    },
    {
      broken: (run) => call(run, { name: 'read', deadlineMs: 5000, settledAt: 4999, error: LATE }),
      kept: (run) => call(run, { name: 'read', deadlineMs: 5000, settledAt: 5000, error: LATE }),
    },
  ],
  'no-secrets': [
    {
      broken: (run) => run.journal.push('{"token":"secret-of-a1"}'),
      kept: (run) => run.journal.push('{"token":"a1"}'),
    },
    {
      // Deep in what an error was caused by, where printing would not show it.
      broken: (run) => hear(run, 'error', { error: errorWith('signature-of-a2') }),
      kept: (run) => hear(run, 'error', { error: errorWith('header.claims') }),
    },
    {
      broken: (run) => {
        run.bytes = () => Buffer.from('…secret-of-a1…')
      },
      kept: (run) => {
        run.bytes = () => Buffer.from('…')
      },
    },
  ],
  'whole-envelopes': [
    {
      // Q4: as many as there may be, and one more.
      broken: (run) => sendTogether(run, 101),
      kept: (run) => sendTogether(run, 100),
    },
    {
      broken: (run) => sendTogether(run, 3, 90_000),
      kept: (run) => sendTogether(run, 2, 90_000),
    },
    {
      // Each goes alone after the rejection, under whatever key; and the same envelope may come again.
      broken: (run) => {
        sendTogether(run, 3, 10, { status: 422 })
        sendTogether(run, 2, 10, { at: 50, key: 'another' })
      },
      kept: (run) => {
        sendTogether(run, 3, 10, { status: 422 })
        sendTogether(run, 3, 10, { at: 50 })
        sendTogether(run, 1, 10, { at: 70, key: 'another' })
      },
    },
    {
      // Q5: nothing comes between its members.
      broken: (run) => recordEnvelope(run, [2048, 4096]),
      kept: (run) => recordEnvelope(run, [2048, 3072, 4096]),
    },
    {
      broken: (run) => waitForNeighbours(run, 51),
      kept: (run) => waitForNeighbours(run, 50),
    },
  ],
  'bounded-resources': [
    {
      // Q19: what is in flight is given up at the end of a close.
      broken: (run) => closeInFlight(run, null),
      kept: (run) => closeInFlight(run, 30),
    },
    {
      broken: (run) => sendMany(run, 5),
      kept: (run) => sendMany(run, 4),
    },
    {
      broken: (run) => {
        run.timerCount = 50
      },
      kept: (run) => {
        run.timerCount = 2
      },
    },
    {
      // An alarm for the deadline of each open read (R5).
      broken: (run) => {
        run.timerCount = 14
      },
      kept: (run) => {
        run.timerCount = 14
        for (const step of ['r1', 'r2', 'r3', 'r4', 'r5']) {
          call(run, { name: 'read', step, at: 99_000, deadlineMs: 5000, settledAt: null })
        }
      },
    },
    {
      broken: (run) => leave(run, 1),
      kept: (run) => leave(run, 0),
    },
    {
      broken: (run) => put(run, 30, [['envelopes', envelopeRow(null)]]),
      kept: (run) => {
        enqueue(run, 'n2', 2)
        put(run, 30, [['envelopes', envelopeRow(null)]])
      },
    },
  ],
  'true-looks': [
    {
      // What stands in storage since long ago is listed, and nothing else.
      broken: (run) => list(run, []),
      kept: (run) => list(run, ['n2']),
    },
    {
      broken: (run) => list(run, ['n2', 'n2']),
      kept: (run) => list(run, ['n2']),
    },
    {
      // It was there no more when the look began.
      broken: (run) => list(run, ['n2'], { at: 50, goneAt: 40 }),
      kept: (run) => list(run, ['n2'], { at: 30, goneAt: 40 }),
    },
    {
      broken: (run) => list(run, ['n3', 'n2'], { others: ['n3'] }),
      kept: (run) => list(run, ['n2', 'n3'], { others: ['n3'] }),
    },
    {
      broken: (run) => list(run, ['n2', 'n3'], { others: ['n3'], limit: 1 }),
      kept: (run) => list(run, ['n2'], { others: ['n3'], limit: 1 }),
    },
    {
      broken: (run) => list(run, ['n2'], { user: 'bob' }),
      kept: (run) => list(run, ['n2'], { user: 'alice' }),
    },
    {
      broken: (run) => list(run, [], { name: 'deadLetters', died: true }),
      kept: (run) => list(run, ['n2'], { name: 'deadLetters', died: true }),
    },
    {
      broken: (run) => lookAt(run, 'dropped'),
      kept: (run) => lookAt(run, 'pending'),
    },
    {
      broken: (run) => lookAt(run, null),
      kept: (run) => {
        lookAt(run, null)
        put(run, 40, [['operations', operationRow('n2', 2)]], 'gone')
      },
    },
  ],
  'true-subscriptions': [
    {
      broken: (run) => watchStatus(run, []),
      kept: (run) => watchStatus(run, [run.status]),
    },
    {
      broken: (run) => watchStatus(run, [run.status, run.status]),
      kept: (run) => watchStatus(run, [{ ...run.status }, run.status]),
    },
  ],
  'told-of-needs': [
    {
      broken: (run) => listenLate(run, []),
      kept: (run) => listenLate(run, ['alice']),
    },
    {
      broken: (run) => listenLate(run, ['alice', 'alice']),
      kept: (run) => listenLate(run, ['alice']),
    },
    {
      broken: (run) => listenLate(run, ['alice', 'bob']),
      kept: (run) => listenLate(run, ['alice']),
    },
    {
      broken: (run) => listenLate(run, ['alice'], 'token.refused'),
      kept: (run) => listenLate(run, ['alice']),
    },
    {
      // A source is asked first.
      broken: (run) => listenLate(run, []),
      kept: (run) => {
        listenLate(run, [])
        run.settings = { ...run.settings, hasSource: true }
      },
    },
  ],
  'true-receipts': [
    {
      // It was committed, and is said to have been rolled back.
      broken: (run) => receiveRefusal(run, 'UNKNOWN_OPERATION'),
      kept: (run) => receiveRefusal(run, 'STORAGE_CORRUPT'),
    },
    {
      // Q23: it was dropped elsewhere, and its receipt says that it was completed.
      broken: (run) => receive(run, 'completed', null),
      kept: (run) => receive(run, 'dropped', 'logout'),
    },
    {
      broken: (run) => receive(run, 'dropped', 'expired'),
      kept: (run) => receive(run, 'dropped', 'logout'),
    },
    {
      // Q23: the result is that of another operation, or missing.
      broken: (run) => receiveResult(run, { text: 'n3' }),
      kept: (run) => receiveResult(run, { text: 'n2' }),
    },
    {
      broken: (run) => receiveResult(run, undefined),
      kept: (run) => receiveResult(run, { text: 'n2' }),
    },
    {
      broken: (run) => receive(run, 'not-retained', null),
      kept: (run) => receive(run, 'dropped', 'logout'),
    },
    {
      // Nothing more happens, and the app still waits.
      broken: (run) => receive(run, null, null),
      kept: (run) => {
        receive(run, null, null)
        run.isQuiet = false
        run.now = 60_019
      },
    },
    {
      // Only a closed engine may leave it open.
      broken: (run) => receive(run, 'pending', null),
      kept: (run) => {
        receive(run, 'pending', null)
        beginLife(run)
      },
    },
  ],
  'true-results': [
    {
      // Q19: it resolves though the lane only waits for its next attempt.
      broken: (run) => flushedIn(run, ['backing-off'], 100),
      kept: (run) => flushedIn(run, ['paused'], 100),
    },
    {
      broken: (run) => flushedIn(run, ['paused'], 5001),
      kept: (run) => flushedIn(run, ['backing-off'], 5000),
    },
    {
      // Nothing moves until the app goes on, and it still waits.
      broken: (run) => waitInFlush(run, 'paused'),
      kept: (run) => waitInFlush(run, 'backing-off'),
    },
    {
      // Its process had begun to close before, or begins just now: nothing more is sent (Q19).
      broken: (run) => {
        closeAt(run, 119)
        flushedIn(run, ['backing-off'], 100)
      },
      kept: (run) => {
        closeAt(run, 120)
        flushedIn(run, ['backing-off'], 100)
      },
    },
    {
      broken: (run) => {
        closeAt(run, 120)
        call(run, { at: 20, name: 'flush', deadlineMs: 5000, settledAt: null })
      },
      kept: (run) => {
        closeAt(run, 120)
        call(run, { at: 20, name: 'flush', deadlineMs: 5000, settledAt: 120, result: NOTHING_LEFT })
      },
    },
    {
      // The disk has failed long ago, or lately.
      broken: (run) => {
        run.turns.push({ at: 30_000, turn: 'disk', byMs: 0 })
        flushedIn(run, ['backing-off'], 100)
      },
      kept: (run) => {
        run.turns.push({ at: 50_000, turn: 'disk', byMs: 0 })
        flushedIn(run, ['backing-off'], 100)
      },
    },
    {
      broken: (run) => {
        run.turns.push({ at: 30_000, turn: 'disk', byMs: 0 })
        waitInFlush(run, 'paused')
      },
      kept: (run) => {
        run.turns.push({ at: 50_000, turn: 'disk', byMs: 0 })
        waitInFlush(run, 'paused')
      },
    },
    {
      // I3: the next session has adopted one, earlier or in the instant of the answer.
      broken: (run) => {
        adopt(run, 29)
        leavesBehind(run, 'logout', { result: { pending: 0 }, left: ONE_LEFT })
      },
      kept: (run) => {
        adopt(run, 30)
        leavesBehind(run, 'logout', { result: { pending: 0 }, left: ONE_LEFT })
      },
    },
    {
      // One that came in the instant of the answer may be missing in it, and never too many.
      broken: (run) => {
        put(run, 30, [['operations', operationRow('n2', 2)]])
        leavesBehind(run, 'logout', { result: { pending: 2 }, left: ONE_LEFT })
      },
      kept: (run) => {
        put(run, 30, [['operations', operationRow('n2', 2)]])
        leavesBehind(run, 'logout', { result: { pending: 0 }, left: ONE_LEFT })
      },
    },
    {
      // One that went in the instant of the answer may still be in it, unless it went by the logout itself.
      broken: (run) => {
        dropAt(run, 30, 'logout')
        leavesBehind(run, 'logout', { result: { pending: 1 } })
      },
      kept: (run) => {
        dropAt(run, 30, 'superseded')
        leavesBehind(run, 'logout', { result: { pending: 1 } })
      },
    },
    {
      // I7: one is left, it says.
      broken: (run) => leavesBehind(run, 'logout', { result: { pending: 1 } }),
      kept: (run) => leavesBehind(run, 'logout', { result: { pending: 0 } }),
    },
    {
      // I12.
      broken: (run) => leavesBehind(run, 'forget', { left: { pending: 0, letters: 0, others: 1 } }),
      kept: (run) => leavesBehind(run, 'forget', { left: { pending: 0, letters: 0, others: 0 } }),
    },
    {
      broken: (run) => cancelledAs(run, 'completed'),
      kept: (run) => cancelledAs(run, 'cancelled'),
    },
  ],
  'true-failures': [
    {
      broken: (run) => hearRetrying(run, { outcome: 'retry', status: 500 }),
      kept: (run) => hearRetrying(run, { outcome: 'retry', status: 503 }),
    },
    {
      broken: (run) => hearRetrying(run, { outcome: 'unknown', status: null }),
      kept: (run) => hearRetrying(run, { outcome: 'retry', status: 503 }),
    },
    {
      broken: (run) => hearDead(run, 400),
      kept: (run) => hearDead(run, 422),
    },
  ],
  'as-called': [
    {
      // Q16
      broken: (run) => {
        handOver(run, {})
        run.settings = { ...run.settings, maxPayloadBytes: 12 }
      },
      kept: (run) => {
        handOver(run, {})
        run.settings = { ...run.settings, maxPayloadBytes: 13 }
      },
    },
    {
      broken: (run) => {
        enqueue(run, 'n2', 2)
        enqueue(run, 'n3', 3)
        run.settings = { ...run.settings, maxPending: 1 }
      },
      kept: (run) => {
        enqueue(run, 'n2', 2)
        enqueue(run, 'n3', 3)
        run.settings = { ...run.settings, maxPending: 2 }
      },
    },
    {
      broken: (run) => handOver(run, { user: 'bob' }),
      kept: (run) => handOver(run, {}),
    },
    {
      broken: (run) => handOver(run, { draft: { kind: 'note', payload: { text: 'n3' } } }),
      kept: (run) => handOver(run, {}),
    },
    {
      // Q8: the call said so, and nothing was stored of it.
      broken: (run) =>
        handOver(run, { draft: { kind: 'note', payload: { text: 'n2' }, expiresInMs: 5 } }),
      kept: (run) => handOver(run, {}),
    },
  ],
  'ended-sessions': [
    {
      // With the token the epoch ends.
      broken: (run) => endSession(run, 0),
      kept: (run) => endSession(run, 1),
    },
    {
      broken: (run) => leaveForGood(run),
      kept: (run) => {
        leaveForGood(run)
        call(run, { at: 40, name: 'login' })
      },
    },
    {
      // T11: a token that comes while the user is leaving does not make them stay.
      broken: (run) => {
        enqueue(run, 'n2', 2)
        leaveForGood(run)
        call(run, { at: 25, name: 'updateToken', token: 'a2' })
        complete(run, 'n2', 2, 30)
      },
      // It came when the session had ended.
      kept: (run) => {
        leaveForGood(run)
        call(run, { at: 25, name: 'updateToken', token: 'a2' })
      },
    },
  ],
  'refused-reads': [
    {
      // R3: a doubted token is not sent with the read again.
      broken: (run) => readTwice(run, DOUBTING, { status: 403 }, {}),
      kept: (run) => readTwice(run, DOUBTING, { status: 403 }, { client: withToken(run, 2) }),
    },
    {
      // A 200 may say so too, and a read that was unsigned waits for the first token.
      broken: (run) =>
        readTwice(run, { interpret: { 200: 'refused-token' } }, { token: null }, { token: null }),
      kept: (run) => readTwice(run, { interpret: { 200: 'refused-token' } }, { token: null }, {}),
    },
    {
      // The second refusal ends it, also where one of the two is a 401.
      broken: (run) => {
        readTwice(run, DOUBTING, { status: 403 }, { client: withToken(run, 2), status: 401 })
        sendRead(run, 200, { client: withToken(run, 3) })
      },
      kept: (run) => {
        readTwice(run, DOUBTING, { status: 401 }, { client: withToken(run, 2), status: 401 })
        sendRead(run, 200, { client: withToken(run, 3) })
      },
    },
    {
      // R5: what the app rejects is not sent again.
      broken: (run) => readTwice(run, { interpret: { 503: 'rejected' } }, { status: 503 }, {}),
      kept: (run) => readTwice(run, { interpret: {} }, { status: 503 }, {}),
    },
    {
      // Where the app judges nothing, only a 401, a 425 and a 429 are sent again.
      broken: (run) => readTwice(run, {}, { status: 503 }, {}),
      kept: (run) => readTwice(run, {}, { status: 429 }, {}),
    },
    {
      broken: (run) => {
        readTwice(run, {}, { status: 429 }, { status: 429 })
        sendRead(run, 5000)
      },
      kept: (run) => readTwice(run, {}, { status: 429 }, { status: 429 }),
    },
  ],
  'reads-in-order': [
    {
      // Q12: the creation of a record that it needs is still pending.
      broken: (run) => {
        pendingCreation(run)
        readOnce(run, 40, {}, { after: [], needs: ['box'] })
      },
      kept: (run) => {
        pendingCreation(run)
        readOnce(run, 40, {}, { after: [], needs: ['bag'] })
      },
    },
    {
      // R5: the app has judged the reply so that its next try is the last, which has no position.
      broken: (run) => {
        tellPosition(run, 'w2', 20)
        readTwice(run, RETRYING, { at: 600, position: 'w2' }, { at: 1700, position: 'w2' })
      },
      kept: (run) => {
        tellPosition(run, 'w2', 20)
        readTwice(run, RETRYING, { at: 600, position: 'w2' }, { at: 1700 })
      },
    },
    {
      // R1: the write before it is still pending.
      broken: (run) => {
        enqueue(run, 'n2', 2)
        readOnce(run, 40)
      },
      kept: (run) => {
        enqueue(run, 'n2', 2)
        complete(run, 'n2', 2)
        readOnce(run, 40)
      },
    },
    {
      // So is one that a life before has enqueued, or another process.
      broken: (run) => {
        enqueue(run, 'n2', 2)
        beginLife(run, { startedAt: 20, beganBy: 'crash' })
        readOnce(run, 40)
      },
      kept: (run) => {
        enqueue(run, 'n2', 2)
        beginLife(run, { startedAt: 20, beganBy: 'crash' })
        complete(run, 'n2', 2, 30)
        readOnce(run, 40)
      },
    },
    {
      // A dead letter that was retried before the call is pending again.
      broken: (run) => {
        revive(run, { deadAt: 10, at: 20 })
        readOnce(run, 40)
      },
      kept: (run) => {
        revive(run, { deadAt: 10, at: 30 })
        readOnce(run, 40)
      },
    },
    {
      // Those that it names, and no others.
      broken: (run) => {
        enqueue(run, 'n2', 2)
        readOnce(run, 40, {}, { after: [idOf('n2', 2)] })
      },
      kept: (run) => {
        enqueue(run, 'n2', 2)
        readOnce(run, 40, {}, { after: [idOf('n1')] })
      },
    },
    {
      // Q17: without a watch, a process has not heard of an operation of another process, unless the call names it.
      broken: (run) => readBesides(run, [idOf('n2', 2)]),
      kept: (run) => readBesides(run, null),
    },
    {
      // R2: it does not carry the newest position, or comes before its delay is over.
      broken: (run) => {
        tellPosition(run, 'w2', 20)
        readOnce(run, 900)
      },
      kept: (run) => {
        tellPosition(run, 'w2', 20)
        readOnce(run, 900, { position: 'w2' })
      },
    },
    {
      broken: (run) => {
        tellPosition(run, 'w2', 20)
        readOnce(run, 519, { position: 'w2' })
      },
      kept: (run) => {
        tellPosition(run, 'w2', 20)
        readOnce(run, 520, { position: 'w2' })
      },
    },
    {
      // A newer one came while it waited, which asks for less, or for more.
      broken: (run) => {
        tellPosition(run, 'w2', 20, { delay: 5000 })
        tellPosition(run, 'w3', 300, { delay: 100 })
        readOnce(run, 399, { position: 'w3' })
      },
      kept: (run) => {
        tellPosition(run, 'w2', 20, { delay: 5000 })
        tellPosition(run, 'w3', 300, { delay: 100 })
        readOnce(run, 400, { position: 'w3' })
      },
    },
    {
      broken: (run) => {
        tellPosition(run, 'w2', 20)
        tellPosition(run, 'w3', 300, { delay: 5000 })
        readOnce(run, 520, { position: 'w3' })
      },
      kept: (run) => {
        tellPosition(run, 'w2', 20)
        tellPosition(run, 'w3', 300, { delay: 5000 })
        readOnce(run, 5300, { position: 'w3' })
      },
    },
    {
      // What it has waited for is told again: it need not wait again.
      broken: (run) => {
        tellPosition(run, 'w2', 20)
        tellPosition(run, 'w2', 300)
        readOnce(run, 519, { position: 'w2' })
      },
      kept: (run) => {
        tellPosition(run, 'w2', 20)
        tellPosition(run, 'w2', 300)
        readOnce(run, 520, { position: 'w2' })
      },
    },
    {
      // Another one of the same name, replaced before the call, is no reason to come sooner.
      broken: (run) => {
        tellPosition(run, 'w2', 15, { delay: 0 })
        tellPosition(run, 'w3', 20)
        tellPosition(run, 'w2', 300)
        readOnce(run, 520, { position: 'w2' })
      },
      kept: (run) => {
        tellPosition(run, 'w2', 15, { delay: 0 })
        tellPosition(run, 'w3', 20)
        tellPosition(run, 'w2', 300)
        readOnce(run, 800, { position: 'w2' })
      },
    },
    {
      // Of two that came in one instant, the one that was stored last.
      broken: (run) => {
        tellPosition(run, 'w2', 20)
        tellPosition(run, 'w3', 20)
        readOnce(run, 900, { position: 'w2' })
      },
      kept: (run) => {
        tellPosition(run, 'w2', 20)
        tellPosition(run, 'w3', 20)
        readOnce(run, 900, { position: 'w3' })
      },
    },
    {
      // The reply came in the instant in which its process died: the rows say whether it was recorded.
      broken: (run) => {
        tellPosition(run, 'w2', 24)
        beginLife(run, { startedAt: 24, beganBy: 'crash' })
        readOnce(run, 900)
      },
      kept: (run) => {
        tellPosition(run, 'w2', 24, { storedAt: null })
        beginLife(run, { startedAt: 24, beganBy: 'crash' })
        readOnce(run, 900, {}, { after: [idOf('n1')] })
      },
    },
    {
      // The disk was full when the reply came: the position is there as soon as it could be stored.
      broken: (run) => {
        run.turns.push({ at: 20, turn: 'disk', byMs: 0 })
        tellPosition(run, 'w2', 20, { storedAt: 700 })
        readOnce(run, 900)
      },
      kept: (run) => {
        run.turns.push({ at: 20, turn: 'disk', byMs: 0 })
        tellPosition(run, 'w2', 20, { storedAt: 700 })
        readOnce(run, 600, {}, { after: [idOf('n1')] })
      },
    },
    {
      // The wall clock was set forward, by which the delay is stored.
      broken: (run) => {
        run.turns.push({ at: 100, turn: 'wall', byMs: 200 })
        tellPosition(run, 'w2', 20)
        readOnce(run, 319, { position: 'w2' })
      },
      kept: (run) => {
        run.turns.push({ at: 100, turn: 'wall', byMs: 200 })
        tellPosition(run, 'w2', 20)
        readOnce(run, 320, { position: 'w2' })
      },
    },
    {
      // It was set back, or had jumped before the reply: nothing comes sooner for that.
      broken: (run) => {
        run.turns.push({ at: 10, turn: 'wall', byMs: 200 })
        tellPosition(run, 'w2', 20)
        run.turns.push({ at: 100, turn: 'wall', byMs: -500 })
        readOnce(run, 519, { position: 'w2' })
      },
      kept: (run) => {
        run.turns.push({ at: 10, turn: 'wall', byMs: 200 })
        tellPosition(run, 'w2', 20)
        run.turns.push({ at: 100, turn: 'wall', byMs: -500 })
        readOnce(run, 520, { position: 'w2' })
      },
    },
    {
      // I12: forgotten, there is none any more; until that is stored, nobody can tell.
      broken: (run) => {
        tellPosition(run, 'w2', 20)
        call(run, { at: 22, name: 'forget', settledAt: 24 })
        readOnce(run, 900, { position: 'w2' })
      },
      kept: (run) => {
        tellPosition(run, 'w2', 20)
        call(run, { at: 22, name: 'forget', settledAt: 950 })
        readOnce(run, 900, { position: 'w2' })
      },
    },
    {
      // A forgetting before the reply, or of somebody else, excuses nothing.
      broken: (run) => {
        call(run, { at: 10, name: 'forget', settledAt: 15 })
        tellPosition(run, 'w2', 20)
        readOnce(run, 900)
      },
      kept: (run) => {
        tellPosition(run, 'w2', 20)
        call(run, { at: 22, name: 'forget', user: 'bob', settledAt: 24 })
        readOnce(run, 900, { position: 'w2' })
      },
    },
    {
      // E2: what a salvage could not read is gone, and what is told after it is there.
      broken: (run) => {
        run.turns.push({ at: 22, turn: 'salvage', byMs: 0 })
        tellPosition(run, 'w2', 300)
        readOnce(run, 900)
      },
      kept: (run) => {
        tellPosition(run, 'w2', 20)
        run.turns.push({ at: 22, turn: 'salvage', byMs: 0 })
        readOnce(run, 900)
      },
    },
    {
      // A second process on the same file changes nothing of this (Q17).
      broken: (run) => {
        tellPosition(run, 'w2', 20)
        beginLife(run, { startedAt: 22, process: 'second' })
        readOnce(run, 519, { position: 'w2' })
      },
      kept: (run) => {
        tellPosition(run, 'w2', 20)
        beginLife(run, { startedAt: 22, process: 'second' })
        readOnce(run, 520, { position: 'w2' })
      },
    },
    {
      // R4.
      broken: (run) => {
        call(run, { at: 20, name: 'read', step: 'r1', settledAt: null })
        run.identity = 'bob'
      },
      kept: (run) => {
        call(run, { at: 20, name: 'read', step: 'r1', settledAt: 30 })
        run.identity = 'bob'
      },
    },
  ],
  'host-survives': [
    {
      broken: (run) => run.faults.push(new Error('unheard')),
      kept: () => undefined,
    },
  ],
  'lost-watches': [
    {
      // Its watch has failed, and nobody was told.
      broken: (run) => {
        run.watches = 'fails'
      },
      kept: (run) => {
        run.watches = 'fails'
        loseWatch(run)
      },
    },
    {
      // Told twice of one life.
      broken: (run) => {
        run.turns.push({ at: 50, turn: 'watch-failed', byMs: 0 })
        loseWatch(run)
        loseWatch(run)
      },
      kept: (run) => {
        run.turns.push({ at: 50, turn: 'watch-failed', byMs: 0 })
        loseWatch(run)
      },
    },
    {
      // It works.
      broken: (run) => loseWatch(run),
      kept: (run) => hear(run, 'error', { error: new HoldfastError('STORAGE_COPIED', 'copied') }),
    },
    {
      // It fails while the process closes, which has ended its watch before.
      broken: (run) => run.turns.push({ at: 50, turn: 'watch-failed', byMs: 0 }),
      kept: (run) => {
        run.turns.push({ at: 50, turn: 'watch-failed', byMs: 0 })
        for (const life of run.lives) life.closingAt = 50
      },
    },
    {
      // A watch that tells nothing has 2 s for its proof, and no time passes for it while the machine sleeps.
      broken: (run) => {
        run.watches = 'silent'
        run.now = 2001
      },
      kept: (run) => {
        run.watches = 'silent'
        run.now = 4000
        run.turns.push({ at: 3000, turn: 'slept', byMs: 2000 })
      },
    },
  ],
  'whole-set-aside': [
    {
      // Refused, and a file did not go back.
      broken: (run) => setAside(run, ['a', null, 'c'], [null, 'b', null], 'STORAGE_BUSY'),
      kept: (run) => setAside(run, ['a', 'b', 'c'], [null, null, null], 'STORAGE_BUSY'),
    },
    {
      // Done, it says, and a file stays behind.
      broken: (run) => setAside(run, [null, 'b', null], ['a', null, 'c']),
      kept: (run) => setAside(run, [null, null, null], ['a', 'b', 'c']),
    },
    {
      // Another file is in its place.
      broken: (run) => setAside(run, [null, null, null], ['a', 'x', 'c']),
      kept: (run) => setAside(run, [null, null, null], ['a', 'b', 'c']),
    },
  ],
  'no-park': [
    {
      broken: (run) => park(run, []),
      kept: (run) => park(run, ['paused']),
    },
    {
      broken: (run) => park(run, ['backing-off']),
      kept: (run) => {
        run.timerCount = 1
        park(run, ['backing-off'])
      },
    },
    {
      broken: (run) => park(run, ['awaiting-token']),
      kept: (run) => {
        park(run, ['awaiting-token'])
        need(run)
        hear(run, 'token.needed', { user: 'alice' }, 10)
      },
    },
    {
      // The app was never told of the need.
      broken: (run) => {
        park(run, ['awaiting-token'])
        need(run)
      },
      kept: (run) => {
        park(run, ['awaiting-token'])
        need(run)
        hear(run, 'token.needed', { user: 'alice' }, 10)
      },
    },
    ...[
      (run: DoctoredRun, at: number) => run.turns.push({ at, turn: 'online', byMs: 0 }),
      (run: DoctoredRun, at: number) => run.turns.push({ at, turn: 'resumed', byMs: 0 }),
      (run: DoctoredRun, at: number) => call(run, { name: 'login', at }),
      (run: DoctoredRun, at: number) => {
        const made = call(run, { at })
        run.acknowledged.push({ at, life: 0, id: idOf('n9', 9), call: made, found: 'pending' })
      },
    ].map((happens) => ({
      // What happens at 40,000 tells an open need again (T5).
      broken: (run: DoctoredRun) => {
        park(run, ['awaiting-token'])
        need(run)
        hear(run, 'token.needed', { user: 'alice' }, 10)
        happens(run, 40_000)
      },
      kept: (run: DoctoredRun) => {
        park(run, ['awaiting-token'])
        need(run)
        hear(run, 'token.needed', { user: 'alice' }, 10)
        happens(run, 40_000)
        hear(run, 'token.needed', { user: 'alice' }, 40_000)
      },
    })),
    {
      // Neither is the source asked, nor was the app.
      broken: (run) => {
        run.settings = { ...run.settings, hasSource: true }
        park(run, ['awaiting-token'])
        need(run)
      },
      kept: (run) => {
        run.settings = { ...run.settings, hasSource: true }
        park(run, ['awaiting-token'])
        need(run)
        ask(run, 90_000)
      },
    },
  ],
  wakes: [
    {
      broken: (run) => park(run, ['awaiting-token']),
      kept: (run) => {
        put(run, 30, [['tokens', tokenRow('alice', 1, { refused: 1 })]])
        park(run, ['awaiting-token'])
      },
    },
    {
      broken: (run) => park(run, ['paused']),
      kept: (run) => {
        run.isPaused = true
        park(run, ['paused'])
      },
    },
    {
      broken: (run) => park(run, ['offline']),
      kept: (run) => {
        run.isOnline = run.isSaidToBeOnline = false
        park(run, ['offline'])
      },
    },
    {
      broken: (run) => park(run, ['backing-off']),
      kept: (run) => {
        backOff(run, 100_500)
        park(run, ['backing-off'])
      },
    },
    {
      // Q7: no wait after one attempt is so long.
      broken: (run) => {
        backOff(run, 200_000, 50_000)
        park(run, ['backing-off'])
      },
      kept: (run) => {
        backOff(run, 200_000, 99_500)
        park(run, ['backing-off'])
      },
    },
    {
      // Q7: the server has asked for 2 s.
      broken: (run) => {
        askToWait(run, 50_000)
        park(run, ['rate-limited'])
      },
      kept: (run) => {
        askToWait(run, 99_000)
        park(run, ['rate-limited'])
      },
    },
    {
      // Q7: its process died in the instant of the reply, or had given it up.
      broken: (run) => {
        askToWait(run, 99_000, { givenUpAt: 99_005 })
        beginLife(run, { startedAt: 99_010, beganBy: 'crash' })
        park(run, ['rate-limited'])
      },
      kept: (run) => {
        askToWait(run, 99_000)
        beginLife(run, { startedAt: 99_010, beganBy: 'crash' })
        park(run, ['rate-limited'])
      },
    },
    {
      // Q17: nobody else lives.
      broken: (run) => park(run, ['other-process']),
      kept: (run) => {
        beginLife(run, { process: 'second' })
        run.life = 0
        const [first] = run.lives
        if (first !== undefined) first.endedAt = null
        park(run, ['other-process'])
      },
    },
    {
      // Q11: no commit has failed.
      broken: (run) => park(run, ['storage-failed']),
      kept: (run) => {
        run.turns.push({ at: 99_000, turn: 'disk', byMs: 0 })
        park(run, ['storage-failed'])
      },
    },
    {
      // Q12: nobody creates what n2 needs.
      broken: (run) => park(run, ['awaiting-record']),
      kept: (run) => {
        putCreation(run)
        park(run, ['awaiting-record'])
      },
    },
  ],
  drains: [
    {
      // R3: a read whose token the app has doubted waits for a newer one.
      broken: (run) => {
        call(run, { ...DOUBTING, at: 25, name: 'read', step: 'r1', settledAt: null })
        sendRead(run, 40, { status: 401 })
      },
      kept: (run) => {
        call(run, { ...DOUBTING, at: 25, name: 'read', step: 'r1', settledAt: null })
        sendRead(run, 40, { status: 403 })
      },
    },
    {
      broken: (run) => park(run, ['awaiting-token']),
      kept: (run) => {
        run.isPaused = true
        park(run, ['paused'])
      },
    },
    {
      broken: (run) => park(run, []),
      // Something is still to come.
      kept: (run) => {
        run.isQuiet = false
        park(run, [])
      },
    },
    {
      // T1: another process has stored the token, and the vault gives it back, or finds that nobody can open it.
      broken: (run) => {
        takeOverToken(run)
        run.vault = 'works'
      },
      kept: (run) => {
        takeOverToken(run)
        run.vault = 'unreadable'
      },
    },
    {
      broken: (run) => keepAnonymous(run),
      kept: (run) => {
        run.settings = { ...run.settings, anonymous: 'hold' }
        keepAnonymous(run)
      },
    },
    {
      broken: (run) => call(run, { name: 'read', step: 'r1', settledAt: null }),
      kept: (run) => call(run, { name: 'read', step: 'r1', settledAt: 20 }),
    },
  ],
}

/** A `flush()` with a deadline of 5 s has resolved after so long, while a lane has these holds. */
function flushedIn(run: DoctoredRun, holds: readonly string[], tookMs: number): void {
  showLane(run, holds)
  const { lanes } = run.status
  const left = { pending: 1, letters: 0, others: null }
  call(run, {
    at: 20,
    name: 'flush',
    deadlineMs: 5000,
    settledAt: 20 + tookMs,
    result: { pending: 1, lanes },
    left,
  })
  run.status = { ...run.status, lanes: [], counts: { ...run.status.counts, pending: 0 } }
}

function waitInFlush(run: DoctoredRun, hold: string): void {
  showLane(run, [hold])
  call(run, { at: 20, name: 'flush', deadlineMs: 5000, settledAt: null })
}

const NOTHING_LEFT = { pending: 0, lanes: [] }
const ONE_LEFT = { pending: 1, letters: 0, others: null }

/** The process begins to close, with a deadline. */
function closeAt(run: DoctoredRun, at: number): void {
  for (const life of run.lives) life.closingAt = at
}

/** An anonymous operation goes to alice. */
function adopt(run: DoctoredRun, at: number): void {
  const row = operationRow('a1', 1, 0)
  put(run, 10, [['operations', row]])
  run.rows.apply(
    [
      { table: 'operations', action: 'gone', row },
      { table: 'operations', action: 'put', row: { ...row, lane: 1, place: 2048 } },
    ],
    at,
    0,
  )
}

function dropAt(run: DoctoredRun, at: number, reason: string): void {
  const row = operationRow('n2', 2)
  put(run, 10, [['operations', row]])
  const outcome = { id: idOf('n2', 2), outcome: 'dropped', reason, settled_at: at }
  run.rows.apply(
    [
      { table: 'operations', action: 'gone', row },
      { table: 'outcomes', action: 'put', row: outcome },
    ],
    at,
    0,
  )
}

/** A call that says what it leaves; nothing is left by default. */
function leavesBehind(run: DoctoredRun, name: string, facts: Partial<SeenCall>): void {
  const left = { pending: 0, letters: 0, others: null }
  call(run, { at: 20, name, settledAt: 30, result: {}, left, ...facts })
}

/** `cancel()` of n2 has resolved, and n2 ended so. */
function cancelledAs(run: DoctoredRun, how: 'completed' | 'cancelled'): void {
  enqueue(run, 'n2', 2)
  put(run, 20, [['operations', operationRow('n2', 2)]], 'gone')
  if (how === 'cancelled') {
    put(run, 20, [['outcomes', { id: idOf('n2', 2), outcome: 'cancelled', reason: null }]])
  }
  call(run, { at: 20, name: 'cancel', step: 'n2', settledAt: 20 })
}

/** n1 was answered 503, and the app hears this of it. */
function hearRetrying(run: DoctoredRun, told: object): void {
  send(run, ['n1'], { at: 50, status: 503 })
  hear(run, 'operation.retrying', { id: idOf('n1'), ...told }, 60)
}

/** n1 was answered 422, and the app hears that it is dead with this status. */
function hearDead(run: DoctoredRun, status: number): void {
  send(run, ['n1'], { at: 50, status: 422 })
  hear(run, 'operation.dead', { id: idOf('n1'), reason: 'rejected', status }, 60)
}

/** n2 was stored as it always is, and this is what was handed over. */
function handOver(run: DoctoredRun, handedOver: Partial<SeenCall>): void {
  enqueue(run, 'n2', 2)
  const done = run.acknowledged.at(-1)
  if (done === undefined) return
  run.acknowledged[run.acknowledged.length - 1] = { ...done, call: { ...done.call, ...handedOver } }
}

/** alice has logged out, and her token is still there. */
function leaveForGood(run: DoctoredRun): void {
  call(run, { at: 20, name: 'logout', settledAt: 22, result: { pending: 0 } })
}

function readOnce(
  run: DoctoredRun,
  at: number,
  facts: Partial<SeenRequest> = {},
  asked: Partial<SeenCall> = {},
): void {
  call(run, { at: 25, name: 'read', step: 'r1', settledAt: at + 10, ...asked })
  const life = run.lives.length - 1
  const client = { life, wall: at, requirement: 'required', head: [], token: null } as const
  send(run, ['r1'], { at, kind: 'read', ids: ['0.0.r1'], client, ...facts })
}

/** The app judges a 403 as a refused token. */
const DOUBTING = { interpret: { 403: 'refused-token' } } as const

/** The app asks to be answered later. */
const RETRYING = { interpret: { 200: 'retry' } } as const

/** A read that was given up. */
const LATE = new HoldfastError('READ_FAILED', 'the read was not answered within its deadline')

/** A request of the read r1. */
function sendRead(run: DoctoredRun, at: number, facts: Partial<SeenRequest> = {}): void {
  send(run, ['r1'], { at, kind: 'read', ids: ['0.0.r1'], client: withToken(run, 1), ...facts })
}

/** The read r1 is sent twice. */
function readTwice(
  run: DoctoredRun,
  asked: Partial<SeenCall>,
  first: Partial<SeenRequest>,
  second: Partial<SeenRequest>,
): void {
  call(run, { at: 25, name: 'read', step: 'r1', settledAt: null, ...asked })
  sendRead(run, 40, first)
  sendRead(run, 100, second)
}

/** The side of the client, with a token of this generation. */
function withToken(run: DoctoredRun, generation: number): SeenRequest['client'] {
  return { ...clientOf(run), token: storedToken({ generation }) }
}

/** The creation of the record `box` is pending. */
function pendingCreation(run: DoctoredRun): void {
  const row = {
    ...operationRow('c1', 2),
    kind: 'create',
    payload: JSON.stringify({ record: 'box' }),
  }
  put(run, 20, [['operations', row]])
}

/** A second process begins, beside the first one. Rows are its rows from now on. */
function beginSecond(run: DoctoredRun): void {
  const [first] = run.lives
  beginLife(run, { process: 'second', startedAt: 5 })
  if (first !== undefined) first.endedAt = null
  run.life = 0
}

/** The second process stores at 20 that the token is refused. The first one sends it at that time. */
function refuseElsewhere(run: DoctoredRun, at: number): void {
  run.watches = 'silent'
  beginSecond(run)
  put(run, 20, [['tokens', tokenRow('alice', 1, { refused: 1 })]])
  send(run, ['n1'], { at, client: { ...clientOf(run), token: storedToken({ isRefused: true }) } })
}

/** The second process enqueues n2 at 20. The first one reads at 25. */
function readBesides(run: DoctoredRun, after: readonly string[] | null): void {
  run.watches = 'fails'
  beginSecond(run)
  put(run, 20, [['operations', operationRow('n2', 2)]])
  readOnce(run, 40, { client: clientOf(run) }, { life: 0, after })
}

interface ToldPosition {
  readonly delay?: number
  /** When its write was completed; null: it was not. Default: when the reply came. */
  readonly storedAt?: number | null
}

/** The reply to a write of its own, at this time, tells a position; its delay is 500 ms unless it says otherwise. */
function tellPosition(
  run: DoctoredRun,
  token: string,
  at: number,
  { delay, storedAt = at }: ToldPosition = {},
): void {
  const place = run.rows.known.size + 1
  const name = `n${place}`
  const told = { token, ...(delay !== undefined && { delay }) }
  const reply = { status: 200, headers: {}, body: JSON.stringify({ ryw: told }) }
  enqueue(run, name, place)
  send(run, [name], { at: at - 10, ids: [idOf(name, place)], reply })
  if (storedAt !== null) complete(run, name, place, storedAt)
}

/** A follow-up of n1, in the place of this number. */
function followUp(run: DoctoredRun, place: number): void {
  const row = operationRow('n9', place)
  put(run, 10, [['operations', { ...row, id: `${idOf('n1')}/0` }]])
}

function sendFromDevice(run: DoctoredRun, next: string): void {
  call(run, { step: 'd1', draft: { kind: 'unsubscribe', payload: {} } })
  call(run, { name: 'login', user: next, at: 20 })
  send(run, ['d1'], { at: 30, kind: 'unsubscribe' })
}

function retrying(outcome: string, code: string | null): object {
  const error = { name: 'NotSentError', code, message: '' }
  return { id: idOf('n1'), user: 'alice', kind: 'note', outcome, status: null, error }
}

function exhaustUnsent(run: DoctoredRun, unsent: string | null): void {
  run.settings = { ...run.settings, maxAttempts: 1, patienceMs: 0 }
  send(run, ['n2'], { at: 100, status: null, unsent, ids: [idOf('n2', 2)] })
  exhaust(run)
}

/** n2 may fail twice. It fails, is rejected at 1210, and fails in the next process. */
function exhaustAfterAnEnd(run: DoctoredRun, diskFailedAt: number): void {
  run.settings = { ...run.settings, maxAttempts: 2, patienceMs: 1000 }
  enqueue(run, 'n2', 2)
  const ids = [idOf('n2', 2)]
  send(run, ['n2'], { at: 100, status: 500, ids })
  send(run, ['n2'], { at: 1200, status: 422, ids })
  run.turns.push({ at: diskFailedAt, turn: 'disk', byMs: 0 })
  beginLife(run, { startedAt: 2000, beganBy: 'crash' })
  send(run, ['n2'], { at: 3000, status: 500, ids, client: { ...clientOf(run), life: 1 } })
  bury(run, 'attempts-exhausted', 3010)
}

function exhaustWith431(run: DoctoredRun, times: number): void {
  run.settings = { ...run.settings, maxAttempts: 1, patienceMs: 0 }
  for (let n = 0; n < times; n += 1) {
    send(run, ['n2'], { at: 100 + n * 60_000, status: 431, ids: [idOf('n2', 2)] })
  }
  exhaust(run)
}

function refuseToCancel(run: DoctoredRun, facts: Partial<SeenRequest>): void {
  enqueue(run, 'n2', 2)
  send(run, ['n2'], { at: 20, ids: [idOf('n2', 2)], ...facts })
  const error = new HoldfastError('TOO_LATE', 'it may have arrived')
  call(run, { name: 'cancel', step: 'n2', at: 40, error })
}

function cancelSent(run: DoctoredRun, status: number | null, unsent: string | null = null): void {
  enqueue(run, 'n2', 2)
  send(run, ['n2'], { at: 20, ids: [idOf('n2', 2)], status, unsent })
  call(run, { name: 'cancel', step: 'n2', at: 40 })
  const row = operationRow('n2', 2)
  const outcome = { id: idOf('n2', 2), outcome: 'cancelled', reason: null, settled_at: 40 }
  const changes: RowChange[] = [
    { table: 'operations', action: 'gone', row },
    { table: 'outcomes', action: 'put', row: outcome },
  ]
  run.rows.apply(changes, 40, 0)
}

function enqueueFor(run: DoctoredRun, expiresInMs: number): Row {
  const times = { enqueued_at: WALL_START, expires_at: WALL_START + expiresInMs }
  const row = { ...operationRow('n2', 2), ...times }
  put(run, 0, [['operations', row]])
  return row
}

function sendInTime(run: DoctoredRun, expiresInMs: number, at: number): void {
  enqueueFor(run, expiresInMs)
  send(run, ['n2'], { at, ids: [idOf('n2', 2)] })
}

function setClock(run: DoctoredRun, at: number, byMs: number): void {
  run.turns.push({ at, turn: 'wall', byMs })
}

/** It has 10 s; 15 s later, and 5 s after a restart, it is sent. */
function sendInNextLife(run: DoctoredRun, byMs: number): void {
  enqueueFor(run, 10_000)
  setClock(run, 5000, byMs)
  beginLife(run, { startedAt: 10_000, wall: WALL_START + 10_000 + byMs, beganBy: 'restart' })
  const { client } = send(run, ['n2'], { at: 15_000, ids: [idOf('n2', 2)] })
  Object.assign(client, { life: 1 })
}

/** It has 1 s, the clock is set, and it is dropped. */
function expire(run: DoctoredRun, byMs: number, at: number): void {
  const row = enqueueFor(run, 1000)
  setClock(run, 10, byMs)
  const gone = { table: 'operations', action: 'gone', row } as const
  const outcome = { id: idOf('n2', 2), outcome: 'dropped', reason: 'expired', settled_at: at }
  run.rows.apply([gone, { table: 'outcomes', action: 'put', row: outcome }], at, 0)
}

/** A new process needs the token that the one before it has stored. */
function takeOverToken(run: DoctoredRun): void {
  beginLife(run, { startedAt: 50, beganBy: 'restart' })
  park(run, ['awaiting-token'])
  const open = { user: 'alice' as never, reason: 'unreadable', generation: null } as const
  run.status = { ...run.status, tokenNeeds: [open] }
}

function keepAnonymous(run: DoctoredRun): void {
  put(run, 30, [['operations', operationRow('a1', 1, 0)]])
}

function dropped(name: string, place: number, reason: string) {
  return { id: idOf(name, place), outcome: 'dropped', reason, settled_at: 20 }
}

/** Another process drops n2, whose receipt settles like this; null: it does not. */
function receive(run: DoctoredRun, outcome: string | null, reason: string | null): void {
  enqueue(run, 'n2', 2)
  const gone = { table: 'operations', action: 'gone', row: operationRow('n2', 2) } as const
  const ended = { table: 'outcomes', action: 'put', row: dropped('n2', 2, 'logout') } as const
  run.rows.apply([gone, ended], 20, 0)
  const settlement = outcome === null ? null : { outcome, reason, result: undefined }
  const life = run.lives.length - 1
  run.receipts.push({ id: idOf('n2', 2), life, settlement, refusal: null })
}

/** n2, a quote, is completed with its result, and its receipt says this result. */
function receiveResult(run: DoctoredRun, result: unknown): void {
  const id = idOf('n2', 2)
  const row = { ...operationRow('n2', 2), kind: 'quote' }
  put(run, 10, [['operations', row]])
  run.rows.apply([{ table: 'operations', action: 'gone', row }], 20, 0)
  const settlement = { outcome: 'completed', reason: null, result }
  run.receipts.push({ id, life: run.lives.length - 1, settlement, refusal: null })
}

/** The receipt of an operation that was stored rejects. */
function receiveRefusal(run: DoctoredRun, refusal: string): void {
  enqueue(run, 'n2', 2)
  run.receipts.push({ id: idOf('n2', 2), life: 0, settlement: null, refusal })
}

/** The app commits an operation itself at 20; nobody hears of it. */
function commitUnheard(run: DoctoredRun, within?: 'commit'): void {
  run.isDamaged = true
  const id = idOf('n2', 2)
  const draft = { kind: 'note', payload: {}, expiresInMs: undefined, within }
  call(run, { name: 'enqueue', step: 'n2', at: 20, draft, result: { id } })
  put(run, 20, [['operations', operationRow('n2', 2)]])
}

/** The outcome of n2, which was dropped so many days ago, is deleted. */
function forgetOutcome(run: DoctoredRun, days: number): void {
  const row = { ...dropped('n2', 2, 'logout'), settled_at: run.wall - days * 24 * 3_600_000 }
  run.rows.outcomes.set(idOf('n2', 2), row)
  run.rows.apply([{ table: 'outcomes', action: 'gone', row }], 20, 0)
}

/** Requests meet a captive portal one after the other. */
function meetPortal(run: DoctoredRun, times: readonly number[]): void {
  for (const at of times) send(run, ['n2'], { at, status: 511 })
}

/** n2 is sent four times, without a reply; it may fail three times. */
function beSilent(run: DoctoredRun, areOthersAnswered: boolean): void {
  run.settings = { ...run.settings, maxAttempts: 3, patienceMs: 1000 }
  const ids = [idOf('n2', 2)]
  for (const at of [0, 5000, 15_000, 25_000, 45_000]) {
    send(run, ['n2'], { at, ids, status: null, reply: null })
    if (areOthersAnswered) send(run, ['n3'], { at: at + 2000, ids: [idOf('n3', 3)], user: 'bob' })
  }
}

/** The vault is tried at these times, in vain. */
function lockVault(run: DoctoredRun, times: readonly number[]): void {
  const error = new HoldfastError('AUTH_VAULT_UNAVAILABLE', 'the token of alice')
  for (const at of times) hear(run, 'error', { error }, at)
}

/** The source is asked so long before the token ends. */
function askAhead(run: DoctoredRun, aheadMs: number): void {
  const at = 50_000
  const expiresAt = run.wall - (run.now - at) + aheadMs
  put(run, 20, [['tokens', tokenRow('alice', 2, { expires_at: expiresAt })]])
  ask(run, at, { reason: 'expiring' })
}

/** A creation and a touch of its record are dead; the creation is retried, and with it the touch. */
function retryCreation(run: DoctoredRun, areBothBack: boolean): void {
  const payload = JSON.stringify({ record: 'local-1' })
  const creation = { ...operationRow('n2', 2), kind: 'create', payload }
  const touch = { ...operationRow('n3', 3), kind: 'touch', payload }
  for (const [row, reason] of [
    [creation, 'rejected'],
    [touch, 'dependency-dead'],
  ] as const) {
    put(run, 0, [['operations', row]])
    const letter = { ...row, reason, died_at: 20 }
    run.rows.apply(
      [
        { table: 'operations', action: 'gone', row },
        { table: 'letters', action: 'put', row: letter },
      ],
      20,
      0,
    )
  }
  call(run, { name: 'retry', step: 'n2', at: 30, settledAt: 30 })
  const back = areBothBack ? [creation, touch] : [creation]
  run.rows.apply(
    back.flatMap((row) => [
      { table: 'letters', action: 'gone', row } as const,
      { table: 'operations', action: 'put', row } as const,
    ]),
    30,
    0,
  )
}

/** So many tags go in one request. */
function sendTogether(
  run: DoctoredRun,
  count: number,
  bytes = 10,
  facts: Partial<SeenRequest> = {},
): void {
  const names = Array.from({ length: count }, (_, index) => `t${index}`)
  names.forEach((name, index) => {
    const id = idOf(name, index + 2)
    const payload = JSON.stringify({ key: 'a', value: 'x'.repeat(bytes) })
    if (run.rows.known.has(id)) return
    put(run, 0, [['operations', { ...operationRow(name, index + 2), kind: 'tag', payload }]])
  })
  const ids = names.map((name, index) => idOf(name, index + 2))
  send(run, names, { at: 20, ids, key: 'together', kind: 'tag', ...facts })
}

/** An envelope of these places is recorded, with n2, n3 and n4 pending. */
function recordEnvelope(run: DoctoredRun, members: readonly number[]): void {
  for (const place of [2, 3, 4]) put(run, 0, [['operations', operationRow(`n${place}`, place)]])
  put(run, 20, [
    ['envelopes', { ...envelopeRow(null), key: 'k', members: JSON.stringify(members) }],
  ])
}

/** A tag is the head of a lane that nothing holds, and has waited so long for neighbours. */
function waitForNeighbours(run: DoctoredRun, ms: number): void {
  run.settings = { ...run.settings, batchWindowMs: 50 }
  const row = { ...operationRow('n2', 2), kind: 'tag', enqueued_at: run.wall - ms }
  put(run, 20, [['operations', row]])
  showLane(run, ['backing-off'])
}

/** A process closes at 30 with a request in flight, and gives it up then; null: it does not. */
function closeInFlight(run: DoctoredRun, givenUpAt: number | null): void {
  send(run, ['n2'], { at: 20, status: null, endedAt: null, givenUpAt })
  leave(run, 0)
  beginLife(run, { startedAt: 30 })
}

/** The token of alice is deleted, in the row of this epoch. */
function endSession(run: DoctoredRun, epoch: number): void {
  put(run, 20, [['tokens', { ...tokenRow('alice', 1), epoch, fingerprint: null }]])
}

/** n3 was dead and comes back to the place `backAt`; n2, which is older, stands at `olderAt`. */
function retryBeside(
  run: DoctoredRun,
  { olderAt, backAt }: { readonly olderAt: number; readonly backAt: number },
): void {
  const older = operationRow('n2', 2)
  const letter = operationRow('n3', 3)
  put(run, 0, [['operations', older]])
  put(run, 0, [['operations', letter]])
  // What is in flight is ahead of both.
  send(run, ['n1'], { at: 25, endedAt: null, status: null })
  const dead = { ...letter, reason: 'rejected', died_at: 20 }
  run.rows.apply(
    [
      { table: 'operations', action: 'gone', row: letter },
      { table: 'letters', action: 'put', row: dead },
      { table: 'operations', action: 'put', row: { ...older, place: olderAt * 1024 } },
    ],
    20,
    0,
  )
  hear(run, 'operation.dead', { id: idOf('n3', 3), user: 'alice', reason: 'rejected' }, 20)
  call(run, { name: 'retry', step: 'n3', at: 30, settledAt: 30 })
  run.rows.apply(
    [
      { table: 'letters', action: 'gone', row: dead },
      { table: 'operations', action: 'put', row: { ...letter, place: backAt * 1024 } },
    ],
    30,
    0,
  )
}

interface Listed {
  readonly name?: 'pending' | 'deadLetters'
  readonly at?: number
  /** Behind n2. */
  readonly others?: readonly string[]
  /** When n2 is completed. */
  readonly goneAt?: number
  readonly died?: boolean
  readonly limit?: number
  readonly user?: string
}

/** n2 is stored, with others behind it; the app asks for what is pending, or dead. */
function list(run: DoctoredRun, names: readonly string[], facts: Listed = {}): void {
  const { name = 'pending', at = 30, others = [], goneAt, died = false, limit, user } = facts
  const placed = ['n2', ...others]
  placed.forEach((one, index) => put(run, 0, [['operations', operationRow(one, index + 2)]]))
  if (goneAt !== undefined) put(run, goneAt, [['operations', operationRow('n2', 2)]], 'gone')
  if (died) {
    const gone = { table: 'operations', action: 'gone', row: operationRow('n2', 2) } as const
    const letter = { ...operationRow('n2', 2), reason: 'rejected', died_at: 20 }
    run.rows.apply([gone, { table: 'letters', action: 'put', row: letter }], 20, 0)
  }
  const state = name === 'pending' ? 'pending' : 'dead'
  const result = names.map((one) => ({
    id: idOf(one, placed.indexOf(one) + 2),
    user: 'alice',
    state,
  }))
  call(run, { name, at, settledAt: at + 20, filter: { limit, user }, result })
}

/** The app asks for n2, which is pending. */
function lookAt(run: DoctoredRun, state: string | null): void {
  put(run, 0, [['operations', operationRow('n2', 2)]])
  const result = state === null ? null : { id: idOf('n2', 2), state }
  call(run, { name: 'operation', step: 'n2', at: 30, settledAt: 50, result })
}

/** The app watches the status from before its last change on. */
function watchStatus(run: DoctoredRun, shown: readonly Status[]): void {
  const called = shown.map((status) => ({ at: 20, status }))
  run.subscriptions.push({ at: 10, life: 0, from: { ...run.status }, called })
}

/** A token of alice is needed when a listener comes; it hears of these needs. */
function listenLate(
  run: DoctoredRun,
  users: readonly string[],
  event: EventName = 'token.needed',
): void {
  const needs = [{ user: 'alice' as never, reason: 'refused', generation: 1 }] as const
  const heard = users.map((user) => ({ event, detail: { user, reason: 'refused', generation: 1 } }))
  run.lateListeners.push({ at: 20, life: 0, identity: 'alice', needs, heard })
}

function clientOf(run: DoctoredRun) {
  const [first] = run.requests
  if (first === undefined) throw new Error('nothing was sent')
  return first.client
}

function offClient(run: DoctoredRun) {
  return { ...clientOf(run), requirement: 'off', token: null } as const
}

function sendSecond(run: DoctoredRun, status: number, body = '{}'): void {
  enqueue(run, 'n2', 2)
  const reply = { status, headers: { 'content-type': 'application/json' }, body }
  send(run, ['n2'], { at: 20, ids: [idOf('n2', 2)], status, reply })
  complete(run, 'n2', 2)
}

function fold(run: DoctoredRun, worths: readonly number[]): void {
  for (const [index, by] of worths.entries()) {
    const place = index + 2
    const row = { ...operationRow('f', place), kind: 'fold', payload: JSON.stringify({ by }) }
    put(run, 0, [['operations', row]])
    put(run, 10, [['operations', row]], 'gone')
  }
}

/** What was sent under a local id is sent again under the server's; it was created at that time. */
function callOtherwise(run: DoctoredRun, createdAt: number): void {
  const payload = { record: 'local-1' }
  const row = { ...operationRow('n2', 1), kind: 'touch', payload: JSON.stringify(payload) }
  put(run, 0, [['operations', row]])
  put(run, createdAt, [
    ['operations', { ...operationRow('n3', 2), ...row, kind: 'create', id: idOf('n3', 2) }],
  ])
  send(run, ['n2'], { at: 100, status: null, body: payload })
  send(run, ['n2'], { at: 2000, body: { record: 'srv-1' } })
}

/** It fails at 110; the disk fails then; and the next process sends it again at once. */
function retryInNextLife(run: DoctoredRun, diskFailedAt: number): void {
  send(run, ['n2'], { at: 100, status: 500 })
  run.turns.push({ at: diskFailedAt, turn: 'disk', byMs: 0 })
  beginLife(run, { startedAt: 200, beganBy: 'crash' })
  send(run, ['n2'], { at: 300, client: { ...clientOf(run), life: 1 } })
}

function acknowledge(run: DoctoredRun, found: 'pending' | null): void {
  const made = call(run, { step: 'n2' })
  run.acknowledged.push({ at: 0, life: 0, id: idOf('n2', 2), call: made, found })
}

function sendAfterUnknown(run: DoctoredRun, facts: Parameters<typeof send>[2]): void {
  send(run, ['n2'], { at: 100, status: null })
  send(run, ['n2'], { at: 2000, ...facts })
}

/** With a source, under a token that ends at 9,000 and was handed over at that time of the wall clock. */
function sendExpired(run: DoctoredRun, givenAt: number): void {
  run.settings = { ...run.settings, hasSource: true }
  call(run, { name: 'updateToken', token: 'a9', wall: givenAt })
  send(run, ['n1'], { at: 20_000, token: 'a9', client: { ...clientOf(run), wall: 20_000 } })
}

/** Two calls of the source; the first is answered after 10 ms, the second comes so much later. */
function askTwice(
  run: DoctoredRun,
  outcome: 'throws' | 'denied' | 'token',
  laterMs: number,
  reason = 'refused',
): void {
  const token = outcome === 'token' ? 'a2' : null
  ask(run, 100, { reason, answer: { at: 110, wall: 110, outcome, token } })
  ask(run, 110 + laterMs, { reason })
}

/** The source answers at 200, and a token was pushed at this time. */
function answerAfter(run: DoctoredRun, pushedAt: number): void {
  ask(run, 100, { answer: { at: 200, wall: 200, outcome: 'token', token: 'a2' } })
  call(run, { name: 'updateToken', token: 'a3', at: pushedAt })
  put(run, pushedAt, [['tokens', tokenRow('alice', 2)]])
  put(run, 200, [['tokens', tokenRow('alice', 3)]])
}

/** Tokens that were all refused, sent at these times. */
function refuse(run: DoctoredRun, times: readonly number[], { life = 0 } = {}): void {
  for (const at of times) {
    const client = { ...clientOf(run), life, token: storedToken({ generation: at + 1 }) }
    call(run, { name: 'updateToken', token: 'a1', at })
    send(run, ['n1'], { at, status: 401, applied: false, client })
  }
}

/** The app hands over these tokens, one every 20 ms, and each is refused to this life. */
function refuseEach(run: DoctoredRun, tokens: readonly string[], { at = 20, life = 0 } = {}): void {
  for (const [index, token] of tokens.entries()) {
    const sentAt = at + index * 20
    const client = { ...clientOf(run), life, token: storedToken({ generation: 1 }) }
    call(run, { name: 'updateToken', token, at: sentAt, life })
    send(run, ['n1'], { at: sentAt, token, status: 401, applied: false, client })
  }
}

/** A second process lives beside the first one. */
function besides(run: DoctoredRun, facts: Partial<SeenLife> = {}): void {
  beginLife(run, { process: 'second', ...facts })
  const [first] = run.lives
  if (first !== undefined) first.endedAt = null
  run.life = 0
}

/** The user was given a token in another process after the source had denied one here. */
function deniedMeanwhileGiven(run: DoctoredRun): void {
  const row = tokenRow('alice', 2)
  run.rows.apply([{ table: 'tokens', action: 'put', row }], 150, run.lives.length)
  askTwice(run, 'denied', 500_000)
}

/** A sending that is over at 110, and the next one, so much later. */
function retryAfter(run: DoctoredRun, status: number | null, laterMs: number): void {
  send(run, ['n2'], { at: 100, status })
  send(run, ['n2'], { at: 110 + laterMs })
}

function sendWhileLimited(run: DoctoredRun, laterMs: number): void {
  const reply = { status: 429, headers: { 'retry-after': '5' }, body: '' }
  send(run, ['n2'], { at: 100, status: 429, reply })
  send(run, ['n3'], { at: 110 + laterMs, user: 'bob' })
}

/** The server asks to wait in the instant in which the process ends, and the next one sends before that is over. */
function limitLastInstant(run: DoctoredRun, leftover: SeenLife['leftover']): void {
  const reply = { status: 429, headers: { 'retry-after': '5' }, body: '' }
  send(run, ['n2'], { at: 100, status: 429, reply })
  for (const life of run.lives) Object.assign(life, { endedAt: 110, leftover })
  beginLife(run, { startedAt: 110, beganBy: 'restart' })
  send(run, ['n3'], { at: 120, user: 'bob', client: { ...clientOf(run), life: 1 } })
}

function exhaust(run: DoctoredRun): void {
  enqueue(run, 'n2', 2)
  bury(run, 'attempts-exhausted', 110)
}

function revive(run: DoctoredRun, { deadAt = 30, at = 40 } = {}): void {
  enqueue(run, 'n2', 2)
  bury(run, 'rejected', deadAt)
  const row = operationRow('n2', 2)
  const changes: RowChange[] = [
    { table: 'letters', action: 'gone', row },
    { table: 'operations', action: 'put', row },
  ]
  run.rows.apply(changes, at, 0)
}

function bury(run: DoctoredRun, reason: string, at = 30): void {
  const row = operationRow('n2', 2)
  const changes: RowChange[] = [
    { table: 'operations', action: 'gone', row },
    { table: 'letters', action: 'put', row: { ...row, reason } },
  ]
  run.rows.apply(changes, at, 0)
}

function errorWith(secret: string): HoldfastError {
  const cause = Object.defineProperty(new Error('a reply'), 'hidden', { value: { token: secret } })
  return new HoldfastError('AUTH_SOURCE_FAILED', 'no token', { cause: new Error('why', { cause }) })
}

function sendMany(run: DoctoredRun, count: number): void {
  for (let index = 0; index < count; index += 1) {
    send(run, [`m${index}`], {
      user: `user-${index}`,
      endedAt: null,
      endedWall: null,
      status: null,
    })
  }
}

function leave(run: DoctoredRun, timers: number): void {
  const [life] = run.lives
  if (life !== undefined) life.leftover = { timers, listeners: 0 }
}

function envelopeRow(retryAt: number | null) {
  return { lane: 1, place: 2048, key: null, members: '[]', attempts: 1, retry_at: retryAt }
}

/** n2 was answered 503 then, and its envelope waits until this moment of the wall clock. */
function backOff(run: DoctoredRun, retryAt: number, at = 99_500): void {
  send(run, ['n2'], { at, status: 503, ids: [idOf('n2', 2)] })
  put(run, at, [['envelopes', envelopeRow(retryAt)]])
}

/** n1 was answered 429 then, and every lane has to wait for 2 s. */
function askToWait(run: DoctoredRun, at: number, facts: Partial<SeenRequest> = {}): void {
  const reply = { status: 429, headers: { 'retry-after': '2' }, body: '{}' }
  send(run, ['n1'], { at, status: 429, reply, ...facts })
}

/** An anonymous operation creates the record r; what alice has pending first needs it. */
function putCreation(run: DoctoredRun): void {
  const payload = JSON.stringify({ record: 'r' })
  put(run, 0, [
    ['operations', { ...operationRow('c1', 1, 0), kind: 'create', payload }],
    ['operations', { ...operationRow('t1', 1), kind: 'touch', payload }],
  ])
}

/** Something is pending, and this is why. */
function park(run: DoctoredRun, holds: readonly string[]): void {
  enqueue(run, 'n2', 2)
  showLane(run, holds)
}

function need(run: DoctoredRun): void {
  const open = { user: 'alice' as never, reason: 'refused', generation: 1 } as const
  run.status = { ...run.status, tokenNeeds: [open] }
}

test('no invariant is without a case', () => {
  expect(Object.keys(CASES).sort()).toEqual(INVARIANTS.map(({ id }) => id).sort())
})

test('a run in which nothing is wrong breaks none of them', () => {
  const checks = new InvariantChecks(cleanRun())
  checks.look('rest')
  checks.look('end')
  checks.look('closed')
  expect(checks.mismatches).toEqual([])
})

test('what is broken is named, with what should hold and the evidence', () => {
  const run = cleanRun()
  const checks = new InvariantChecks(run)
  Object.assign(run.requests[0] ?? {}, { token: 'b1' })
  checks.look('rest')
  expect(checks.mismatches).toMatchObject([
    {
      what: 'invariant own-token-only',
      expected: expect.stringContaining('owner'),
      seen: { token: 'b1', why: 'b1 was never given for alice' },
    },
  ])
})

describe.each(INVARIANTS)('$id', (invariant) => {
  const cases = CASES[invariant.id] ?? []
  test.each(cases.map((one, index) => [index + 1, one] as const))(
    'case %i: what breaks it is reported, what keeps it is not',
    (_, { broken, kept }) => {
      const good = cleanRun()
      kept(good)
      expect(violationsOf(invariant, good)).toEqual([])
      const bad = cleanRun()
      broken(bad)
      expect(violationsOf(invariant, bad)).not.toEqual([])
    },
  )
})

/** A call of the source of the requirement, and what it was answered. */
function askRequirement(run: DoctoredRun, at: number, answer: DemandOutcome | null): void {
  run.demandCalls.push({ at, life: 0, answer })
}

/** While nothing is known, a source that does not know is asked at these times. */
function askInVain(run: DoctoredRun, times: readonly number[]): void {
  run.requirement = 'unknown'
  run.settings = { ...run.settings, hasRequirementSource: true }
  for (const at of times) askRequirement(run, at, { at, outcome: 'unknown' })
}

function loseWatch(run: DoctoredRun): void {
  hear(run, 'error', { error: new HoldfastError('WATCH_LOST', 'nothing is told') }, 50)
}

/** A try to set aside three files of the contents a, b and c. */
function setAside(
  run: DoctoredRun,
  left: readonly (string | null)[],
  moved: readonly (string | null)[],
  code: 'STORAGE_BUSY' | null = null,
): void {
  const error = code === null ? null : new HoldfastError(code, 'another program has it open')
  run.setAsides.push({ at: 0, before: ['a', 'b', 'c'], left, moved, error })
}
