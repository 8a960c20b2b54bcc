/** The boundary to the real world: a clock, promises, and a journal if one is wanted. */
import type { InLine, JournalSink, JsonRecord, OutLine } from '../../journal/lines.ts'
import type { DecisionLog } from '../../log/decision-log.ts'
import type { LogLine } from '../../log/log-line.ts'
import type { Instant, Requirement } from '../../model.ts'
import type { Clock, Timer } from '../../ports/clock.ts'
import type {
  Answered,
  Boundary,
  Codec,
  Question,
  SavedBoundary,
  Service,
  Settle,
  Summarize,
} from './boundary.ts'
import { errorOf, isThenable } from '../../thrown.ts'
import { codeOf, writeError } from './error-codec.ts'
import { FileKey } from './file-key.ts'

/** Something that comes in. One object for each, and no more, because it is made for every call and every answer. */
interface Entry {
  /** As it stands in a journal. */
  line(): InLine
  run(): void
}

class CallEntry<Args, T> implements Entry {
  readonly #service: Service<Args, T>
  readonly #call: number
  readonly #args: Args
  readonly #settle: Settle<T>

  constructor(service: Service<Args, T>, call: number, args: Args, settle: Settle<T>) {
    this.#service = service
    this.#call = call
    this.#args = args
    this.#settle = settle
  }

  line(): InLine {
    const { name, codec } = this.#service
    return { in: 'call', call: this.#call, name, args: codec.write(this.#args) }
  }

  run(): void {
    this.#service.run(this.#args, this.#settle)
  }
}

class AnswerEntry<T> implements Entry {
  readonly #open: Map<number, string>
  readonly #ask: number
  readonly #codec: Codec<T>
  readonly #answer: Answered<T>
  readonly #answered: (answer: Answered<T>) => void

  constructor(
    open: Map<number, string>,
    ask: number,
    codec: Codec<T>,
    answer: Answered<T>,
    answered: (answer: Answered<T>) => void,
  ) {
    this.#open = open
    this.#ask = ask
    this.#codec = codec
    this.#answer = answer
    this.#answered = answered
  }

  line(): InLine {
    const answer = this.#answer
    return answer.ok
      ? { in: 'answer', ask: this.#ask, value: this.#codec.write(answer.value) }
      : { in: 'answer', ask: this.#ask, error: writeError(answer.error) }
  }

  run(): void {
    this.#open.delete(this.#ask)
    this.#answered(this.#answer)
  }
}

export interface LiveBoundaryOptions {
  readonly clock: Clock
  readonly journal: JournalSink | null
  /** Hears every decision. Default: null. */
  readonly log?: DecisionLog | null
  /** Told of a fault in Holdfast itself, which must not reach the host. */
  readonly onFault: (error: Error) => void
  /** Told once of a journal that cannot be written any more. */
  readonly onJournalLost: (error: Error) => void
}

export class LiveBoundary implements Boundary {
  wall: Instant
  monotonic: number
  readonly fileKey = new FileKey()
  #summarize: Summarize = () => 'the engine is being made'
  readonly #clock: Clock
  #journal: JournalSink | null
  readonly #log: DecisionLog | null
  readonly #onFault: (error: Error) => void
  readonly #onJournalLost: (error: Error) => void
  readonly #alarms = new Map<string, Timer>()
  /** The names of the questions that have no answer yet, for a journal. */
  readonly #open = new Map<number, string>()
  readonly #inbox: Entry[] = []
  readonly #last: (() => void)[] = []
  readonly #outbox: (() => void)[] = []
  #isBusy = false
  #isSilent = false
  #isDelivering = false
  #callCount = 0
  #askCount = 0
  /** Turns, and ends of what the app does just now, that are waited for. */
  #turnCount = 0

  constructor({ clock, journal, log = null, onFault, onJournalLost }: LiveBoundaryOptions) {
    this.#clock = clock
    this.#journal = journal
    this.#log = log
    this.#onFault = onFault
    this.#onJournalLost = onJournalLost
    this.wall = clock.wall()
    this.monotonic = clock.monotonic()
  }

  /** Writes down that a process begins. */
  begin(requirement: Requirement): void {
    this.#write(() => ({ in: 'start', requirement }), this.monotonic, this.wall)
  }

  serve<Args, T>(service: Service<Args, T>): (args: Args, settle: Settle<T>) => void {
    return (args, settle) => {
      const call = ++this.#callCount
      const noting = this.#noting(call, service.name, settle)
      this.#enter(new CallEntry(service, call, args, noting))
    }
  }

  ask<T>(question: Question<T>, answered: (answer: Answered<T>) => void): number {
    const ask = ++this.#askCount
    if (this.#journal !== null) this.#open.set(ask, question.name)
    // Nothing else is asked as often, and most engines have neither a journal nor a log.
    if (this.#hasReader) {
      this.#decideDetail(() => ({ out: 'ask', ask, name: question.name, args: question.args() }))
    }
    let put: Promise<T>
    try {
      put = Promise.resolve(question.put())
    } catch (error) {
      put = Promise.reject(errorOf(error))
    }
    put.then(
      (value) => this.#answer(ask, question, { ok: true, value }, answered),
      (error: unknown) =>
        this.#answer(ask, question, { ok: false, error: errorOf(error) }, answered),
    )
    return ask
  }

  #answer<T>(
    ask: number,
    { codec }: Question<T>,
    answer: Answered<T>,
    answered: (answer: Answered<T>) => void,
  ): void {
    if (!this.#isSilent) this.#enter(new AnswerEntry(this.#open, ask, codec, answer, answered))
  }

  /** Only a journal begins in the middle. */
  reask(): void {}

  recall<T>(call: number): Settle<T> {
    return { call, resolve: () => undefined, reject: () => undefined }
  }

  rearm(): void {}

  isEnd(): boolean {
    return false
  }

  /** What a journal needs that begins here. */
  summarizeWith(summarize: Summarize): void {
    this.#summarize = summarize
  }

  save(): SavedBoundary {
    return {
      callCount: this.#callCount,
      askCount: this.#askCount,
      turnCount: this.#turnCount,
      alarms: [...this.#alarms.keys()],
      open: Array.from(this.#open, ([ask, name]) => ({ ask, name })),
    }
  }

  pull<T>(name: string, codec: Codec<T>, take: () => T): T {
    let value: T
    try {
      value = take()
    } catch (thrown) {
      const error = errorOf(thrown)
      this.#write(() => ({ in: 'pull', name, error: writeError(error) }), this.monotonic)
      throw error
    }
    // Nothing else is done as often, and most have no journal.
    if (this.#journal !== null) this.#writePull(name, codec, value)
    return value
  }

  #writePull<T>(name: string, codec: Codec<T>, value: T): void {
    this.#write(() => ({ in: 'pull', name, value: codec.write(value) }), this.monotonic)
  }

  arm(name: string, delayMs: number, run: () => void): void {
    if (this.#isSilent) return
    this.#alarms.get(name)?.cancel()
    this.#decideDetail(() => ({ out: 'alarm', name, at: this.monotonic + delayMs }))
    const timer = this.#clock.after(delayMs, () => {
      this.#enter({
        line: () => ({ in: 'alarm', name }),
        run: () => {
          this.#alarms.delete(name)
          run()
        },
      })
    })
    this.#alarms.set(name, timer)
  }

  disarm(name: string): void {
    const timer = this.#alarms.get(name)
    if (timer === undefined) return
    timer.cancel()
    this.#alarms.delete(name)
    this.#decideDetail(() => ({ out: 'alarm.cancelled', name }))
  }

  silence(): void {
    this.#isSilent = true
    for (const timer of this.#alarms.values()) timer.cancel()
    this.#alarms.clear()
  }

  nextTurn(run: () => void): void {
    this.#clock.atTurnEnd(this.#entering('turn', run))
  }

  soon(run: () => void): void {
    void Promise.resolve().then(this.#entering('soon', run))
  }

  /** What lets it in when its time has come. */
  #entering(when: 'turn' | 'soon', run: () => void): () => void {
    this.#turnCount += 1
    return () =>
      this.#enter({
        line: () => ({ in: when }),
        run: () => {
          this.#turnCount -= 1
          run()
        },
      })
  }

  /** True if a decision is written anywhere. */
  get #hasReader(): boolean {
    return this.#journal !== null || this.#log !== null
  }

  decide(line: () => OutLine): void {
    this.#tell(line)
    this.#write(line, this.monotonic)
  }

  /** There are many details: they are only made for the log if it writes them. */
  #decideDetail(line: () => OutLine): void {
    if (this.#log?.hasDetails === true) this.#tell(line)
    this.#write(line, this.monotonic)
  }

  note(note: string, level: 'debug' | 'info', fields: () => JsonRecord): void {
    if (this.#log !== null) this.#tell(() => ({ note, level, fields: fields() }))
  }

  #tell(line: () => LogLine): void {
    const write = this.#log?.lineOf(line, this) ?? null
    if (write !== null) this.afterwards(write)
  }

  lastly(run: () => void): void {
    this.#last.push(run)
  }

  afterwards(run: () => void): void {
    this.#outbox.push(run)
    if (!this.#isBusy) this.#deliver()
  }

  #enter(entry: Entry): void {
    if (this.#isBusy) {
      this.#inbox.push(entry)
      return
    }
    this.#isBusy = true
    this.#dealWith(entry)
    for (let next = this.#inbox.shift(); next !== undefined; next = this.#inbox.shift()) {
      this.#dealWith(next)
    }
    this.#isBusy = false
    this.#deliver()
  }

  #dealWith(entry: Entry): void {
    this.#beginAnewIfWanted()
    this.#guarded(this.#readClock)
    if (this.#journal !== null) this.#write(() => entry.line(), this.monotonic, this.wall)
    try {
      entry.run()
    } catch (error) {
      this.#onFault(errorOf(error))
    }
    for (let last = this.#last.shift(); last !== undefined; last = this.#last.shift()) {
      this.#guarded(last)
    }
  }

  /** If the clock of the app throws, the times stay as they were. */
  readonly #readClock = (): void => {
    this.wall = this.#clock.wall()
    this.monotonic = this.#clock.monotonic()
  }

  #beginAnewIfWanted(): void {
    if (this.#journal?.wantsSummary === undefined) return
    this.#guarded(() => {
      if (this.#journal?.wantsSummary?.() !== true) return
      const state = this.#summarize(this.save())
      if (typeof state === 'string') this.#journal.noSummary?.(state)
      else this.#write(() => ({ in: 'summary', state }), this.monotonic, this.wall)
    })
  }

  /** A journal that cannot be written is no reason to stop: it ends there. */
  #write(line: () => InLine | OutLine, t: number, wall?: number): void {
    if (this.#journal === null) return
    try {
      const written: unknown = this.#journal.write(line(), t, wall)
      // A sink has nothing to answer, but one may be written as an async function.
      if (isThenable(written)) Promise.resolve(written).catch(this.#endJournal)
    } catch (error) {
      this.#endJournal(error)
    }
  }

  readonly #endJournal = (error: unknown): void => {
    if (this.#journal === null) return
    this.#journal = null
    this.#onJournalLost(errorOf(error))
  }

  /** One after the other, also when a listener calls the engine, which is then free to answer. */
  #deliver(): void {
    if (this.#isDelivering) return
    this.#isDelivering = true
    for (let run = this.#outbox.shift(); run !== undefined; run = this.#outbox.shift()) {
      this.#guarded(run)
    }
    this.#isDelivering = false
  }

  #guarded(run: () => void): void {
    try {
      run()
    } catch (error) {
      this.#onFault(errorOf(error))
    }
  }

  /** A rejection is a decision. Without a journal and a log nobody reads it. */
  #noting<T>(call: number, name: string, settle: Settle<T>): Settle<T> {
    if (!this.#hasReader) return settle
    return {
      call,
      resolve: (value) => settle.resolve(value),
      reject: (error) => {
        const code = codeOf(error)
        this.#tell(() => ({ rejected: name, code }))
        this.#write(() => ({ out: 'call.rejected', call, code }), this.monotonic)
        settle.reject(error)
      },
    }
  }
}
