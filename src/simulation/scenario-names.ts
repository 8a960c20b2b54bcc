/**
 * The names in a scenario stand for something: a token that is defined, an operation that is enqueued.
 * One that stands for nothing is a slip of the pen, and would make the scenario hold for a wrong reason.
 */
import { wrongExpectations } from './expected-names.ts'
import { wrongMatches } from './matched-names.ts'
import { type NameProblem, NO_USER, unknownName } from './name-problem.ts'
import { meant } from './nearest.ts'
import type { Scenario, ScenarioStep, SourceAnswer } from './scenario.ts'
import { Vocabulary } from './scenario-vocabulary.ts'

/** The first name that is used wrongly; null: none is. */
export function wrongNames(scenario: Scenario): NameProblem | null {
  const names = new Vocabulary(scenario)
  return (
    unknownToken(scenario) ??
    repeatedId(scenario.steps) ??
    unknownOperation(scenario, names) ??
    idleScanner(scenario) ??
    idleProcess(scenario) ??
    unknownUser(scenario, names) ??
    firstOf(wrongMatches(scenario, names)) ??
    firstOf(wrongExpectations(scenario, names))
  )
}

function firstOf(problems: Iterable<NameProblem>): NameProblem | null {
  for (const problem of problems) return problem
  return null
}

function unknownToken({ tokens = {}, steps, source = [] }: Scenario): NameProblem | null {
  const used = [
    ...steps.map((step, index) => ({
      path: ['steps', index, ...tokenPath(step)],
      ...tokenOf(step),
    })),
    ...source.flatMap((answer, index) =>
      tokensOf(answer).map((token) => ({ path: ['source', index, 'token'], token })),
    ),
  ]
  for (const { path, token } of used) {
    if (token !== undefined && !Object.hasOwn(tokens, token)) {
      const what = `there is no token ${token} under tokens${meant(token, Object.keys(tokens))}`
      return { path, what }
    }
  }
  return null
}

function tokensOf(answer: SourceAnswer): readonly string[] {
  if (!('token' in answer)) return []
  return typeof answer.token === 'string' ? [answer.token] : Object.values(answer.token)
}

function tokenPath(step: ScenarioStep): string[] {
  return 'login' in step ? ['login', 'token'] : ['updateToken', 'token']
}

function tokenOf(step: ScenarioStep): { readonly token: string | undefined } {
  if ('login' in step) return { token: step.login.token }
  return { token: 'updateToken' in step ? step.updateToken.token : undefined }
}

/** What is expected names operations and reads by their ids, so each id is one of them. */
function repeatedId(steps: readonly ScenarioStep[]): NameProblem | null {
  const seen = new Set<string>()
  for (const [index, step] of steps.entries()) {
    const named =
      'enqueue' in step
        ? { path: ['steps', index, 'enqueue', 'id'], id: step.enqueue.id }
        : 'read' in step
          ? { path: ['steps', index, 'read', 'id'], id: step.read.id }
          : 'look' in step
            ? { path: ['steps', index, 'look', 'id'], id: step.look.id }
            : null
    if (named === null) continue
    if (seen.has(named.id))
      return { path: named.path, what: `there is a step of id ${named.id} already` }
    seen.add(named.id)
  }
  return null
}

/** An id that nothing is enqueued under must be one that is expected to be unknown. */
function unknownOperation({ steps, expect }: Scenario, names: Vocabulary): NameProblem | null {
  const known = new Set([...names.operations, ...Object.keys(expect?.rejects ?? {})])
  for (const [index, step] of steps.entries()) {
    for (const { path, id } of operationsOf(step)) {
      if (known.has(id)) continue
      return unknownName(['steps', index, ...path], 'no step enqueues', id, names.operations)
    }
  }
  return null
}

/** Only Windows keeps a file from being renamed that another program has open: elsewhere the step says nothing. */
function idleScanner({ config, steps }: Scenario): NameProblem | null {
  const index = config?.system === 'windows' ? -1 : steps.findIndex((step) => 'scanner' in step)
  if (index === -1) return null
  return { path: ['steps', index, 'scanner'], what: 'a scanner needs `system: windows` in config' }
}

/** A look at the operations of a misspelt user would see none. */
function unknownUser({ steps }: Scenario, { users }: Vocabulary): NameProblem | null {
  for (const [index, step] of steps.entries()) {
    if (!('look' in step)) continue
    for (const [filter, { user }] of filtersOf(step.look)) {
      if (user === undefined || user === null || users.has(user)) continue
      return unknownName(['steps', index, 'look', filter, 'user'], NO_USER, user, users)
    }
  }
  return null
}

type Look = Extract<ScenarioStep, { readonly look: unknown }>['look']

function filtersOf(
  look: Look,
): readonly (readonly [string, { readonly user?: string | null | undefined }])[] {
  if ('pending' in look) return [['pending', look.pending]]
  return 'deadLetters' in look ? [['deadLetters', look.deadLetters]] : []
}

/** A process that is not there takes no step. A plan of the search, which expects nothing, may have such steps. */
function idleProcess({ steps, expect }: Scenario): NameProblem | null {
  if (expect === undefined) return null
  const ofSecond = (step: ScenarioStep) => 'process' in step && step.process === 'second'
  if (steps.some((step) => ofSecond(step) && 'start' in step)) return null
  const index = steps.findIndex(ofSecond)
  if (index === -1) return null
  const what = 'no step starts this process: it needs `{ at: 0, process: second, start: true }`'
  return { path: ['steps', index, 'process'], what }
}

interface Use {
  readonly path: readonly PropertyKey[]
  readonly id: string
}

function operationsOf(step: ScenarioStep): readonly Use[] {
  if ('cancel' in step) return [{ path: ['cancel'], id: step.cancel }]
  if ('retry' in step) {
    const { retry } = step
    return typeof retry === 'string'
      ? [{ path: ['retry'], id: retry }]
      : [{ path: ['retry', 'id'], id: retry.id }]
  }
  if ('discard' in step) return [{ path: ['discard'], id: step.discard }]
  if ('look' in step && 'operation' in step.look) {
    return [{ path: ['look', 'operation'], id: step.look.operation }]
  }
  if (!('read' in step)) return []
  return (step.read.after ?? []).map((id, index) => ({ path: ['read', 'after', index], id }))
}
