/**
 * The steps of a scenario as the calls of one process: what each call is given, and what became of it, is written
 * down by the recorder. A call that is answered after the process has died is answered to nobody.
 */
import type { Requirement } from '../model.ts'
import type { Receipt } from '../receipts.ts'
import type { AppProcess, ProcessParts } from './app-process.ts'
import type { ScenarioStep } from './scenario.ts'
import { nonceOf } from './scenario-names.ts'
import { isStorable } from './storable.ts'
import type { SeenCall } from './seen.ts'

type Step<Name extends string> = Extract<ScenarioStep, Record<Name, unknown>>[Name &
  keyof Extract<ScenarioStep, Record<Name, unknown>>]

export class AppCalls {
  readonly #process: AppProcess
  readonly #parts: ProcessParts
  #receiptCount = 0

  constructor(process: AppProcess, parts: ProcessParts) {
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
    else if ('retry' in step) this.#onOperation('retry', step.retry)
    else if ('discard' in step) this.#onOperation('discard', step.discard)
    else if ('read' in step) this.#read(step.read)
    else if ('queue' in step) this.#pause(step.queue === 'pause')
    else if ('forget' in step) {
      if (this.#process.identity === step.forget) this.#process.identity = null
      this.#note(this.#call('forget', step.forget), this.#process.holdfast.forget(step.forget))
    } else if ('refreshToken' in step) {
      const call = this.#call('refreshToken', step.refreshToken)
      this.#note(call, this.#process.holdfast.refreshToken(step.refreshToken))
    } else if ('flush' in step) {
      this.#note(
        this.#call('flush', this.#process.identity),
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

  #logout(pending: Step<'logout'>): void {
    const call = this.#call('logout', this.#process.identity)
    this.#process.identity = null
    this.#note(call, this.#process.holdfast.logout({ pending }))
  }

  #updateToken({ user, token }: Step<'updateToken'>): void {
    const call = this.#call('updateToken', user, { token })
    this.#note(
      call,
      this.#process.holdfast.updateToken(user, this.#parts.world.tokens.secret(token)),
    )
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

  #enqueue({ id, kind, payload = {}, expiresInMs }: Step<'enqueue'>): void {
    const { random, recorder, world } = this.#parts
    const facts = { step: id, draft: { kind, payload, expiresInMs } }
    const call = this.#call('enqueue', this.#process.identity, facts)
    const draft = { kind, payload, ...(expiresInMs === undefined ? {} : { expiresInMs }) }
    random.nextNonce = nonceOf(id)
    const enqueued: Promise<Receipt> = this.#process.holdfast.enqueue(draft)
    random.nextNonce = null
    world.enqueued.set(id, enqueued)
    const life = this.#process.life
    this.#note(
      call,
      enqueued.then((receipt) => {
        if (!life.isAlive) return undefined
        recorder.acknowledge(call, receipt.id)
        this.#await(receipt)
        return { id: receipt.id }
      }),
    )
  }

  /** Every second receipt: the others are never asked, as most are not. */
  #await(receipt: Receipt): void {
    const life = this.#process.life
    if ((this.#receiptCount += 1) % 2 === 0) return
    const seen = this.#parts.recorder.awaits(this.#process.lifeIndex, receipt.id)
    receipt.settled.then((settlement) => {
      if (!life.isAlive) return
      const { outcome } = settlement
      seen.settlement = { outcome, reason: 'reason' in settlement ? settlement.reason : null }
    }, ignore)
  }

  #onOperation(name: 'cancel' | 'retry' | 'discard', step: string): void {
    const life = this.#process.life
    const { holdfast } = this.#process
    const act = (id: string) => {
      // Whoever has died meanwhile has not called.
      if (!life.isAlive) return
      this.#note(this.#call(name, this.#process.identity, { step }), holdfast[name](id))
    }
    const enqueued = this.#parts.world.enqueued.get(step)
    if (enqueued === undefined) act(step)
    else enqueued.then(({ id }) => act(id), ignore)
  }

  #read({ id, after }: Step<'read'>): void {
    const life = this.#process.life
    const { world, random } = this.#parts
    const { reads } = world
    reads.set(id, 'waiting')
    const begin = (ids: readonly string[] | undefined) => {
      if (!life.isAlive) return
      const call = this.#call('read', this.#process.identity, { step: id })
      random.nextNonce = nonceOf(id)
      const read = this.#process.holdfast.read({
        request: ({ owner, position }) => ({
          method: 'GET',
          path: owner.user === null ? '/anonymous/read' : `/users/${owner.user}/read`,
          query: position === null ? {} : { position },
        }),
        ...(ids === undefined ? {} : { after: ids }),
      })
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
    const { recorder, world } = this.#parts
    promise.then(
      (result: unknown) => {
        if (life.isAlive) recorder.resolve(call, result)
      },
      (error: unknown) => {
        if (!life.isAlive) return
        recorder.reject(call, error)
        if (call.step === null) return
        const code = (error as { readonly code?: unknown }).code
        world.rejects.set(call.step, typeof code === 'string' ? code : (error as Error).name)
      },
    )
  }
}

/** Whoever enqueued has been told already. */
function ignore(): void {}
