/**
 * The consequences of a refused token for a read (R3). A 401 has the full effect of T4. Any other reply that `interpret`
 * judges as `refused-token` only defers the read: it never marks a generation as refused, and never parks a lane.
 */
import { HoldfastError } from '../../errors.ts'
import type { UserId } from '../../model.ts'
import type { Context } from '../context.ts'
import type { Dispatcher } from '../dispatcher/dispatcher.ts'
import type { Credential } from '../sending/attempt.ts'
import type { Refresher } from '../tokens/refresher.ts'
import type { Wallet } from '../tokens/wallet.ts'
import type { Read, ReadBook } from './read.ts'

export interface ReadRefusalsParts {
  readonly context: Context
  readonly wallet: Wallet
  readonly refresher: Refresher
  readonly dispatcher: Dispatcher
  readonly book: ReadBook
}

export class ReadRefusals {
  readonly #context: Context
  readonly #parts: ReadRefusalsParts

  constructor(parts: ReadRefusalsParts) {
    this.#parts = parts
    this.#context = parts.context
  }

  /** 401: judged against the generation that was sent. */
  refusedBy401(read: Read, credential: Credential | null): void {
    const { user, firstRefusal } = read
    const { settings, report, pilot } = this.#context
    const refusal = new HoldfastError('AUTH_TOKEN_REFUSED', 'the read was answered 401')
    if (user === null) {
      this.#parts.book.fail(read, refusal)
      return
    }
    const isCurrent =
      credential !== null && credential.generation === this.#parts.wallet.generation(user)
    if (isCurrent && this.#parts.wallet.refusedEarly(user, credential.generation)) {
      // The read is sent once more when the hold of its user ends, under the same generation (T9).
      read.phase = 'parked'
      report('read.deferred', { id: read.id, user })
      return
    }
    if (firstRefusal !== null && (settings.hasSource || read.isDoubted)) {
      this.#refusedAgain(read, firstRefusal, 'the read was answered 401 with a fresh token too')
      // The cause that T8 tells is a 401, never another reply.
      const cause = read.isDoubted ? refusal : firstRefusal
      if (isCurrent) this.#refuse(user, credential.generation, cause)
      return
    }
    read.firstRefusal ??= refusal
    read.refused = credential?.generation ?? null
    read.phase = 'deferred'
    report('read.deferred', { id: read.id, user })
    if (credential === null) {
      pilot.token(user, { type: 'unsigned.refused' })
      pilot.identity({ type: 'requirement.suspected' })
      // A token has come in between.
      if (this.#parts.wallet.credential(user) !== null) this.#parts.book.look(read)
    } else if (isCurrent) {
      this.#refuse(user, credential.generation, refusal)
    } else {
      this.#parts.book.look(read)
    }
  }

  /** `interpret` has judged a reply of another status as a refused token: only this read waits for a newer one. */
  doubted(read: Read, credential: Credential | null, status: number): void {
    const { user, firstRefusal } = read
    const what = `the read was answered ${status}, which its interpret judged as a refused token`
    const refusal = new HoldfastError('AUTH_TOKEN_REFUSED', what)
    if (user === null) {
      this.#parts.book.fail(read, refusal)
      return
    }
    if (firstRefusal !== null) {
      this.#refusedAgain(read, firstRefusal, `${what}, also under a fresh one`)
      return
    }
    read.firstRefusal = refusal
    read.refused = credential?.generation ?? null
    read.isDoubted = true
    read.phase = 'deferred'
    this.#context.report('read.deferred', { id: read.id, user })
    if (this.mayGoOn(read)) {
      this.#parts.book.look(read)
      return
    }
    read.isSourceOwed = this.#context.settings.hasSource
    this.askSource(read)
  }

  /** True if a deferred read may try again. */
  mayGoOn({ user, refused, isDoubted }: Read): boolean {
    const credential = user === null ? null : this.#parts.wallet.credential(user)
    // Not with the generation that was just refused; the refusal may not be stored yet.
    if (credential !== null) return credential.generation !== refused
    // Without a token the read would be sent unsigned, unless a token is demanded: then it opens the need.
    return !isDoubted || this.#context.pilot.requirement === 'required'
  }

  /**
   * Asks the source for the read, if it still is to be asked. A source that cools down, or that must not be asked before a
   * wait is over, is asked later (T6, T8).
   */
  readonly askSource = (read: Read): void => {
    const { user, phase } = read
    if (user === null || phase !== 'deferred' || !read.isSourceOwed) return
    const reason = read.refused === null ? 'missing' : 'refused'
    this.#context.pilot.token(user, { type: 'refresh.wanted', reason })
    read.isSourceOwed = !this.#parts.refresher.isAsked(user)
  }

  /** The source has failed to answer: the read has not had its one answer yet. */
  readonly sourceFailed = (read: Read): void => {
    read.isSourceOwed = read.phase === 'deferred' && read.isDoubted
  }

  #refusedAgain(read: Read, cause: HoldfastError, message: string): void {
    const options = { cause, retryable: true }
    this.#parts.book.fail(read, new HoldfastError('AUTH_REFRESH_FAILED', message, options))
  }

  #refuse(user: UserId, generation: number, refusal: HoldfastError): void {
    this.#context.store.commitAtLast(
      [{ change: 'refuseToken', user, generation }],
      {},
      () => undefined,
      ([answer]) => {
        if (answer?.applied === true) this.#parts.wallet.refused(user, generation, refusal)
        else this.#parts.dispatcher.heardOfCommit(() => this.#parts.book.retryParked())
      },
    )
  }
}
