// The build is plain tsc into an empty dist/, and the execute bit on the command. That comes last, and the
// command is as old as the beginning of the build: what was written meanwhile is newer (test/support/built.ts).

import { spawnSync } from 'node:child_process'
import { chmodSync, rmSync, utimesSync } from 'node:fs'

const COMMAND = 'dist/src/cli/main.js'

const startedAt = new Date()
rmSync('dist', { recursive: true, force: true, maxRetries: 10 })
// By its path: the `tsc` on the PATH may be the older compiler that rollup-plugin-dts brings along.
const tsc = ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json']
const { status } = spawnSync(process.execPath, tsc, { stdio: 'inherit' })
if (status === 0) {
  utimesSync(COMMAND, startedAt, startedAt)
  chmodSync(COMMAND, 0o755)
}
process.exitCode = status ?? 1
