/**
 * Storage as the engine uses it: each call a question to the outside, each answer a thing of its own.
 * Payloads and sealed tokens stay out of the journal.
 *
 * After damage and after `STORAGE_GONE` storage is not asked any more: every question but `close` is answered with
 * that error, and nothing is repeated (E2).
 */
import { alarmOf } from '../alarms.ts'
import type { Affected, Answer, Change } from '../../../storage/changes.ts'
import { needsNewOpening } from '../../../storage/storage-error.ts'
import type { OperationRow, PositionRow, RecordRow } from '../../../storage/rows.ts'
import type {
  LetterFilter,
  LetterPosition,
  OpenedState,
  Storage,
  StorageHost,
} from '../../../storage/storage.ts'
import type { JsonRecord } from '../../journal/lines.ts'
import type { LaneId, OperationId, UserId } from '../../model.ts'
import { type Answered, type Boundary, plain, type Question } from '../boundary/boundary.ts'
import { Signal } from '../events/signal.ts'
import { SERIES, waitOf } from '../backoff.ts'
import { rowsCodec } from '../boundary/rows-codec.ts'
import { isForOrigin, originChanged } from './database-origin.ts'
import { openedCodec } from './opened-codec.ts'
import { redact } from './redacted-change.ts'
import { codedError } from './storage-errors.ts'

/** Where an operation is. */
export interface Found {
  readonly state: 'pending' | 'dead'
  readonly lane: LaneId
  readonly place: number
}

/** A dead letter, as far as a retry with another payload must know it (Q9). */
export interface FoundLetter {
  readonly kind: string
  /** True if it may have arrived. */
  readonly isOutcomeUnknown: boolean
}

export interface CommitWish {
  /** Must it survive a power cut by itself? Default: true. */
  readonly synced?: boolean
  /** Does each change stand for itself? Default: false. */
  readonly apart?: boolean
}

/** Where an operation stands. */
export type Placed = Pick<Affected, 'lane' | 'place'>

export interface StoreParts {
  readonly boundary: Boundary
  readonly storage: Storage
  readonly origin: string
}

export class Store {
  readonly #parts: StoreParts
  /** How many changes had to be stored at last: it makes the names of their alarms, also in a journal that begins later. */
  repeatCount = 0
  /** Told before anything is asked: a part that waits to store something asks first. */
  readonly asking = new Signal()
  /** Told the stored state, whenever all of it has been read. */
  readonly stateRead = new Signal<OpenedState>()
  /** Told before a commit or a window is answered, with the operations that it concerns. */
  readonly answering = new Signal<() => readonly Placed[]>()
  /** Told after a commit has been answered. */
  readonly commitAnswered = new Signal()
  /** Told once, when storage has answered that only a new opening helps. */
  readonly broke = new Signal<Error>()
  #broken: Error | null = null
  #commitsAsked = 0
  #commitsAnswered = 0

  constructor(parts: StoreParts) {
    this.#parts = parts
  }

  /** The error after which only a new opening helps (E2); null: storage may be asked. */
  get broken(): Error | null {
    return this.#broken
  }

  /** How many commits have been asked for. */
  get commitsAsked(): number {
    return this.#commitsAsked
  }

  /** Of them, how many are answered: the first ones. */
  get commitsAnswered(): number {
    return this.#commitsAnswered
  }

  /** A replay begins after that error. */
  resumeBroken(error: Error | null): void {
    this.#broken = error
  }

  open(host: StorageHost, then: (answer: Answered<OpenedState>) => void): void {
    this.#ask(
      {
        name: 'open',
        args: () => null,
        codec: openedCodec,
        put: async () => {
          const state = await this.#parts.storage.open(host)
          // Before the first line that has a digest.
          this.#parts.boundary.fileKey.use(state.fingerprintKey)
          return state
        },
      },
      (answer) => this.#opened(answer, then),
      // An opening that fails leaves nothing open.
      () => undefined,
    )
  }

  commit(
    changes: readonly Change[],
    { synced = true, apart = false }: CommitWish,
    then: (answer: Answered<readonly Answer[]>) => void,
  ): void {
    this.#ask<readonly Answer[]>(
      {
        name: 'commit',
        args: () => ({ synced, changes: changes.map(redact) }),
        codec: plain<readonly Answer[]>(),
        put: () => this.#parts.storage.commit(changes, { synced, apart }),
      },
      (answer) => {
        this.#commitsAnswered += 1
        then(answer)
        this.commitAnswered.tell()
      },
      (answer) => this.#hearFirst(answer, () => (answer.ok ? affectedBy(answer.value) : [])),
    )
    // What was put aside until something is asked has been asked for by now.
    this.#commitsAsked += 1
  }

  /**
   * Commits, however often that takes (Q11). `failed` hears of each failure. Changes that say what is
   * true now are made anew for each try, as a function. `givenUp` hears if it can never be stored (E2).
   */
  commitAtLast(
    changes: readonly Change[] | (() => readonly Change[]),
    wish: CommitWish,
    failed: (error: Error) => void,
    then: (answers: readonly Answer[]) => void,
    givenUp: () => void = () => undefined,
  ): void {
    const nth = ++this.repeatCount
    const attempt = (n: number) => {
      const made = typeof changes === 'function' ? changes() : changes
      this.commit(made, wish, (answer) => {
        if (answer.ok) {
          then(answer.value)
          return
        }
        if (this.#broken !== null) {
          givenUp()
          return
        }
        failed(answer.error)
        this.#parts.boundary.arm(alarmOf('record', nth), waitOf(SERIES.storing, n), () =>
          attempt(n + 1),
        )
      })
    }
    attempt(1)
  }

  window(
    laneId: LaneId,
    after: number,
    limit: number,
    then: (answer: Answered<readonly OperationRow[]>) => void,
  ): void {
    this.#ask(
      {
        name: 'window',
        args: () => ({ lane: laneId, after, limit }),
        codec: rowsCodec,
        put: () => this.#parts.storage.window(laneId, after, limit),
      },
      then,
      (answer) => this.#hearFirst(answer, () => (answer.ok ? answer.value : [])),
    )
  }

  #ask<T>(
    question: Question<T>,
    then: (answer: Answered<T>) => void,
    before: (answer: Answered<T>) => void = this.#hear,
  ): void {
    this.asking.tell()
    const broken = this.#broken
    this.#parts.boundary.ask(broken === null ? question : refused(question, broken), (answer) => {
      const coded = answer.ok ? answer : ({ ok: false, error: codedError(answer.error) } as const)
      before(coded)
      then(coded)
    })
  }

  readonly #hear = (answer: Answered<unknown>): void => {
    if (answer.ok || this.#broken !== null || !needsNewOpening(answer.error)) return
    this.#broken = answer.error
    this.broke.tell(answer.error)
  }

  /** The same for a commit and a window. */
  #hearFirst(answer: Answered<unknown>, affected: () => readonly Placed[]): void {
    this.#hear(answer)
    this.answering.tell(affected)
  }

  #opened(answer: Answered<OpenedState>, then: (answer: Answered<OpenedState>) => void): void {
    if (answer.ok) this.stateRead.tell(answer.value)
    then(answer)
  }

  /** Where an operation is pending or dead, or that it has settled, as far as that is remembered; or null. */
  find(id: OperationId, then: (answer: Answered<Found | 'settled' | null>) => void): void {
    this.#ask(
      {
        name: 'find',
        args: () => id,
        codec: plain<Found | 'settled' | null>(),
        put: async () => {
          const found = await this.#parts.storage.find(id)
          if (found === null) return null
          if (found.state === 'settled') return 'settled'
          const { lane: laneId, place } = found.state === 'pending' ? found.row : found.letter
          return { state: found.state, lane: laneId, place }
        },
      },
      then,
    )
  }

  /** A dead letter, as far as a retry must know it; null: there is none of this id. */
  letter(id: OperationId, then: (answer: Answered<FoundLetter | null>) => void): void {
    this.#ask(
      {
        name: 'letter',
        args: () => id,
        codec: plain<FoundLetter | null>(),
        put: async () => {
          const found = await this.#parts.storage.find(id)
          if (found?.state !== 'dead') return null
          const { kind, envelopeKey } = found.letter
          return { kind, isOutcomeUnknown: envelopeKey !== null }
        },
      },
      then,
    )
  }

  /** Where the dead letters stand that the filter names, in its order. */
  letters(filter: LetterFilter, then: (answer: Answered<readonly LetterPosition[]>) => void): void {
    this.#ask(
      {
        name: 'letters',
        args: () => ({ ...filter }) as unknown as JsonRecord,
        codec: plain<readonly LetterPosition[]>(),
        put: async () => {
          const letters = await this.#parts.storage.letters(filter)
          return letters.map(({ id, lane, place, diedAt }) => ({ id, lane, place, diedAt }))
        },
      },
      then,
    )
  }

  /** Which of these operations are pending no more. */
  settled(
    ids: readonly OperationId[],
    then: (answer: Answered<readonly OperationId[]>) => void,
  ): void {
    this.#ask(
      {
        name: 'settled',
        args: () => ids,
        codec: plain<readonly OperationId[]>(),
        put: async () => {
          const { settled } = await this.#parts.storage.settled(ids)
          return settled.map(({ id }) => id)
        },
      },
      then,
    )
  }

  records(locals: readonly string[], then: (answer: Answered<readonly RecordRow[]>) => void): void {
    this.#ask(
      {
        name: 'records',
        args: () => locals,
        codec: plain<readonly RecordRow[]>(),
        put: () => this.#parts.storage.records(locals),
      },
      then,
    )
  }

  position(
    user: UserId | null,
    key: string,
    then: (answer: Answered<PositionRow | null>) => void,
  ): void {
    this.#ask(
      {
        name: 'position',
        args: () => ({ user, key }),
        codec: plain<PositionRow | null>(),
        put: () => this.#parts.storage.position(user, key),
      },
      then,
    )
  }

  /** Takes the right to dispatch, unless another process has it (Q17). */
  lock(then: (answer: Answered<boolean>) => void): void {
    this.#ask(
      {
        name: 'lock',
        args: () => null,
        codec: plain<boolean>(),
        put: () => this.#parts.storage.lock(),
      },
      then,
    )
  }

  /** What is stored now, whoever stored it. */
  reload(then: (answer: Answered<OpenedState>) => void): void {
    this.#ask(
      {
        name: 'reload',
        args: () => null,
        codec: openedCodec,
        put: () => this.#parts.storage.reload(),
      },
      (answer) => this.#opened(this.#ofOurOrigin(answer), then),
    )
  }

  /** Another process may have given the database to another origin meanwhile: then nothing of it is sent from here (E6). */
  #ofOurOrigin(answer: Answered<OpenedState>): Answered<OpenedState> {
    if (!answer.ok || isForOrigin(answer.value.origin, this.#parts.origin)) return answer
    const error = originChanged(answer.value.origin, this.#parts.origin)
    this.#hear({ ok: false, error })
    return { ok: false, error }
  }

  /** Gives back what a drain has freed; a failure costs nothing but room. */
  tidy(): void {
    this.#ask(
      {
        name: 'tidy',
        args: () => null,
        codec: plain<null>(),
        put: () => this.#parts.storage.tidy().then(() => null),
      },
      () => undefined,
    )
  }

  close(then: (answer: Answered<null>) => void): void {
    this.asking.tell()
    this.#parts.boundary.ask(
      {
        name: 'close',
        args: () => null,
        codec: plain<null>(),
        put: () => this.#parts.storage.close().then(() => null),
      },
      then,
    )
  }
}

function affectedBy(answers: readonly Answer[]): readonly Affected[] {
  return answers.flatMap((answer) => (answer.applied ? answer.affected : []))
}

/** The same question, answered with this error. */
function refused<T>(question: Question<T>, error: Error): Question<T> {
  return { ...question, put: () => Promise.reject(error) }
}
