import { describe, expect, it } from 'vitest'
import { identityMachine } from '../../machines/identity.machine.ts'
import { identityTable } from './identity.table.ts'
import { runRow } from './run-table.ts'

describe('the identity machine', () => {
  it.each(identityTable.rows)('$name', (row) => {
    expect(runRow(identityMachine, identityTable, row)).toStrictEqual(row.expected)
  })
})
