/** Another value returned: one that the written type of the function allows. */
import ts from '@typescript/typescript6'
import type { Replacement } from './edit.ts'
import { isEquality, isNegation, negated } from './of-conditions.ts'
import { replaced } from './replaced.ts'

export function returnEdits(node: ts.Node): readonly Replacement[] {
  const value = valueOf(node)
  if (value === undefined) return []
  const type = typeOf(node)
  const others: string[] = []
  if (/\b(?:undefined|void)\b/.test(type) || type === '') others.push('undefined')
  if (/\bnull\b/.test(type)) others.push('null')
  if (type.endsWith('[]')) others.push('[]')
  if (/^string\b/.test(type)) others.push("''")
  if (/^number\b/.test(type) && !ts.isNumericLiteral(value)) others.push(`(${value.getText()}) + 1`)
  // The classes of the operators and of the literals change the other truth values.
  const isTruth = /^boolean\b|\bis\b/.test(type)
  if (isTruth && !isNegation(value) && !isEquality(value) && !isTruthLiteral(value))
    others.push(negated(value))
  return others.map((other) => replaced(value, other))
}

/** The value that a `return`, or an arrow function without a block, returns. */
function valueOf(node: ts.Node): ts.Expression | undefined {
  if (ts.isReturnStatement(node)) return node.expression
  return ts.isArrowFunction(node) && !ts.isBlock(node.body) ? node.body : undefined
}

/** The written type of the value; of a promise, the type of its result; empty: the function states no type. */
function typeOf(node: ts.Node): string {
  let around: ts.Node | undefined = node
  while (around !== undefined && !ts.isFunctionLike(around)) around = around.parent
  const type = around?.type?.getText() ?? ''
  return /^Promise<(?<inner>.*)>$/s.exec(type)?.groups?.['inner'] ?? type
}

function isTruthLiteral({ kind }: ts.Node): boolean {
  return kind === ts.SyntaxKind.TrueKeyword || kind === ts.SyntaxKind.FalseKeyword
}
