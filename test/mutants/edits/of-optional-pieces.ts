/**
 * Optional pieces left out: an operand, an `else`, a default, a `?.`, an `await`, a spread, a property, the last argument.
 */
import ts from '@typescript/typescript6'
import type { Replacement } from './edit.ts'
import { isTextForPeople, makesError } from './left-alone.ts'
import { replaced, withoutPart } from './replaced.ts'

const JOINING: ReadonlySet<ts.SyntaxKind> = new Set([
  ts.SyntaxKind.AmpersandAmpersandToken,
  ts.SyntaxKind.BarBarToken,
  ts.SyntaxKind.QuestionQuestionToken,
])

export function optionalEdits(node: ts.Node): readonly Replacement[] {
  if (ts.isBinaryExpression(node)) return operands(node)
  if (ts.isIfStatement(node)) return otherwise(node)
  if (ts.isParameter(node) || ts.isBindingElement(node)) return defaults(node)
  if (ts.isAwaitExpression(node)) return awaits(node)
  if (ts.isArrayLiteralExpression(node)) return without(node.elements, ts.isSpreadElement)
  if (ts.isObjectLiteralExpression(node))
    return without(node.properties, (property) => !isTextForPeople(property, false))
  if (ts.isPropertyAccessChain(node) || ts.isCallChain(node) || ts.isElementAccessChain(node))
    return [...chains(node), ...lastArgument(node)]
  return lastArgument(node)
}

function operands(node: ts.BinaryExpression): readonly Replacement[] {
  if (!JOINING.has(node.operatorToken.kind)) return []
  return [replaced(node, node.left.getText()), replaced(node, node.right.getText())]
}

function otherwise({ thenStatement, elseStatement }: ts.IfStatement): readonly Replacement[] {
  if (elseStatement === undefined) return []
  return [{ start: thenStatement.end, end: elseStatement.end, text: '' }]
}

function defaults(node: ts.ParameterDeclaration | ts.BindingElement): readonly Replacement[] {
  const { initializer, name } = node
  if (initializer === undefined) return []
  const before = ts.isParameter(node) ? (node.type ?? name) : name
  return [{ start: before.end, end: initializer.end, text: '' }]
}

/** Only if the result is not used: elsewhere the type would change. */
function awaits(node: ts.AwaitExpression): readonly Replacement[] {
  if (!ts.isExpressionStatement(node.parent)) return []
  return [replaced(node, node.expression.getText())]
}

function without<T extends ts.Node>(
  parts: ts.NodeArray<T>,
  isOptional: (part: T) => boolean,
): readonly Replacement[] {
  return parts.flatMap((part, nth) => (isOptional(part) ? [withoutPart(parts, nth)] : []))
}

type LinkedList = ts.PropertyAccessChain | ts.CallChain | ts.ElementAccessChain

function chains(node: LinkedList): readonly Replacement[] {
  const { questionDotToken: token } = node
  if (token === undefined) return []
  return [replaced(token, ts.isPropertyAccessChain(node) ? '.' : '')]
}

function lastArgument(node: ts.Node): readonly Replacement[] {
  const isCall = ts.isCallExpression(node) || ts.isNewExpression(node)
  if (!isCall || makesError(node)) return []
  const { arguments: given } = node
  const last = given?.at(-1)
  if (given === undefined || last === undefined || isTextForPeople(last, false)) return []
  return [withoutPart(given, given.length - 1)]
}
