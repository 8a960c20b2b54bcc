/** The parts of a file that no edit touches. */
import ts from '@typescript/typescript6'

/** True if nothing of the node is there when the program runs, or the node says only where another file is. */
export function isTypeOnly(node: ts.Node): boolean {
  return (
    ts.isTypeNode(node) ||
    ts.isInterfaceDeclaration(node) ||
    ts.isTypeAliasDeclaration(node) ||
    ts.isTypeParameterDeclaration(node) ||
    ts.isImportDeclaration(node) ||
    ts.isExportDeclaration(node)
  )
}

/**
 * True if the node is a text that people read: the message of an error, the value of a variable or a property named
 * `message`, or a text of several words. `isInError`: the node is in the arguments of an error.
 */
export function isTextForPeople(node: ts.Node, isInError: boolean): boolean {
  const isNamed =
    ts.isVariableDeclaration(node) ||
    ts.isPropertyAssignment(node) ||
    ts.isShorthandPropertyAssignment(node)
  if (isNamed && node.name.getText() === 'message') return true
  const parts = partsOf(node)
  return parts !== null && (isInError || parts.some((part) => part.includes(' ')))
}

/** True if the node makes an error. */
export function makesError(node: ts.Node): boolean {
  return ts.isNewExpression(node) && node.expression.getText().endsWith('Error')
}

/** The literal parts of a text; null: the node is no text. */
function partsOf(node: ts.Node): readonly string[] | null {
  if (ts.isStringLiteralLike(node)) return [node.text]
  if (!ts.isTemplateExpression(node)) return null
  return [node.head.text, ...node.templateSpans.map(({ literal }) => literal.text)]
}
