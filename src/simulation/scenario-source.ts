/** What the scripted sources answer: of tokens, and of the requirement. */
import type { Requirement } from '../model.ts'
import type { RequirementAnswer, SourceAnswer } from './scenario.ts'
import type { SourceOutcome } from './seen.ts'

interface Answer extends Pick<SourceOutcome, 'outcome' | 'token'> {
  /** How long it takes, in milliseconds. */
  readonly after: number
}

/** To the call of this index; null: it never answers. */
export function answerTo(
  answers: readonly SourceAnswer[],
  index: number,
  user: string,
): Answer | null {
  const answer = nth(answers, index)
  if (answer === undefined || 'never' in answer) return null
  const { after = 0 } = answer
  if ('denied' in answer) return { outcome: 'denied', token: null, after }
  if ('throws' in answer) return { outcome: 'throws', token: null, after }
  if ('garbage' in answer) return { outcome: 'garbage', token: null, after }
  const given = 'token' in answer ? answer.token : undefined
  const token = typeof given === 'string' ? given : (given?.[user] ?? null)
  return { outcome: token === null ? 'none' : 'token', token, after }
}

export interface Demand {
  readonly after: number
  /** What it says; null: it throws, or says something that makes no sense. */
  readonly requirement: Requirement | null
  readonly outcome: 'requirement' | 'throws' | 'garbage'
}

/** What the source of the requirement answers to the call of this index; null: nothing, ever. */
export function demandOf(answers: readonly RequirementAnswer[], index: number): Demand | null {
  const answer = nth(answers, index)
  if (answer === undefined || 'never' in answer) return null
  const { after = 0 } = answer
  if ('throws' in answer) return { outcome: 'throws', requirement: null, after }
  if ('garbage' in answer) return { outcome: 'garbage', requirement: null, after }
  return { outcome: 'requirement', requirement: answer.requirement, after }
}

function nth<T extends { readonly ever?: true | undefined }>(
  answers: readonly T[],
  index: number,
): T | undefined {
  const last = answers.findIndex(({ ever }) => ever === true)
  return answers[last >= 0 ? Math.min(index, last) : index]
}
