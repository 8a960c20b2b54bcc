/**
 * Hunts edits: the runs that reach the place of an edit are played with it, until one of them fails. A run is the same
 * whenever it is played, so a run that does not reach the place without the edit cannot find the edit.
 */
import { fileURLToPath } from 'node:url'
import type { Edit } from './edit.ts'
import { RunPlayer } from './run-player.ts'
import type { Run } from './runs.ts'

const AT_A_TIME = 2

/** The processes load the same files but one: without a cache, loading takes longer than most hunts. */
const CACHE = fileURLToPath(new URL('../../../node_modules/.cache/edits', import.meta.url))

/** In the place of the run, if loading the engine finds the edit. */
export const LOADING = 'loading'

/** Facts about the runs of a tree without an edit. */
export interface Ground {
  /** Runs that fail without an edit: they cannot find one. */
  readonly broken: readonly Run[]
  /** For each edit the runs that reach its place, in their order. */
  readonly runsOf: readonly (readonly Run[])[]
}

export interface Hunted {
  readonly nth: number
  readonly edit: Edit
  /** The runs that reach the place of the edit. */
  readonly runs: readonly Run[]
  /** The check that failed, and the run in which it failed; null: every check held. */
  readonly found: { readonly by: string; readonly at: Run } | null
  readonly ms: number
}

/** @throws {Error} if the tree cannot be loaded. */
export async function playWithout(
  tree: string,
  edits: readonly Edit[],
  runs: readonly Run[],
): Promise<Ground> {
  const broken = new Set<Run>()
  const atLoading = new Set<number>()
  const reached = new Map<Run, ReadonlySet<number>>()
  const left = [...runs]
  const work = async (): Promise<void> => {
    const player = new RunPlayer({ tree, edit: null, watched: edits, cache: null })
    const load = async (): Promise<void> => {
      const loaded = await player.load()
      if (loaded.by !== null)
        throw new Error(`${tree} without an edit: ${loaded.by} when it is loaded`)
      for (const nth of loaded.reached) atLoading.add(nth)
    }
    try {
      await load()
      for (let run = left.shift(); run !== undefined; run = left.shift()) {
        const verdict = await player.play(run)
        reached.set(run, new Set(verdict.reached))
        if (verdict.by !== null) broken.add(run)
        if (!player.isLoaded) await load()
      }
    } finally {
      player.close()
    }
  }
  await together(work)
  const sound = runs.filter((run) => !broken.has(run))
  const runsOf = edits.map((_edit, nth) => {
    return sound.filter((run) => atLoading.has(nth) || reached.get(run)?.has(nth) === true)
  })
  return { broken: runs.filter((run) => broken.has(run)), runsOf }
}

interface Options {
  readonly runsOf: Ground['runsOf']
  /** Called with each result as soon as it is known. */
  readonly heard: (hunted: Hunted) => void
  /** After so many milliseconds a run has no end. Default: 15 s. */
  readonly runMs?: number
}

export async function huntEdits(
  tree: string,
  edits: readonly Edit[],
  { runsOf, heard, runMs }: Options,
): Promise<void> {
  const left = [...edits.entries()]
  await together(async () => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const [nth, edit] = next
      const beganAt = performance.now()
      const player = new RunPlayer({ tree, edit, watched: [], cache: CACHE }, runMs)
      const runs = runsOf[nth] ?? []
      const found = await hunt(player, runs)
      heard({ nth, edit, runs, found, ms: performance.now() - beganAt })
    }
  })
}

async function hunt(player: RunPlayer, runs: readonly Run[]): Promise<Hunted['found']> {
  if (runs.length === 0) return null
  try {
    const loaded = await player.load()
    if (loaded.by !== null) return { by: loaded.by, at: LOADING }
    for (const run of runs) {
      const { by } = await player.play(run)
      if (by !== null) return { by, at: run }
    }
    return null
  } finally {
    player.close()
  }
}

async function together(work: () => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: AT_A_TIME }, work))
}
