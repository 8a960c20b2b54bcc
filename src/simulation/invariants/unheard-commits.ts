/** Commits that a process has not heard of, because its watch on the commits of others does not work (Q17). */
import type { RunRecord } from './run-record.ts'
import { runningMs } from './running-time.ts'

/** A watch that tells nothing has to prove itself within this time. */
export const PROOF_MS = 2000

/** A process without a watch looks so often. */
export const LOOK_MS = 30_000

interface Commit {
  readonly at: number
  readonly life: number
}

/** True if the process of this life may not know at this moment of a commit of another process. */
export function isUnheard(run: RunRecord, commit: Commit, life: number, at: number): boolean {
  if (commit.life === life || !isDeaf(run, life, commit.at)) return false
  const longestMs = run.watches === 'silent' ? PROOF_MS + LOOK_MS : LOOK_MS
  const passedMs = runningMs({ now: at, turns: run.turns }, commit.at)
  return passedMs <= longestMs && !hasLooked(run, commit, life, at)
}

/** True if no watch told this life of a commit at that moment. The opening has read every commit before it. */
function isDeaf({ watches, turns, lives }: RunRecord, life: number, at: number): boolean {
  const startedAt = lives[life]?.startedAt ?? 0
  if (at < startedAt) return false
  if (watches !== 'works') return true
  return turns.some((turn) => turn.turn === 'watch-failed' && turn.at >= startedAt && turn.at <= at)
}

/** A commit of its own is a look. The order of commits in one instant is not known. */
function hasLooked({ rows }: RunRecord, commit: Commit, life: number, at: number): boolean {
  const isLook = (own: Commit) => own.life === life && own.at > commit.at && own.at < at
  return rows.transitions.some(isLook) || rows.tokenSteps.some(isLook)
}
