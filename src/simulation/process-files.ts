/**
 * What one simulated process has of the files of its machine, as the storage asks a system for it. What it watches, and
 * what it waits for, ends with the process. Its alarms are in the background of virtual time: they are no alarms of the
 * engine, and nothing goes on for their sake.
 */
import type { Alarm, FileFacts, System, Watcher } from '../../storage/sqlite/system.ts'
import type { MemoryFiles } from './memory-files.ts'
import type { Life, VirtualTime } from './virtual-time.ts'

export class ProcessFiles implements System {
  /** Of no system that has rules of its own. Those of Windows are in `WindowsFiles`. */
  readonly platform = 'linux'
  readonly #files: MemoryFiles
  readonly #time: VirtualTime
  readonly #life: Life
  #isAlarmed = false

  constructor(files: MemoryFiles, time: VirtualTime, life: Life) {
    this.#files = files
    this.#time = time
    this.#life = life
  }

  /** True in the turns that follow an alarm of this process. */
  get isAlarmed(): boolean {
    return this.#isAlarmed
  }

  exists(path: string): boolean {
    return this.#files.has(path)
  }

  isTaken(path: string): boolean {
    return this.#files.has(path)
  }

  make(path: string): void {
    if (!this.#files.has(path)) this.#files.make(path, '')
  }

  facts(path: string): FileFacts | undefined {
    return this.#files.facts(path)
  }

  rename(from: string, to: string): void {
    this.#files.rename(from, to)
  }

  /** There are no links. */
  realPathOfSystem(path: string): string {
    return path
  }

  realPathOfNode(path: string): string {
    return path
  }

  touch(path: string, at: number): void {
    this.#files.touch(path, at)
  }

  watch(path: string, heard: (kind: 'change' | 'rename') => void, failed: () => void): Watcher {
    return this.#files.watch(path, { life: this.#life, heard, failed })
  }

  after(ms: number, run: () => void): Alarm {
    return this.#time.inBackground(ms, () => this.#alarm(run), this.#life)
  }

  /** The thread is not blocked, and no time passes. */
  pause(): void {}

  #alarm(run: () => void): void {
    if (!this.#life.isAlive) return
    this.#isAlarmed = true
    run()
    this.#time.atTurnEnd(this.#life, () => {
      this.#isAlarmed = false
    })
  }
}
