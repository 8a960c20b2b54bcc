/**
 * Builds `dist/` before the tests run, unless it is of these sources already. Sources that cannot be built
 * stop nobody: only what needs the build fails, and says why.
 */
import { spawnSync } from 'node:child_process'
import type { TestProject } from 'vitest/node'
import { ROOT, whyNotBuilt } from './built.ts'

export function setup(project: TestProject): void {
  build()
  project.onTestsRerun(async () => build())
}

function build(): void {
  if (whyNotBuilt() === null) return
  spawnSync(process.execPath, ['scripts/build.ts'], { cwd: ROOT, stdio: 'inherit' })
}
