/** A process of the job: TypeScript, with a pipe to its standard input, whose end tells it to stop. */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const stopWithinMs = 10_000
const keptErrorLength = 4_000

export class Child {
  readonly #process: ChildProcessByStdio<Writable, Readable, Readable>
  readonly #closed: Promise<unknown>
  #errors = ''
  #isOver = false
  #isToEnd = false

  /** `heard` gets each line of its standard output, as JSON. */
  constructor(script: URL, args: readonly string[], heard: (json: unknown) => void) {
    const command = ['--import', import.meta.resolve('tsx'), fileURLToPath(script), ...args]
    this.#process = spawn(process.execPath, command, { stdio: ['pipe', 'pipe', 'pipe'] })
    this.#closed = once(this.#process, 'close').finally(() => {
      this.#isOver = true
    })
    this.#process.stdin.on('error', () => undefined)
    this.#process.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#errors = (this.#errors + text).slice(-keptErrorLength)
    })
    createInterface({ input: this.#process.stdout }).on('line', (line) => {
      const json = this.#read(line)
      if (json !== undefined) heard(json)
    })
  }

  /** Why it is over though nobody ended it; null: it runs, or was told to end. */
  get failure(): string | null {
    if (!this.#isOver || this.#isToEnd) return null
    const { exitCode, signalCode } = this.#process
    return `ended by itself (${exitCode ?? signalCode}) ${this.#errors}`.trim()
  }

  /** SIGKILL; resolves when the process is gone and all it said has been heard. */
  async kill(): Promise<void> {
    this.#isToEnd = true
    this.#process.kill('SIGKILL')
    await this.#closed
  }

  /** Lets it end by itself. Answers whether it did, with exit code 0. */
  async stop(): Promise<boolean> {
    this.#isToEnd = true
    this.#process.stdin.end()
    await Promise.race([this.#closed, sleep(stopWithinMs, undefined, { ref: false })])
    if (!this.#isOver) await this.kill()
    return this.#process.exitCode === 0
  }

  /** A kill may cut off the last line. */
  #read(line: string): unknown {
    try {
      return JSON.parse(line) as unknown
    } catch {
      if (!this.#isToEnd) this.#errors += `${line}\n`
      return undefined
    }
  }
}
