/** Puts a damaged database out of the way, whole, so that a new one can be made in its place. */
import { existsSync, renameSync } from 'node:fs'
import type { Instant } from '../../src/model.ts'

/** Answers where it is now. */
export function setAside(file: string, at: Instant): string {
  const stamp = new Date(at).toISOString().replaceAll(/[:.]/g, '-')
  let aside = `${file}.corrupt-${stamp}`
  for (let n = 2; existsSync(aside); n += 1) aside = `${file}.corrupt-${stamp}-${n}`
  for (const suffix of ['', '-wal', '-shm']) {
    if (existsSync(file + suffix)) renameSync(file + suffix, aside + suffix)
  }
  return aside
}
