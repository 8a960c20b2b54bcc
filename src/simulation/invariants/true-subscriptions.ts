/** Who watches `status()` is called after each of its changes, and for nothing else. */
import { additionsTo, type Invariant } from './invariant.ts'
import type { SeenSubscription } from '../seen.ts'

export const trueSubscriptions: Invariant = (run) => {
  const added = additionsTo(run.subscriptions)
  let open: { readonly seen: SeenSubscription; judged: number }[] = []
  return () => {
    open.push(...added().map((seen) => ({ seen, judged: 0 })))
    open = open.filter(({ seen }) => run.lives[seen.life]?.endedAt === null)
    const faults: object[] = []
    for (const subscription of open) {
      const { seen, judged } = subscription
      const { at, life, from, called } = seen
      const shown = [from, ...called.map(({ status }) => status)]
      const isIdle = shown.slice(judged).some((status, index, all) => status === all[index - 1])
      if (isIdle) faults.push({ at, life, why: 'it was called, and nothing had changed' })
      // Of another process nobody sees the status from here.
      if (life === run.life && shown.at(-1) !== run.status) {
        faults.push({ at, life, why: 'it was not called', shown: shown.at(-1), status: run.status })
      }
      subscription.judged = called.length
    }
    return faults
  }
}
