/**
 * The state of an engine in the middle of its life, so that a journal can begin there. It never has payloads or secrets.
 * It is made only while nothing is under way but requests, calls of the source, reads, flushes and alarms. Only a replay
 * is ever made from it.
 */
import { isRestored } from '../alarms.ts'
import type { Snapshot } from 'xstate'
import type { Json } from '../../journal/lines.ts'
import type { KindAnswers } from '../../operations/kinds.ts'
import type { OpenNeed } from '../tokens/needs.ts'
import type { SavedCalls } from '../tokens/refresher.ts'
import type { SavedWallet } from '../tokens/wallet.ts'
import type { SavedConnectivity } from '../holds/connectivity.ts'
import type { SavedDispatcher } from '../dispatcher/dispatcher.ts'
import type { SavedRead } from '../reads/read.ts'
import type { SavedAttempt } from '../sending/request.ts'
import type { SavedLifetimes } from '../sending/lifetimes.ts'
import type { SavedLogout } from '../sessions/logouts.ts'
import type { SavedFlush } from '../lifecycle/flushes.ts'
import type { SavedSendNows } from '../lifecycle/send-nows.ts'
import type { SavedHolds } from '../holds/holds.ts'
import type { SavedLane } from '../lanes/saved-lane.ts'
import type { SavedBoundary } from '../boundary/boundary.ts'
import type { SavedAsker } from '../sessions/requirement-asker.ts'
import type { SavedUndecided } from '../intake/enqueue-within.ts'
import type { SavedMachines } from '../pilot/pilot.ts'
import type { SavedCall } from '../open-calls.ts'
import type { Armed } from '../holds/wake-watch.ts'

/** The state of each part, by its name in a journal. */
export interface SavedParts {
  readonly needs: readonly OpenNeed[]
  readonly dispatch: SavedDispatcher
  readonly holds: SavedHolds
  readonly wallet: SavedWallet
  readonly connectivity: SavedConnectivity
  readonly calls: SavedCalls
  readonly asker: SavedAsker
  readonly undecided: readonly SavedUndecided[]
  /** The state that the wake watch compares with; null: the watch is not needed. */
  readonly wake: Armed | null
  /** The state from which operations' ages are counted; null: no operation has had a time of its own. */
  readonly lifetimes?: SavedLifetimes | null
  readonly reads: readonly SavedRead[]
  readonly flushes: readonly SavedFlush[]
  readonly sendNows?: SavedSendNows
  readonly logouts: readonly SavedLogout[]
}

export interface Summary extends SavedMachines, SavedParts {
  readonly boundary: SavedBoundary
  readonly lanes: readonly SummarizedLane[]
  /** The names and numbers of the app's calls that have no answer yet. */
  readonly open: readonly SavedCall[]
  readonly counts: SavedCounts
  /** The error after which only a new opening of the storage helps (E2); left out: there is none. */
  readonly broken?: Json
}

/** Counts since the process began that later decisions use. */
interface SavedCounts {
  readonly settled: number
  readonly flushes: number
  readonly repeats: number
}

export interface SummarizedLane {
  readonly line: SavedLane
  /** The answers that the kinds' code has given for each row already. */
  readonly told: readonly KindAnswers[]
  readonly attempt: SavedAttempt | null
  /** Null: the lane is empty, its machine has been stopped. */
  readonly machine: Snapshot<unknown> | null
}

const BRIEF_QUESTIONS: ReadonlySet<string> = new Set(['send', 'source', 'requirement'])

/** The work under way that a summary cannot hold; null: there is none. */
export function whyNotBrief({ turnCount, open, alarms }: SavedBoundary): string | null {
  if (turnCount > 0) return 'a turn of the event loop is waited for'
  const question = open.find(({ name }) => !BRIEF_QUESTIONS.has(name))
  if (question !== undefined) return `the question ${question.name} has no answer yet`
  const alarm = alarms.find((name) => !isRestored(name))
  // The rest of its name may be the id of a user.
  return alarm === undefined ? null : `the alarm ${alarm.split(':')[0] ?? ''} is armed`
}
