/**
 * The operations that a plan is sure to send, judged from its steps alone: an operation of a user that no step takes away is
 * sent in the end at the latest, when every fault has stopped. Only playing it tells how many requests that makes.
 */
import type { ScenarioStep } from '../scenario.ts'

/** Kinds of which several may come to one request, or to none. */
const UNSURE: ReadonlySet<string> = new Set(['fold', 'misfit', 'unsubscribe', 'register', 'touch'])

/** Kinds that may wait for a record, and all behind them. */
const WAITING: ReadonlySet<string> = new Set(['touch', 'link'])

/** Steps that may take away an operation which is enqueued in the same instant. */
const SUDDEN = ['crash', 'disk'] as const

/** How many operations of users are left to be sent at the end; 0 where all of them may wait for a record. */
export function promisedSends(steps: readonly ScenarioStep[]): number {
  const left = new Map<string, string>()
  const suddenAt = new Set(
    steps.filter((step) => SUDDEN.some((name) => name in step)).map(({ at }) => at),
  )
  const waiting = new Set<string>()
  let hasFree = false
  let user: string | null = null
  for (const step of steps) {
    if ('process' in step && step.process === 'second') continue
    if ('login' in step) user = step.login.user
    else if ('logout' in step) {
      if (step.logout === 'discard') dropAll(left, user)
      user = null
    } else if ('forget' in step) {
      dropAll(left, step.forget)
      if (user === step.forget) user = null
    } else if ('cancel' in step) left.delete(step.cancel)
    else if ('discard' in step) left.delete(step.discard)
    else if ('enqueue' in step && user !== null && !suddenAt.has(step.at)) {
      const { id, kind, expiresInMs, within } = step.enqueue
      if (WAITING.has(kind)) waiting.add(user)
      if (UNSURE.has(kind) || expiresInMs !== undefined || within === 'rollback') continue
      left.set(id, user)
      hasFree ||= !waiting.has(user)
    }
  }
  return hasFree ? left.size : 0
}

function dropAll(left: Map<string, string>, user: string | null): void {
  for (const [id, owner] of left) if (owner === user) left.delete(id)
}
