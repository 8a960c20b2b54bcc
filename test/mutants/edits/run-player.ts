/** Has runs played in a process of its own, and watches that process for hangs and crashes. */
import { type ChildProcess, fork } from 'node:child_process'
import { setEnvironment } from '../../support/environment.ts'
import { A_CRASH, A_HANG, type Asked, type Run, type Setting, type Verdict } from './runs.ts'

const CODE = new URL('./play-runs.ts', import.meta.url)

/** A run takes a fraction of a second, on a busy machine a few. */
const LONGEST_MS = 15_000

/** Limits the heap: an edit that allocates without end must not use up the memory of the machine. */
const MOST_MEMORY = '--max-old-space-size=1024'

/** V8 does not count every call of optimized code: a run would seem to miss places that it reaches. */
const COUNTING = ['--no-opt', '--no-maglev']

/** The environment of the tests. */
const ENVIRONMENT = { ...process.env }
setEnvironment(ENVIRONMENT)

export class RunPlayer {
  readonly #setting: Setting
  readonly #longestMs: number
  #child: ChildProcess | null = null

  /** `longestMs`: after so many milliseconds a run has no end. */
  constructor(setting: Setting, longestMs = LONGEST_MS) {
    this.#setting = setting
    this.#longestMs = longestMs
  }

  /** False: the process has ended, or none was started. */
  get isLoaded(): boolean {
    return this.#child !== null
  }

  /** Starts the process and loads the tree. */
  load(): Promise<Verdict> {
    this.#child = fork(CODE, [], {
      execArgv: this.#setting.watched.length === 0 ? [MOST_MEMORY] : [MOST_MEMORY, ...COUNTING],
      env: ENVIRONMENT,
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    }).on('error', () => undefined)
    return this.#ask(this.#child, this.#setting)
  }

  /** Plays one run; the next one only after that. After a hang or a crash the tree must be loaded anew. */
  play(run: Run): Promise<Verdict> {
    if (this.#child === null) throw new Error('no tree is loaded')
    return this.#ask(this.#child, { run })
  }

  /** Ends its process. */
  close(): void {
    this.#child?.kill('SIGKILL')
    this.#child = null
  }

  #ask(child: ChildProcess, message: Setting | Asked): Promise<Verdict> {
    return new Promise((resolve) => {
      const heard = (verdict: Verdict): void => end(verdict)
      const gone = (): void => over(A_CRASH)
      const watchdog = setTimeout(() => over(A_HANG), this.#longestMs)
      const over = (by: string): void => {
        this.close()
        end({ by, reached: [] })
      }
      const end = (verdict: Verdict): void => {
        clearTimeout(watchdog)
        child.off('message', heard).off('exit', gone).off('error', gone)
        resolve(verdict)
      }
      child.on('message', heard).on('exit', gone).on('error', gone)
      child.send(message, (error) => {
        if (error !== null) gone()
      })
    })
  }
}
