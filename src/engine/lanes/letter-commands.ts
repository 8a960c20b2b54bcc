/**
 * The commands of the app on many dead letters: retry or discard all that a filter names (Q9). They go lane by lane, in
 * the order of their places, in transactions of at most 500 letters. A letter that dies anew meanwhile is not retried
 * again by the same call.
 */
import type { Answer, Change } from '../../../storage/changes.ts'
import type { LetterFilter, LetterPosition } from '../../../storage/storage.ts'
import type { OperationId } from '../../model.ts'
import type { Settle } from '../boundary/boundary.ts'
import type { Context } from '../context.ts'
import type { RowChanges } from './row-changes.ts'

/** A transaction of so many letters keeps no other writer waiting for long. */
const BATCH = 500

export type LettersFilter = Pick<LetterFilter, 'user' | 'kind' | 'reason'>

type Applied = Extract<Answer, { applied: true }>

/** What is done with the letters of a batch. */
interface Treatment {
  readonly changesOf: (ids: readonly OperationId[]) => readonly Change[]
  readonly applied: (answer: Applied) => void
}

/** One call, from its first letter to its last. */
interface Pass {
  readonly filter: LettersFilter
  readonly treatment: Treatment
  readonly settle: Settle<number>
  readonly seen: Set<OperationId>
  /** How many operations have been treated. */
  count: number
  after: LetterPosition | null
}

export class LetterCommands {
  readonly #context: Context
  readonly #changes: RowChanges

  constructor(context: Context, changes: RowChanges) {
    this.#context = context
    this.#changes = changes
  }

  /** Answers how many operations are pending again, also those that depended on a retried one (Q12). */
  retryAll(filter: LettersFilter, settle: Settle<number>): void {
    this.#begin(filter, settle, {
      changesOf: (ids) => this.#changes.reviveChanges(ids),
      applied: (answer) => this.#changes.revived(answer),
    })
  }

  /** Answers how many letters are gone. */
  discardAll(filter: LettersFilter, settle: Settle<number>): void {
    this.#begin(filter, settle, {
      changesOf: (ids) => {
        const at = this.#context.boundary.wall
        return ids.map((id) => ({ change: 'discard', id, at }))
      },
      applied: (answer) => this.#changes.discarded(answer),
    })
  }

  #begin(filter: LettersFilter, settle: Settle<number>, treatment: Treatment): void {
    this.#next({ filter, treatment, settle, seen: new Set(), count: 0, after: null })
  }

  #next(pass: Pass): void {
    const { filter, after, settle } = pass
    const begin = after === null ? {} : { after }
    this.#context.store.letters({ ...filter, ...begin, limit: BATCH, order: 'place' }, (answer) => {
      if (!answer.ok) {
        settle.reject(answer.error)
        return
      }
      const letters = answer.value
      const ids = letters.map(({ id }) => id).filter((id) => !pass.seen.has(id))
      for (const id of ids) pass.seen.add(id)
      pass.after = letters.at(-1) ?? null
      if (letters.length === 0) settle.resolve(pass.count)
      else if (ids.length === 0) this.#next(pass)
      else {
        const heads = this.#changes.whereHeadsMatter()
        this.#changes.withHeads(heads, settle, () => this.#commit(pass, ids))
      }
    })
  }

  #commit(pass: Pass, ids: readonly OperationId[]): void {
    const { treatment, settle } = pass
    const itsLanes = [...this.#context.lanes.all()]
    this.#changes.commit(itsLanes, treatment.changesOf(ids), { apart: true }, (answered) => {
      if (!answered.ok) {
        settle.reject(answered.error)
        return
      }
      for (const answer of answered.value) {
        // One that is gone came back, or went, together with a letter before it.
        if (!answer.applied) continue
        pass.count += answer.affected.length
        treatment.applied(answer)
      }
      this.#changes.changedRecords()
      this.#next(pass)
    })
  }
}
