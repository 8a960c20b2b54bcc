import { describe, expect, it } from 'vitest'
import { tokenMachine } from '../../machines/token.machine.ts'
import { tokenTable } from './token.table.ts'
import { named, runRow } from './run-table.ts'

describe('the token machine', () => {
  it.each(named(tokenTable))('%s', (_name, row) => {
    expect(runRow(tokenMachine, tokenTable, row)).toStrictEqual(row.expected)
  })
})
