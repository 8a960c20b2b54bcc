/** Runs hunts in child processes, so that no mutant ever is in the process that asks. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { type Caught, type Hunt, writeHunt } from './hunts.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const REGISTER = new URL('./register.ts', import.meta.url).href
const HUNT = fileURLToPath(new URL('./hunt.ts', import.meta.url))

/** `heard` hears of each as soon as it is known. Rejects where a child does not come to its end in time. */
export async function runHunts(
  hunts: readonly Hunt[],
  { timeoutMs, heard = () => undefined }: { timeoutMs: number; heard?: (caught: Caught) => void },
): Promise<readonly Caught[]> {
  const child = spawn(process.execPath, ['--import', REGISTER, HUNT, ...hunts.map(writeHunt)], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
  })
  const all: Caught[] = []
  let complaints = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints += text
  })
  let rest = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const caught = JSON.parse(line) as Caught
      all.push(caught)
      heard(caught)
    }
  })
  await new Promise<void>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => {
      const names = hunts.map(({ mutant }) => mutant).join(', ')
      if (code === 0) resolve()
      else reject(new Error(`the hunt of ${names} ended with ${code ?? signal}: ${complaints}`))
    })
  })
  return all
}
