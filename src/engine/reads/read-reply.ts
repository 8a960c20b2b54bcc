/** Judges the reply to a read, by the code of the app or by R5, and carries out the consequence. */
import { HoldfastError } from '../../errors.ts'
import { interpretReply } from '../../operations/interpret-reply.ts'
import {
  type MisjudgedRead,
  type ReadOutcome,
  readOutcomeCodec,
  readOutcomeOf,
} from '../../operations/read-interpretation.ts'
import type { Reply } from '../../ports/transport.ts'
import { retryAfterMs } from '../../transport/retry-after.ts'
import { plain } from '../boundary/boundary.ts'
import type { Context } from '../context.ts'
import { askedFraction } from '../random-draws.ts'
import { withRandomPart } from '../sending/asked-wait.ts'
import type { Credential } from '../sending/attempt.ts'
import { judgeRead } from '../sending/judge.ts'
import type { Replies } from '../sending/reply.ts'
import type { Wallet } from '../tokens/wallet.ts'
import type { Read, ReadBook } from './read.ts'
import type { ReadRefusals } from './read-refusals.ts'

/** The wait after a reply that asks the read to come later, but not how much later. */
const DEFAULT_RETRY_MS = 1000

export interface ReadReplyParts {
  readonly context: Context
  readonly wallet: Wallet
  readonly replies: Replies
  readonly refusals: ReadRefusals
  readonly book: ReadBook
}

export class ReadReply {
  readonly #context: Context
  readonly #parts: ReadReplyParts

  constructor(parts: ReadReplyParts) {
    this.#parts = parts
    this.#context = parts.context
  }

  handle(read: Read, credential: Credential | null, reply: Reply): void {
    const { replies, refusals, book } = this.#parts
    const isPortal = replies.isPortal(reply, read.reply)
    if (!isPortal) {
      replies.genuine(reply)
      replies.portalGone()
    }
    const outcome = isPortal ? null : this.#interpret(read, reply)
    if (typeof outcome === 'object' && outcome !== null) {
      const message = 'interpret of a read threw, or made no sense'
      book.fail(read, new HoldfastError('APP_CODE_FAILED', message, outcome))
      return
    }
    switch (judgeRead({ status: reply.status, isPortal, isLastTry: read.isLastTry, outcome })) {
      case 'refused':
        refusals.refusedBy401(read, credential)
        return
      case 'doubted':
        refusals.doubted(read, credential, reply.status)
        return
      case 'later':
        read.isLastTry = true
        book.lookLater(read, this.#askedMs(reply))
        return
      case 'accepted':
        replies.accepted(read.user, credential)
        this.#complete(read, reply)
        return
      case 'failed': {
        const what = isPortal
          ? 'a captive portal answered the read'
          : `the read was answered ${reply.status}${outcome === null ? '' : `: ${outcome}`}`
        const isTemporary = outcome === null ? reply.status >= 500 : outcome === 'retry'
        const options = { retryable: isTemporary || isPortal, status: reply.status }
        book.fail(read, new HoldfastError('READ_FAILED', what, options))
      }
    }
  }

  /** The judgement of the app's code; null: the read has no such code. */
  #interpret(
    { interpret, interprets, user, reply: declared }: Read,
    reply: Reply,
  ): ReadOutcome | MisjudgedRead | null {
    if (!interprets) return null
    return this.#context.boundary.pull('read.interpret', readOutcomeCodec, () => {
      const context = { owner: { user }, reply: declared }
      return readOutcomeOf(interpret ?? interpretReply, reply, context)
    })
  }

  #complete(read: Read, reply: Reply): void {
    const { book } = this.#parts
    if (this.#isAsDeclared(read, reply)) {
      book.complete(read, reply)
      return
    }
    const message = 'the read was answered with a body that is no JSON'
    book.fail(read, new HoldfastError('READ_FAILED', message, { retryable: true }))
  }

  /** Many clients that were told the same moment must not read together again (Q7). */
  #askedMs(reply: Reply): number {
    const asked = retryAfterMs(reply.headers, this.#parts.wallet.now())
    return asked === null ? DEFAULT_RETRY_MS : withRandomPart(asked, askedFraction(this.#context))
  }

  /** True if a 2xx holds JSON, or the read does not declare JSON (Q6), or its code has judged the body. */
  #isAsDeclared({ user, reply: declared, interprets }: Read, reply: Reply): boolean {
    if (declared !== 'json' || interprets) return true
    return this.#context.boundary.pull('read.fits', plain<boolean>(), () => {
      const context = { owner: { user }, reply: declared }
      return interpretReply(reply, context).outcome === 'accepted'
    })
  }
}
