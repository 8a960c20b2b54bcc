/** The house rules that no tool knows: who may import what, who may read a clock, how long a file may be. */
import { describe, expect, test } from 'vitest'
import { circlesAmong, pairsAmong, type Source, sourcesIn } from './support/sources.ts'
import { needlessLeaves, TRAP_NAMES, TRAPS, trapsIn } from './support/traps.ts'

const MODEL = 'src/model.ts'
/** Where the machines run. */
const PILOT = 'src/engine/pilot/pilot.ts'

const machines = sourcesIn('machines')
const storage = sourcesIn('storage')
const src = sourcesIn('src')
const all = [...machines, ...storage, ...src]

/** Every file longer than 400 lines, and why it may be. */
const LONG: Readonly<Record<string, string>> = {
  'machines/token.machine.ts': 'one machine is one file: its essay, its types, its chart',
}

/** Time and chance come through ports; these are the few other places, and why. */
const MAY_USE_TIME: Readonly<Record<string, string>> = {
  'storage/sqlite/system.ts':
    'the time in which the file system tells of a touch; it goes on by itself where an app has another clock',
  'storage/sqlite/worker/worker.ts':
    'ends the turns of its own event loop, and at last itself; no clock',
  'src/simulation/virtual-time.ts': 'waits for the microtasks of one instant; no time passes',
  'src/simulation/storage-contract/commits.ts': 'waits for a turn of the event loop, to see it end',
}

const TIME_AND_CHANCE =
  /\bDate\.now\b|\bnew Date\(\)|\bMath\.random\b|\bset(?:Timeout|Interval|Immediate)\b|\bperformance\.now\b|\bhrtime\b|\brandom(?:UUID|Bytes|Int)\b|\bgetRandomValues\b/

/** A made-up file that imports another one. */
function importing(path: string, from: string, isType = false): Source {
  return { path, lineCount: 1, code: '', imports: [{ from, isType }] }
}

test('the files are found', () => {
  for (const files of [machines, storage, src]) expect(files.length).toBeGreaterThan(3)
  expect(src.flatMap(({ imports }) => imports).length).toBeGreaterThan(100)
})

describe('the house', () => {
  test.each([
    ['machines/', machines],
    ['storage/', storage],
  ])('%s imports nothing of the project but itself and types of src/model.ts', (own, files) => {
    const wrong = files.flatMap(({ path, imports }) =>
      imports
        .filter(({ from }) => /^(machines|storage|src|test|examples|bench)\//.test(from))
        .filter(({ from, isType }) => !from.startsWith(own) && !(from === MODEL && isType))
        .map(({ from }) => `${path} imports ${from}`),
    )
    expect(wrong).toEqual([])
  })

  test('src/model.ts imports nothing', () => {
    expect(src.find(({ path }) => path === MODEL)?.imports).toEqual([])
  })

  test('machines import xstate and nothing else from outside', () => {
    const outside = machines
      .flatMap(({ imports }) => imports.map(({ from }) => from))
      .filter((from) => !from.includes('/'))
    expect([...new Set(outside)]).toEqual(['xstate'])
  })

  test('src/ imports nothing of test/, examples/, bench/ or scripts/', () => {
    const wrong = src.flatMap(({ path, imports }) =>
      imports
        .filter(({ from }) => /^(test|examples|bench|scripts)\//.test(from))
        .map(({ from }) => `${path} imports ${from}`),
    )
    expect(wrong).toEqual([])
  })

  test('there are no import circles, not even of types', () => {
    expect(circlesAmong(all, true)).toEqual([])
  })

  test('a circle would be found', () => {
    expect(circlesAmong([importing('a.ts', 'b.ts'), importing('b.ts', 'a.ts')])).toEqual([
      ['a.ts', 'b.ts', 'a.ts'],
    ])
  })

  test('a circle of types would be found', () => {
    const files = [importing('a.ts', 'b.ts', true), importing('b.ts', 'a.ts', true)]
    expect(circlesAmong(files)).toEqual([])
    expect(circlesAmong(files, true)).toHaveLength(1)
  })

  test("no two folders import each other's values, unless one contains the other", () => {
    expect(pairsAmong(all)).toEqual([])
  })

  test.each([
    ['two folders that import each other', 'src/a/x.ts', 'src/b/y.ts', 1],
    ['a folder and the folder that contains it', 'src/a/x.ts', 'src/a/b/y.ts', 0],
  ])('(a control) %s', (_title, one, other, count) => {
    expect(pairsAmong([importing(one, other), importing(other, one)])).toHaveLength(count)
  })

  test('only one file sends events to machines', () => {
    const senders = src
      .filter(({ code }) => /(?:actor|identity|queue|machine)\w*\.send\(/i.test(code))
      .map(({ path }) => path)
    expect(senders).toEqual([PILOT])
  })

  test('only the same file makes actors', () => {
    const makers = src.filter(({ code }) => code.includes('createActor(')).map(({ path }) => path)
    expect(makers).toEqual([PILOT])
  })

  test('only src/engine/engine.ts makes the pilot', () => {
    const makers = src.filter(({ code }) => code.includes('new Pilot(')).map(({ path }) => path)
    expect(makers).toEqual(['src/engine/engine.ts'])
  })
})

describe('time and chance', () => {
  test('come from the ports alone', () => {
    const users = all
      .filter(({ code }) => TIME_AND_CHANCE.test(code))
      .map(({ path }) => path)
      .filter((path) => !path.startsWith('src/ports/'))
    expect(users.sort()).toEqual(Object.keys(MAY_USE_TIME).sort())
  })

  test('would be found', () => {
    for (const text of ['Date.now()', 'setTimeout(run, 5)', 'randomUUID()', 'Math.random()']) {
      expect(TIME_AND_CHANCE.test(text)).toBe(true)
    }
  })
})

// The lint rule sees `console.log`, but not `console[level]`.
test('only the logger for the console and the command use console', () => {
  const users = all
    .filter(({ code, path }) => /\bconsole\b(?!-)/.test(code) && !path.startsWith('src/cli/'))
    .map(({ path }) => path)
  expect(users).toEqual(['src/log/console-logger.ts'])
})

test('nothing is exported by default', () => {
  const wrong = all.filter(({ code }) => /^export default\b|\bas default\b/m.test(code))
  expect(wrong.map(({ path }) => path)).toEqual([])
})

test('no file is longer than 400 lines, but those that have a reason', () => {
  const long = all.filter(({ lineCount }) => lineCount > 400).map(({ path }) => path)
  expect(long.filter((path) => !(path in LONG))).toEqual([])
  expect(Object.keys(LONG).filter((path) => !long.includes(path))).toEqual([])
})

// Before a machine of another system finds them.
describe('the tests and scripts', () => {
  const files = sourcesIn('test', 'scripts', 'bench', 'examples').filter(
    ({ path }) => path !== 'test/support/traps.ts',
  )

  test('step into no trap of Windows or macOS without a reason (test/support/traps.ts)', () => {
    expect(files.length).toBeGreaterThan(100)
    expect(trapsIn(files)).toEqual([])
  })

  test('have no leave that they do not need', () => {
    expect(needlessLeaves(files)).toEqual([])
    expect(needlessLeaves([])).not.toEqual([])
  })

  test.each(TRAP_NAMES)('(a control) the trap "%s" would be found', (name) => {
    const path = 'test/made-up.ts'
    const found = trapsIn([{ path, code: TRAPS[name].example }])
    expect(found.join('\n')).toContain(`${path}: ${name}: `)
  })

  test('(a control) leave for one trap is no leave for another', () => {
    const path = 'test/take-over.test.ts'
    expect(trapsIn([{ path, code: TRAPS.stop.example }])).toEqual([])
    expect(trapsIn([{ path, code: TRAPS.mode.example }])).toHaveLength(1)
  })
})
