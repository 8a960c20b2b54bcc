/** The commands of all machines run in the order in which they were emitted, each to its end before the next. */
import { expect, test } from 'vitest'
import { enqueueActions, setup } from 'xstate'
import { Lanes } from '../src/engine/lanes/lanes.ts'
import type { EngineCommand } from '../src/engine/pilot/command.ts'
import { MACHINES } from '../src/engine/pilot/machines.ts'
import { Pilot, type PilotParts, type Reminder } from '../src/engine/pilot/pilot.ts'

interface Told {
  readonly type: 'told'
  readonly emits: readonly string[]
}

/** A machine that emits what it is told to emit. */
const echo = setup({
  types: { events: {} as Told, emitted: {} as { readonly type: string } },
}).createMachine({
  on: {
    told: {
      actions: enqueueActions(({ event, enqueue }) => {
        for (const type of event.emits) enqueue.emit({ type })
      }),
    },
  },
})

/** `react`: what running a command leads to. */
function start(react: (name: string, pilot: Pilot, tell: (...emits: string[]) => void) => void) {
  const pilot = new Pilot({
    machines: { ...MACHINES, identity: echo },
    settings: { concurrency: 4 },
    lanes: new Lanes(),
    machineFailed: (thrown: unknown) => {
      throw thrown
    },
  } as unknown as PilotParts)
  const tell = (...emits: string[]) => pilot.identity({ type: 'told', emits } as never)
  pilot.start({ run: ({ type }: EngineCommand) => react(type, pilot, tell) }, {} as Reminder)
  return { pilot, tell }
}

test('a command that another command leads to waits until that command has run', () => {
  const seen: string[] = []
  const { tell } = start((name, _pilot, tellAgain) => {
    seen.push(`${name} begins`)
    if (name === 'first') tellAgain('third')
    seen.push(`${name} ends`)
  })
  tell('first', 'second')
  expect(seen).toEqual(
    ['first', 'second', 'third'].flatMap((name) => [`${name} begins`, `${name} ends`]),
  )
})

test('longer work begins when no command is left, though a command led to it', () => {
  const seen: string[] = []
  const { tell } = start((name, pilot, tellAgain) => {
    seen.push(name)
    if (name !== 'first') return
    tellAgain('third')
    pilot.whenIdle(() => seen.push('work'))
  })
  tell('first', 'second')
  expect(seen).toEqual(['first', 'second', 'third', 'work'])
})

test('a command that begins longer work waits behind the commands that were emitted after it', () => {
  const seen: string[] = []
  const { tell } = start((name) => void seen.push(name))
  tell('attempt.requested', 'first', 'source.ask', 'second')
  expect(seen).toEqual(['first', 'second', 'attempt.requested', 'source.ask'])
})

test('a fault in a command keeps no other command from running, and is told afterwards (E3)', () => {
  const seen: string[] = []
  const { tell } = start((name) => {
    seen.push(name)
    if (name === 'first') throw new Error('a fault')
  })
  expect(() => tell('first', 'second')).toThrow('a fault')
  expect(seen).toEqual(['first', 'second'])
})
