/**
 * A process whose watch on the commits of others has failed tells WATCH_LOST once, and no other one tells it (Q17). That a
 * look then notices the commits, `drains` and `no-park` judge.
 */
import type { SeenLife } from '../seen.ts'
import type { Invariant } from './invariant.ts'
import type { RunRecord } from './run-record.ts'
import { runningMs } from './running-time.ts'
import { PROOF_MS } from './unheard-commits.ts'

export const lostWatches: Invariant = (run) => () =>
  run.lives.flatMap((life, index): object[] => {
    const told = run.heard.filter(
      (event) => event.life === index && isWatchLost(event.detail),
    ).length
    if (told > 1) return [{ life: index, told }]
    if (told === 1 && !mayHaveFailed(run, life)) return [{ life: index, why: 'its watch works' }]
    if (told === 0 && hasFailed(run, life)) return [{ life: index, why: 'nobody was told' }]
    return []
  })

function isWatchLost(detail: object): boolean {
  const { error } = detail as { readonly error?: { readonly code?: unknown } | null }
  return error?.code === 'WATCH_LOST'
}

/** True if the watch of this life has failed, or fails in this instant. */
function mayHaveFailed(run: RunRecord, life: SeenLife): boolean {
  if (run.watches !== 'works') return true
  return failures(run).some(({ at }) => at >= life.startedAt && at <= (life.endedAt ?? run.now))
}

/** True if the watch of this life, which goes on, has failed for certain, and is to be told of by now. */
function hasFailed(run: RunRecord, life: SeenLife): boolean {
  const { startedAt, closingAt, endedAt } = life
  // Of damage, that alone is told.
  if (endedAt !== null || run.isDamaged) return false
  if (run.watches === 'fails') return true
  if (run.watches === 'silent') return runningMs(run, provesFrom(run, startedAt)) > PROOF_MS
  // One that starts in the same instant may do so after that, and one that closes watches no more.
  const watchedUntil = closingAt ?? Number.POSITIVE_INFINITY
  return failures(run).some(({ at }) => at > startedAt && at < watchedUntil)
}

/** A file that is made again is watched anew, and that watch has to prove itself. */
function provesFrom({ turns }: RunRecord, startedAt: number): number {
  const madeAgain = turns.findLast(({ turn }) => turn === 'side-file-made-again')
  return Math.max(startedAt, madeAgain?.at ?? 0)
}

function failures({ turns }: RunRecord): RunRecord['turns'] {
  return turns.filter(({ turn }) => turn === 'watch-failed')
}
