/**
 * Every edit of a source text, in the order of their places. Types, imports, comments and texts for people are left
 * alone: an edit of them changes no decision of the engine.
 */
import { createHash } from 'node:crypto'
import ts from '@typescript/typescript6'
import { type Edit, type Replacement, shown } from './edit.ts'
import { isTextForPeople, isTypeOnly, makesError } from './left-alone.ts'
import { callEdits } from './of-calls.ts'
import { conditionEdits } from './of-conditions.ts'
import { literalEdits } from './of-literals.ts'
import { operatorEdits } from './of-operators.ts'
import { optionalEdits } from './of-optional-pieces.ts'
import { returnEdits } from './of-returns.ts'
import { statementEdits } from './of-statements.ts'

type Make = (node: ts.Node) => readonly Replacement[]

/** Ten thousand edits need so many hexadecimal digits for ids that are all different. */
const ID_DIGITS = 12

/** The classes by their names. If two classes make the same edit, it belongs to the first. */
const CLASSES: readonly (readonly [string, Make])[] = [
  ['operator', operatorEdits],
  ['condition', conditionEdits],
  ['literal', literalEdits],
  ['statement', statementEdits],
  ['return', returnEdits],
  ['call', callEdits],
  ['optional', optionalEdits],
]

export function editsOf(file: string, text: string): readonly Edit[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
  /** The key is the change of the text: two classes may derive the same change. */
  const edits = new Map<string, Omit<Edit, 'id'>>()
  const visit = (node: ts.Node, isInError: boolean): void => {
    if (isTypeOnly(node) || isTextForPeople(node, isInError)) return
    for (const [kind, make] of CLASSES) {
      for (const replacement of make(node)) {
        const key = smallest(text, replacement)
        if (key !== null && !edits.has(key)) edits.set(key, { kind, file, ...replacement })
      }
    }
    ts.forEachChild(node, (child) => visit(child, isInError || makesError(node)))
  }
  visit(source, false)
  return withIds(
    [...edits.values()].toSorted((one, other) => one.start - other.start),
    text,
  )
}

function withIds(edits: readonly Omit<Edit, 'id'>[], text: string): readonly Edit[] {
  const counts = new Map<string, number>()
  return edits.map((edit) => {
    const { before, after } = shown(text, edit)
    const change = JSON.stringify([edit.file, before.trim(), after.trim()])
    const count = counts.get(change) ?? 0
    counts.set(change, count + 1)
    const id = createHash('sha256').update(`${count} ${change}`).digest('hex').slice(0, ID_DIGITS)
    return { ...edit, id }
  })
}

/** The change without the text that stays the same at its ends; null: the edit changes nothing. */
function smallest(text: string, { start, end, text: put }: Replacement): string | null {
  const before = text.slice(start, end)
  const most = Math.min(before.length, put.length)
  let same = 0
  while (same < most && before[same] === put[same]) same += 1
  let sameAtEnd = 0
  while (sameAtEnd < most - same && before.at(-1 - sameAtEnd) === put.at(-1 - sameAtEnd))
    sameAtEnd += 1
  if (before === put) return null
  return `${start + same}:${end - sameAtEnd}:${put.slice(same, put.length - sameAtEnd)}`
}
