/** The machines of the last few idle lanes rest: in the state they were made in, so that none can be told from a new one. */
import { describe, expect, test } from 'vitest'
import { laneMachine } from '../machines/lane.machine.ts'
import { MACHINES } from '../src/engine/pilot/machines.ts'
import { Lane } from '../src/engine/lanes/lane.ts'
import { Lanes } from '../src/engine/lanes/lanes.ts'
import type { EngineCommand } from '../src/engine/pilot/command.ts'
import { Pilot, type PilotParts, type Reminder } from '../src/engine/pilot/pilot.ts'
import type { LaneId } from '../src/model.ts'

const PAUSED = { name: 'paused', cause: 'a test', since: 0 } as const

function lineOf(lane: number): Lane {
  return new Lane(
    { lane: lane as LaneId, user: null, pending: 0, letters: 0, soloThrough: 0 },
    [],
    { pending: 0, letters: 0 },
  )
}

function make() {
  let madeCount = 0
  const lane = laneMachine.provide({})
  const getInitialSnapshot = lane.getInitialSnapshot.bind(lane)
  lane.getInitialSnapshot = (...args) => {
    madeCount += 1
    return getInitialSnapshot(...args)
  }
  const heard: EngineCommand[] = []
  const pilot = new Pilot({
    machines: { ...MACHINES, lane },
    settings: { concurrency: 4, anonymous: 'drop', whileUnknown: 'hold', hasSource: false },
    lanes: new Lanes(),
    machineFailed: (thrown: unknown) => {
      throw thrown
    },
  } as unknown as PilotParts)
  const run = (command: EngineCommand) => {
    heard.push(command)
    if (command.type === 'lane.idled') pilot.retire(lines.get(command.lane) as Lane)
  }
  pilot.start({ run }, {} as Reminder)
  pilot.queue({ type: 'storage.loaded' })
  heard.splice(0)
  const lines = new Map<LaneId, Lane>()
  /** One operation comes and goes, `holds` meanwhile. */
  const live = (line: Lane, holds = false) => {
    lines.set(line.id, line)
    pilot.startLane(line, holds ? [PAUSED] : [])
    if (holds) pilot.lane(line, { type: 'operations.gone' })
    else pilot.attemptEnded(line)
  }
  return { pilot, heard, live, madeCount: () => madeCount }
}

describe('a lane that was idle', () => {
  test('gets the machine it had, which answers as a new one', () => {
    const { heard, live, madeCount } = make()
    const line = lineOf(7)
    live(line)
    const first = heard.splice(0)
    live(line)
    expect(madeCount()).toBe(1)
    expect(heard).toEqual(first)
    expect(first.map(({ type }) => type)).toEqual(['attempt.requested', 'lane.idled'])
  })

  test('gets a new one where the one before was held as it idled: no hold outlives it', () => {
    const { heard, live, madeCount } = make()
    const line = lineOf(7)
    live(line, true)
    heard.splice(0)
    live(line)
    expect(madeCount()).toBe(2)
    expect(heard.map(({ type }) => type)).toContain('attempt.requested')
  })

  test('gets a new one where four others have been idle since', () => {
    const { live, madeCount } = make()
    for (const lane of [1, 2, 3, 4, 5]) live(lineOf(lane))
    expect(madeCount()).toBe(5)
    for (const lane of [5, 4, 3, 2]) live(lineOf(lane))
    expect(madeCount()).toBe(5)
    live(lineOf(1))
    expect(madeCount()).toBe(6)
  })

  test('has no machine while it rests: it is told nothing', () => {
    const { pilot, heard, live } = make()
    const line = lineOf(7)
    live(line)
    heard.splice(0)
    expect(pilot.hasLane(line)).toBe(false)
    pilot.lane(line, { type: 'hold.set', hold: PAUSED })
    expect(heard).toEqual([])
    live(line)
    expect(heard.map(({ type }) => type)).toContain('attempt.requested')
  })
})
