/**
 * Hears of every row that changes, in order, through temporary triggers on the connection: the engine
 * does not know of it, and neither the tables nor the file hold anything of it. What a transaction
 * changed and then rolled back is not in it.
 */
import type { Database } from 'better-sqlite3'

export type RowTable =
  'lanes' | 'operations' | 'letters' | 'outcomes' | 'envelopes' | 'tokens' | 'meta'

/** A row of one of these tables, by the names of its columns. */
export type Row = Readonly<Record<string, string | number | null>>

export interface RowChange {
  readonly table: RowTable
  readonly action: 'put' | 'gone'
  readonly row: Row
}

/** What is logged of each table, in the order in which the tables refer to each other. */
const COLUMNS: Readonly<Record<RowTable, readonly string[]>> = {
  lanes: ['lane', 'user'],
  operations: [
    'id',
    'lane',
    'place',
    'kind',
    'version',
    'payload',
    'enqueued_at',
    'expires_at',
    'revision',
  ],
  letters: ['id', 'lane', 'place', 'kind', 'version', 'payload', 'reason', 'excerpt'],
  outcomes: ['id', 'outcome', 'reason', 'settled_at'],
  envelopes: [
    'lane',
    'place',
    'key',
    'members',
    'attempts',
    'retry_at',
    'last_status',
    'last_code',
    'last_failed_at',
  ],
  tokens: ['user', 'generation', 'epoch', 'refused', 'fingerprint', 'expires_at'],
  meta: ['name', 'value'],
}

const TABLES = Object.keys(COLUMNS) as RowTable[]

interface Logged {
  readonly seq: number
  readonly what: RowTable
  readonly action: 'put' | 'gone'
  readonly row: string
}

export class RowLog {
  readonly #read
  #seen = 0

  /** Listens on a connection that has the tables already. */
  constructor(database: Database) {
    database.pragma('temp_store = MEMORY')
    database.exec(
      `CREATE TEMP TABLE seen_rows (seq INTEGER PRIMARY KEY, what TEXT, action TEXT, row TEXT)`,
    )
    for (const table of TABLES) database.exec(triggersOf(table))
    this.#read = database.prepare<[number], Logged>(
      'SELECT seq, what, action, row FROM temp.seen_rows WHERE seq > ? ORDER BY seq',
    )
  }

  /** What has changed since this was asked before. */
  take(): RowChange[] {
    const logged = this.#read.all(this.#seen)
    this.#seen = logged.at(-1)?.seq ?? this.#seen
    return logged.map(({ what, action, row }) => ({
      table: what,
      action,
      row: JSON.parse(row) as Row,
    }))
  }
}

/** Everything that stands in the tables now, as if it had just been put there. */
export function allRows(database: Database): RowChange[] {
  return TABLES.flatMap((table) =>
    database
      .prepare<[], Row>(`SELECT ${COLUMNS[table].join(', ')} FROM holdfast_${table}`)
      .all()
      .map((row) => ({ table, action: 'put' as const, row })),
  )
}

function triggersOf(table: RowTable): string {
  const log = (action: 'put' | 'gone', of: 'new' | 'old') => {
    const values = COLUMNS[table].map((column) => `'${column}', ${of}.${column}`).join(', ')
    return `BEGIN INSERT INTO seen_rows (what, action, row)
      VALUES ('${table}', '${action}', json_object(${values})); END;`
  }
  // How much is pending changes all the time, whose lane it is never does.
  const update =
    table === 'lanes'
      ? ''
      : `CREATE TEMP TRIGGER seen_${table}_update AFTER UPDATE ON main.holdfast_${table} ${log('put', 'new')}`
  return `
    CREATE TEMP TRIGGER seen_${table}_insert AFTER INSERT ON main.holdfast_${table} ${log('put', 'new')}
    CREATE TEMP TRIGGER seen_${table}_delete AFTER DELETE ON main.holdfast_${table} ${log('gone', 'old')}
    ${update}`
}
