/** What the app has said, over all its lives, kept by the job that outlives them. */
import type { LaneReport, Report } from './reports.ts'

export class Tally {
  /** For each user how many transactions `enqueue` has acknowledged. */
  readonly acknowledged = new Map<string, number>()
  readonly anonymous = new Set<string>()
  /** Reported dropped, with the reason. */
  readonly dropped = new Map<string, string>()
  readonly problems: string[] = []
  lanes: readonly LaneReport[] = []
  isFinished = false
  /** Acknowledged operations that a later life of the app did not find any more. */
  lostCount = 0

  hear(report: Report): void {
    switch (report.type) {
      case 'resumed':
        for (const [user, next] of Object.entries(report.next)) this.#resumed(user, next)
        return
      case 'acknowledged':
        this.acknowledged.set(report.user, report.next)
        return
      case 'anonymousEnqueued':
        this.anonymous.add(report.id)
        return
      case 'dropped':
        this.dropped.set(report.id, report.reason)
        return
      case 'lanes':
        this.lanes = report.lanes
        return
      case 'problem':
        this.problems.push(report.message)
        return
      case 'finished':
        this.isFinished = true
    }
  }

  /** The app is gone. */
  lifeEnded(): void {
    this.lanes = []
    this.isFinished = false
  }

  /** What was stored may be more than what could still be acknowledged, never less. */
  #resumed(user: string, next: number): void {
    const acknowledged = this.acknowledged.get(user) ?? 0
    this.lostCount += Math.max(0, acknowledged - next)
    this.acknowledged.set(user, next)
  }
}
