/** What the source of the requirement answers in a plan, at first anything. */
import type { Requirement } from '../../model.ts'
import type { RequirementAnswer } from '../scenario.ts'
import type { Dice } from './dice.ts'
import type { Features } from './features.ts'

/** Undefined: there is no source. In the end it says what the app says too, so that faults end. */
export function planRequirementSource(
  dice: Dice,
  features: Features,
  requirement: Requirement,
  first: readonly RequirementAnswer[],
): RequirementAnswer[] | undefined {
  if (!features.has('requirementSource') && first.length === 0) return undefined
  const inTheEnd = requirement === 'off' ? 'off' : 'required'
  const answers = Array.from({ length: dice.between(0, 5) }, (): RequirementAnswer => {
    const after = dice.of([0, 0, 15, 500, 5000, 61_000])
    return dice.weighted<RequirementAnswer>([
      [3, { requirement: inTheEnd, after }],
      [2, { requirement: dice.of(['required', 'off', 'unknown']), after }],
      [1, { throws: true, after }],
      [1, { garbage: true, after }],
      [1, { never: true }],
    ]) as RequirementAnswer
  })
  return [...first, ...answers, { requirement: inTheEnd, after: dice.of([0, 5]), ever: true }]
}
