/** `holdfast simulate`: exit status 0 all hold, 1 some do not, 2 a file is malformed or cannot be used. */
import { readFile, writeFile } from 'node:fs/promises'
import { HoldfastError, ReplayDivergedError } from '../errors.ts'
import { replay } from '../journal/replay.ts'
import type { Mismatch } from '../simulation/mismatch.ts'
import { parseScenario } from '../simulation/parse-scenario.ts'
import { type Rejection, tell } from '../simulation/rejections.ts'
import { runScenario, type ScenarioResult } from '../simulation/run-scenario.ts'
import type { Scenario } from '../simulation/scenario.ts'
import { printable, printableJson } from '../scrub/printable.ts'
import { evidenceOf, headlineOf } from './show-mismatch.ts'

export interface SimulateOptions {
  readonly journal?: string
  readonly json: boolean
}

interface FileResult {
  readonly file: string
  readonly name: string
  readonly ok: boolean
  readonly mismatches: readonly Mismatch[]
}

export async function simulate(
  files: readonly string[],
  { journal, json }: SimulateOptions,
): Promise<number> {
  const scenarios: { file: string; scenario: Scenario }[] = []
  let areWellFormed = true
  for (const file of files) {
    try {
      scenarios.push({ file, scenario: parseScenario(await readFile(file, 'utf8'), file) })
    } catch (error) {
      process.stderr.write(`${printable(readFailure(file, error as Error))}\n`)
      areWellFormed = false
    }
  }
  if (!areWellFormed) return 2
  let allHold = true
  for (const { file, scenario } of scenarios) {
    const result = await run(scenario)
    const mismatches = [...result.mismatches]
    if (result.seen !== null) {
      const text = result.journal.join('\n')
      if (journal !== undefined && !(await isWritten(journal, `${text}\n`))) return 2
      mismatches.push(...(await replayMismatch(text)))
    }
    const judged = { file, name: scenario.name, ok: mismatches.length === 0, mismatches }
    allHold &&= judged.ok
    if (!json) process.stdout.write(render(judged, result.seen?.rejections ?? []))
    else process.stdout.write(`${printableJson({ ...result, ...judged, journal: undefined })}\n`)
  }
  return allHold ? 0 : 1
}

function readFailure(file: string, error: Error): string {
  return error instanceof HoldfastError ? error.message : `${file}: ${error.message}`
}

interface Run {
  readonly mismatches: readonly Mismatch[]
  /** Null: it did not come to its end. */
  readonly seen: ScenarioResult['seen'] | null
  readonly journal: readonly string[]
}

/** A run that breaks off does not hold; the files after it are run all the same. */
async function run(scenario: Scenario): Promise<Run> {
  try {
    return await runScenario(scenario)
  } catch (error) {
    const mismatch = { what: 'the run', expected: 'to come to its end', seen: String(error) }
    return { mismatches: [mismatch], seen: null, journal: [] }
  }
}

async function isWritten(file: string, text: string): Promise<boolean> {
  try {
    await writeFile(file, text)
    return true
  } catch (error) {
    process.stderr.write(`${printable(`${file}: ${(error as Error).message}`)}\n`)
    return false
  }
}

/** Every scenario is run a second time from its own journal, and must give the same decisions. */
async function replayMismatch(journal: string): Promise<Mismatch[]> {
  try {
    await replay(journal)
    return []
  } catch (error) {
    if (error instanceof ReplayDivergedError) {
      return [{ what: `replay, line ${error.line}`, expected: error.expected, seen: error.actual }]
    }
    if (error instanceof HoldfastError) {
      return [{ what: 'replay', expected: 'to run', seen: error.message }]
    }
    throw error
  }
}

/** A scenario that fails, for any reason, shows each call that rejected: such a call often explains the mismatches. */
function render(
  { file, name, ok, mismatches }: FileResult,
  rejections: readonly Rejection[],
): string {
  const head = `${ok ? 'ok' : 'not ok'} ${printable(`${file}: ${name}`)}\n`
  if (ok) return head
  const lines = mismatches.map((mismatch) => `    ${headlineOf(mismatch)}\n${evidenceOf(mismatch)}`)
  const told = rejections.map(tell).filter((line) => !mismatches.some(({ seen }) => seen === line))
  return [head, ...lines, ...told.map((line) => `    ${printable(line)}\n`)].join('')
}
