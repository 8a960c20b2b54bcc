// The build is plain tsc into an empty dist/, and the execute bit on the command.

import { spawnSync } from 'node:child_process'
import { chmodSync, rmSync } from 'node:fs'

rmSync('dist', { recursive: true, force: true })
// By its path: the `tsc` on the PATH may be the older compiler that rollup-plugin-dts brings along.
const tsc = ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json']
const { status } = spawnSync(process.execPath, tsc, { stdio: 'inherit' })
if (status === 0) chmodSync('dist/src/cli/main.js', 0o755)
process.exitCode = status ?? 1
