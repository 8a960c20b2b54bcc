/** A vault that is unavailable is tried again after waits that double, from 1 s to 5 min (T1). */
import type { HeardEvent } from '../seen.ts'
import { additionsTo } from './invariant.ts'
import type { RunRecord } from './run-record.ts'
import { doublingWait } from './doubling-wait.ts'

const WAITS = { baseMs: 1000, capMs: 300_000 } as const

interface Failure {
  readonly at: number
  readonly count: number
}

/** Answers the tries that came too early. */
export function vaultTries(run: RunRecord): () => unknown[] {
  const heard = additionsTo(run.heard)
  /** Of each life and message, which names the user. */
  const failures = new Map<string, Failure>()
  return () =>
    heard().flatMap((event) => {
      const { error, life, at } = vaultFailure(event)
      if (error === null) return []
      const key = `${life} ${error.message}`
      const before = failures.get(key)
      const waitMs = before === undefined ? 0 : doublingWait(WAITS, before.count)
      const gapMs = before === undefined ? 0 : at - before.at
      // Much later it is about another token.
      // Another token that came meanwhile begins anew, also one that is tried in the same instant.
      const isOfNext = run.rows.tokenSteps.some(
        (step) =>
          step.at <= at && (step.at > (before?.at ?? at) || (gapMs === 0 && step.at === at)),
      )
      const isFirst = before === undefined || gapMs > waitMs || isOfNext
      const count = isFirst ? 1 : before.count + 1
      failures.set(key, { at, count })
      return gapMs >= waitMs || isOfNext ? [] : [{ ...event, why: `its wait lasts ${waitMs} ms` }]
    })
}

function vaultFailure({ event, detail, life, at }: HeardEvent) {
  const { error = null } = detail as {
    readonly error?: { readonly code: string; readonly message: string }
  }
  const isOfVault = event === 'error' && error?.code === 'AUTH_VAULT_UNAVAILABLE'
  return { error: isOfVault ? error : null, life, at }
}
