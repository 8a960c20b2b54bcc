/** The source files as text, and what they import. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

interface Import {
  /** A path from the root of the project, or the name of a package. */
  readonly from: string
  /** Nothing but types is imported. */
  readonly isType: boolean
}

export interface Source {
  /** From the root of the project, with `/` on every system. */
  readonly path: string
  readonly lineCount: number
  /** The text without comments. */
  readonly code: string
  readonly imports: readonly Import[]
}

const IMPORT = /^(?:import|export)\s+(type\s)?(?:[^'"`;]*?\sfrom\s+)?'([^']+)'/gm

/** Every TypeScript file in these folders, but for what other tests write meanwhile (`.tmp`). */
export function sourcesIn(...folders: readonly string[]): Source[] {
  return folders.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !name.startsWith('.'))
      .sort()
      .map((name) => readSource(posixPath(join(folder, name)))),
  )
}

function readSource(path: string): Source {
  const text = readFileSync(join(ROOT, path), 'utf8')
  const imports = [...text.matchAll(IMPORT)].map(([, type, from = '']) => ({
    isType: type !== undefined,
    from: from.startsWith('.')
      ? posixPath(relative(ROOT, resolve(ROOT, dirname(path), from)))
      : from,
  }))
  return { path, lineCount: text.split('\n').length - 1, code: withoutComments(text), imports }
}

function posixPath(path: string): string {
  return path.replaceAll('\\', '/')
}

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/(^|\s)\/\/.*$/gm, '$1')
}

/** The circles among these files, each as the paths along it; `ofTypes`: also where only types are imported. */
export function circlesAmong(sources: readonly Source[], ofTypes = false): string[][] {
  const byPath = new Map(sources.map((source) => [source.path, source]))
  const done = new Set<string>()
  const circles: string[][] = []
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path)
    if (start !== -1) {
      circles.push([...trail.slice(start), path])
      return
    }
    if (done.has(path)) return
    for (const { from, isType } of byPath.get(path)?.imports ?? []) {
      if ((ofTypes || !isType) && byPath.has(from)) visit(from, [...trail, path])
    }
    done.add(path)
  }
  for (const { path } of sources) visit(path, [])
  return circles
}

/** Folders that import each other's values, unless one contains the other: each pair once, with `<->` between them. */
export function pairsAmong(sources: readonly Source[]): string[] {
  const arrows = new Set<string>()
  for (const { path, imports } of sources) {
    for (const { from, isType } of imports) {
      if (!isType && from.includes('/')) arrows.add(`${dirname(path)} -> ${dirname(from)}`)
    }
  }
  return [...arrows].flatMap((arrow) => {
    const [one = '', other = ''] = arrow.split(' -> ')
    const isInside = one.startsWith(`${other}/`) || other.startsWith(`${one}/`)
    const isPair = one < other && !isInside && arrows.has(`${other} -> ${one}`)
    return isPair ? [`${one} <-> ${other}`] : []
  })
}
