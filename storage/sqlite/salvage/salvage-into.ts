/**
 * One salvage, all or nothing: the new database says from which set-aside file its rows are, in the transaction that puts
 * them there. So a salvage that a crash has cut short begins anew, and a whole one is not repeated.
 */
import { existsSync, rmSync, statSync } from 'node:fs'
import { basename } from 'node:path'
import SqliteDatabase, { type Database } from 'better-sqlite3'
import type { SalvageReport, StorageHost } from '../../storage.ts'
import { verifySynchronous } from '../connection.ts'
import { refuseForeignFile } from '../database-file.ts'
import { getMeta, setMeta } from '../meta.ts'
import { NOTHING_SALVAGED } from './nothing-salvaged.ts'
import { readDamaged } from './read-damaged.ts'
import { salvage } from './salvage.ts'

interface Done {
  readonly from: string
  readonly report: SalvageReport
}

/** `aside`: the damaged database in its new place, which is only read. */
export function salvageInto(target: Database, aside: string, host: StorageHost): SalvageReport {
  const from = basename(aside)
  const done = doneIn(target)
  if (done?.from === from) return done.report
  verifySynchronous(target)
  return withSource(aside, (source) =>
    target
      .transaction(() => {
        const { recordedKinds = null } = host
        const report =
          source === null
            ? NOTHING_SALVAGED
            : salvage({ source, target, recordedKinds, at: host.wall() })
        setMeta(target, 'salvage', JSON.stringify({ from, report } satisfies Done))
        return report
      })
      .immediate(),
  )
}

function doneIn(target: Database): Done | null {
  const done = getMeta(target, 'salvage')
  return done === null ? null : (JSON.parse(done) as Done)
}

/** Opens the damaged database to read it, with its -wal; null: SQLite can make nothing of it. */
function withSource<T>(file: string, run: (source: Database | null) => T): T {
  const made = ['-wal', '-shm'].filter((suffix) => !existsSync(file + suffix))
  const source = openSource(file)
  try {
    return run(source)
  } finally {
    source?.close()
    // Reading leaves side files that hold nothing.
    for (const suffix of made) {
      const isEmpty =
        suffix === '-shm' || statSync(file + suffix, { throwIfNoEntry: false })?.size === 0
      if (isEmpty) rmSync(file + suffix, { force: true })
    }
  }
}

function openSource(file: string): Database | null {
  if (!existsSync(file) || !isDatabase(file)) return null
  const source = new SqliteDatabase(file, { readonly: true, fileMustExist: true })
  let isReadable = false
  try {
    source.pragma('trusted_schema = OFF')
    isReadable = readDamaged(source)
  } finally {
    if (!isReadable) source.close()
  }
  return isReadable ? source : null
}

function isDatabase(file: string): boolean {
  try {
    refuseForeignFile(file)
    return true
  } catch {
    return false
  }
}
