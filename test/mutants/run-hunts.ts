/**
 * Runs hunts in child processes, so that no mutant ever is in the process that asks. A run that does not end counts
 * as found: its child is killed, and the hunts that are left go on in another one.
 */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { setEnvironment } from '../support/environment.ts'
import { type Caught, type Hunt, NO_MUTANT, type Playing, THE_RUN, writeHunt } from './hunts.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const REGISTER = new URL('./register.ts', import.meta.url).href
const HUNT = fileURLToPath(new URL('./hunt.ts', import.meta.url))

/** That of the tests, also where it is not a test that asks. */
const ENVIRONMENT = { ...process.env }
setEnvironment(ENVIRONMENT)

/** A run takes a fraction of a second; 30 s are enough on a busy machine too. */
const LONGEST_RUN_MS = 30_000

type At = Playing['playing']

interface Options {
  /** How long a run may take before it counts as one that does not end. Default: 30 s. */
  readonly runMs?: number
  /** Called with each result as soon as it is known. */
  readonly heard?: (caught: Caught) => void
}

/** @throws {Error} if a child ends by itself before it has answered. */
export async function runHunts(
  hunts: readonly Hunt[],
  { runMs = LONGEST_RUN_MS, heard = () => undefined }: Options = {},
): Promise<readonly Caught[]> {
  const all: Caught[] = []
  const hear = (caught: Caught): void => {
    all.push(caught)
    heard(caught)
  }
  for (let left = [...hunts]; left.length > 0;) {
    const countBefore = all.length
    const at = await runChild(left, runMs, hear)
    const [hunt, ...later] = left.slice(all.length - countBefore)
    if (hunt === undefined) break
    if (at === null) throw new Error(`the hunt of ${hunt.mutant} has no result`)
    const rest = restOf(hunt, at)
    const isFound = await endsWithoutMutant(at, runMs)
    if (isFound || rest === null) hear(hangingIn(hunt, isFound ? at : null, runMs))
    left = isFound || rest === null ? later : [rest, ...later]
  }
  return all
}

function hangingIn(hunt: Hunt, at: At | null, ms: number): Caught {
  const last = 'scenario' in hunt ? 1 : hunt.count
  const triedCount = typeof at === 'number' && 'from' in hunt ? at - hunt.from + 1 : last
  return { mutant: hunt.mutant, by: at === null ? null : THE_RUN, at, triedCount, ms }
}

/** The seeds behind one; null: there are none. */
function restOf(hunt: Hunt, at: At): Hunt | null {
  if ('scenario' in hunt || typeof at === 'string') return null
  const from = at + 1
  const count = hunt.from + hunt.count - from
  return count === 0 ? null : { ...hunt, from, count }
}

/** A run that does not end without the mutant either shows nothing. */
async function endsWithoutMutant(at: At, runMs: number): Promise<boolean> {
  const alone = typeof at === 'number' ? { from: at, count: 1 } : { scenario: at }
  return (await runChild([{ ...alone, mutant: NO_MUTANT }], runMs, () => undefined)) === null
}

/** Resolves with the seed or the file that did not end, or null. */
async function runChild(
  hunts: readonly Hunt[],
  runMs: number,
  heard: (caught: Caught) => void,
): Promise<At | null> {
  const child = spawn(process.execPath, ['--import', REGISTER, HUNT, ...hunts.map(writeHunt)], {
    cwd: ROOT,
    env: ENVIRONMENT,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let playing: At | null = null
  let isOver = false
  const watchdog = setTimeout(() => {
    isOver = true
    child.kill('SIGKILL')
  }, runMs)
  let complaints = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints += text
  })
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (isOver) return
    watchdog.refresh()
    const told = JSON.parse(line) as Caught | Playing
    playing = 'playing' in told ? told.playing : null
    if (!('playing' in told)) heard(told)
  })
  try {
    return await new Promise<At | null>((resolve, reject) => {
      child.on('error', reject)
      child.on('close', (code, signal) => {
        const names = hunts.map(({ mutant }) => mutant).join(', ')
        if (code === 0) resolve(null)
        else if (isOver && playing !== null) resolve(playing)
        else reject(new Error(`the hunt of ${names} ended with ${code ?? signal}: ${complaints}`))
      })
    })
  } finally {
    clearTimeout(watchdog)
  }
}
