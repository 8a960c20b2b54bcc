/**
 * Makes a failing plan small: what can be left out, with the same invariant failing, is left out; then
 * what can be simpler is made simpler.
 */
import type { Scenario, ScenarioStep } from '../scenario.ts'

/** Does the smaller plan still fail in the same way? */
export type StillFails = (plan: Scenario) => Promise<boolean>

export async function shrink(plan: Scenario, stillFails: StillFails): Promise<Scenario> {
  let smallest = plan
  for (;;) {
    const before = JSON.stringify(smallest)
    for (const pass of PASSES) smallest = await pass(smallest, stillFails)
    if (JSON.stringify(smallest) === before) return smallest
  }
}

type Pass = (plan: Scenario, stillFails: StillFails) => Promise<Scenario>

const PASSES: readonly Pass[] = [
  (plan, stillFails) =>
    fewer(plan.steps, (steps) => stillFails({ ...plan, steps })).then((steps) => ({
      ...plan,
      steps,
    })),
  (plan, stillFails) => fewerReplies(plan, stillFails),
  (plan, stillFails) => fewerAnswers(plan, stillFails),
  simplerConfig,
  withoutTokens,
  earlier,
]

/** Leaves out ever smaller parts of a list (Zeller's ddmin, the complements only). */
async function fewer<T>(
  list: readonly T[],
  stillFails: (list: T[]) => Promise<boolean>,
): Promise<T[]> {
  let left = [...list]
  for (let size = Math.ceil(left.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let from = 0; from < left.length;) {
      const without = [...left.slice(0, from), ...left.slice(from + size)]
      if (await stillFails(without)) left = without
      else from += size
    }
  }
  return left
}

async function fewerReplies(plan: Scenario, stillFails: StillFails): Promise<Scenario> {
  const { server } = plan
  if (server === undefined) return plan
  const put = (changed: typeof server) => ({ ...plan, server: changed })
  const replies = await fewer(server.replies ?? [], (left) =>
    stillFails(put({ ...server, replies: left })),
  )
  const latencies = await fewer(server.latencies ?? [], (left) =>
    stillFails(put({ ...server, replies, latencies: left })),
  )
  return put({ ...server, replies, latencies })
}

async function fewerAnswers(plan: Scenario, stillFails: StillFails): Promise<Scenario> {
  const { source, ...rest } = plan
  if (source === undefined) return plan
  if (await stillFails(rest)) return rest
  return { ...rest, source: await fewer(source, (left) => stillFails({ ...rest, source: left })) }
}

/** What is not said has the engine's defaults. */
async function simplerConfig(plan: Scenario, stillFails: StillFails): Promise<Scenario> {
  let config = plan.config ?? {}
  for (const key of Object.keys(config)) {
    const { [key as keyof typeof config]: _, ...without } = config
    if (await stillFails({ ...plan, config: without })) config = without
  }
  return { ...plan, config }
}

/** A token that nothing names is no part of the plan. */
async function withoutTokens(plan: Scenario, stillFails: StillFails): Promise<Scenario> {
  const { tokens = {}, ...rest } = plan
  const text = JSON.stringify({ ...rest, name: '' })
  const named = Object.entries(tokens).filter(([name]) => text.includes(JSON.stringify(name)))
  const smaller = { ...rest, tokens: Object.fromEntries(named) }
  return (await stillFails(smaller)) ? smaller : plan
}

/** Steps come as soon after each other as they can. */
async function earlier(plan: Scenario, stillFails: StillFails): Promise<Scenario> {
  let { steps } = plan
  for (let index = 0; index < steps.length; index += 1) {
    const before = steps[index - 1]?.at ?? 0
    const gap = (steps[index]?.at ?? 0) - before
    for (const smaller of [0, 1, 1000].filter((ms) => ms < gap)) {
      const moved = steps.map((step, at) => (at < index ? step : moveBy(step, smaller - gap)))
      if (!(await stillFails({ ...plan, steps: moved }))) continue
      steps = moved
      break
    }
  }
  return { ...plan, steps }
}

function moveBy(step: ScenarioStep, ms: number): ScenarioStep {
  return { ...step, at: step.at + ms }
}
