/**
 * The edits of `npm run mutants -- --edits N`: small faults that a program derives from the syntax. The tests show which
 * parts of a text are edited, that a sample can be repeated, and that the findings of the runs are told apart.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import ts from '@typescript/typescript6'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { type Edit, edited, shown } from './mutants/edits/edit.ts'
import { editsOf } from './mutants/edits/edits-of.ts'
import { type Hunted, huntEdits, playWithout } from './mutants/edits/hunt-edits.ts'
import { runEdits } from './mutants/edits/run-edits.ts'
import { A_CRASH, A_HANG, THE_RUN } from './mutants/edits/runs.ts'
import { sampleOf } from './mutants/edits/sample.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const FILE = 'src/engine/made-up.ts'

const SOURCE = `/** The text 'alpha' of a comment, and 1 + 1 in it. */
import { type Kind, other } from './elsewhere.ts'
export { again } from './more.ts'

type Word = 'beta' | 2 | true
interface Shape {
  readonly word: 'gamma'
  call(size?: 3): string[]
}

// Not edited either: a && b
export class Line extends Base {
  #rows: readonly Row[] = []
  constructor(rows: readonly Row[]) {
    super()
    this.#rows = [...rows, other]
  }

  get isFull(): boolean {
    return this.#rows.length >= 100 && this.#rows.some(({ done }) => done)
  }

  async push(row: Row, wait = 1_000): Promise<Row | null> {
    if (row.at < this.start || row.isGone) return null
    if (row.word === 'one') this.count += 1
    else this.count -= 1
    await this.store({ row, sync: true, name: \`row-\${row.id}\` })
    for (const one of this.#rows) {
      if (!one.isOpen) continue
      one.close(row, 'end')
    }
    if (wait > Math.max(10, row.wait ?? 0)) throw new TypeError('delta', { cause: new Error(\`epsilon \${row.id}\`) })
    const message = row.word === '' ? 'zeta' : \`eta\${row.word}\`
    this.report?.('it was too late', message, { message, wait: wait * 2 })
    return this.#rows.filter((one) => one.id !== row.id)[0] as Row satisfies Kind<'theta'>
  }
}
`

/** The parts of the text that have no edit in them. */
const LEFT_ALONE = [
  "/** The text 'alpha' of a comment, and 1 + 1 in it. */",
  "import { type Kind, other } from './elsewhere.ts'",
  "export { again } from './more.ts'",
  "type Word = 'beta' | 2 | true",
  "interface Shape {\n  readonly word: 'gamma'\n  call(size?: 3): string[]\n}",
  '// Not edited either: a && b',
  'readonly Row[]',
  'boolean',
  'Promise<Row | null>',
  "'delta'",
  '`epsilon ${row.id}`',
  "row.word === '' ? 'zeta' : `eta${row.word}`",
  "'it was too late'",
  "Kind<'theta'>",
]

const edits = editsOf(FILE, SOURCE)

/** The class of each edit, and its lines afterwards. */
function changesIn(text: string): readonly (readonly [kind: string, after: string])[] {
  return editsOf(FILE, text).map((edit) => [edit.kind, shown(text, edit).after])
}

describe('the edits of a text', () => {
  test.each([
    ['operator', 'a === b', 'a !== b'],
    ['operator', 'a < b', 'a <= b'],
    ['operator', 'a >= b', 'a > b'],
    ['operator', 'a && b', 'a || b'],
    ['operator', 'a + b', 'a - b'],
    ['operator', 'a += b', 'a -= b'],
    ['operator', 'a++', 'a--'],
    ['operator', 'f(!a)', 'f(a)'],
    ['operator', 'f(-a)', 'f(a)'],
    ['condition', 'if (a) b()', 'if (!a) b()'],
    ['condition', 'while (a < b) c()', 'while (!(a < b)) c()'],
    ['condition', 'x = a ? b : c', 'x = !a ? b : c'],
    ['literal', 'x = 0', 'x = 1'],
    ['literal', 'x = 1', 'x = 0'],
    ['literal', 'x = 1_000', 'x = 2000'],
    ['literal', 'x = true', 'x = false'],
    ['literal', "x = 'word'", "x = ''"],
    ['literal', "x = ''", "x = 'x'"],
    ['literal', 'x = `row-${id}`', "x = ''"],
    ['literal', 'x = [a, b]', 'x = []'],
    ['statement', 'f(a)', ';'],
    ['statement', 'await f(a)', ';'],
    ['statement', 'this.a = b', ';'],
    ['statement', 'if (a) throw new Error(b)', 'if (a) ;'],
    ['statement', 'for (const a of b) if (a) continue', 'for (const a of b) if (a) ;'],
    ['return', 'function f(): A | null { return a }', 'function f(): A | null { return null }'],
    ['return', 'function f(): A[] { return a }', 'function f(): A[] { return [] }'],
    ['return', 'function f(): boolean { return a }', 'function f(): boolean { return !a }'],
    ['return', 'const f = (): number => a', 'const f = (): number => (a) + 1'],
    ['return', 'x = () => f()', 'x = () => undefined'],
    ['call', 'x = Math.min(a, b)', 'x = Math.max(a, b)'],
    ['call', 'x = a.filter(b)', 'x = a'],
    ['optional', 'x = a && b', 'x = a'],
    ['optional', 'x = a && b', 'x = b'],
    ['optional', 'x = a ?? b', 'x = b'],
    ['optional', 'x = a?.b', 'x = a.b'],
    ['optional', 'x = a?.(b)', 'x = a(b)'],
    ['optional', 'await f()', 'f()'],
    ['optional', 'if (a) b()\nelse c()', 'if (a) b()'],
    ['optional', 'function f(a: A = 1) {}', 'function f(a: A) {}'],
    ['optional', 'x = [...a, b]', 'x = [b]'],
    ['optional', 'x = { a, b: c }', 'x = { b: c }'],
    ['optional', 'x = { a, b: c }', 'x = { a }'],
    ['optional', 'x = f(a, b)', 'x = f(a)'],
  ])('one of the class %s turns `%s` into `%s`', (kind, before, after) => {
    expect(changesIn(before)).toContainEqual([kind, after])
  })

  test('each can be parsed', () => {
    expect(edits.length).toBeGreaterThan(60)
    expect(syntaxErrorsIn(SOURCE.replace('{', '('))).not.toEqual([])
    expect(edits.flatMap((edit) => syntaxErrorsIn(edited(SOURCE, edit)))).toEqual([])
  })

  test('each makes another text, with an id of its own', () => {
    const texts = new Set([SOURCE, ...edits.map((edit) => edited(SOURCE, edit))])
    expect(texts.size).toBe(edits.length + 1)
    expect(new Set(edits.map(({ id }) => id)).size).toBe(edits.length)
  })

  test('none is in a type, an import, a comment, or a text for people', () => {
    const seen = LEFT_ALONE.map((part) => {
      const from = SOURCE.indexOf(part)
      const to = from + part.length
      const inside = edits.filter(({ start, end }) => from <= start && end <= to)
      return { part, isThere: from !== -1, inside }
    })
    expect(seen).toEqual(LEFT_ALONE.map((part) => ({ part, isThere: true, inside: [] })))
  })

  test('none leaves out a property or an argument that is a text for people', () => {
    const afterwards = changesIn("x = f({ message, a: b }, 'too late')").map(([, after]) => after)
    expect(afterwards).toEqual([';', "x = f({ message }, 'too late')"])
  })

  test('a condition whose operator an edit swaps is not negated too', () => {
    expect(changesIn('if (a === b) c()').map(([kind]) => kind)).toEqual(['operator', 'statement'])
    expect(changesIn('if (!a) c()').map(([kind]) => kind)).toEqual(['operator', 'statement'])
  })

  test('two classes that make the same edit make it once', () => {
    expect(changesIn('x = [...a]')).toEqual([
      ['statement', ';'],
      ['literal', 'x = []'],
    ])
  })

  test('an edit is shown with its place, and the whole lines that it changes', () => {
    const text = 'a()\nif (b) c()\nelse d()\ne()\n'
    const without = editsOf(FILE, text).filter(({ kind }) => kind === 'optional')
    expect(without.map((edit) => shown(text, edit))).toEqual([
      { at: `${FILE}:2`, before: 'if (b) c()\nelse d()', after: 'if (b) c()' },
    ])
  })
})

describe('a sample', () => {
  const isSound = () => true
  const idsOf = (seed: number, count: number, of = edits) =>
    sampleOf(of, { seed, count, isSound }).edits.map(({ id }) => id)

  test('is the same for one seed on every machine, and another one for another seed', () => {
    expect(idsOf(7, 3)).toEqual(['ac7234677bf0', '20a5e72ceb32', '9ba5ca413b50'])
    expect(idsOf(8, 3)).not.toEqual(idsOf(7, 3))
  })

  test('begins with every smaller one, and has each edit once', () => {
    const all = idsOf(7, 1000)
    expect(all).toHaveLength(edits.length)
    expect(new Set(all).size).toBe(edits.length)
    expect(idsOf(7, 20)).toEqual(all.slice(0, 20))
  })

  test('is the same where other lines have come into the file', () => {
    const longer = editsOf(
      FILE,
      SOURCE.replace('export class', '\nconst MORE = other\n\nexport class'),
    )
    expect(idsOf(7, 20, [...longer])).toEqual(idsOf(7, 20))
  })

  test('has another edit in the place of one that is of wrong types', () => {
    const [refused] = idsOf(7, 1)
    const sample = sampleOf(edits, { seed: 7, count: 2, isSound: ({ id }) => id !== refused })
    expect(sample.unsoundCount).toBe(1)
    expect(sample.edits.map(({ id }) => id)).toEqual(idsOf(7, 3).slice(1))
  })
})

/** A tree with an engine of a few lines: its "plans" are sums, its "scenarios" their results. */
const TREE = {
  'package.json': '{ "type": "module" }',
  'tsconfig.json': '{ "compilerOptions": { "strict": true, "noEmit": true, "types": [] } }',
  'src/engine/none.ts': 'export {}\n',
  'src/engine/sum.ts': `export function sum(numbers: readonly number[]): number {
  let total = 0
  for (const one of numbers) total += one
  return total
}

export function product(one: number, other: number): number {
  if (one < 1) return 0
  return one * other
}

export function half(of: number): number {
  return Math.abs(of) / 2
}
`,
  'src/simulation/search/make-plan.ts': 'export const makePlan = (seed) => [seed, 2]\n',
  'src/simulation/search/check-plan.ts': `import { sum } from '../../engine/sum.ts'
export async function checkPlan([one, other]) {
  if (sum([one, other]) === one + other) return { wrong: [] }
  return { wrong: [{ what: 'invariant adds-up' }] }
}
`,
  'src/simulation/parse-scenario.ts': 'export const parseScenario = (text) => JSON.parse(text)\n',
  'src/simulation/run-scenario.ts': `import { product } from '../engine/sum.ts'
export async function runScenario({ one, other, result }) {
  const isRight = product(one, other) === result
  return { mismatches: isRight ? [] : [{ what: 'the result' }], journal: [] }
}
`,
  'src/journal/replay.ts': 'export const replay = async () => undefined\n',
  'test/scenarios/five.yaml': '{ "one": 5, "other": 1, "result": 5 }',
  'test/scenarios/seven.yaml': '{ "one": 7, "other": 2, "result": 14 }',
  'test/scenarios/wrong.yaml': '{ "one": 2, "other": 2, "result": 5 }',
}

const SUM = 'src/engine/sum.ts'
const RUNS = [
  1,
  2,
  'test/scenarios/five.yaml',
  'test/scenarios/seven.yaml',
  'test/scenarios/wrong.yaml',
]

function editIn(find: string, text: string): Edit {
  const start = TREE[SUM].indexOf(find)
  return { id: text, kind: 'made', file: SUM, start, end: start + find.length, text }
}

describe('a hunt', () => {
  vi.setConfig({ testTimeout: 60_000 })

  let tree = ''
  beforeEach(() => {
    tree = temporaryFolder()
    for (const [file, text] of Object.entries(TREE)) {
      mkdirSync(dirname(join(tree, file)), { recursive: true })
      writeFileSync(join(tree, file), text)
    }
  })

  /** The finding of each edit. */
  async function hunt(
    hunted: readonly Edit[],
    runMs?: number,
  ): Promise<readonly Hunted['found'][]> {
    const { runsOf } = await playWithout(tree, hunted, RUNS)
    const results: Hunted[] = []
    const heard = (one: Hunted) => void results.push(one)
    await huntEdits(tree, hunted, { runsOf, heard, ...(runMs === undefined ? {} : { runMs }) })
    return results.toSorted((one, other) => one.nth - other.nth).map(({ found }) => found)
  }

  test('knows which runs get to the place of an edit, and which fail without one', async () => {
    const ground = await playWithout(
      tree,
      [
        editIn('total += one', ''),
        editIn('one * other', ''),
        editIn('(of) / 2', ''),
        editIn('', ''),
      ],
      RUNS,
    )
    expect(ground.broken).toEqual(['test/scenarios/wrong.yaml'])
    const [one, two, five, seven] = RUNS
    expect(ground.runsOf).toEqual([[one, two], [five, seven], [], [one, two, five, seven]])
  })

  test('also knows the runs that reach code which V8 has optimized', async () => {
    const often = `import { once } from '../../engine/once.ts'
export async function checkPlan() {
  let count = 0
  for (let nth = 0; nth < 1_000_000; nth += 1) count = once(count)
  return { wrong: [] }
}
`
    const once = 'export function once(count: number): number {\n  return count + 1\n}\n'
    writeFileSync(join(tree, 'src/simulation/search/check-plan.ts'), often)
    writeFileSync(join(tree, 'src/engine/once.ts'), once)
    const start = once.indexOf('count + 1')
    const edit = { id: 'x', kind: 'made', file: 'src/engine/once.ts', start, end: start, text: '' }
    const runs = Array.from({ length: 20 }, (_, at) => at + 1)
    expect((await playWithout(tree, [edit], runs)).runsOf).toEqual([runs])
  })

  test('ends at the first run that fails', async () => {
    const found = await hunt([
      editIn('total += one', 'total -= one'),
      editIn('total += one', 'total = one + total'),
      editIn('one * other', 'one + other - 1 + (other > 1 ? 1 : 0)'),
      editIn('one * other', 'other * one'),
      editIn('(of) / 2', '(of)'),
    ])
    expect(found).toEqual([
      { by: 'adds-up', at: 1 },
      null,
      { by: 'the result', at: 'test/scenarios/seven.yaml' },
      null,
      null,
    ])
  })

  test('tells a run that breaks off, a crash and a hang apart', async () => {
    const found = await hunt(
      [
        editIn('total += one', 'throw new Error()'),
        editIn('total += one', 'process.exit(1)'),
        editIn('total += one', 'for (;;);'),
        editIn('', 'throw new Error()\n'),
      ],
      1500,
    )
    expect(found).toEqual([
      { by: THE_RUN, at: 1 },
      { by: A_CRASH, at: 1 },
      { by: A_HANG, at: 1 },
      { by: A_CRASH, at: 'loading' },
    ])
  })

  test('of a sample prints each survivor and the score', async () => {
    const lines: string[] = []
    const print = (line: string) => void lines.push(line)
    await runEdits({ tree, count: 1000, seed: 1, seedCount: 2, print })
    const text = lines.join('\n')
    expect(text).toContain(
      'sample of --seed 1: 13 of 14 edits of 2 files\n1 more were drawn and refused',
    )
    expect(text).toContain('left out, because it fails without an edit: test/scenarios/wrong.yaml')
    expect(text).toMatch(/ operator {2,}\d\.\d s {2}src\/engine\/sum\.ts:3 {2}adds-up, seed 1\n/)
    expect(text).toContain(`${SUM}:8 (operator; 0 seeds and 2 scenarios reach it)
    -   if (one < 1) return 0
    +   if (one <= 1) return 0
`)
    expect(text.slice(text.indexOf('sample of --seed 1, '))).toBe(
      `sample of --seed 1, seeds 1 to 2, 3 scenarios
     4  30.8 %  found by seeds
     3  23.1 %  found by scenarios alone
     2  15.4 %  surviving
     4  30.8 %  at a place that no run reaches
of those found, 0 hang, 0 crash, 0 break off`,
    )
  })
})

function syntaxErrorsIn(text: string): readonly string[] {
  const { diagnostics = [] } = ts.transpileModule(text, { reportDiagnostics: true })
  return diagnostics.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '))
}
