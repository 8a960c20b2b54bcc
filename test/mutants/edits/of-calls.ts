/** Another method called, or a call in a chain left out. */
import ts from '@typescript/typescript6'
import type { Replacement } from './edit.ts'
import { replaced } from './replaced.ts'

const OTHERS: ReadonlyMap<string, string> = new Map([
  ['min', 'max'],
  ['max', 'min'],
  ['ceil', 'floor'],
  ['floor', 'ceil'],
  ['some', 'every'],
  ['every', 'some'],
  ['find', 'findLast'],
  ['findLast', 'find'],
  ['push', 'unshift'],
  ['unshift', 'push'],
  ['pop', 'shift'],
  ['shift', 'pop'],
  ['startsWith', 'endsWith'],
  ['endsWith', 'startsWith'],
])

/** Methods whose result has the type of the object on which they are called. */
const LEFT_OUT: ReadonlySet<string> = new Set([
  'filter',
  'slice',
  'sort',
  'toSorted',
  'reverse',
  'toReversed',
  'trim',
])

export function callEdits(node: ts.Node): readonly Replacement[] {
  if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return []
  const { name, expression: target } = node.expression
  const other = OTHERS.get(name.text)
  if (other !== undefined) return [replaced(name, other)]
  return LEFT_OUT.has(name.text) ? [{ start: target.end, end: node.end, text: '' }] : []
}
