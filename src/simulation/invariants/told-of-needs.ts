/**
 * A listener that comes late hears at once of the needs that are open, of each once, and of nothing else (T5). Where there
 * is a source, of those alone that have been told: the others are for the source. In the wait after refused tokens nobody is
 * told (T8).
 */
import type { TokenNeedStatus } from '../../engine/status.ts'
import type { SeenLateListener } from '../seen.ts'
import { additionsTo, type Invariant } from './invariant.ts'
import { refusalWaits } from './refusal-waits.ts'
import type { RunRecord } from './run-record.ts'

export const toldOfNeeds: Invariant = (run) => {
  const added = additionsTo(run.lateListeners)
  const isInWait = refusalWaits(run)
  return () => added().filter((listener) => !isTold(run, isInWait, listener))
}

type Told = Pick<TokenNeedStatus, 'user' | 'reason'> & { readonly generation: number | null }

function isTold(
  { settings, life: present }: RunRecord,
  isInWait: (user: string) => boolean,
  { needs, heard, life }: SeenLateListener,
): boolean {
  if (heard.some(({ event }) => event !== 'token.needed')) return false
  const told = heard.map(({ detail }) => detail as Told)
  if (new Set(told.map(({ user }) => user)).size < told.length) return false
  const areOpen = told.every((need) =>
    needs.some(({ user, reason }) => user === need.user && reason === need.reason),
  )
  // Of a wait that its process did not outlive, nothing can be told from here.
  const isTellable = !settings.hasSource && life === present
  const due = isTellable ? needs.filter(({ user }) => !isInWait(user)) : []
  return areOpen && due.every(({ user }) => told.some((need) => need.user === user))
}
