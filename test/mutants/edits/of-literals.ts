/** Literals changed: another number, the other truth value, an empty text, an empty list. */
import ts from '@typescript/typescript6'
import type { Replacement } from './edit.ts'
import { replaced } from './replaced.ts'

export function literalEdits(node: ts.Node): readonly Replacement[] {
  if (ts.isNumericLiteral(node)) return [replaced(node, otherNumber(Number(node.text)))]
  if (node.kind === ts.SyntaxKind.TrueKeyword) return [replaced(node, 'false')]
  if (node.kind === ts.SyntaxKind.FalseKeyword) return [replaced(node, 'true')]
  if (ts.isArrayLiteralExpression(node)) return [replaced(node, '[]')]
  if (ts.isTemplateExpression(node)) return [replaced(node, "''")]
  if (!ts.isStringLiteralLike(node) || isName(node)) return []
  return [replaced(node, node.text === '' ? "'x'" : "''")]
}

/** Twice the value, because one more than a large number is a fault that hardly matters. */
function otherNumber(value: number): string {
  if (value === 0) return '1'
  return value === 1 ? '0' : String(value * 2)
}

/** True if the text only says which property is meant. */
function isName(node: ts.StringLiteralLike): boolean {
  const { parent } = node
  const isKey = ts.isPropertyAssignment(parent) && parent.name === node
  return isKey || ts.isComputedPropertyName(parent) || ts.isElementAccessExpression(parent)
}
