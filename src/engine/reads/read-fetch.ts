/**
 * Sends a read whose waits are over, with the newest token of its user, and never unsigned if the server demands a token
 * (R3). The reply is handed on to `read-reply.ts`.
 */
import { alarmOf } from '../alarms.ts'
import { atOnce } from '../../app-code.ts'
import { HoldfastError, NotSentError } from '../../errors.ts'
import { failureOf, isNotSent, timeoutError } from '../../failure.ts'
import type { UserId } from '../../model.ts'
import { recordLookups } from '../../operations/record-lookups.ts'
import { builtCodecOf, NO_REQUEST, render } from '../../operations/render-request.ts'
import type { OutgoingRequest, Reply } from '../../ports/transport.ts'
import { errorOf, textOf } from '../../thrown.ts'
import type { Wallet } from '../tokens/wallet.ts'
import type { Credential } from '../sending/attempt.ts'
import { checkedReply } from '../sending/checked-reply.ts'
import type { Answered, Question } from '../boundary/boundary.ts'
import type { Replies } from '../sending/reply.ts'
import type { Context } from '../context.ts'
import type { Holds } from '../holds/holds.ts'
import type { Read, ReadBook, Sending } from './read.ts'
import type { ReadRefusals } from './read-refusals.ts'
import { ReadReply } from './read-reply.ts'
import { replyCodecOf } from '../boundary/reply-codec.ts'

export interface ReadFetchParts {
  readonly context: Context
  readonly wallet: Wallet
  readonly holds: Holds
  readonly replies: Replies
  readonly refusals: ReadRefusals
  readonly book: ReadBook
}

export class ReadFetch {
  readonly #context: Context
  readonly #parts: ReadFetchParts
  readonly #reply: ReadReply

  constructor(parts: ReadFetchParts) {
    this.#parts = parts
    this.#context = parts.context
    this.#reply = new ReadReply(parts)
  }

  fetch(read: Read, position: string | null): void {
    const { pilot } = this.#context
    const { user } = read
    if (this.#isUndecided) {
      read.phase = 'parked'
    } else if (user !== null) {
      this.#fetchSigned(read, user, position)
    } else if (pilot.requirement === 'required') {
      this.#parts.book.fail(read, anonymousRead())
    } else {
      this.#send(read, position, null)
    }
  }

  /** Aborts the request in flight: the read no longer waits for the reply. */
  abort(read: Read): void {
    if (read.phase === 'fetching') read.abort.abort()
  }

  end(read: Read): void {
    this.#context.boundary.disarm(alarmOf('read-reply', read.id))
  }

  #fetchSigned(read: Read, user: UserId, position: string | null): void {
    if (this.#parts.holds.isOnOwner(user, 'awaiting-token')) {
      read.phase = 'parked'
      return
    }
    const { pilot } = this.#context
    const demanded = pilot.requirement === 'required'
    pilot.token(user, { type: 'work.due', now: this.#parts.wallet.now(), demanded })
    const credential = this.#parts.wallet.credential(user)
    if (this.#parts.holds.isOnOwner(user, 'awaiting-token') || (demanded && credential === null)) {
      read.phase = 'parked'
    } else {
      this.#send(read, position, credential)
    }
  }

  /** True if the requirement is unknown, and the app wants nothing sent until it is known (I2). */
  get #isUndecided(): boolean {
    const { pilot, settings } = this.#context
    return pilot.requirement === 'unknown' && settings.whileUnknown === 'hold'
  }

  #send(read: Read, position: string | null, credential: Credential | null): void {
    const request = this.#requestOf(read, position)
    if (request === null) return
    if (!this.#parts.wallet.mayLeave(read.user)) {
      read.phase = 'parked'
      return
    }
    const { boundary } = this.#context
    read.phase = 'fetching'
    read.abort = new AbortController()
    const sending: Sending = { ask: 0, credential, isLate: false, isOver: false }
    read.sending = sending
    boundary.arm(alarmOf('read-reply', read.id), this.#context.settings.replyTimeoutMs, () =>
      this.#giveUp(read, sending),
    )
    sending.ask = boundary.ask(this.#question(read, sending, request), (answer) =>
      this.#answered(read, sending, answer),
    )
  }

  /** A journal begins here while the request of this read is in flight. */
  restore(read: Read, sending: Sending): void {
    const { boundary } = this.#context
    read.sending = sending
    boundary.rearm(alarmOf('read-reply', read.id), () => this.#giveUp(read, sending))
    boundary.reask(sending.ask, this.#question(read, sending, null), (answer) =>
      this.#answered(read, sending, answer),
    )
  }

  #question(
    { id, user, abort }: Read,
    { credential }: Sending,
    request: OutgoingRequest | null,
  ): Question<Reply> {
    return {
      name: 'send',
      args: () => ({
        user,
        kind: 'read',
        operations: [id],
        generation: credential?.generation ?? null,
      }),
      codec: replyCodecOf(this.#context.boundary),
      put: async () => {
        if (request === null) throw new TypeError('a replay sends nothing')
        const token = credential?.token.reveal() ?? null
        const { transport } = this.#context.ports
        return checkedReply(await transport.send(request, { token, signal: abort.signal }))
      },
    }
  }

  #giveUp(read: Read, sending: Sending): void {
    const late = timeoutError(this.#context.settings.replyTimeoutMs)
    sending.isLate = true
    read.abort.abort(late)
    // The transport has until the end of this turn to tell a status that has arrived, or a missing connection (Q6).
    this.#context.boundary.nextTurn(() => this.#answered(read, sending, { ok: false, error: late }))
  }

  #answered(read: Read, sending: Sending, answer: Answered<Reply>): void {
    if (sending.isOver) return
    sending.isOver = true
    this.#context.boundary.disarm(alarmOf('read-reply', read.id))
    if (!this.#parts.book.has(read)) return
    if (answer.ok) {
      this.#reply.handle(read, sending.credential, answer.value)
      return
    }
    const isTimeOut = sending.isLate && !isNotSent(answer.error)
    const error = isTimeOut ? timeoutError(this.#context.settings.replyTimeoutMs) : answer.error
    const tokens = this.#parts.wallet.knownTokens(read.user, sending.credential)
    this.#parts.book.fail(read, noReply(error, tokens))
  }

  /** The request, made by the app's code at the moment of sending. Null: the code failed, and so has the read. */
  #requestOf(read: Read, position: string | null): OutgoingRequest | null {
    const { id, user } = read
    const { boundary } = this.#context
    const built = boundary.pull('read.request', builtCodecOf(boundary), () => {
      try {
        const lookups = recordLookups(read.lookup)
        if (read.request === null) return { state: 'request', request: NO_REQUEST } as const
        const request = render(atOnce(read.request({ owner: { user }, position, ...lookups })))
        return { state: 'request', request } as const
      } catch (error) {
        const thrown = errorOf(error)
        return { state: 'unreadable', why: textOf(error), which: [], thrown } as const
      }
    })
    if (built === 'later' || built.state !== 'request') {
      const message = 'the request of a read could not be made'
      const cause = typeof built === 'object' && 'thrown' in built ? built.thrown : null
      this.#parts.book.fail(read, new HoldfastError('APP_CODE_FAILED', message, { cause }))
      return null
    }
    const { method, path, headers, body } = built.request
    return {
      method,
      path,
      headers: { accept: 'application/json', ...headers },
      body,
      kind: 'read',
      user,
      operations: [id],
    }
  }
}

/** The error for an answer that is not a reply stays a `TypeError`. */
function newError(like: Error, message: string): Error {
  return like instanceof TypeError ? new TypeError(message) : new Error(message)
}

/**
 * The cause gives the reason: `ECONNREFUSED`, `TIMEOUT` … (Q22, R5). The cause is never the error object of the
 * transport, which can hold the request with its token (E6).
 */
function noReply(error: Error, tokens: readonly string[]): HoldfastError {
  const { name, code, message } = failureOf(error, tokens)
  const cause = isNotSent(error)
    ? new NotSentError(message, code === null ? {} : { reason: code })
    : Object.assign(newError(error, message), { name }, code === null ? {} : { code })
  return new HoldfastError('READ_FAILED', 'the read got no reply', { cause, retryable: true })
}

export function anonymousRead(): HoldfastError {
  return new HoldfastError('AUTH_ANONYMOUS', 'nobody is logged in to read for')
}
