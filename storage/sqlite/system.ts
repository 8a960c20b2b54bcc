/**
 * What the storage asks of the operating system where systems differ. Tests and the simulator put another system in the
 * place of this one: Windows, whose files cannot be renamed while another program has them open, or a network drive.
 */
import {
  existsSync,
  lutimesSync,
  realpathSync,
  renameSync,
  type BigIntStats,
  statSync,
  watch,
} from 'node:fs'
import { isTaken, makePrivate } from '../private-files.ts'

/** What tells one file from every other one. Numbers of 64 bits: on Windows a `number` would be rounded. */
export type FileFacts = Pick<BigIntStats, 'dev' | 'ino' | 'nlink' | 'birthtimeNs' | 'ctimeNs'>

export interface Watcher {
  close(): void
}

export interface Alarm {
  cancel(): void
}

export interface System {
  readonly platform: NodeJS.Platform
  exists(path: string): boolean
  /** True if anything is there, also a link to nothing. */
  isTaken(path: string): boolean
  /** Makes an empty file for its user alone, unless one is there. @throws StorageError as `checkedPlace()` */
  make(path: string): void
  /** Of the file that a link leads to; undefined: there is none. */
  facts(path: string): FileFacts | undefined
  rename(from: string, to: string): void
  /** As the system itself resolves a path: on Windows short names become long ones, in their true case. */
  realPathOfSystem(path: string): string
  /** As Node resolves a path, folder by folder. */
  realPathOfNode(path: string): string
  /** Sets the times of a file, never of what a link leads to. `at`: in milliseconds since 1970. */
  touch(path: string, at: number): void
  /**
   * `heard` is called after changes of the file: `rename` if its name may lead to another file by now, or to none. `failed`
   * is called when the watch has ended by itself.
   */
  watch(path: string, heard: (kind: 'change' | 'rename') => void, failed: () => void): Watcher
  /** Calls `run` once, after so many milliseconds; it does not keep the process alive. Files change in this time, not in an app's own. */
  after(ms: number, run: () => void): Alarm
  /** Blocks the thread. */
  pause(ms: number): void
}

export const THIS_SYSTEM: System = {
  platform: process.platform,
  exists: existsSync,
  isTaken,
  make: makePrivate,
  facts: (path) => statSync(path, { bigint: true, throwIfNoEntry: false }),
  rename: renameSync,
  realPathOfSystem: (path) => realpathSync.native(path),
  realPathOfNode: (path) => realpathSync(path),
  touch: (path, at) => lutimesSync(path, at / 1000, at / 1000),
  watch: (path, heard, failed) => watch(path, { persistent: false }, heard).on('error', failed),
  after: (ms, run) => {
    const timer = setTimeout(run, ms).unref()
    return { cancel: () => clearTimeout(timer) }
  },
  pause: (ms) => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms),
}
