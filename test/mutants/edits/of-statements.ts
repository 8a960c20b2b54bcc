/** Statements removed: calls, assignments, and statements that leave a function or a loop early. */
import ts from '@typescript/typescript6'
import type { Replacement } from './edit.ts'
import { replaced } from './replaced.ts'

/** An empty statement, which may stand wherever a statement may. */
const NOTHING = ';'

export function statementEdits(node: ts.Node): readonly Replacement[] {
  const isLeaving =
    ts.isThrowStatement(node) ||
    ts.isBreakOrContinueStatement(node) ||
    (ts.isReturnStatement(node) && node.expression === undefined)
  const isDoing = ts.isExpressionStatement(node) && !isSuper(node.expression)
  return isLeaving || isDoing ? [replaced(node, NOTHING)] : []
}

function isSuper(node: ts.Expression): boolean {
  return ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.SuperKeyword
}
