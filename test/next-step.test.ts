/** The next step of an attempt, as tables: which answer decides, and that no later question is asked then. */
import { describe, expect, test } from 'vitest'
import type { OperationRow } from '../storage/rows.ts'
import type { Lane } from '../src/engine/lanes/lane.ts'
import type { Envelope } from '../src/engine/sending/envelope.ts'
import {
  stepAtHead,
  stepWithRecords,
  stepWithRequest,
  stepWithToken,
} from '../src/engine/sending/next-step.ts'
import type { RecordState } from '../src/engine/stored/records.ts'
import type { Built } from '../src/operations/render-request.ts'

const HEAD = { id: 'head', place: 1024 } as unknown as OperationRow
const NEIGHBOUR = { id: 'neighbour', place: 2048 } as unknown as OperationRow
const LANE = { head: HEAD } as unknown as Lane
const ENVELOPE: Envelope = { members: [HEAD], key: null, isMerging: false, isRecorded: false }

/** Facts that answer from a table, and remember what was asked. */
function asking<Facts>(answers: Readonly<Record<string, unknown>>): {
  facts: Facts
  asked: string[]
} {
  const asked: string[] = []
  const facts = Object.fromEntries(
    Object.entries(answers).map(([name, answer]) => [
      name,
      () => {
        asked.push(name)
        return answer
      },
    ]),
  ) as Facts
  return { facts, asked }
}

describe('at the head', () => {
  const QUIET = {
    needsMore: false,
    mustWait: false,
    expired: undefined,
    isSuperseded: false,
    isTooOld: false,
  }
  const QUESTIONS = Object.keys(QUIET)

  test.each<[string, Partial<Record<keyof typeof QUIET, unknown>>, object, number]>([
    ['rows are missing: they are read', { needsMore: true }, { step: 'load' }, 1],
    ['the head waits after a failure: the attempt ends', { mustWait: true }, { step: 'end' }, 2],
    [
      'the head has expired: it is dropped',
      { expired: HEAD },
      { step: 'drop', row: HEAD, reason: 'expired' },
      3,
    ],
    [
      'a member that was sent with the head has expired: that member is dropped',
      { expired: NEIGHBOUR },
      { step: 'drop', row: NEIGHBOUR, reason: 'expired' },
      3,
    ],
    [
      'another user has the device: the head is dropped',
      { isSuperseded: true },
      { step: 'drop', row: HEAD, reason: 'superseded' },
      4,
    ],
    [
      'the server may have forgotten the key: the head becomes a dead letter',
      { isTooOld: true },
      { step: 'buryUnknown', head: HEAD },
      5,
    ],
    ['nothing stands in the way: the head is prepared', {}, { step: 'prepare' }, 5],
    [
      'a wait comes before an expiry, and rows before both',
      { mustWait: true, expired: HEAD, isTooOld: true },
      { step: 'end' },
      2,
    ],
  ])('%s', (_title, known, step, askedCount) => {
    const { facts, asked } = asking<Parameters<typeof stepAtHead>[1]>({ ...QUIET, ...known })
    expect(stepAtHead(LANE, facts)).toEqual(step)
    expect(asked).toEqual(QUESTIONS.slice(0, askedCount))
  })

  test('a lane whose head is not in memory is read, and nothing is asked', () => {
    const { facts, asked } = asking<Parameters<typeof stepAtHead>[1]>(QUIET)
    expect(stepAtHead({ head: undefined } as unknown as Lane, facts)).toEqual({ step: 'load' })
    expect(asked).toEqual([])
  })
})

describe('with the records', () => {
  const READY: RecordState = { state: 'ready' }
  const LOST: RecordState = { state: 'lost', locals: ['a', 'b'] }
  const AWAITED: RecordState = { state: 'awaited', local: 'c' }
  const UNREADABLE = { state: 'unreadable', use: {} } as RecordState

  test.each<[string, readonly RecordState[], object]>([
    ['all are ready: the attempt goes on', [READY, READY], { step: 'proceed' }],
    [
      'a record is still to be created: the lane waits',
      [AWAITED],
      { step: 'awaitRecord', local: 'c' },
    ],
    [
      'records are lost: the head becomes a dead letter',
      [LOST],
      { step: 'buryDependent', locals: ['a', 'b'] },
    ],
    ['the code of the kind did not say which it needs', [UNREADABLE], { step: 'buryUnreadable' }],
    [
      'the first member that is not ready decides',
      [READY, AWAITED, LOST],
      { step: 'awaitRecord', local: 'c' },
    ],
  ])('%s', (_title, states, step) => {
    expect(stepWithRecords(states)).toEqual(step)
  })
})

describe('with the token', () => {
  type TokenFactsAndEnvelope = Parameters<typeof stepWithToken>[1] & {
    readonly envelope: () => Envelope | null
  }
  const READY = { hasToken: true, envelope: ENVELOPE, collectMs: 0, mustBeRecorded: false }
  const QUESTIONS = Object.keys(READY)

  test.each<[string, Partial<Record<keyof typeof READY, unknown>>, object, number]>([
    ['there is no token: the attempt ends', { hasToken: false }, { step: 'end' }, 1],
    [
      'the rows are not in memory: the attempt begins again',
      { envelope: null },
      { step: 'again' },
      2,
    ],
    ['the head waits for neighbours', { collectMs: 7 }, { step: 'collect', waitMs: 7 }, 3],
    [
      'the envelope must be in storage first',
      { mustBeRecorded: true },
      { step: 'record', envelope: ENVELOPE },
      4,
    ],
    [
      'nothing stands in the way: the request is made',
      {},
      { step: 'build', envelope: ENVELOPE },
      4,
    ],
  ])('%s', (_title, known, step, askedCount) => {
    const { facts, asked } = asking<TokenFactsAndEnvelope>({ ...READY, ...known })
    expect(stepWithToken(LANE, facts, facts.envelope)).toEqual(step)
    expect(asked).toEqual(QUESTIONS.slice(0, askedCount))
  })

  test('a recorded envelope is not recorded again', () => {
    const recorded = { ...ENVELOPE, key: 'k', isRecorded: true }
    const { facts } = asking<TokenFactsAndEnvelope>({
      ...READY,
      envelope: recorded,
      mustBeRecorded: true,
    })
    expect(stepWithToken(LANE, facts, facts.envelope)).toEqual({
      step: 'build',
      envelope: recorded,
    })
  })
})

describe('with the request', () => {
  const REQUEST = { method: 'POST', path: '/x', headers: {}, body: null }
  const MADE: Built = { state: 'request', request: REQUEST }
  const UNREADABLE: Built = { state: 'unreadable', why: 'torn', which: [], thrown: null }

  test.each<[string, Built, { readonly isOver?: boolean; readonly hasToken?: boolean }, object]>([
    ['it could not be made', UNREADABLE, {}, { step: 'buryUnreadable', why: UNREADABLE }],
    ['the kind sends nothing', { state: 'nothing' }, {}, { step: 'complete' }],
    [
      'a member is over by now: the attempt begins again',
      MADE,
      { isOver: true },
      { step: 'again' },
    ],
    ['the token is gone by now: the attempt ends', MADE, { hasToken: false }, { step: 'end' }],
    ['nothing stands in the way: it is sent', MADE, {}, { step: 'send', request: REQUEST }],
  ])('%s', (_title, built, known, step) => {
    const { facts } = asking<Parameters<typeof stepWithRequest>[3]>({
      isOver: false,
      hasToken: true,
      ...known,
    })
    expect(stepWithRequest(LANE, [HEAD], built, facts)).toEqual(step)
  })
})
