/**
 * Sends a read whose waits are over, with the newest token of its user, and never unsigned if the server demands a token.
 * Judges the reply against the generation that was sent (R3, R5).
 */
import { alarmOf } from '../alarms.ts'
import { atOnce } from '../../app-code.ts'
import { HoldfastError, NotSentError } from '../../errors.ts'
import { failureOf, isNotSent, timeoutError } from '../../failure.ts'
import type { UserId } from '../../model.ts'
import { interpretReply } from '../../operations/interpret-reply.ts'
import { recordLookups } from '../../operations/record-lookups.ts'
import { builtCodecOf, NO_REQUEST, render } from '../../operations/render-request.ts'
import { retryAfterMs } from '../../transport/retry-after.ts'
import type { OutgoingRequest, Reply } from '../../ports/transport.ts'
import { errorOf, textOf } from '../../thrown.ts'
import type { Wallet } from '../tokens/wallet.ts'
import { withRandomPart } from '../sending/asked-wait.ts'
import type { Credential } from '../sending/attempt.ts'
import { checkedReply } from '../sending/checked-reply.ts'
import { type Answered, plain, type Question } from '../boundary/boundary.ts'
import { askedFraction } from '../random-draws.ts'
import { judgeRead } from '../sending/judge.ts'
import type { Replies } from '../sending/reply.ts'
import type { Context } from '../context.ts'
import type { Holds } from '../holds/holds.ts'
import type { Dispatcher } from '../dispatcher/dispatcher.ts'
import type { Read, ReadBook, Sending } from './read.ts'
import { replyCodecOf } from '../boundary/reply-codec.ts'

/** The wait after a 425 or 429 that does not say how long to wait. */
const DEFAULT_RETRY_MS = 1000

export interface ReadFetchParts {
  readonly context: Context
  readonly wallet: Wallet
  readonly holds: Holds
  readonly replies: Replies
  readonly dispatcher: Dispatcher
  readonly book: ReadBook
}

export class ReadFetch {
  readonly #context: Context
  readonly #parts: ReadFetchParts

  constructor(parts: ReadFetchParts) {
    this.#parts = parts
    this.#context = parts.context
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

  /** True if a parked or deferred read may try again. */
  mayGoOn({ phase, user, refused }: Read): boolean {
    if (phase !== 'deferred') return phase === 'parked'
    // Not with the generation that was just refused; the refusal may not be stored yet.
    const credential = user === null ? null : this.#parts.wallet.credential(user)
    return credential === null || credential.generation !== refused
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
      this.#handleReply(read, sending.credential, answer.value)
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

  #handleReply(read: Read, credential: Credential | null, reply: Reply): void {
    const isPortal = this.#parts.replies.isPortal(reply, read.reply)
    if (!isPortal) {
      this.#parts.replies.genuine(reply)
      this.#parts.replies.portalGone()
    }
    switch (judgeRead(reply.status, isPortal, read.isLastTry)) {
      case 'refused':
        this.#refused(read, credential)
        return
      case 'later':
        read.isLastTry = true
        this.#parts.book.lookLater(read, this.#askedMs(reply))
        return
      case 'accepted':
        this.#parts.replies.accepted(read.user, credential)
        this.#complete(read, reply)
        return
      case 'failed': {
        const what = isPortal
          ? 'a captive portal answered the read'
          : `the read was answered ${reply.status}`
        const options = { retryable: reply.status >= 500 || isPortal }
        this.#parts.book.fail(read, new HoldfastError('READ_FAILED', what, options))
      }
    }
  }

  #complete(read: Read, reply: Reply): void {
    if (this.#isAsDeclared(read, reply)) {
      this.#parts.book.complete(read, reply)
      return
    }
    const message = 'the read was answered with a body that is no JSON'
    this.#parts.book.fail(read, new HoldfastError('READ_FAILED', message, { retryable: true }))
  }

  /** Many clients that were told the same moment must not read together again (Q7). */
  #askedMs(reply: Reply): number {
    const asked = retryAfterMs(reply.headers, this.#parts.wallet.now())
    return asked === null ? DEFAULT_RETRY_MS : withRandomPart(asked, askedFraction(this.#context))
  }

  /** True if a 2xx holds JSON, or the read does not declare JSON (Q6). */
  #isAsDeclared({ user, reply: declared }: Read, reply: Reply): boolean {
    if (declared !== 'json') return true
    return this.#context.boundary.pull('read.fits', plain<boolean>(), () => {
      const context = { owner: { user }, reply: declared, afterUnknown: false }
      return interpretReply(reply, context).outcome === 'accepted'
    })
  }

  /** R3: judged against the generation that was sent. */
  #refused(read: Read, credential: Credential | null): void {
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
    if (firstRefusal !== null && settings.hasSource) {
      const message = 'the read was answered 401 with a fresh token too'
      const options = { cause: firstRefusal, retryable: true }
      this.#parts.book.fail(read, new HoldfastError('AUTH_REFRESH_FAILED', message, options))
      if (isCurrent) this.#refuse(user, credential.generation, firstRefusal)
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
