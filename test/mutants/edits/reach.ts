/** Tells which places a run reaches, by the counters of V8. Node strips types without moving any other code. */
import { Session } from 'node:inspector'
import { pathToFileURL } from 'node:url'
import type { Profiler } from 'node:inspector'
import { join } from 'node:path'
import type { Edit } from './edit.ts'

export class Reach {
  readonly #session = new Session()
  /** By the address of the file: the number and the place of each edit. */
  readonly #places = new Map<string, (readonly [nth: number, start: number])[]>()

  /** Before the tree is loaded. */
  constructor(tree: string, edits: readonly Edit[]) {
    for (const [nth, { file, start }] of edits.entries()) {
      const address = pathToFileURL(join(tree, file)).href
      const places = this.#places.get(address) ?? []
      places.push([nth, start])
      this.#places.set(address, places)
    }
    this.#session.connect()
    this.#session.post('Profiler.enable')
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  }

  /** The numbers of the edits whose places were reached since the last call. */
  take(): readonly number[] {
    let scripts: readonly Profiler.ScriptCoverage[] = []
    // In its own thread, the inspector answers before `post` returns.
    this.#session.post('Profiler.takePreciseCoverage', (error, { result }) => {
      if (error !== null) throw error
      scripts = result
    })
    return scripts.flatMap(({ url, functions }) =>
      (this.#places.get(url) ?? [])
        .filter(([, start]) => isReached(start, functions))
        .map(([nth]) => nth),
    )
  }
}

/** The counter that decides is that of the smallest part of the file around the place. */
function isReached(at: number, functions: readonly Profiler.FunctionCoverage[]): boolean {
  let smallest = { startOffset: 0, endOffset: Infinity, count: 0 }
  for (const { ranges } of functions) {
    for (const range of ranges) {
      const isAround = range.startOffset <= at && at < range.endOffset
      if (isAround && sizeOf(range) <= sizeOf(smallest)) smallest = range
    }
  }
  return smallest.count > 0
}

function sizeOf({ startOffset, endOffset }: Profiler.CoverageRange): number {
  return endOffset - startOffset
}
