/** The names in the rules of the server and of the source: a rule for a name that nothing has would never be used. */
import { type NameProblem, NO_USER, unknownName, unlessKnown } from './name-problem.ts'
import type { Scenario } from './scenario.ts'
import type { Vocabulary } from './scenario-vocabulary.ts'

export function* wrongMatches(
  { server = {}, source = [] }: Scenario,
  names: Vocabulary,
): Iterable<NameProblem> {
  const { latencies = [], replies = [] } = server
  for (const [list, rules] of Object.entries({ latencies, replies })) {
    for (const [index, { match = {} }] of rules.entries()) {
      const path = ['server', list, index, 'match']
      const { user, kind, op } = match
      yield* unlessKnown([...path, 'user'], NO_USER, user, names.users)
      if (kind !== undefined && kind !== 'read' && !names.isKind(kind)) {
        yield unknownName([...path, 'kind'], 'there is no kind', kind, [...names.kinds, 'read'])
      }
      if (op === undefined || names.isOperation(op) || names.reads.has(op)) continue
      const known = [...names.operations, ...names.reads]
      yield unknownName([...path, 'op'], 'no step enqueues or reads', op, known)
    }
  }
  for (const [index, answer] of source.entries()) {
    if (!('token' in answer) || typeof answer.token === 'string') continue
    for (const user of Object.keys(answer.token)) {
      yield* unlessKnown(['source', index, 'token', user], NO_USER, user, names.users)
    }
  }
}
