/**
 * Replay: the recorded events of a run, fed to today's machines and engine on a fresh database, must
 * give the same decisions. It stops at the first that differs.
 *
 * What storage answered is in the journal. A recording that began with a new database is replayed on
 * one too, and storage must answer the same once more. Any other has only the journal's answers, and so has
 * one of a process that shared its database, or that may have: its watch on commits was lost. From there on, the same holds
 * - after a start that finds what this process did not leave: another one used the file between,
 * - after an answer that differs in the last 2 s of a life: it may have ended before it heard of another process,
 * - where a database was set aside, or an operation came in a transaction of the app: what else that did, and
 *   whether it was committed, nobody wrote down.
 */
import SqliteDatabase from 'better-sqlite3'
import { SqliteStorage } from '../../storage/sqlite/sqlite-storage.ts'
import { needsNewOpening } from '../../storage/storage-error.ts'
import type { Storage } from '../../storage/storage.ts'
import type { Question } from '../engine/boundary/boundary.ts'
import { readError, writeError } from '../engine/boundary/error-codec.ts'
import type { Summary } from '../engine/snapshot/summary.ts'
import { HoldfastError, ReplayDivergedError } from '../errors.ts'
import { Engine, type Machines } from '../engine/engine.ts'
import type { Requirement } from '../model.ts'
import type { KindFacts } from '../operations/kind-facts.ts'
import type { Ports, Settings } from '../options.ts'
import { silentPlatform } from '../ports/platform.ts'
import { errorOf } from '../thrown.ts'
import type { InLine, JournalHeader, JournalLine } from './lines.ts'
import { invalidLine, readJournal } from './read-journal.ts'
import { contentOf, Cursor, EndOfLife, ReplayBoundary } from './replay-boundary.ts'

export interface ReplayReport {
  /** Lines that came in from outside and were fed. */
  readonly fed: number
  /** Decisions that were made again. */
  readonly decided: number
  /** Was storage replayed too? */
  readonly withStorage: boolean
}

export interface ReplayOptions {
  /** @internal The machines to run; tests put others in their place. */
  readonly machines?: Machines
  /** @internal No other process used the database, so storage answers the same until the end. Default: nobody knows. */
  readonly isAlone?: boolean
}

/** By then a process has heard of the commits of others, or has told that its watch is lost (Q17). */
const HEARD_BY_MS = 2000

const STORAGE_QUESTIONS: ReadonlySet<string> = new Set([
  'open',
  'commit',
  'window',
  'find',
  'letter',
  'letters',
  'settled',
  'lock',
  'reload',
  'records',
  'position',
  'close',
])

/**
 * Replays a journal, given as its text.
 *
 * @throws ReplayDivergedError where a decision differs; HoldfastError `JOURNAL_INVALID`.
 */
export async function replay(text: string, options: ReplayOptions = {}): Promise<ReplayReport> {
  // Not in the list of parameters: the published declaration would name options that it does not have.
  const { machines, isAlone = false } = options
  const { header, lines } = readJournal(text)
  if (header.beginningLost === true) {
    const { why = 'too much was under way' } = header
    const message = `the journal has lost its beginning, so it can be read, but not replayed: ${why}`
    throw new HoldfastError('JOURNAL_INVALID', message)
  }
  const run = new Replay(header, lines, { machines, isAlone })
  await run.run()
  const fed = lines.filter((line) => 'in' in line).length
  return { fed, decided: lines.length - fed, withStorage: run.hasStorage }
}

/** What other processes committed is in the journal; there is no transaction of an app to join. */
class ReplayStorage extends SqliteStorage {
  override watch(): () => void {
    return () => undefined
  }
}

class Replay {
  hasStorage: boolean
  readonly #settings: Settings
  readonly #facts: readonly KindFacts[]
  readonly #machines: Machines | undefined
  readonly #isAlone: boolean
  readonly #cursor: Cursor
  readonly #database = new SqliteDatabase(':memory:')
  /** What storage has answered this time. */
  readonly #answers = new WeakMap<Question<unknown>, object>()
  #boundary: ReplayBoundary | null = null
  #lifeCount = 0

  constructor(
    header: JournalHeader,
    lines: readonly JournalLine[],
    { machines, isAlone }: { readonly machines: Machines | undefined; readonly isAlone: boolean },
  ) {
    this.#settings = header.options.settings as unknown as Settings
    this.#facts = header.options.kinds as unknown as readonly KindFacts[]
    this.#machines = machines
    this.#isAlone = isAlone
    this.#cursor = new Cursor(lines, header.rows ?? 1)
    // Storage sorts by user, and pseudonyms have another order.
    const isNamed = header.pseudonyms !== true
    this.hasStorage = isNamed && beganFresh(lines) && !lines.some(mayBeShared)
  }

  async run(): Promise<void> {
    try {
      for (let { next } = this.#cursor; next !== undefined; next = this.#cursor.next) {
        try {
          await this.#take(next)
        } catch (error) {
          if (!(error instanceof EndOfLife)) throw error
        }
      }
    } finally {
      this.#database.close()
    }
  }

  async #take(line: JournalLine): Promise<void> {
    // Whatever is not let in from here must have been decided, or asked for, by what came before.
    if (!('in' in line) || line.in === 'pull') {
      throw new ReplayDivergedError(line.line, contentOf(line), null)
    }
    if (line.in === 'start') {
      this.#cursor.advance()
      this.#begin(line.requirement as Requirement)
      return
    }
    if (line.in === 'summary') {
      this.#cursor.advance()
      try {
        this.#resume(line.state as unknown as Summary, line)
      } catch (error) {
        const why = `the summary cannot be read (${(error as Error).message})`
        throw invalidLine(line.line + 1, `${why}; replay it with the version that recorded it`)
      }
      return
    }
    const boundary = this.#boundary
    if (boundary === null) {
      throw invalidLine(line.line + 1, 'a journal begins with a start or a summary; give all of it')
    }
    if (line.in === 'answer') await this.#compareStorage(line, boundary)
    this.#cursor.advance()
    boundary.enter(line)
  }

  /** A process begins, on the database as the one before it left it. */
  #begin(requirement: Requirement): void {
    // What the process before may have stored without hearing of it, nobody can know.
    const mayHaveStored = ['commit', 'within'].some((name) => this.#boundary?.hasOpen(name))
    if (mayHaveStored) this.hasStorage = false
    this.#lifeCount += 1
    this.#makeEngine(new ReplayBoundary(this.#cursor), { ...this.#settings, requirement })
  }

  /** The journal begins in the middle of a process's life, with a summary of its state. */
  #resume(summary: Summary, { t, wall }: JournalLine): void {
    const boundary = new ReplayBoundary(this.#cursor, summary.boundary.askCount)
    boundary.monotonic = t
    boundary.wall = wall ?? 0
    this.#makeEngine(boundary, this.#settings, summary)
  }

  #makeEngine(boundary: ReplayBoundary, settings: Settings, resumeFrom?: Summary): void {
    this.#boundary = boundary
    new Engine({
      boundary,
      settings,
      ports: portsOf(boundary, settings, new ReplayStorage({ database: this.#database })),
      kinds: [],
      facts: this.#facts,
      onEvent: () => undefined,
      onChange: () => undefined,
      ...(this.#machines === undefined ? {} : { machines: this.#machines }),
      ...(resumeFrom === undefined ? {} : { resumeFrom }),
    })
  }

  /** Storage is asked once more, now that its turn has come, and must answer the same. */
  async #compareStorage(
    line: Extract<InLine, { in: 'answer' }> & JournalLine,
    boundary: ReplayBoundary,
  ): Promise<void> {
    const question = boundary.question(line.ask)
    // A file that was damaged or gone cannot be made again.
    if (line.error !== undefined && needsNewOpening(readError(line.error))) this.hasStorage = false
    if (question === undefined || line.error !== undefined) return
    if (question.name === 'within' || isFromElsewhere(line.value)) this.hasStorage = false
    // Why a change failed among others, as where a disk is full, cannot be made again.
    if (hasFailedPart(line.value)) this.hasStorage = false
    // Another process dispatches: what it stores is in its own journal.
    if (question.name === 'lock' && line.value === false) this.hasStorage = false
    if (!this.hasStorage || !STORAGE_QUESTIONS.has(question.name)) return
    const { in: kind, ask } = line
    // It takes them in the order they were asked, also where a later one was answered first.
    for (const open of boundary.openUntil(ask)) {
      if (!STORAGE_QUESTIONS.has(open.name) || this.#answers.has(open)) continue
      this.#answers.set(open, await answerTo(open))
    }
    const answer = this.#answers.get(question) ?? {}
    if ('value' in answer && this.#cursor.isAsRecorded(answer.value, line.value)) return
    if (this.#mayBeOfAnother(question)) {
      this.hasStorage = false
      return
    }
    throw new ReplayDivergedError(line.line, contentOf(line), { in: kind, ask, ...answer })
  }

  /** Another process may have used the file, and this one heard of it in no line: between two lives, or at the end of one. */
  #mayBeOfAnother({ name }: Question<unknown>): boolean {
    if (name === 'open' && this.#lifeCount > 1) return true
    return !this.#isAlone && this.#cursor.lifeEndsWithin(HEARD_BY_MS)
  }
}

/** What storage answers this time, as a journal has it. */
async function answerTo({ codec, put }: Question<unknown>): Promise<object> {
  try {
    return { value: JSON.parse(JSON.stringify(codec.write(await put()))) as unknown }
  } catch (error) {
    return { error: writeError(errorOf(error)) }
  }
}

/** Is it what storage answers that began anew in the place of a damaged database, or that is a copy? */
function isFromElsewhere(answer: unknown): boolean {
  if (typeof answer !== 'object' || answer === null) return false
  return 'setAside' in answer || 'isCopy' in answer
}

/** Did one of several changes fail apart from the others (Q11)? */
function hasFailedPart(answer: unknown): boolean {
  if (!Array.isArray(answer)) return false
  return answer.some((part) => typeof part === 'object' && part !== null && 'failed' in part)
}

/**
 * What other processes stored, only they have in their journals. One whose watch is lost may have answers that show it
 * before it hears of them.
 */
function mayBeShared(line: JournalLine): boolean {
  if (!('in' in line) || line.in !== 'call') return false
  return line.name === 'foreignCommit' || line.name === 'watchLost'
}

/** Did the recording begin with an empty database? */
function beganFresh(lines: readonly JournalLine[]): boolean {
  const [first] = lines
  if (first === undefined || !('in' in first) || first.in !== 'start') return false
  const opened = lines.find((line) => 'in' in line && line.in === 'answer')
  const state = (opened as { readonly value?: { readonly fresh?: boolean } } | undefined)?.value
  return state?.fresh === true
}

function portsOf(boundary: ReplayBoundary, settings: Settings, storage: Storage): Ports {
  const never = () => new Promise<never>(() => undefined)
  return {
    storage,
    transport: { origin: settings.origin, send: never },
    tokenSource: null,
    requirementSource: null,
    vault: null,
    platform: silentPlatform,
    clock: {
      wall: () => boundary.wall,
      monotonic: () => boundary.monotonic,
      after: () => ({ cancel: () => undefined }),
      // Storage is only asked when its answer is due, so it answers at once.
      atTurnEnd: (run) => run(),
    },
    random: { fraction: () => 0, nonce: () => '' },
  }
}
