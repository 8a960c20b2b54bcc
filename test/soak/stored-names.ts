/** What a database file holds, asked of SQLite itself. */
import SqliteDatabase from 'better-sqlite3'
import { nameOf } from './judge.ts'

/** The names of the operations that are pending or dead. Reads only, also while others write. */
export function storedNames(file: string): ReadonlySet<string> {
  const database = new SqliteDatabase(file, { readonly: true, timeout: 10_000 })
  try {
    const rows = database
      .prepare<[], { payload: string }>(
        'SELECT payload FROM holdfast_operations UNION ALL SELECT payload FROM holdfast_letters',
      )
      .all()
    return new Set(
      rows.map(({ payload }) => nameOf((JSON.parse(payload) as { text: string }).text)),
    )
  } finally {
    database.close()
  }
}

/** What is wrong with a file in which nothing should be pending. */
export function leftIn(file: string): readonly string[] {
  const database = new SqliteDatabase(file, { timeout: 10_000 })
  try {
    const complaints: string[] = []
    const whole = database.pragma('integrity_check', { simple: true })
    if (whole !== 'ok') complaints.push(`integrity_check: ${String(whole)}`)
    for (const table of ['operations', 'letters', 'envelopes', 'moved']) {
      const count = Number(database.prepare(`SELECT count(*) FROM holdfast_${table}`).pluck().get())
      if (count > 0) complaints.push(`${count} rows are left in holdfast_${table}`)
    }
    const counted = database.prepare('SELECT total(pending) FROM holdfast_lanes_now').pluck().get()
    if (counted !== 0) complaints.push(`the lanes count ${String(counted)} pending`)
    return complaints
  } finally {
    database.close()
  }
}

/** Where rows do not fit together, at any time. */
export function inconsistenciesIn(file: string): readonly string[] {
  const database = new SqliteDatabase(file, { readonly: true, timeout: 10_000 })
  try {
    const wrong = database
      .prepare<[], { lane: number; pending: number; rows: number }>(
        `SELECT lane, pending, (SELECT count(*) FROM holdfast_operations o WHERE o.lane = l.lane) AS rows
         FROM holdfast_lanes_now l WHERE pending <> rows`,
      )
      .all()
    const whole = database.pragma('integrity_check', { simple: true })
    return [
      ...(whole === 'ok' ? [] : [`integrity_check: ${String(whole)}`]),
      ...wrong.map(({ lane, pending, rows }) => `lane ${lane} counts ${pending}, and has ${rows}`),
    ]
  } finally {
    database.close()
  }
}
