/** What the scripted token source answers. */
import type { SourceAnswer } from './scenario.ts'
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
  const last = answers.findIndex(({ ever }) => ever === true)
  const answer = answers[last >= 0 ? Math.min(index, last) : index]
  if (answer === undefined) return null
  const { after = 0 } = answer
  if ('denied' in answer) return { outcome: 'denied', token: null, after }
  if ('throws' in answer) return { outcome: 'throws', token: null, after }
  const given = 'token' in answer ? answer.token : undefined
  const token = typeof given === 'string' ? given : (given?.[user] ?? null)
  return { outcome: token === null ? 'none' : 'token', token, after }
}
