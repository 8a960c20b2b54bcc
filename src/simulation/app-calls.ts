/**
 * The steps of a scenario as the calls of one process: what each call is given, and what became of it, is written
 * down by the recorder. A call that is answered after the process has died is answered to nobody.
 */
import type { Database } from 'better-sqlite3'
import type { HoldfastError } from '../errors.ts'
import { EVENT_NAMES } from '../events.ts'
import type { Requirement } from '../model.ts'
import type { OperationDraft } from '../operations/define-operation.ts'
import type { RetryOptions } from '../api/call-options.ts'
import type { DeadLetterFilter } from '../api/letter-filter.ts'
import type { Receipt } from '../api/receipts.ts'
import type { Page } from '../api/stored-operations.ts'
import type { Holdfast } from '../holdfast.ts'
import { nonceOf } from './operation-names.ts'
import type { ProcessParts } from './process-parts.ts'
import { readOptionsOf } from './read-options.ts'
import type { ScenarioStep } from './scenario.ts'
import type { TransactionEnd } from './simulated-disk.ts'
import { isStorable } from './storable.ts'
import type { SeenCall, SeenSubscription } from './seen.ts'
import type { Life } from './virtual-time.ts'
import { withoutUndefined } from './without-undefined.ts'

type Step<Name extends string> = Extract<ScenarioStep, Record<Name, unknown>>[Name &
  keyof Extract<ScenarioStep, Record<Name, unknown>>]

/** The default deadline of `sendNow()`. */
const SEND_NOW_MS = 5000

/** An operation that was enqueued; `isKept`: false if the app has rolled it back. */
interface Taken {
  readonly receipt: Receipt
  readonly isKept: boolean
}

/** The process that makes the calls. */
interface CallingProcess {
  /** The user that is logged in, and the requirement of the server, by the calls of the app. */
  identity: string | null
  requirement: Requirement
  isPaused: boolean
  readonly life: Life
  readonly lifeIndex: number
  readonly holdfast: Holdfast
  transaction<T>(
    end: TransactionEnd,
    run: (database: Database) => T,
  ): { readonly value: T; readonly isCommitted: boolean }
}

export class AppCalls {
  readonly #process: CallingProcess
  readonly #parts: ProcessParts
  #receiptCount = 0

  constructor(process: CallingProcess, parts: ProcessParts) {
    this.#process = process
    this.#parts = parts
  }

  /** Takes one step, without letting the engine run on. */
  issue(step: ScenarioStep): void {
    if ('login' in step) this.#login(step.login)
    else if ('logout' in step) this.#logout(step.logout)
    else if ('updateToken' in step) this.#updateToken(step.updateToken)
    else if ('requirement' in step) this.#setRequirement(step.requirement)
    else if ('enqueue' in step) this.#enqueue(step.enqueue)
    else if ('cancel' in step) this.#onOperation('cancel', step.cancel)
    else if ('retry' in step) this.#retry(step.retry)
    else if ('retryAll' in step) this.#onLetters('retryAll', step.retryAll)
    else if ('discardAll' in step) this.#onLetters('discardAll', step.discardAll)
    else if ('discard' in step) this.#onOperation('discard', step.discard)
    else if ('look' in step) this.#look(step.look)
    else if ('listen' in step) this.#listenLate()
    else if ('read' in step) this.#read(step.read)
    else if ('queue' in step) this.#pause(step.queue === 'pause')
    else if ('forget' in step) {
      if (this.#process.identity === step.forget) this.#process.identity = null
      this.#note(this.#call('forget', step.forget), this.#process.holdfast.forget(step.forget))
    } else if ('refreshToken' in step) {
      const call = this.#call('refreshToken', step.refreshToken)
      this.#note(call, this.#process.holdfast.refreshToken(step.refreshToken))
    } else if ('sendNow' in step) this.#sendNow(step.sendNow)
    else if ('flush' in step) {
      this.#note(
        this.#call('flush', this.#process.identity, { deadlineMs: step.flush }),
        this.#process.holdfast.flush({ deadlineMs: step.flush }),
      )
    }
  }

  #login({ user, token }: Step<'login'>): void {
    const { tokens } = this.#parts.world
    const options = token === undefined ? {} : { token: tokens.secret(token) }
    const call = this.#call('login', user, { token: token ?? null })
    // A call that is refused changes no identity (I1).
    if (isStorable(user)) this.#process.identity = user
    this.#note(call, this.#process.holdfast.login(user, options))
  }

  #logout(unsent: Step<'logout'>): void {
    const call = this.#call('logout', this.#process.identity, { pending: unsent })
    this.#process.identity = null
    this.#note(call, this.#process.holdfast.logout({ unsent }))
  }

  #updateToken({ user, token }: Step<'updateToken'>): void {
    const call = this.#call('updateToken', user, { token })
    this.#note(
      call,
      this.#process.holdfast.updateToken(user, this.#parts.world.tokens.secret(token)),
    )
  }

  #sendNow(user: Step<'sendNow'>): void {
    const whose = user === true ? null : user
    const call = this.#call('sendNow', whose, { deadlineMs: SEND_NOW_MS })
    const options = { deadlineMs: SEND_NOW_MS, ...(user === true ? {} : { user }) }
    this.#note(call, this.#process.holdfast.sendNow(options))
  }

  #setRequirement(requirement: Requirement): void {
    const call = this.#call('setRequirement', this.#process.identity)
    this.#parts.world.server.requirement = requirement
    this.#process.requirement = requirement
    this.#note(call, this.#process.holdfast.setRequirement(requirement))
  }

  #pause(isPaused: boolean): void {
    this.#process.isPaused = isPaused
    if (isPaused) this.#process.holdfast.pause()
    else this.#process.holdfast.resume()
  }

  #enqueue({ id, kind, payload = {}, expiresInMs, within }: Step<'enqueue'>): void {
    const { random, world } = this.#parts
    const facts = { step: id, draft: { kind, payload, expiresInMs, within } }
    const call = this.#call('enqueue', this.#process.identity, facts)
    const draft = { kind, payload, ...(expiresInMs === undefined ? {} : { expiresInMs }) }
    random.nextNonce = nonceOf(id)
    const { holdfast } = this.#process
    const enqueued =
      within === undefined
        ? holdfast.enqueue(draft).then((receipt) => ({ receipt, isKept: true }))
        : this.#enqueueWithin(draft, within)
    random.nextNonce = null
    const receipt = enqueued.then((taken) => taken.receipt)
    receipt.catch(ignore)
    world.enqueued.set(id, receipt)
    this.#note(call, this.#acknowledged(call, enqueued))
  }

  /** The app's transaction begins and ends in this instant. */
  async #enqueueWithin(draft: OperationDraft, end: TransactionEnd): Promise<Taken> {
    const { holdfast } = this.#process
    const enqueue = (database: Database) => holdfast.enqueueWithin(database, draft)
    const { value, isCommitted } = this.#process.transaction(end, enqueue)
    return { receipt: value, isKept: isCommitted }
  }

  /** Of what was rolled back nothing is there, and nobody was told otherwise. */
  async #acknowledged(call: SeenCall, enqueued: Promise<Taken>): Promise<object | undefined> {
    const { life } = this.#process
    const { receipt, isKept } = await enqueued
    if (!life.isAlive) return undefined
    if (isKept) {
      this.#parts.recorder.acknowledge(call, receipt.id)
      this.#await(receipt)
    }
    return { id: receipt.id }
  }

  /** Every second receipt: the others are never asked, as most are not. */
  #await(receipt: Receipt): void {
    const life = this.#process.life
    if ((this.#receiptCount += 1) % 2 === 0) return
    const seen = this.#parts.recorder.awaits(this.#process.lifeIndex, receipt.id)
    receipt.settled.then(
      (settlement) => {
        if (!life.isAlive) return
        const { outcome } = settlement
        const reason = 'reason' in settlement ? settlement.reason : null
        const result = 'result' in settlement ? settlement.result : undefined
        seen.settlement = { outcome, reason, result }
      },
      (error: HoldfastError) => {
        if (life.isAlive) seen.refusal = error.code
      },
    )
  }

  #retry(retry: Step<'retry'>): void {
    if (typeof retry === 'string') this.#onOperation('retry', retry)
    else this.#onOperation('retry', retry.id, ignore, [{ payload: retry.payload }])
  }

  #onLetters(name: 'retryAll' | 'discardAll', filter: Step<'retryAll'>): void {
    const { holdfast, identity } = this.#process
    const answer: Promise<unknown> = holdfast[name](withoutUndefined(filter) as DeadLetterFilter)
    this.#note(this.#call(name, identity, { filter }), answer)
  }

  /** `then`: what is done with the answer; `options`: what the call is given beside the id. */
  #onOperation(
    name: 'cancel' | 'retry' | 'discard' | 'operation',
    step: string,
    then: (result: unknown) => void = ignore,
    options: readonly RetryOptions[] = [],
  ): void {
    const life = this.#process.life
    const { holdfast } = this.#process
    const act = (id: string) => {
      // Whoever has died meanwhile has not called.
      if (!life.isAlive) return
      const [given] = options
      const answer: Promise<unknown> =
        given === undefined ? holdfast[name](id) : holdfast.retry(id, given)
      this.#note(this.#call(name, this.#process.identity, { step }), answer)
      answer.then(then, ignore)
    }
    const enqueued = this.#parts.world.enqueued.get(step)
    if (enqueued === undefined) act(step)
    else enqueued.then(({ id }) => act(id), ignore)
  }

  #look(look: Step<'look'>): void {
    const { looks } = this.#parts.world
    const see = (result: unknown) => looks.set(look.id, result)
    if ('operation' in look) this.#onOperation('operation', look.operation, see)
    else if ('pending' in look) {
      this.#list('pending', look.pending, see)
    } else if ('deadLetters' in look) {
      this.#list('deadLetters', look.deadLetters, see)
    } else see(this.#subscribe())
  }

  #list(
    name: 'pending' | 'deadLetters',
    filter: Readonly<{ user?: string | null | undefined; limit?: number | undefined }>,
    see: (result: unknown) => void,
  ): void {
    const call = this.#call(name, this.#process.identity, { filter })
    const page: Promise<Page<unknown>> = this.#process.holdfast[name](
      withoutUndefined(filter) as object,
    )
    const answer = page.then(({ items }) => items)
    this.#note(call, answer)
    answer.then(see, ignore)
  }

  #subscribe(): SeenSubscription {
    const { life, lifeIndex, holdfast } = this.#process
    const { recorder, world } = this.#parts
    const seen = recorder.subscribes(lifeIndex, holdfast.status())
    holdfast.subscribe(() => {
      if (life.isAlive) seen.called.push({ at: world.time.now, status: holdfast.status() })
    })
    return seen
  }

  #listenLate(): void {
    const { holdfast, lifeIndex, identity } = this.#process
    const needs = holdfast.status().tokenNeeds
    const { heard } = this.#parts.recorder.listensLate(lifeIndex, { identity, needs })
    for (const event of EVENT_NAMES) {
      const listener = (detail: object) => {
        heard.push({ event, detail })
      }
      holdfast.on(event, listener)
      holdfast.off(event, listener)
    }
  }

  #read(step: Step<'read'>): void {
    const life = this.#process.life
    const { world, random } = this.#parts
    const { reads } = world
    const { id, after, key, needs, deadlineMs, interpret } = step
    reads.set(id, 'waiting')
    const begin = (ids: readonly string[] | undefined) => {
      if (!life.isAlive) return
      const call = this.#call('read', this.#process.identity, {
        step: id,
        key: key ?? null,
        after: ids ?? null,
        needs: [...(needs?.required ?? []), ...(needs?.optional ?? [])],
        deadlineMs: deadlineMs ?? null,
        interpret: interpret ?? null,
      })
      random.nextNonce = nonceOf(id)
      const read = this.#process.holdfast.read(readOptionsOf(step, ids))
      random.nextNonce = null
      this.#note(call, read)
      read.then(
        () => {
          if (life.isAlive) reads.set(id, 'completed')
        },
        (error: { readonly code?: unknown }) => {
          if (life.isAlive) reads.set(id, error.code === 'READ_CANCELLED' ? 'cancelled' : 'failed')
        },
      )
    }
    if (after === undefined || after.length === 0) {
      begin(after)
      return
    }
    const receipts = after.map(async (name) => (await world.enqueued.get(name))?.id ?? '')
    const ids = Promise.all(receipts)
    void ids.then(begin, ignore)
  }

  #call(name: string, user: string | null, facts: Partial<SeenCall> = {}): SeenCall {
    return this.#parts.recorder.call(this.#process.lifeIndex, { name, user, ...facts })
  }

  #note(call: SeenCall, promise: Promise<unknown>): void {
    const life = this.#process.life
    const { recorder } = this.#parts
    promise.then(
      (result: unknown) => {
        if (life.isAlive) recorder.resolve(call, result)
      },
      (error: unknown) => {
        if (life.isAlive) recorder.reject(call, error)
      },
    )
  }
}

/** Whoever enqueued has been told already. */
function ignore(): void {}
