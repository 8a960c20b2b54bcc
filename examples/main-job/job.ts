/**
 * The main job: a server, an app that embeds Holdfast, and a plan of what goes wrong. It watches what
 * the server has applied, carries out the plan as the work proceeds, kills the app and starts it again,
 * and gathers the evidence for the verdict. Whatever happens, no process and no file is left behind.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { LogSummary } from '../server/summary.ts'
import { Child } from './child.ts'
import type { Display } from './display.ts'
import { makePlan, type Step } from './plan.ts'
import type { Recording } from './recording.ts'
import type { AppSettings, Assignment, Report } from './reports.ts'
import { ServerLink } from './server-link.ts'
import { Tally } from './tally.ts'
import { type Evidence, total } from './verdict.ts'

export interface JobOptions {
  readonly assignments: readonly (Assignment & { readonly recording: Recording })[]
  readonly seed: number
  readonly kills: number
  readonly speed: number | null
  readonly merges: boolean
}

const lookEveryMs = 100
/** Longer than a user waits whose fresh tokens the server refuses twice in a row: 30 s, then 60 s (T8). */
const standstillMs = 120_000

const serverScript = new URL('../server/main.ts', import.meta.url)
const appScript = new URL('app.ts', import.meta.url)

/** Runs it all. Rejects when the signal aborts. */
export async function runJob(
  options: JobOptions,
  display: Display,
  signal: AbortSignal,
): Promise<Evidence> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-main-job-'))
  const job = new Job(options, join(folder, 'outbox.db'), display, signal)
  try {
    return await job.run()
  } finally {
    await job.end()
    await rm(folder, { recursive: true, force: true, maxRetries: 10 })
  }
}

class Job {
  readonly #options: JobOptions
  readonly #database: string
  readonly #display: Display
  readonly #signal: AbortSignal
  readonly #tally = new Tally()
  readonly #children = new Set<Child>()
  #origin = ''
  #lifeCount = 0
  #killCount = 0
  #faultCount = 0

  constructor(options: JobOptions, database: string, display: Display, signal: AbortSignal) {
    this.#options = options
    this.#database = database
    this.#display = display
    this.#signal = signal
  }

  async run(): Promise<Evidence> {
    const { seed, kills } = this.#options
    const link = await this.#startServer()
    const plan = makePlan(seed, kills)
    await link.control(plan.rain)
    const app = await this.#watch(link, plan.steps)
    if (!(await app.stop())) this.#tally.problems.push('the app did not end as it should')
    const faults = plan.steps.filter(({ type }) => type === 'server').length
    return this.#evidence(link, faults)
  }

  /** Ends what still runs. */
  async end(): Promise<void> {
    await Promise.all(Array.from(this.#children, async (child) => child.kill()))
  }

  async #startServer(): Promise<ServerLink> {
    const { promise, resolve } = Promise.withResolvers<string>()
    const server = new Child(serverScript, [], (json) => {
      resolve((json as { readonly origin: string }).origin)
    })
    this.#children.add(server)
    while (this.#origin === '') {
      this.#signal.throwIfAborted()
      if (server.failure !== null) throw new Error(`the server ${server.failure}`)
      this.#origin = await Promise.race([promise, sleep(lookEveryMs, '', { ref: false })])
    }
    return new ServerLink(this.#origin)
  }

  #startApp(): Child {
    const { seed, speed, merges, assignments } = this.#options
    this.#lifeCount += 1
    const settings: AppSettings = {
      origin: this.#origin,
      database: this.#database,
      seed: seed + this.#lifeCount,
      speed,
      merges,
      assignments: assignments.map(({ user, document, file }) => ({ user, document, file })),
    }
    const app = new Child(appScript, [JSON.stringify(settings)], (json) =>
      this.#tally.hear(json as Report),
    )
    this.#children.add(app)
    return app
  }

  /** Until all is done, or something went wrong. Answers with the app's last life. */
  async #watch(link: ServerLink, plan: readonly Step[]): Promise<Child> {
    const steps = [...plan]
    let app = this.#startApp()
    let moved = { at: performance.now(), applied: -1 }
    for (;;) {
      const summary = await link.summary()
      const applied = this.#applied(summary)
      if (applied !== moved.applied) moved = { at: performance.now(), applied }
      this.#show(summary)
      while ((steps[0]?.at ?? 2) <= applied) {
        const step = steps.shift()
        if (step !== undefined) app = await this.#carryOut(step, link, app)
      }
      if (steps.length === 0 && this.#tally.isFinished) return app
      const ended = app.failure === null ? null : `the app ${app.failure}`
      const problem = ended ?? this.#standstill(moved.at, applied)
      if (problem !== null) this.#tally.problems.push(problem)
      if (this.#tally.problems.length > 0) return app
      await sleep(lookEveryMs, undefined, { signal: this.#signal })
    }
  }

  async #carryOut(step: Step, link: ServerLink, app: Child): Promise<Child> {
    if (step.type === 'server') {
      await link.control(step.change)
      this.#faultCount += 1
      this.#display.tell(step.name)
      return app
    }
    await sleep(step.delayMs, undefined, { signal: this.#signal })
    await app.kill()
    this.#children.delete(app)
    this.#tally.lifeEnded()
    this.#killCount += 1
    this.#display.tell(step.name)
    return this.#startApp()
  }

  #standstill(movedAt: number, applied: number): string | null {
    if (performance.now() - movedAt < standstillMs) return null
    const holds = this.#tally.lanes.map(({ user, pending, holds: names }) => {
      return `${user ?? 'anonymous'}: ${pending} pending, holds: ${names.join(', ') || 'none'}`
    })
    const share = `${(applied * 100).toFixed(1)} %`
    return `nothing moved for ${standstillMs / 1_000} s at ${share} (${holds.join('; ')})`
  }

  /** The share of all operations that the server has applied. */
  #applied(summary: LogSummary): number {
    const all = this.#progress(summary)
    const sum = (what: 'applied' | 'count') => all.reduce((before, one) => before + one[what], 0)
    return sum('applied') / sum('count')
  }

  #progress({ documents }: LogSummary) {
    return this.#options.assignments.map(({ user, document, recording }) => ({
      user,
      document,
      count: recording.transactions.length,
      applied: documents.find((one) => one.user === user && one.document === document)?.next ?? 0,
    }))
  }

  #show(summary: LogSummary): void {
    this.#display.show({
      documents: this.#progress(summary),
      lanes: this.#tally.lanes,
      requestCount: total(summary, 'requests'),
      refused: total(summary, 'refused401'),
      retried:
        total(summary, 'failuresInjected') +
        total(summary, 'requestsDropped') +
        total(summary, 'repliesDropped') +
        total(summary, 'htmlPages'),
      dropped: this.#tally.dropped.size,
      kills: `${this.#killCount} of ${this.#options.kills}`,
    })
  }

  async #evidence(link: ServerLink, plannedFaults: number): Promise<Evidence> {
    const { assignments, kills } = this.#options
    const { acknowledged, anonymous, dropped, problems, isFinished, lostCount } = this.#tally
    const summary = await link.summary()
    this.#show(summary)
    const documents = await Promise.all(
      assignments.map(async ({ user, document, recording }) => ({
        user,
        document,
        transactionCount: recording.transactions.length,
        expected: recording.end,
        found: await link.text(user, document),
        acknowledged: acknowledged.get(user) ?? 0,
      })),
    )
    return {
      documents,
      summary,
      kills: {
        planned: kills,
        // What the last life finished has survived all of them.
        survived: isFinished ? this.#killCount : 0,
        lost: lostCount,
      },
      faults: { planned: plannedFaults, done: this.#faultCount },
      anonymous: { enqueued: [...anonymous], dropped },
      problems,
    }
  }
}
