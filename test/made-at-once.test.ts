/** Several processes make the file of a storage at the same moment: each of them opens it (E2). */
import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import { temporaryFolder } from './support/temporary-folder.ts'

const CHILD = fileURLToPath(new URL('processes/open-files.ts', import.meta.url))
const PROCESSES = 3
const FILES = 40

const running = new Set<ChildProcess>()

afterEach(() => {
  for (const child of running) child.kill('SIGKILL')
})

class Opener {
  readonly #child
  readonly #lines: AsyncIterator<string>

  constructor(durability: string) {
    this.#child = spawn(
      process.execPath,
      ['--import', import.meta.resolve('tsx'), CHILD, durability],
      {
        stdio: ['pipe', 'pipe', 'inherit'],
      },
    )
    running.add(this.#child)
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]()
  }

  async hear(): Promise<unknown> {
    return (await this.#lines.next()).value
  }

  open(file: string): Promise<unknown> {
    this.#child.stdin.write(`${file}\n`)
    return this.hear()
  }
}

// E2
test.each(['power-loss', 'app-crash'])(
  'each of three processes opens a file that all of them make (%s)',
  async (durability) => {
    const folder = temporaryFolder()
    const openers = Array.from({ length: PROCESSES }, () => new Opener(durability))
    const ready = await Promise.all(openers.map((opener) => opener.hear()))
    expect(ready).toEqual(openers.map(() => 'ready'))
    for (let number = 0; number < FILES; number += 1) {
      const file = join(folder, `${number}.db`)
      const answers = await Promise.all(openers.map((opener) => opener.open(file)))
      expect(answers).toEqual(openers.map(() => 'opened'))
    }
  },
  60_000,
)
