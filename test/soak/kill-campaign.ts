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
import { appliedTexts } from './applied-texts.ts'
import { Crew, type Worker } from './crew.ts'
import { judge } from './judge.ts'
import { type KillPlan, type KillStep, makeKillPlan } from './kill-plan.ts'
import { inScratch } from './scratch.ts'
import { leftIn, storedNames } from './stored-names.ts'
import { Violation } from './violation.ts'

export interface KillTotals {
  readonly kills: number
  /** Operations that were acknowledged, those that were applied, and requests told apart by their key. */
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
      return await campaign.run()
    } finally {
      await campaign.end()
      await server.close()
    }
  })
}

class Campaign {
  readonly #plan: KillPlan
  readonly #server: ReferenceServer
  readonly #file: string
  readonly #crew: Crew
  readonly #tokens = new Map<string, string>()

  constructor(plan: KillPlan, server: ReferenceServer, file: string) {
    const { seed, durability, requirement } = plan
    const { origin } = server
    const vaultKey = createHash('sha256').update(String(seed)).digest('hex')
    this.#plan = plan
    this.#server = server
    this.#file = file
    this.#crew = new Crew({ file, origin, vaultKey, requirement, durability, clock: 'system' })
  }

  async run(): Promise<KillTotals> {
    const { steps, users, latencyMs } = this.#plan
    await this.#server.control.apply({ latencyMs })
    for (const user of users) {
      if (user !== null) this.#tokens.set(user, (await this.#server.mint(user)).token)
    }
    for (const [index, step] of steps.entries()) {
      const what = `kill ${index + 1} (${JSON.stringify(step.moment)}, ${step.delayTurns} turns)`
      await this.#killOne(step, what)
      if (step.looks) this.#expectNothingLost(what)
    }
    await this.#drain()
    this.#expectAllApplied()
    const { users: counts, anonymous } = this.#server.summary()
    const repeated = [...Object.values(counts), anonymous].map((one) => one.duplicatesSuppressed)
    return {
      kills: steps.length,
      acknowledged: this.#crew.acknowledged.length,
      applied: appliedTexts(this.#server).length,
      repeated: repeated.reduce((sum, count) => sum + count, 0),
    }
  }

  async end(): Promise<void> {
    await this.#crew.end()
  }

  async #killOne({ moment, turns, delayTurns, victim }: KillStep, what: string): Promise<void> {
    const crew = this.#crew
    const wanted = this.#plan.processCount - (moment.type === 'opening' ? 1 : 0)
    while (crew.living.length < wanted) await crew.join(this.#tokens)
    if (moment.type === 'held') {
      for (const { app } of crew.living) crew.ignore(app.tell('hold', moment.at))
    }
    for (const worker of crew.living) crew.flood(worker, turns)
    const killed = await crew.await(what, this.#comes(moment, victim))
    for (let turn = 0; turn < delayTurns; turn += 1) {
      await new Promise((resolve) => setImmediate(resolve))
    }
    await crew.kill(killed)
    // None of the others is to be stuck with a request that was held.
    for (const { app } of crew.living) crew.ignore(app.tell('release', null))
  }

  /** The moment, and whom it is the last of. */
  async #comes(moment: KillStep['moment'], victim: number): Promise<Worker> {
    const { living } = this.#crew
    const chosen = living[victim % Math.max(1, living.length)]
    if (moment.type === 'opening' || chosen === undefined) {
      const worker = await this.#crew.next()
      this.#crew.ignore(worker.app.tell('open', null))
      return worker
    }
    const comes = (moment.type === 'stored' ? [chosen] : living).map(async (worker) => {
      const { app } = worker
      if (moment.type === 'held') await app.held()
      else if (moment.type === 'stored') await app.hasStored(app.stored.length + moment.count)
      else {
        const name = `operation.${moment.type}` as const
        await app.heard(name, app.ids(name).length + moment.count)
      }
      return worker
    })
    // Where it never comes to that many, they have nothing left to do.
    const idle = Promise.all(living.map(({ flood }) => flood))
    return Promise.race([...comes, idle.then(() => chosen)])
  }

  async #drain(): Promise<void> {
    const crew = this.#crew
    if (this.#plan.isDrainedAnew) await crew.killAll()
    if (crew.living.length === 0) await crew.join(this.#tokens)
    // Who only waits takes over when it is used.
    const turns = this.#plan.users.map((user) => ({ user, kinds: ['note'] as const }))
    for (const worker of crew.living) {
      await crew.await('enqueuing', worker.flood)
      crew.flood(worker, turns)
      await crew.await('enqueuing', worker.flood)
    }
    for (const { app } of crew.living) await crew.await('draining', app.tell('drained', null))
    for (const { app } of crew.living) await crew.await('closing', app.tell('close', null))
  }

  /** Is all that was acknowledged in the file, or at the server? */
  #expectNothingLost(what: string): void {
    const { acknowledged } = this.#crew
    if (acknowledged.length === 0) return
    const stored = storedNames(this.#file)
    // What has left the file meanwhile was applied before it did.
    const applied = appliedTexts(this.#server)
    const there = new Set([...stored, ...applied.map(({ text }) => text)])
    const lost = acknowledged.filter(({ text }) => !there.has(text))
    expectNone(what, [
      ...lost.map(({ text, id }) => `durable-before-ack: ${text} (${id}) is not there any more`),
      ...this.#judged(false),
    ])
  }

  #expectAllApplied(): void {
    const { violations } = this.#server.summary()
    expectNone('after draining', [
      ...this.#judged(true),
      ...leftIn(this.#file),
      ...(violations > 0 ? [`the server counts ${violations} violations`] : []),
    ])
  }

  #judged(isDrained: boolean): readonly string[] {
    const { acknowledged } = this.#crew
    const mayBe = (name: string) => this.#crew.mayHaveMade(name)
    return judge({ acknowledged, applied: appliedTexts(this.#server), mayBe, isDrained })
  }
}

function expectNone(what: string, complaints: readonly string[]): void {
  if (complaints.length > 0) throw new Violation(what, complaints)
}
