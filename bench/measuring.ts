/** How a round is measured. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Runs it in a folder of its own, which is gone afterwards. */
export async function inFolder<T>(run: (folder: string) => Promise<T>): Promise<T> {
  const folder = newFolder()
  try {
    return await run(folder)
  } finally {
    rmSync(folder, { recursive: true, maxRetries: 10 })
  }
}

export function newFolder(): string {
  return mkdtempSync(join(tmpdir(), 'holdfast-bench-'))
}

/** How many of them are done in a second. */
export async function perSecond(count: number, work: () => Promise<void> | void): Promise<number> {
  return (count / (await milliseconds(work))) * 1000
}

export async function milliseconds(work: () => Promise<unknown> | void): Promise<number> {
  const started = performance.now()
  await work()
  return performance.now() - started
}
