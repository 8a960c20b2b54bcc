import { describe, expect, it } from 'vitest'
import { identityMachine } from '../../machines/identity.machine.ts'
import { identityTable } from './identity.table.ts'
import { named, runRow } from './run-table.ts'

describe('the identity machine', () => {
  it.each(named(identityTable))('%s', (_name, row) => {
    expect(runRow(identityMachine, identityTable, row)).toStrictEqual(row.expected)
  })
})
