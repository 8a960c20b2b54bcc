/** A folder for one run. It is kept if the run was a violation, so that somebody can look. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Violation } from './violation.ts'

const MEMORY = '/dev/shm'

/** `memory`: a sync costs nothing there, and proves nothing. */
export async function inScratch<T>(
  medium: 'disk' | 'memory',
  what: string,
  run: (folder: string) => Promise<T>,
): Promise<T> {
  const base = medium === 'memory' && existsSync(MEMORY) ? MEMORY : tmpdir()
  const folder = mkdtempSync(join(base, 'holdfast-soak-'))
  try {
    const result = await run(folder)
    rmSync(folder, { recursive: true, maxRetries: 10 })
    return result
  } catch (error) {
    const complaint = error instanceof Violation ? error.message : String((error as Error).stack)
    throw new Violation(what, [`${complaint}\n  its files: ${folder}`])
  }
}
