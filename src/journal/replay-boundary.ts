/**
 * The boundary to a journal: what came in is read from it, what is decided is compared with it. No
 * kind's code, server, source, vault or clock is asked anything.
 */
import { isDeepStrictEqual } from 'node:util'
import type {
  Answered,
  Boundary,
  Codec,
  Question,
  Service,
  Settle,
} from '../engine/boundary/boundary.ts'
import { codeOf, readError } from '../engine/boundary/error-codec.ts'
import { FileKey } from '../engine/boundary/file-key.ts'
import { type HoldfastError, ReplayDivergedError } from '../errors.ts'
import type { Instant } from '../model.ts'
import { codeIn } from '../thrown.ts'
import { asOfRows } from './former-rows.ts'
import type { InLine, JournalLine, Json, OutLine } from './lines.ts'
import { invalidLine } from './read-journal.ts'

/**
 * The journal ends in the middle of a decision, or its process died there and another began: what it did
 * not write down any more, there is nothing to compare with.
 */
export class EndOfLife extends Error {}

/** Where the replay is in its journal. */
export class Cursor {
  readonly #lines: readonly JournalLine[]
  readonly #rows: number
  #position = 0

  /** `rows`: which fields the rows in these lines have. */
  constructor(lines: readonly JournalLine[], rows: number) {
    this.#lines = lines
    this.#rows = rows
  }

  /** True if this is what the journal says. */
  isAsRecorded(actual: unknown, recorded: unknown): boolean {
    const [one, other] = [actual, recorded].map((json) => asOfRows(json as Json, this.#rows))
    return isDeepStrictEqual(one, other)
  }

  get next(): JournalLine | undefined {
    return this.#lines[this.#position]
  }

  advance(): void {
    this.#position += 1
  }

  /** Is the answer to this question, further on in the life of this process, an error? */
  isRefused(ask: number): boolean {
    for (let index = this.#position; index < this.#lines.length; index += 1) {
      const line = this.#lines[index]
      if (line === undefined || !('in' in line)) continue
      if (line.in === 'start') return false
      if (line.in === 'answer' && line.ask === ask) return line.error !== undefined
    }
    return false
  }

  /** Has the life of this process no line that is so many milliseconds after this one? */
  lifeEndsWithin(ms: number): boolean {
    const left = this.#lines.slice(this.#position)
    const endsAt = left.findIndex((line) => 'in' in line && line.in === 'start')
    const last = (endsAt === -1 ? left : left.slice(0, endsAt)).at(-1)
    return last === undefined || last.t - (this.next?.t ?? last.t) < ms
  }

  /** The next line must be this decision, made at this time. */
  expect(actual: OutLine, t: number): void {
    const { next } = this
    if (isEnd(next)) throw new EndOfLife()
    const expected = contentOf(next)
    const plain = JSON.parse(JSON.stringify(actual)) as OutLine
    if (!this.isAsRecorded(plain, expected)) {
      throw new ReplayDivergedError(next.line, expected, plain)
    }
    if (next.t !== t) {
      throw new ReplayDivergedError(next.line, { t: next.t, ...expected }, { t, ...plain })
    }
    this.advance()
  }

  /** The next line must be the answer that was pulled, or the error. */
  pull(name: string): Json {
    const { next } = this
    if (isEnd(next)) throw new EndOfLife()
    if (!('in' in next) || next.in !== 'pull' || next.name !== name) {
      throw new ReplayDivergedError(next.line, contentOf(next), { in: 'pull', name })
    }
    this.advance()
    if (next.error !== undefined) throw readError(next.error)
    return next.value ?? null
  }
}

function isEnd(next: JournalLine | undefined): next is undefined {
  return next === undefined || ('in' in next && next.in === 'start')
}

/** What stands in a decision of each kind; a newer version may write more, which is skipped. */
const FIELDS: { readonly [Kind in OutLine['out']]: ReadonlySet<string> } = {
  ask: new Set(['out', 'ask', 'name', 'args']),
  event: new Set(['out', 'name', 'detail']),
  alarm: new Set(['out', 'name', 'at']),
  'alarm.cancelled': new Set(['out', 'name']),
  need: new Set(['out', 'user', 'reason']),
  'call.rejected': new Set(['out', 'call', 'code']),
}

/** A line without its number and times, and without what is unknown here. */
export function contentOf(line: JournalLine): object {
  const { line: _line, t: _t, wall: _wall, ...content } = line
  if (!('out' in line) || !Object.hasOwn(FIELDS, line.out)) return content
  const known = Object.entries(content).filter(([name]) => FIELDS[line.out].has(name))
  return Object.fromEntries(known)
}

interface Asked {
  readonly question: Question<unknown>
  readonly answered: (answer: Answered<unknown>) => void
}

/** One process of the recording. */
export class ReplayBoundary implements Boundary {
  wall: Instant = 0
  monotonic = 0
  readonly fileKey = new FileKey()
  readonly #cursor: Cursor
  readonly #services = new Map<string, Service<unknown, unknown>>()
  readonly #asked = new Map<number, Asked>()
  readonly #alarms = new Map<string, () => void>()
  readonly #turns: (() => void)[] = []
  readonly #soon: (() => void)[] = []
  readonly #last: (() => void)[] = []
  #askCount = 0
  #isSilent = false

  constructor(cursor: Cursor, askCount = 0) {
    this.#cursor = cursor
    this.#askCount = askCount
  }

  /** A replay writes no journal. */
  summarizeWith(): void {}

  /** Has a question of this name no answer in the journal, so far? */
  hasOpen(name: string): boolean {
    return [...this.#asked.values()].some(({ question }) => question.name === name)
  }

  question(ask: number): Question<unknown> | undefined {
    return this.#asked.get(ask)?.question
  }

  /** What was asked before this, or is this, and has no answer yet; but for what is going to be refused. */
  openUntil(last: number): Question<unknown>[] {
    return [...this.#asked]
      .filter(([ask]) => ask === last || (ask < last && !this.#cursor.isRefused(ask)))
      .map(([, { question }]) => question)
  }

  /** Lets the next thing in, as it was recorded. */
  enter(line: InLine & JournalLine): void {
    this.monotonic = line.t
    this.wall = line.wall ?? this.wall
    guarded(this.#entryOf(line))
    for (let run = this.#last.shift(); run !== undefined; run = this.#last.shift()) guarded(run)
  }

  serve<Args, T>(service: Service<Args, T>): (args: Args, settle: Settle<T>) => void {
    this.#services.set(service.name, service as unknown as Service<unknown, unknown>)
    return () => undefined
  }

  ask<T>(question: Question<T>, answered: (answer: Answered<T>) => void): number {
    const ask = ++this.#askCount
    this.decide(() => ({ out: 'ask', ask, name: question.name, args: question.args() }))
    this.#asked.set(ask, { question, answered } as unknown as Asked)
    return ask
  }

  reask<T>(ask: number, question: Question<T>, answered: (answer: Answered<T>) => void): void {
    this.#asked.set(ask, { question, answered } as unknown as Asked)
  }

  recall<T>(call: number): Settle<T> {
    return this.#noting(call) as Settle<T>
  }

  rearm(name: string, run: () => void): void {
    this.#alarms.set(name, run)
  }

  pull<T>(name: string, codec: Codec<T>): T {
    return codec.read(this.#cursor.pull(name))
  }

  arm(name: string, delayMs: number, run: () => void): void {
    if (this.#isSilent) return
    this.decide(() => ({ out: 'alarm', name, at: this.monotonic + delayMs }))
    this.#alarms.set(name, run)
  }

  disarm(name: string): void {
    if (this.#alarms.delete(name)) this.decide(() => ({ out: 'alarm.cancelled', name }))
  }

  silence(): void {
    this.#isSilent = true
    this.#alarms.clear()
    this.#asked.clear()
  }

  nextTurn(run: () => void): void {
    this.#turns.push(run)
  }

  soon(run: () => void): void {
    this.#soon.push(run)
  }

  isEnd(thrown: unknown): boolean {
    return isEndOfReplay(thrown)
  }

  decide(line: () => OutLine): void {
    this.#cursor.expect(line(), this.monotonic)
  }

  /** A replay has no log. */
  note(): void {}

  lastly(run: () => void): void {
    this.#last.push(run)
  }

  /** There is no app here. */
  afterwards(): void {}

  /** What the thing that comes in sets going. */
  #entryOf(line: InLine & JournalLine): () => void {
    switch (line.in) {
      case 'call': {
        const service = this.#services.get(line.name)
        if (service === undefined) throw unfit(line, `there is no call ${line.name}`)
        const args = readBy(line, () => service.codec.read(line.args))
        return () => service.run(args, this.#noting(line.call))
      }
      case 'answer': {
        const asked = this.#asked.get(line.ask)
        if (asked === undefined) throw unfit(line, `question ${line.ask} is not open`)
        this.#asked.delete(line.ask)
        const answer = readBy(line, () => answerOf(asked.question, line))
        return () => asked.answered(answer)
      }
      case 'alarm': {
        const run = this.#alarms.get(line.name)
        if (run === undefined) throw unfit(line, `the alarm ${line.name} is not armed`)
        this.#alarms.delete(line.name)
        return run
      }
      case 'turn': {
        const run = this.#turns.shift()
        if (run === undefined) throw unfit(line, 'no turn is waited for')
        return run
      }
      case 'soon': {
        const run = this.#soon.shift()
        if (run === undefined) throw unfit(line, 'nothing is to run soon')
        return run
      }
      case 'pull':
      case 'start':
      case 'summary':
        throw new TypeError(`${line.in} is not entered`)
      default: {
        const { in: unknown } = line as { readonly in: string }
        throw unfit(line, `nothing is known of ${unknown}`)
      }
    }
  }

  #noting(call: number): Settle<unknown> {
    return {
      call,
      resolve: () => undefined,
      reject: (error) => this.decide(() => ({ out: 'call.rejected', call, code: codeOf(error) })),
    }
  }
}

function answerOf(
  { codec }: Question<unknown>,
  line: Extract<InLine, { in: 'answer' }>,
): Answered<unknown> {
  return line.error === undefined
    ? { ok: true, value: codec.read(line.value ?? null) }
    : { ok: false, error: readError(line.error) }
}

const REFUSALS: ReadonlySet<string | null> = new Set(['REPLAY_DIVERGED', 'JOURNAL_INVALID'])

function isEndOfReplay(thrown: unknown): boolean {
  return thrown instanceof EndOfLife || REFUSALS.has(codeIn(thrown))
}

/** A fault in the engine did not stop the recording either; what it kept from being decided shows. */
function guarded(run: () => void): void {
  try {
    run()
  } catch (error) {
    if (isEndOfReplay(error)) throw error
  }
}

function readBy<T>(line: JournalLine, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw unfit(line, `it cannot be read (${(error as Error).message})`)
  }
}

function unfit({ line }: JournalLine, why: string): HoldfastError {
  return invalidLine(line + 1, `${why}; replay it with the version that recorded it`)
}
