import { describe, expect, it } from 'vitest'
import { queueMachine } from '../../machines/queue.machine.ts'
import { queueTable } from './queue.table.ts'
import { named, runRow } from './run-table.ts'

describe('the queue machine', () => {
  it.each(named(queueTable))('%s', (_name, row) => {
    expect(runRow(queueMachine, queueTable, row)).toStrictEqual(row.expected)
  })
})
