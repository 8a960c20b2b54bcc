/** The option `logger`: one line per decision, and a logger that fails stops nothing. */
import { describe, expect, test } from 'vitest'
import type { MemoryJournal } from '../src/journal/memory-journal.ts'
import { replay } from '../src/journal/replay.ts'
import { ringJournal } from '../src/journal/ring-journal.ts'
import type { Logger } from '../src/log/logger.ts'
import { neighbours } from './support/neighbours.ts'
import { keepingLogger } from './support/observers.ts'
import { note, replying, Rig, type RigOptions } from './support/rig.ts'

/** A life with a wait, a refused token, a dead letter, a rejected call, and an end. */
async function eventfulLife(options: RigOptions = {}): Promise<Rig> {
  const rig = await Rig.start({ tokenSource: () => null, ...options })
  await rig.login('alice', 'a1')
  await rig.enqueue('one')
  rig.last.reply(503)
  await rig.advance(1000)
  rig.last.reply(401)
  await rig.advance(10)
  await rig.whileResting(rig.holdfast.updateToken('alice', 'a2'))
  rig.last.reply(422)
  await rig.advance(10)
  const cancelled = rig.holdfast.cancel('nothing')
  await rig.whileResting(cancelled.catch(() => undefined))
  rig.holdfast.pause()
  rig.holdfast.resume()
  await rig.close()
  return rig
}

/** The names of the lines, without the level. */
const namesOf = (lines: readonly string[]) => lines.map((line) => line.split(' ')[2] ?? '')

describe('a logger gets', () => {
  test('one line for each event of the engine, in the order of the events', async () => {
    const { logger, lines } = keepingLogger()
    const rig = await eventfulLife({ logger })
    const names = new Set<string>(rig.heard.map(({ name }) => name))
    expect(names.size).toBeGreaterThan(8)
    expect(namesOf(lines).filter((name) => names.has(name))).toEqual(
      rig.heard.map(({ name }) => name),
    )
  })

  test('the reason why an operation was not sent', async () => {
    const { logger, lines } = keepingLogger()
    const rig = await eventfulLife({ logger })
    const id = rig.eventsOf('operation.dead')[0]?.id ?? ''
    const told = lines.filter((line) => /^(?!debug)/.test(line))
    expect(told).toEqual([
      'info holdfast engine.started dispatches=true identity=null requirement=required pending=0 dead=0',
      'info holdfast identity.changed user=alice former=null',
      'info holdfast token.updated user=alice generation=1',
      `info holdfast operation.enqueued id=${id} user=alice kind=note`,
      'info holdfast lane.held user=alice hold=backing-off cause="after attempt 1: status 503" since=2026-01-01T00:00:00.000Z',
      `warn holdfast operation.retrying id=${id} kind=note user=alice outcome=retry status=503 attempts=1 retryAt=2026-01-01T00:00:01.000Z code=null`,
      'info holdfast lane.released user=alice hold=backing-off',
      'warn holdfast token.refused user=alice generation=1',
      'info holdfast need.opened user=alice reason=refused',
      'info holdfast lane.held user=alice hold=awaiting-token cause="a fresh token is needed" since=2026-01-01T00:00:01.000Z',
      'warn holdfast token.needed user=alice reason=refused generation=1',
      'info holdfast lane.held user=alice hold=signed-out cause="the token source denied a token" since=2026-01-01T00:00:01.000Z',
      'info holdfast token.updated user=alice generation=2',
      'info holdfast lane.released user=alice hold=signed-out',
      'info holdfast lane.released user=alice hold=awaiting-token',
      `error holdfast operation.dead id=${id} kind=note user=alice reason=rejected status=422`,
      'info holdfast queue.drained',
      'info holdfast call.rejected name=cancel code=UNKNOWN_OPERATION',
      'info holdfast queue.paused',
      'info holdfast queue.resumed',
      'info holdfast engine.closed pending=0',
    ])
  })

  test('as details each attempt, question and alarm', async () => {
    const { logger, lines } = keepingLogger()
    await eventfulLife({ logger })
    const details = lines.filter((line) => line.startsWith('debug'))
    expect(details).toContainEqual(
      expect.stringMatching(
        /attempt\.ended operations=\[\S+\] user=alice outcome=retry status=503/,
      ),
    )
    expect(details).toContainEqual(
      expect.stringMatching(/outcome=refused-token status=401 durationMs=0$/),
    )
    expect(details).toContain('debug holdfast ask.source user=alice reason=refused')
    expect(details).toContain('debug holdfast alarm.armed name=backoff:1 inMs=1000')
  })

  test('no detail if it says that it does not write details', async () => {
    const { logger, lines } = keepingLogger({ isLevelEnabled: (level) => level !== 'debug' })
    await eventfulLife({ logger })
    expect(lines.length).toBeGreaterThan(10)
    expect(lines.filter((line) => line.startsWith('debug'))).toEqual([])
  })

  test('a user id with control characters as one line', async () => {
    const { logger, lines } = keepingLogger()
    const rig = await Rig.start({ logger })
    await rig.login('eve\nerror holdfast operation.dead id=1\u001b[2J', 'e1')
    await rig.enqueue('one')
    expect(lines.filter((line) => line.includes('\n') || line.includes('\u001b'))).toEqual([])
    expect(lines).toContainEqual(
      expect.stringContaining(
        String.raw`user="eve\nerror holdfast operation.dead id=1\u001b[2J" generation=1`,
      ),
    )
  })

  test('an error with its code and its message, and no text of its cause', async () => {
    const { logger, lines } = keepingLogger()
    const rig = await Rig.start({ logger })
    rig.holdfast.on('identity.changed', () => {
      throw new RangeError('the text of the app')
    })
    await rig.login('alice', 'a1')
    expect(lines).toContain(
      'error holdfast error code=APP_CODE_FAILED cause=RangeError message="a listener of identity.changed threw"',
    )
    expect(lines.join('\n')).not.toContain('the text of the app')
  })

  test('who dispatches: a process that waits, and its take-over', async () => {
    const { logger, lines } = keepingLogger()
    const { first, second } = neighbours({ requirement: 'off', answer: replying(200) })
    await first.rig.open()
    await second.rig.open({ logger })
    await second.rig.advance()
    await second.rig.whileResting(second.rig.holdfast.enqueue(note({ text: 'one' })))
    await first.rig.close()
    await second.rig.whileResting(second.rig.holdfast.enqueue(note({ text: 'two' })))
    const told = lines.filter((line) => / (?:engine|dispatch|lane)\./.test(line))
    expect(told).toEqual([
      'info holdfast engine.started dispatches=false identity=null requirement=off pending=0 dead=0',
      'info holdfast lane.held user=null hold=other-process cause="another process dispatches this database" since=2026-01-01T00:00:00.000Z',
      'info holdfast dispatch.takenOver',
      'info holdfast lane.released user=null hold=other-process',
    ])
  })

  test('a start that fails', async () => {
    const { logger, lines } = keepingLogger()
    const rig = Rig.prepare({ logger })
    const storage = {
      ...Object.fromEntries(
        ['open', 'commit', 'window', 'find', 'settled', 'letters', 'records'].map(broken),
      ),
      ...Object.fromEntries(['position', 'lock', 'reload', 'tidy', 'close'].map(broken)),
      watch: () => () => undefined,
    }
    await expect(rig.open({ storage: storage as never })).rejects.toMatchObject({
      code: 'STORAGE_UNAVAILABLE',
    })
    expect(lines).toContainEqual(
      expect.stringMatching(/^info holdfast call\.rejected name=start code=/),
    )
  })
})

/** A method of a storage that fails. */
function broken(method: string): [string, () => Promise<never>] {
  return [method, () => Promise.reject(new Error(`${method} failed`))]
}

describe('a logger decides nothing:', () => {
  const withoutLogger = async () => eventfulLife()
  const linesOf = ({ journal }: { readonly journal: MemoryJournal }) => journal.lines()

  test('a journal has the same lines with and without a logger, and replays', async () => {
    const { logger } = keepingLogger()
    const [plain, logged] = [await withoutLogger(), await eventfulLife({ logger })]
    expect(linesOf(plain).length).toBeGreaterThan(50)
    expect(linesOf(logged)).toEqual(linesOf(plain))
    expect((await replay(linesOf(logged).join('\n'))).decided).toBeGreaterThan(20)
  })

  test('a replay writes no line', async () => {
    const { logger, lines } = keepingLogger()
    const rig = await eventfulLife({ logger })
    const { length } = lines
    await replay(rig.journal.lines().join('\n'))
    expect(length).toBeGreaterThan(20)
    expect(lines).toHaveLength(length)
  })

  test('no method is called while the engine is at work', async () => {
    const seen: string[] = []
    let rig: Rig | null = null
    const see = () => {
      // A call from within a piece of work would be answered later.
      rig?.holdfast.pause()
      seen.push(rig?.holdfast.status().lanes.flatMap(({ holds }) => holds)[0]?.name ?? '')
      rig?.holdfast.resume()
    }
    const { logger: kept } = keepingLogger()
    const logger = {
      ...kept,
      warn: (message: string) => {
        if (message.includes('operation.retrying')) see()
      },
    }
    rig = await Rig.start({ logger })
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    rig.last.reply(503)
    await rig.advance(10)
    expect(seen).toEqual(['paused'])
  })
})

describe('a logger that', () => {
  const failing = (fail: () => unknown): Logger => ({
    debug: fail as () => void,
    info: fail as () => void,
    warn: fail as () => void,
    error: fail as () => void,
  })

  test.each([
    [
      'throws',
      () => {
        throw new Error('no space left')
      },
    ],
    ['answers a promise that rejects', () => Promise.reject(new Error('no space left'))],
  ])('%s is told to the app once, and stops nothing', async (_how, fail) => {
    let calls = 0
    const logger = failing(() => {
      calls += 1
      return fail()
    })
    const rig = await eventfulLife({ logger })
    const errors = rig.eventsOf('error').map(({ error }) => error)
    expect(errors).toMatchObject([
      { code: 'APP_CODE_FAILED', cause: expect.objectContaining({ message: 'no space left' }) },
    ])
    expect(errors[0]?.message).toBe('the option logger threw')
    expect(rig.eventsOf('operation.dead')).toHaveLength(1)
    // Every line is tried: a full disk may have room later.
    expect(calls).toBeGreaterThan(20)
  })

  test('says by a throw whether it writes a level is told to the app once, and stops nothing', async () => {
    const logger: Logger = {
      ...keepingLogger().logger,
      isLevelEnabled: () => {
        throw new Error('no level')
      },
    }
    const rig = await eventfulLife({ logger })
    expect(rig.eventsOf('error')).toHaveLength(1)
    expect(rig.eventsOf('operation.dead')).toHaveLength(1)
  })

  test('works again gets the lines from then on', async () => {
    const lines: string[] = []
    let isFull = true
    const logger = failing((message = '') => {
      if (isFull) throw new Error('no space left')
      lines.push(message)
    })
    const rig = await Rig.start({ logger })
    isFull = false
    await rig.login('alice', 'a1')
    expect(lines).toContain('holdfast identity.changed user=alice former=null')
    expect(rig.eventsOf('error')).toHaveLength(1)
  })

  test.each(['debug', 'info', 'warn', 'error'])('has no method %s is refused', async (method) => {
    const { [method as 'debug']: _left, ...rest } = keepingLogger().logger
    await expect(Rig.prepare().open({ logger: rest as Logger })).rejects.toThrow(
      `createHoldfast: logger must have the method ${method}()`,
    )
  })
})

test('with pseudonyms a log has those of the journal, and no user id', async () => {
  const { logger, lines } = keepingLogger()
  const journal = ringJournal({ pseudonyms: true })
  const user = 'alice@example.com'
  const rig = await Rig.start({
    logger,
    logPseudonyms: true,
    journal,
    tokenSource: () => null,
  })
  await rig.login(user, 'a1')
  await rig.enqueue('one')
  rig.last.reply(401)
  await rig.advance(10)
  await rig.whileResting(rig.holdfast.logout())
  await rig.close()
  expect(lines.join('\n')).not.toContain('alice')
  const [pseudonym = ''] = /user-[\w-]{22}/.exec(journal.text()) ?? []
  expect(pseudonym).not.toBe('')
  const told = lines.flatMap((line) => line.match(/user-[\w-]{22}/g) ?? [])
  expect(told.length).toBeGreaterThan(5)
  expect([...new Set(told)]).toEqual([pseudonym])
  expect(lines).toContain(`debug holdfast ask.source user=${pseudonym} reason=refused`)
  expect(lines).toContainEqual(expect.stringContaining(`alarm.armed name=source:${pseudonym}`))
})
