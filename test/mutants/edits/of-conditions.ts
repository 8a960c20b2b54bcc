/** Conditions negated. */
import ts from '@typescript/typescript6'
import type { Replacement } from './edit.ts'
import { replaced } from './replaced.ts'

export function conditionEdits(node: ts.Node): readonly Replacement[] {
  const condition = conditionOf(node)
  // The edit of its operator has the same effect.
  if (condition === undefined || isNegation(condition) || isEquality(condition)) return []
  return [replaced(condition, negated(condition))]
}

export function negated(expression: ts.Expression): string {
  const text = expression.getText()
  return ts.isLeftHandSideExpression(expression) ? `!${text}` : `!(${text})`
}

export function isNegation(node: ts.Node): boolean {
  return ts.isPrefixUnaryExpression(node) && node.operator === ts.SyntaxKind.ExclamationToken
}

export function isEquality(node: ts.Node): boolean {
  return ts.isBinaryExpression(node) && /^[!=]==$/.test(node.operatorToken.getText())
}

function conditionOf(node: ts.Node): ts.Expression | undefined {
  if (ts.isIfStatement(node) || ts.isWhileStatement(node) || ts.isDoStatement(node))
    return node.expression
  if (ts.isConditionalExpression(node) || ts.isForStatement(node)) return node.condition
  return undefined
}
