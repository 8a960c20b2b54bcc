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

/** From its first use on, its methods are those of the statement itself: a commit calls several of them. */
class LateStatement {
  readonly #database: Database
  readonly #sql: string
  #plucks = false

  constructor(database: Database, sql: string) {
    this.#database = database
    this.#sql = sql
  }

  pluck(): this {
    this.#plucks = true
    return this
  }

  get = (...values: unknown[]): unknown => this.#make().get(...values)
  all = (...values: unknown[]): unknown[] => this.#make().all(...values)
  run = (...values: unknown[]): RunResult => this.#make().run(...values)

  #make(): Statement {
    const statement = this.#database.prepare(this.#sql)
    if (this.#plucks) statement.pluck()
    this.get = statement.get.bind(statement)
    this.all = statement.all.bind(statement)
    this.run = statement.run.bind(statement)
    return statement
  }
}
