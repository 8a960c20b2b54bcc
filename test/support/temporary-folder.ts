/** Folders for one test, gone after it. */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach } from 'vitest'

/** Windows refuses with one of these codes to remove what is still open. */
const STILL_OPEN = new Set(['EBUSY', 'EPERM', 'EACCES', 'ENOTEMPTY'])

/** A scanner has a file open for some milliseconds; together the retries take 300 ms. */
const RETRIES = { maxRetries: 5, retryDelay: 20 } as const

const made: string[] = []

/**
 * The real folder of temporary files: on macOS the system's name for the folder leads through a link, and on Windows it may
 * be a short name (`RUNNER~1`). Holdfast tells real paths.
 */
const BASE = realpathSync.native(tmpdir())

// A storage that is closed only after this hook keeps its folder until the end of the file.
afterEach(() => {
  const folders = made.splice(0)
  made.push(...folders.filter((folder) => !isRemoved(folder, {})))
})

afterAll(() => {
  for (const folder of made.splice(0)) {
    if (!isRemoved(folder, RETRIES))
      process.stdout.write(`\n  left behind, still open: ${folder}\n`)
  }
})

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(BASE, 'holdfast-'))
  made.push(folder)
  return folder
}

/** The environment of a child process whose temporary files belong into this folder, on every system. */
export function temporaryFilesIn(folder: string): NodeJS.ProcessEnv {
  return { ...process.env, TMPDIR: folder, TEMP: folder, TMP: folder }
}

/** False if the folder, or a file in it, is still open. */
function isRemoved(folder: string, retries: Partial<typeof RETRIES>): boolean {
  try {
    rmSync(folder, { recursive: true, ...retries })
    return true
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    if (process.platform === 'win32' && STILL_OPEN.has(code)) return false
    throw error
  }
}
