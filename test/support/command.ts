/** The command `holdfast` as a process, from source or built. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { afterEach } from 'vitest'
import { ROOT } from './built.ts'

interface Ended {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

export type Command = (...args: readonly string[]) => Promise<Ended>

const running = new Set<ReturnType<typeof spawn>>()

afterEach(() => {
  for (const child of running) child.kill('SIGKILL')
})

export const fromSource: Command = (...args) =>
  ended(['--import', import.meta.resolve('tsx'), `${ROOT}src/cli/main.ts`, ...args])

export const built: Command = (...args) => ended([`${ROOT}dist/cli.js`, ...args])

/** From source, with this fault put into it and into the processes that it starts. */
export function withFault(mutant: string): Command {
  const register = new URL('../mutants/register.ts', import.meta.url).href
  const env = { HOLDFAST_MUTANT: mutant, NODE_OPTIONS: `--import ${register}` }
  return (...args) => ended([`${ROOT}src/cli/main.ts`, ...args], env)
}

async function ended(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  })
  running.add(child)
  const closed = once(child, 'close')
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
  const [status] = (await closed) as [number | null]
  running.delete(child)
  return { status, stdout, stderr }
}
