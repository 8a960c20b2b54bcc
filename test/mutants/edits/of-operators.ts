/** Operators swapped. */
import ts from '@typescript/typescript6'
import type { Replacement } from './edit.ts'
import { replaced } from './replaced.ts'

/** A comparison becomes the nearest other one, because tests seldom try the limit itself. */
const SWAPPED: ReadonlyMap<string, string> = new Map([
  ['===', '!=='],
  ['!==', '==='],
  ['<', '<='],
  ['<=', '<'],
  ['>', '>='],
  ['>=', '>'],
  ['&&', '||'],
  ['||', '&&'],
  ['+', '-'],
  ['-', '+'],
  ['*', '/'],
  ['/', '*'],
  ['%', '*'],
  ['+=', '-='],
  ['-=', '+='],
  ['??=', '='],
  ['||=', '='],
  ['&&=', '='],
])

type OfOne = ts.PrefixUnaryExpression | ts.PostfixUnaryExpression

const OF_ONE: ReadonlyMap<string, (node: OfOne) => string> = new Map([
  ['!', ({ operand }) => operand.getText()],
  ['-', ({ operand }) => operand.getText()],
  ['++', (node) => node.getText().replace('++', '--')],
  ['--', (node) => node.getText().replace('--', '++')],
])

export function operatorEdits(node: ts.Node): readonly Replacement[] {
  if (ts.isBinaryExpression(node)) {
    const { operatorToken: token } = node
    const other = SWAPPED.get(token.getText())
    return other === undefined ? [] : [replaced(token, other)]
  }
  if (!ts.isPrefixUnaryExpression(node) && !ts.isPostfixUnaryExpression(node)) return []
  const other = OF_ONE.get(ts.tokenToString(node.operator) ?? '')
  return other === undefined ? [] : [replaced(node, other(node))]
}
