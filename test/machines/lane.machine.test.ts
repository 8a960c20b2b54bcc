import { describe, expect, it } from 'vitest'
import { laneMachine } from '../../machines/lane.machine.ts'
import { laneTable } from './lane.table.ts'
import { named, runRow } from './run-table.ts'

describe('the lane machine', () => {
  it.each(named(laneTable))('%s', (_name, row) => {
    expect(runRow(laneMachine, laneTable, row)).toStrictEqual(row.expected)
  })
})
