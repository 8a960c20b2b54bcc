/**
 * A process that plays plans, one after the other, for the one that searches: a plan that never comes to its end can then
 * be killed. It ends with its parent.
 */
import { createHash } from 'node:crypto'
import type { Played } from '../play.ts'
import { checkPlan } from './check-plan.ts'
import { marksOf } from './coverage.ts'
import { plainMismatch } from './evidence.ts'
import { makePlan } from './make-plan.ts'
import type { PlanOrSeed, PlanVerdict } from './plan-messages.ts'

process.on('message', (asked: PlanOrSeed) => {
  void verdictOf(asked).then((verdict) => process.send?.(verdict))
})
process.on('disconnect', () => process.exit())

async function verdictOf(asked: PlanOrSeed): Promise<PlanVerdict> {
  const plan = typeof asked === 'number' ? makePlan(asked) : asked
  const { wrong, played } = await checkPlan(plan)
  return {
    wrong: wrong.map(plainMismatch),
    marks: played === null ? [] : marksOf(played.record),
    digest: played === null ? '' : digestOf(played),
  }
}

function digestOf({ journals, record }: Played): string {
  const hash = createHash('sha256')
  for (const journal of journals) hash.update(JSON.stringify(journal))
  return hash.update(record.bytes()).digest('base64url')
}
