/**
 * The people at the keyboard: they take turns, each enqueues a stretch of the own recording, and between
 * two of them somebody who is not logged in leaves a note. Whose turn it is follows from how far each
 * has come, so that it needs no memory: a new life of the app goes on where the former one ended.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Holdfast } from '../../src/index.ts'
import { type EditKind, noteKind } from './kinds.ts'
import type { Recording } from './recording.ts'
import { say } from './reports.ts'
import { settled } from './settled.ts'

export interface Writing {
  readonly user: string
  readonly document: string
  readonly recording: Recording
  /** The transaction that is enqueued next. */
  next: number
}

/** Each recording is enqueued in so many turns. */
const turnCount = 20
/** Calls of `enqueue` that share a turn of the event loop, where it has to be fast. */
const mostAtOnce = 64
/** Fast typists wait while so many are pending, lest all be enqueued before the first is sent. */
const mostPending = 2_000

export class Typing {
  readonly #holdfast: Holdfast
  readonly #edit: EditKind
  readonly #speed: number | null
  #turn = 0

  constructor(holdfast: Holdfast, edit: EditKind, speed: number | null) {
    this.#holdfast = holdfast
    this.#edit = edit
    this.#speed = speed
  }

  /** Enqueues all that is left. */
  async run(writings: readonly Writing[]): Promise<void> {
    for (let next = behindMost(writings); next !== null; next = behindMost(writings)) {
      this.#turn += 1
      // Every other time one user follows the other without a logout between them.
      if (this.#turn % 2 === 1) await this.#leaveNote()
      await this.#write(next)
    }
    await this.#holdfast.logout({ unsent: 'keep' })
  }

  async #leaveNote(): Promise<void> {
    await this.#holdfast.logout({ unsent: 'keep' })
    const receipt = await this.#holdfast.enqueue(noteKind({ text: 'somebody was here' }))
    say({ type: 'anonymousEnqueued', id: receipt.id })
  }

  async #write(writing: Writing): Promise<void> {
    const { length } = writing.recording.transactions
    const end = Math.min(length, writing.next + Math.ceil(length / turnCount))
    // The identity changes at the call, so the first edits need not wait for the promise.
    await Promise.all([this.#holdfast.login(writing.user), this.#writeUntil(end, writing)])
  }

  async #writeUntil(end: number, writing: Writing): Promise<void> {
    while (writing.next < end) {
      const count = this.#speed === null ? Math.min(mostAtOnce, end - writing.next) : 1
      await this.#enqueue(writing, count)
      if (this.#speed === null) {
        await settled(this.#holdfast, ({ counts }) => counts.pending < mostPending)
      } else {
        await sleep(1_000 / this.#speed)
      }
    }
  }

  async #enqueue(writing: Writing, count: number): Promise<void> {
    const { user, document, recording, next } = writing
    const transactions = recording.transactions.slice(next, next + count)
    await Promise.all(
      transactions.map(async (patches, offset) =>
        this.#holdfast.enqueue(
          this.#edit({ document, index: next + offset, patches: [...patches] }),
        ),
      ),
    )
    writing.next += count
    say({ type: 'acknowledged', user, next: writing.next })
  }
}

/** Who has the smallest share done, or null when all are done. */
function behindMost(writings: readonly Writing[]): Writing | null {
  const share = ({ next, recording }: Writing) => next / recording.transactions.length
  const [first] = writings
    .filter((writing) => share(writing) < 1)
    .sort((a, b) => share(a) - share(b))
  return first ?? null
}
