/**
 * Finds the place of a mutant in the engine, and never takes the next best: a mutant that has no place, or several,
 * is an error, because it would rot unseen.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import ts from '@typescript/typescript6'
import type { Mutant } from './mutant.ts'

const ROOT = new URL('../../', import.meta.url)
const FOLDERS = ['machines', 'storage', 'src']
/** The simulator must find faults of the engine; it has none of them itself. */
const NOT_THE_ENGINE = /^src\/(?:simulation|cli)\//

/** The text of each file of the engine, by its path from the root of the project with `/` on every system. */
type Files = ReadonlyMap<string, string>

interface Place {
  readonly file: string
  readonly start: number
}

interface Mutated {
  readonly file: string
  /** The text of the file with the fault in it. */
  readonly text: string
}

/** Read once: it is the same for the whole process. */
let engine: Files | undefined
const known = new Map<string, Mutated>()

/** The file of a mutant with the fault in it. */
export function mutated(mutant: Mutant): Mutated {
  engine ??= readEngine()
  const found = known.get(mutant.id) ?? mutate(mutant, engine)
  known.set(mutant.id, found)
  return found
}

/** @throws {Error} naming the mutant, if its text is not in such a function exactly once. */
export function mutate(mutant: Mutant, files: Files): Mutated {
  const places = placesOf(mutant, files)
  const [place] = places
  if (place === undefined || places.length > 1) {
    const seen = places.map(({ file, start }) => `${file}:${lineOf(files.get(file), start)}`)
    const where = seen.length === 0 ? '' : ` (${seen.join(', ')})`
    throw new Error(
      `mutant ${mutant.id}: the text it replaces must be once in what is named ${mutant.in}, and is ${places.length} times${where}`,
    )
  }
  const { file, start } = place
  const text = files.get(file) ?? ''
  const end = start + mutant.find.length
  return { file, text: text.slice(0, start) + mutant.replace + text.slice(end) }
}

function placesOf({ in: name, find }: Mutant, files: Files): readonly Place[] {
  return [...files].flatMap(([file, text]) => {
    // Most files have neither, and reading them as text is much faster than parsing them.
    if (!text.includes(find) || !text.includes(name)) return []
    const starts = new Set<number>()
    for (const [from, to] of extentsOf(name, file, text)) {
      for (let at = text.indexOf(find, from); at !== -1; at = text.indexOf(find, at + 1)) {
        if (at + find.length > to) break
        starts.add(at)
      }
    }
    return [...starts].map((start) => ({ file, start }))
  })
}

/** From where to where everything of this name reaches, without the comments before it. */
function extentsOf(
  name: string,
  file: string,
  text: string,
): readonly (readonly [number, number])[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
  const extents: (readonly [number, number])[] = []
  const visit = (node: ts.Node): void => {
    if (namesOf(node).includes(name)) extents.push([node.getStart(source), node.end])
    ts.forEachChild(node, visit)
  }
  visit(source)
  return extents
}

/** The names by which a mutant may name this part of a file. */
function namesOf(node: ts.Node): readonly string[] {
  if (ts.isConstructorDeclaration(node)) return textsOf(node.parent.name)
  if (ts.isVariableStatement(node)) {
    const { declarations } = node.declarationList
    const isTop = ts.isSourceFile(node.parent)
    const named = declarations.filter(({ initializer }) => isTop || isFunction(initializer))
    return named.flatMap((one) => textsOf(one.name))
  }
  if (ts.isPropertyAssignment(node)) return isFunction(node.initializer) ? textsOf(node.name) : []
  const isNamed =
    ts.isFunctionDeclaration(node) ||
    ts.isMethodDeclaration(node) ||
    ts.isAccessor(node) ||
    ts.isPropertyDeclaration(node)
  return isNamed ? textsOf(node.name) : []
}

function isFunction(node: ts.Expression | undefined): boolean {
  return node !== undefined && (ts.isArrowFunction(node) || ts.isFunctionExpression(node))
}

function textsOf(name: ts.Node | undefined): readonly string[] {
  if (name === undefined) return []
  const isPlain = ts.isIdentifier(name) || ts.isPrivateIdentifier(name) || ts.isStringLiteral(name)
  return isPlain ? [name.text] : []
}

function lineOf(text: string | undefined, start: number): number {
  return (text ?? '').slice(0, start).split('\n').length
}

function readEngine(): Files {
  const files = FOLDERS.flatMap((folder) =>
    readdirSync(fileURLToPath(new URL(folder, ROOT)), { recursive: true, encoding: 'utf8' })
      .map((name) => `${folder}/${name.replaceAll('\\', '/')}`)
      .filter((file) => file.endsWith('.ts') && !NOT_THE_ENGINE.test(file)),
  )
  return new Map(files.map((file) => [file, readFileSync(new URL(file, ROOT), 'utf8')]))
}
