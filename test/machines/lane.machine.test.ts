import { describe, expect, it } from 'vitest'
import { laneMachine } from '../../machines/lane.machine.ts'
import { laneTable } from './lane.table.ts'
import { runRow } from './run-table.ts'

describe('the lane machine', () => {
  it.each(laneTable.rows)('$name', (row) => {
    expect(runRow(laneMachine, laneTable, row)).toStrictEqual(row.expected)
  })
})
