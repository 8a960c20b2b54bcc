// Runs steps one after the other, each a process, and tells each with its name. Where the output is no terminal (a file, a pipe, a
// log), it holds no escape codes, and a step that has nothing to say takes one line.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { stripVTControlCharacters } from 'node:util'

/** What `npm test` runs, in this order: scripts of package.json. The run ends with the first step that fails. */
export const STEPS = [
  'check:node',
  'typecheck',
  'lint',
  'format:check',
  'knip',
  'build',
  'check:package',
  'types:check',
  'docs:check',
  'test:unit',
] as const

export interface Step {
  readonly name: string
  /** Arguments of Node. */
  readonly args: readonly string[]
}

interface Output {
  readonly isTTY?: boolean
  write(text: string): unknown
}

/** The environment of the steps. Without a terminal it forbids colours, even where the environment of this process forces colours. */
export function environmentFor(output: Output, env = process.env): NodeJS.ProcessEnv {
  if (output.isTTY === true) return env
  const { FORCE_COLOR: _, ...others } = env
  return { ...others, NO_COLOR: '1' }
}

/** Answers the first step that failed; null: none. */
export async function runSteps(
  steps: readonly Step[],
  output: Output = process.stdout,
): Promise<Step | null> {
  const env = environmentFor(output)
  const beganAt = performance.now()
  for (const step of steps) {
    const status = await (output.isTTY === true
      ? shown(step, output, env)
      : told(step, output, env))
    if (status === 0) continue
    output.write(`${step.name} failed: exit status ${status}\n`)
    return step
  }
  output.write(`all ${steps.length} steps hold, ${secondsSince(beganAt)}\n`)
  return null
}

/** On the terminal itself, with its colours. */
async function shown(
  { name, args }: Step,
  output: Output,
  env: NodeJS.ProcessEnv,
): Promise<number> {
  output.write(`${name}\n`)
  const child = spawn(process.execPath, args, { env, stdio: 'inherit' })
  return statusOf(await once(child, 'close'))
}

/** The name, and what the step says line by line; or its name and its time in one line. */
async function told({ name, args }: Step, output: Output, env: NodeJS.ProcessEnv): Promise<number> {
  const beganAt = performance.now()
  let isSilent = true
  output.write(name)
  const tell = (line: string) => {
    // The runner of the tests begins with an empty line.
    if (isSilent && line === '') return
    output.write(`${isSilent ? '\n' : ''}${stripVTControlCharacters(line)}\n`)
    isSilent = false
  }
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const closed = once(child, 'close')
  await Promise.all([linesOf(child.stdout, tell), linesOf(child.stderr, tell)])
  const status = statusOf(await closed)
  output.write(`${isSilent ? '' : name}: ${secondsSince(beganAt)}\n`)
  return status
}

async function linesOf(stream: Readable, tell: (line: string) => void): Promise<void> {
  for await (const line of createInterface({ input: stream })) tell(line)
}

/** A process that a signal ended has no status. */
function statusOf([status]: unknown[]): number {
  return typeof status === 'number' ? status : 1
}

function secondsSince(beganAt: number): string {
  return `${((performance.now() - beganAt) / 1000).toFixed(1)} s`
}
