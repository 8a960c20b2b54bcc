/** Reads a tree: a checkout of the project, in this state or in an older one. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The folders whose files are edited. */
const FOLDERS = ['src/engine']
const SCENARIOS = 'test/scenarios'

/** The text of each file, by its path from the root of the tree with `/` on every system. */
export type Sources = ReadonlyMap<string, string>

export function readSources(tree: string): Sources {
  const files = FOLDERS.flatMap((folder) =>
    readdirSync(join(tree, folder), { recursive: true, encoding: 'utf8' })
      .map((name) => `${folder}/${name.replaceAll('\\', '/')}`)
      .filter((file) => file.endsWith('.ts'))
      .toSorted(),
  )
  return new Map(files.map((file) => [file, readFileSync(join(tree, file), 'utf8')]))
}

/** The files of the scenarios, from the root of the tree. */
export function scenariosOf(tree: string): readonly string[] {
  return readdirSync(join(tree, SCENARIOS))
    .filter((name) => name.endsWith('.yaml'))
    .toSorted()
    .map((name) => `${SCENARIOS}/${name}`)
}
