/** What the documentation says, taken out of its Markdown. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** A file of this project, by its path from the root. */
export function projectText(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}

/** The text below a heading, up to the next one of the same or a higher level. */
export function sectionOf(markdown: string, heading: string): string {
  const lines = linesWithoutCode(markdown)
  const start = lines.indexOf(heading)
  if (start === -1) throw new Error(`there is no heading ${heading}`)
  const level = /^#+/.exec(heading)?.[0].length ?? 1
  const isEnd = (line: string) => new RegExp(`^#{1,${level}} `).test(line)
  const length = lines.slice(start + 1).findIndex(isEnd)
  const all = markdown.split('\n').slice(start + 1)
  return (length === -1 ? all : all.slice(0, length)).join('\n')
}

/** The code blocks of one language, in order. */
export function codeBlocks(markdown: string, language: string): string[] {
  const block = new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\`$`, 'gm')
  return Array.from(markdown.matchAll(block), ([, code]) => code ?? '')
}

/** The rows of every table, each by the names of its columns; the heads are not among them. */
export function tableRows(markdown: string): Readonly<Record<string, string>>[] {
  const rows: Record<string, string>[] = []
  let columns: readonly string[] | null = null
  for (const line of markdown.split('\n')) {
    if (!line.startsWith('|')) columns = null
    else if (columns === null) columns = cellsOf(line)
    else if (!/^\|[\s|:-]*$/.test(line)) {
      const cells = cellsOf(line)
      rows.push(Object.fromEntries(columns.map((column, index) => [column, cells[index] ?? ''])))
    }
  }
  return rows
}

/** What stands in backticks, each. */
export function codeIn(cell: string | undefined): string[] {
  return Array.from((cell ?? '').matchAll(/`([^`]+)`/g), ([, code]) => code ?? '')
}

/** Targets of links to files of this project, without their fragments. */
export function linkedFiles(markdown: string): string[] {
  return Array.from(
    markdown.matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g),
    ([, target]) => target ?? '',
  ).filter((target) => !target.includes('://'))
}

/** A `#` in a code block is no heading. */
function linesWithoutCode(markdown: string): string[] {
  let isCode = false
  return markdown.split('\n').map((line) => {
    if (line.startsWith('```')) isCode = !isCode
    return isCode ? '' : line
  })
}

function cellsOf(line: string): string[] {
  return line
    .replace(/^\|/, '')
    .replace(/\|\s*$/, '')
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim().replaceAll('\\|', '|'))
}
