/** Folders for one test, gone after it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach } from 'vitest'

const made: string[] = []

afterEach(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true })
})

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-'))
  made.push(folder)
  return folder
}
