/** Has plans played in a process of its own, and watches it: what has no end, or ends that process, is found. */
import { type ChildProcess, fork } from 'node:child_process'
import { extname } from 'node:path'
import { systemClock } from '../../ports/clock.ts'
import { THE_RUN } from './check-plan.ts'
import type { PlanOrSeed, PlanVerdict } from './plan-messages.ts'

/** A plan takes a tenth of a second; this is for a slow machine with much to do. */
const LONGEST_MS = 30_000

export class PlanPlayer {
  readonly #longestMs: number
  readonly #code: URL
  #child: ChildProcess | null = null

  /** `longestMs`: after so many milliseconds a plan has no end. `code`: the program that plays. */
  constructor(longestMs = LONGEST_MS, code = codeOfChild()) {
    this.#longestMs = longestMs
    this.#code = code
  }

  /** Plays one plan; the next one only after that. */
  play(asked: PlanOrSeed): Promise<PlanVerdict> {
    const child = (this.#child ??= this.#start())
    return new Promise((resolve) => {
      const timer = systemClock.after(this.#longestMs, () => {
        end(brokenOff(`it had not ended after ${this.#longestMs / 1000} s, and was killed`))
      })
      const heard = (verdict: PlanVerdict) => end(verdict)
      const gone = (code: number | null, signal: string | null) => {
        end(brokenOff(`its process ended with ${signal ?? `exit status ${code}`}`))
      }
      const failed = (error: Error) => end(brokenOff(`its process failed: ${error.message}`))
      const end = (verdict: PlanVerdict) => {
        timer.cancel()
        child.off('message', heard).off('exit', gone).off('error', failed)
        // The next one has a process of its own.
        if (verdict.digest === '') this.close()
        resolve(verdict)
      }
      child.on('message', heard).on('exit', gone).on('error', failed)
      child.send(asked)
    })
  }

  /** Ends its process. */
  close(): void {
    this.#child?.kill('SIGKILL')
    this.#child = null
  }

  #start(): ChildProcess {
    // What this process was started with, a loader or an inspector, is not meant for it.
    return fork(this.#code, [], { execArgv: [], serialization: 'advanced' }).on(
      'error',
      () => undefined,
    )
  }
}

function brokenOff(seen: string): PlanVerdict {
  return { wrong: [{ what: THE_RUN, expected: 'to come to its end', seen }], marks: [], digest: '' }
}

/** Beside this file, in the same language. */
function codeOfChild(): URL {
  return new URL(`./plan-child${extname(import.meta.url)}`, import.meta.url)
}
