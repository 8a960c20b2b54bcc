/**
 * Nothing in a machine is decorative: whatever is removed from one (a transition, an entry or exit
 * action, an action of a transition, a guard), a row of its table notices.
 */
import { isDeepStrictEqual } from 'node:util'
import { type AnyStateMachine, setup } from 'xstate'
import { afterAll, describe, expect, it } from 'vitest'
import { identityMachine } from '../../machines/identity.machine.ts'
import { laneMachine } from '../../machines/lane.machine.ts'
import { queueMachine } from '../../machines/queue.machine.ts'
import { tokenMachine } from '../../machines/token.machine.ts'
import { identityTable } from './identity.table.ts'
import { laneTable } from './lane.table.ts'
import { queueTable } from './queue.table.ts'
import { rebuilt, removals } from './removals.ts'
import { runRow, type Table } from './run-table.ts'
import { tokenTable } from './token.table.ts'

const counts = new Map<string, number>()

function isNoticed<Machine extends AnyStateMachine>(
  changed: AnyStateMachine,
  table: Table<Machine>,
): boolean {
  return table.rows.some((row) => {
    try {
      return !isDeepStrictEqual(runRow(changed, table, row), row.expected)
    } catch {
      return true
    }
  })
}

function testRemovals<Machine extends AnyStateMachine>(machine: Machine, table: Table<Machine>) {
  describe(`the ${machine.id} machine`, () => {
    it('put together again with nothing removed does all that its table says', () => {
      expect(isNoticed(rebuilt(machine), table)).toBe(false)
    })

    it('has nothing that can be removed unnoticed', () => {
      const made = [...removals(machine)]
      counts.set(machine.id, made.length)
      const unnoticed = made.filter((removal) => !isNoticed(removal.machine, table))
      expect(unnoticed.map(({ name }) => name)).toStrictEqual([])
      expect(made.length).toBeGreaterThan(0)
    })
  })
}

it('a decorative transition, action or guard would be named', () => {
  const guards = { always: () => true, never: () => false }
  const actions = { nothing: () => undefined }
  const machine = setup({ guards, actions }).createMachine({
    id: 'door',
    initial: 'shut',
    states: {
      shut: { exit: 'nothing', on: { push: [{ guard: 'always', target: 'open' }] } },
      open: { on: { push: { guard: 'never', target: 'shut' } } },
    },
  })
  const table: Table<typeof machine> = {
    input: {},
    rows: [
      {
        name: 'a push opens it',
        given: [],
        when: { type: 'push' },
        expected: { value: 'open', commands: [] },
      },
      {
        name: 'a second push leaves it open',
        given: [{ type: 'push' }],
        when: { type: 'push' },
        expected: { value: 'open', commands: [] },
      },
    ],
  }
  const unnoticed = [...removals(machine)].filter((removal) => !isNoticed(removal.machine, table))
  expect(unnoticed.map(({ name }) => name)).toStrictEqual([
    'door.shut: exit / nothing',
    'door.shut: push [always]: the guard always',
    'door.open: push [never]',
  ])
})

testRemovals(identityMachine, identityTable)
testRemovals(tokenMachine, tokenTable)
testRemovals(laneMachine, laneTable)
testRemovals(queueMachine, queueTable)

afterAll(() => {
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0)
  const each = [...counts].map(([id, count]) => `${id} ${count}`).join(', ')
  process.stdout.write(`\nremovals made, each noticed by a row: ${total} (${each})\n`)
})
