/** Helpers that make replacements. */
import type ts from '@typescript/typescript6'
import type { Replacement } from './edit.ts'

/** Another text in the place of a node. */
export function replaced(node: ts.Node, text: string): Replacement {
  return { start: node.getStart(), end: node.end, text }
}

/** Removes one part of a list, and the comma beside it. */
export function withoutPart(parts: ts.NodeArray<ts.Node>, nth: number): Replacement {
  const [before, part, behind] = [parts[nth - 1], parts[nth], parts[nth + 1]]
  if (part === undefined) throw new RangeError(`there is no part ${nth}`)
  if (behind !== undefined) return { start: part.getStart(), end: behind.getStart(), text: '' }
  if (before !== undefined) return { start: before.end, end: part.end, text: '' }
  // The end of the list is behind its last comma.
  return { start: part.getStart(), end: parts.end, text: '' }
}
