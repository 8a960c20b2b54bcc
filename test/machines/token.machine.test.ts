import { describe, expect, it } from 'vitest'
import { tokenMachine } from '../../machines/token.machine.ts'
import { tokenTable } from './token.table.ts'
import { runRow } from './run-table.ts'

describe('the token machine', () => {
  it.each(tokenTable.rows)('$name', (row) => {
    expect(runRow(tokenMachine, tokenTable, row)).toStrictEqual(row.expected)
  })
})
