// docs/rules.md: of each rule one line, and the scenarios and tests that show it. The lines are written
// by hand, in the file itself; the lists are found: a scenario names its rules in its file name and in its
// name, a test in its titles and comments.
//
//   npm run docs:check    compare, fail with the command that brings it up to date
//   npm run docs:rules    write it

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { format, resolveConfig } from 'prettier'

const file = 'docs/rules.md'
const ROW = /^\| ([A-Z]\d+) +\| (.+?) +\| .* \|$/

interface Shown {
  readonly path: string
  readonly rules: ReadonlySet<string>
}

function filesIn(folder: string, ending: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending))
    .map((name) => join(folder, name).replaceAll('\\', '/'))
    .sort()
}

/** Rules as they are cited: alone, or in a list, as in `// Q2, Q9` or `(I7)`; `Q4 to Q9` is all of them. */
function rulesIn(text: string): ReadonlySet<string> {
  const cited = new Set(text.match(/\b[QITRGSU]\d{1,2}\b/g))
  for (const [, family, from, to] of text.matchAll(/\b([QITRGSU])(\d+) to \1(\d+)\b/g)) {
    for (let n = Number(from); n <= Number(to); n += 1) cited.add(`${family ?? ''}${n}`)
  }
  return cited
}

function scenarios(): Shown[] {
  return filesIn('test/scenarios', '.yaml').map((path) => {
    const [, inName = ''] = /([a-z]\d+)-[^/]*$/.exec(path) ?? []
    const [, title = ''] = /^name: (.*)$/m.exec(readFileSync(path, 'utf8')) ?? []
    return { path, rules: new Set([inName.toUpperCase(), ...rulesIn(title)]) }
  })
}

function tests(): Shown[] {
  return filesIn('test', '.test.ts').map((path) => ({
    path,
    rules: rulesIn(readFileSync(path, 'utf8')),
  }))
}

function linksOf(rule: string, shown: readonly Shown[]): string {
  const links = shown
    .filter(({ rules }) => rules.has(rule))
    .map(({ path }) => `[${path.replace(/^.*\//, '').replace(/\.yaml$/, '')}](../${path})`)
  return links.length === 0 ? '–' : links.join('<br>')
}

async function text(current: string): Promise<string> {
  const allScenarios = scenarios()
  const allTests = tests()
  const lines = current.split('\n').map((line) => {
    const [, rule, says] = ROW.exec(line) ?? []
    if (rule === undefined || says === undefined) return line
    return `| ${rule} | ${says} | ${linksOf(rule, allScenarios)} | ${linksOf(rule, allTests)} |`
  })
  return format(lines.join('\n'), { ...(await resolveConfig(file)), filepath: file })
}

const current = readFileSync(file, 'utf8')
const actual = await text(current)
if (process.argv.includes('--write')) {
  writeFileSync(file, actual)
} else if (current !== actual) {
  console.error(
    `${file} does not name what shows the rules. Bring it up to date: npm run docs:rules`,
  )
  process.exitCode = 1
}
