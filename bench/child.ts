/** Runs a script of `children/` in a process of its own. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

export function start(name: string, ...args: readonly string[]): ChildProcess {
  const script = fileURLToPath(new URL(`./children/${name}.ts`, import.meta.url))
  return fork(script, args, { execArgv: ['--expose-gc'] })
}

/** The first thing it says. */
export async function firstWord(child: ChildProcess): Promise<unknown> {
  const said = once(child, 'message').then(([message]: unknown[]) => message)
  const gone = once(child, 'exit').then(() => {
    throw new Error('a child process ended without a word')
  })
  return Promise.race([said, gone])
}
