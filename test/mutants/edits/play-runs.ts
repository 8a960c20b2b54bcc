/**
 * A process that plays runs of a tree, one after the other, with an edit in its sources or without one. It judges each as
 * the search judges a plan, and the suite a scenario. Nothing of the tree is loaded before the edit is known.
 */
import { readFileSync } from 'node:fs'
import { enableCompileCache, flushCompileCache, registerHooks } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type * as Replay from '../../../src/journal/replay.ts'
import type * as ParseScenario from '../../../src/simulation/parse-scenario.ts'
import type * as RunScenario from '../../../src/simulation/run-scenario.ts'
import type * as CheckPlan from '../../../src/simulation/search/check-plan.ts'
import type * as MakePlan from '../../../src/simulation/search/make-plan.ts'
import { type Edit, edited } from './edit.ts'
import { Reach } from './reach.ts'
import { type Asked, type Run, type Setting, THE_RUN, type Verdict } from './runs.ts'

/** The modules of a tree that play and judge its runs. */
const PARTS = [
  'src/simulation/search/check-plan.ts',
  'src/simulation/search/make-plan.ts',
  'src/simulation/parse-scenario.ts',
  'src/simulation/run-scenario.ts',
  'src/journal/replay.ts',
]

type Judge = (run: Run) => Promise<string | null>

let judge: Judge = () => Promise.reject(new Error('no tree is loaded'))
let reach: Reach | null = null

process.on('message', (told: Setting | Asked) => {
  void answerTo(told).then((verdict) => process.send?.(verdict))
})
process.on('disconnect', () => process.exit())

async function answerTo(told: Setting | Asked): Promise<Verdict> {
  const by = 'run' in told ? await brokenIn(told.run) : await load(told)
  return { by, reached: reach?.take() ?? [] }
}

async function brokenIn(run: Run): Promise<string | null> {
  try {
    return (await judge(run))?.replace('invariant ', '') ?? null
  } catch {
    return THE_RUN
  }
}

async function load({ tree, edit, watched, cache }: Setting): Promise<null> {
  if (cache !== null) enableCompileCache(cache)
  if (edit !== null) putIn(tree, edit)
  if (watched.length > 0) reach = new Reach(tree, watched)
  judge = await judgeOf(tree)
  // The process will be killed, and would write nothing then.
  flushCompileCache()
  return null
}

function putIn(tree: string, edit: Edit): void {
  const path = join(tree, edit.file)
  const address = pathToFileURL(path).href
  const source = edited(readFileSync(path, 'utf8'), edit)
  registerHooks({
    load: (url, context, next) => {
      const loaded = next(url, context)
      return url === address ? { ...loaded, source } : loaded
    },
  })
}

async function judgeOf(tree: string): Promise<Judge> {
  const load = async (file: string): Promise<unknown> =>
    import(pathToFileURL(join(tree, file)).href)
  // Only functions that an older tree has too.
  const [{ checkPlan }, { makePlan }, { parseScenario }, { runScenario }, { replay }] =
    (await Promise.all(PARTS.map(load))) as [
      Pick<typeof CheckPlan, 'checkPlan'>,
      Pick<typeof MakePlan, 'makePlan'>,
      Pick<typeof ParseScenario, 'parseScenario'>,
      Pick<typeof RunScenario, 'runScenario'>,
      Pick<typeof Replay, 'replay'>,
    ]
  return async (run) => {
    if (typeof run === 'number') return (await checkPlan(makePlan(run))).wrong[0]?.what ?? null
    const scenario = parseScenario(readFileSync(join(tree, run), 'utf8'), run)
    const { mismatches, journal } = await runScenario(scenario)
    if (mismatches[0] === undefined) await replay(journal.join('\n'))
    return mismatches[0]?.what ?? null
  }
}
