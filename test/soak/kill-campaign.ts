/**
 * Processes that enqueue and dispatch on one file, killed one after the other, each replaced by a new
 * one; in the end what is left is drained. Whatever a process acknowledged before it died is stored after
 * it, and the server has applied each operation once, in the order of its lane.
 */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import {
  type ReferenceServer,
  startReferenceServer,
} from '../../examples/server/reference-server.ts'
import type { AppSettings, Bundled } from '../processes/protocol.ts'
import { AppProcess } from '../support/app-process.ts'
import { appliedTexts } from './applied-texts.ts'
import { type AppliedText, judge, makerOf, numberOf } from './judge.ts'
import { type KillPlan, type KillStep, makeKillPlan } from './kill-plan.ts'
import { inScratch } from './scratch.ts'
import { leftIn, storedNames } from './stored-names.ts'
import { Violation } from './violation.ts'
import { within } from './within.ts'

export interface KillTotals {
  readonly kills: number
  /** Operations that were acknowledged, and requests that the server told apart by their key. */
  readonly acknowledged: number
  readonly applied: number
  readonly repeated: number
}

/** @throws Violation, with the seed. */
export function killCampaign(seed: number, mostKills?: number): Promise<KillTotals> {
  const plan = makeKillPlan(seed, mostKills)
  const { processCount, durability, requirement } = plan
  const what = `kills, seed ${seed} (${processCount} processes, ${durability}, ${requirement})`
  return inScratch('disk', what, async (folder) => {
    const server = await startReferenceServer({ requirement })
    const campaign = new Campaign(plan, server, join(folder, 'outbox.db'))
    try {
      await server.control.apply({ latencyMs: plan.latencyMs })
      return await campaign.run()
    } finally {
      await campaign.end()
      await server.close()
    }
  })
}

/** One that lives, and what it was told to enqueue. */
interface Worker {
  readonly app: AppProcess
  ordered: number
  isBusy: boolean
}

class Campaign {
  readonly #plan: KillPlan
  readonly #server: ReferenceServer
  readonly #settings: AppSettings
  readonly #started: Worker[] = []
  #living: Worker[] = []
  /** Loaded while another one works. */
  #standby: Worker
  #tokens = new Map<string, string>()
  /** The first thing that went wrong in a process. */
  readonly #wrong = Promise.withResolvers<never>()

  constructor(plan: KillPlan, server: ReferenceServer, file: string) {
    const { durability, requirement } = plan
    const vaultKey = createHash('sha256').update(String(plan.seed)).digest('hex')
    this.#plan = plan
    this.#server = server
    this.#settings = {
      file,
      durability,
      requirement,
      vaultKey,
      origin: server.origin,
      clock: 'system',
    }
    this.#wrong.promise.catch(() => undefined)
    this.#standby = this.#start()
  }

  async run(): Promise<KillTotals> {
    for (const user of this.#plan.users) {
      if (user !== null) this.#tokens.set(user, (await this.#server.mint(user)).token)
    }
    for (const [index, step] of this.#plan.steps.entries()) {
      const what = `kill ${index + 1} (${JSON.stringify(step.moment)}, ${step.delayTurns} turns)`
      await this.#kill(step, what)
    }
    await this.#drain()
    const acknowledged = this.#acknowledged()
    const applied = this.#applied()
    this.#expect('after draining', [
      ...judge({ acknowledged, applied, mayBe: (name) => this.#mayBe(name) }),
      ...leftIn(this.#settings.file),
      ...(this.#server.summary().violations > 0 ? ['the server counts violations'] : []),
    ])
    const { users, anonymous } = this.#server.summary()
    const counts = [...Object.values(users), anonymous]
    return {
      kills: this.#plan.steps.length,
      acknowledged: acknowledged.length,
      applied: applied.length,
      repeated: counts.reduce((sum, { duplicatesSuppressed }) => sum + duplicatesSuppressed, 0),
    }
  }

  async end(): Promise<void> {
    await Promise.all(this.#started.map(({ app }) => app.kill()))
  }

  async #kill(step: KillStep, what: string): Promise<void> {
    const isOpening = step.moment.type === 'opening'
    while (this.#living.length < this.#plan.processCount - (isOpening ? 1 : 0)) {
      await this.#join()
    }
    if (step.moment.type === 'held') {
      const { at } = step.moment
      for (const worker of this.#living) this.#tell(worker.app.tell('hold', at))
    }
    for (const worker of this.#living) this.#flood(worker, step)
    const victim = await within(what, this.#orWrong(this.#victimOf(step)))
    for (let turn = 0; turn < step.delayTurns; turn += 1) await turnEnd()
    this.#living = this.#living.filter((worker) => worker !== victim)
    // None of the others is to be stuck with a request that was held.
    for (const { app } of this.#living) this.#tell(app.tell('release', null))
    await victim.app.kill()
    if (step.looks) this.#look(what)
  }

  async #victimOf({ moment, victim }: KillStep): Promise<Worker> {
    const chosen = this.#living[victim % Math.max(1, this.#living.length)]
    const idle = Promise.all(this.#living.map(({ app }) => this.#floods.get(app)))
    // Where it never comes to that many, they have nothing left to do.
    const orIdle = (comes: Promise<Worker>) =>
      Promise.race([comes, idle.then(() => chosen ?? this.#standby)])
    if (moment.type === 'opening' || chosen === undefined) {
      const worker = this.#standby
      await worker.app.loaded()
      this.#tell(worker.app.tell('open', null))
      this.#standby = this.#start()
      return worker
    }
    if (moment.type === 'stored') {
      const count = chosen.app.stored.length + moment.count
      return orIdle(chosen.app.hasStored(count).then(() => chosen))
    }
    const comes = this.#living.map((worker) => {
      const heard =
        moment.type === 'held'
          ? worker.app.held()
          : worker.app.heard(
              `operation.${moment.type}`,
              worker.app.ids(`operation.${moment.type}`).length + moment.count,
            )
      return heard.then(() => worker)
    })
    return orIdle(Promise.race(comes))
  }

  readonly #floods = new Map<AppProcess, Promise<unknown>>()

  #flood(worker: Worker, { turns }: KillStep): void {
    if (worker.isBusy) return
    worker.isBusy = true
    worker.ordered += turns.reduce((sum, { kinds }) => sum + kinds.length, 0)
    const flood = worker.app.tell('flood', { turns }).then(() => (worker.isBusy = false))
    this.#floods.set(worker.app, flood)
    this.#tell(flood)
  }

  #start(): Worker {
    const worker = { app: new AppProcess(this.#settings), ordered: 0, isBusy: false }
    this.#started.push(worker)
    void worker.app.gone().then((signal) => {
      if (signal !== 'SIGKILL')
        this.#wrong.reject(new Error(`a process ended by itself: ${signal}`))
    })
    return worker
  }

  /** The standby opens the file and works with the others. */
  async #join(): Promise<Worker> {
    const worker = this.#standby
    await within('loading', this.#orWrong(worker.app.loaded()))
    this.#standby = this.#start()
    await within('opening', this.#orWrong(worker.app.tell('open', null)))
    for (const [user, token] of this.#tokens) {
      await within('login', this.#orWrong(worker.app.tell('login', { user, token })))
    }
    this.#living.push(worker)
    return worker
  }

  async #drain(): Promise<void> {
    if (this.#plan.isDrainedAnew || this.#living.length === 0) {
      await Promise.all(this.#living.splice(0).map(({ app }) => app.kill()))
      await this.#join()
    }
    // Who only waits takes over when it is used.
    const [first] = this.#living
    const turns = this.#plan.users.map((user) => ({ user, kinds: ['note'] as const }))
    await within(
      'floods',
      this.#orWrong(Promise.all(this.#living.map((worker) => this.#floods.get(worker.app)))),
    )
    for (const worker of this.#living) {
      worker.ordered += turns.length
      await within('the last', this.#orWrong(worker.app.tell('flood', { turns })))
    }
    await within('draining', this.#orWrong(first?.app.tell('drained', null) ?? Promise.resolve()))
    for (const { app } of this.#living) {
      await within('draining', this.#orWrong(app.tell('drained', null)))
      await within('closing', this.#orWrong(app.tell('close', null)))
    }
  }

  /** Is all that was acknowledged in the file, or at the server? */
  #look(what: string): void {
    const acknowledged = this.#acknowledged()
    if (acknowledged.length === 0) return
    const stored = storedNames(this.#settings.file)
    // What has left the file meanwhile was applied before it did.
    const applied = this.#applied()
    const there = new Set([...stored, ...applied.map(({ text }) => text)])
    this.#expect(what, [
      ...acknowledged.flatMap(({ id, text }) =>
        there.has(text)
          ? []
          : [`durable-before-ack: ${text} (${id}) is neither stored nor applied`],
      ),
      ...judge({
        acknowledged,
        applied,
        mayBe: (name) => this.#mayBe(name),
        isDrained: false,
      }),
    ])
  }

  #expect(what: string, complaints: readonly string[]): void {
    if (complaints.length > 0) throw new Violation(what, complaints)
  }

  #acknowledged(): readonly Bundled[] {
    return this.#started.flatMap(({ app }) => app.stored)
  }

  #applied(): readonly AppliedText[] {
    return appliedTexts(this.#server)
  }

  #mayBe(name: string): boolean {
    const maker = this.#started.find(({ app }) => String(app.pid) === makerOf(name))
    return maker !== undefined && numberOf(name) <= maker.ordered
  }

  /** Its answer is not waited for; a refusal is wrong, unless it is killed meanwhile. */
  #tell(told: Promise<unknown>): void {
    told.catch((error: Error) => {
      if ('code' in error) this.#wrong.reject(new Error(`refused: ${String(error.code)}`))
    })
  }

  #orWrong<T>(promise: Promise<T>): Promise<T> {
    return Promise.race([promise, this.#wrong.promise])
  }
}

function turnEnd(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
