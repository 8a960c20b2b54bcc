/**
 * A connection whose statements are made at their first use: most runs use few of the many, and each takes as long to
 * make as a small query. They know `pluck`, `get`, `all` and `run`. A statement that cannot be made says so at that use.
 */
import type { Database, RunResult, Statement } from 'better-sqlite3'

export function preparingLate(database: Database): Database {
  return Object.create(database, {
    prepare: { value: (sql: string) => new LateStatement(database, sql) },
  }) as Database
}

class LateStatement {
  readonly #database: Database
  readonly #sql: string
  #plucks = false
  #statement: Statement | null = null

  constructor(database: Database, sql: string) {
    this.#database = database
    this.#sql = sql
  }

  pluck(): this {
    this.#plucks = true
    return this
  }

  get(...values: unknown[]): unknown {
    return this.#made().get(...values)
  }

  all(...values: unknown[]): unknown[] {
    return this.#made().all(...values)
  }

  run(...values: unknown[]): RunResult {
    return this.#made().run(...values)
  }

  #made(): Statement {
    if (this.#statement !== null) return this.#statement
    const statement = this.#database.prepare(this.#sql)
    return (this.#statement = this.#plucks ? statement.pluck() : statement)
  }
}
