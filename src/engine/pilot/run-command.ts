/**
 * Runs the commands of the machines. Commands are short; longer work waits until the machines are at rest
 * (`pilot.ts`).
 */
import type { IdentityCommand } from '../../../machines/identity.machine.ts'
import type { ParkCause, TokenCommand } from '../../../machines/token.machine.ts'
import type { EarlyTokenNeed } from '../tokens/early-token-need.ts'
import type { Needs } from '../tokens/needs.ts'
import type { Refresher } from '../tokens/refresher.ts'
import type { TokenAlarms } from '../tokens/token-alarms.ts'
import type { Context } from '../context.ts'
import type { EventPublisher } from '../events/publisher.ts'
import type { Holds } from '../holds/holds.ts'
import type { Lane } from '../lanes/lane.ts'
import type { Lifecycle } from '../lifecycle/lifecycle.ts'
import type { Attempts } from '../sending/attempts.ts'
import type { RequirementAsker } from '../sessions/requirement-asker.ts'
import type { Sessions } from '../sessions/sessions.ts'
import type { EngineCommand } from './command.ts'
import type { Runner } from './pilot.ts'

/** The cause that the hold `awaiting-token` shows. */
const PARKED: Readonly<Record<ParkCause, string>> = {
  needed: 'a fresh token is needed',
  early: 'the time of the token has not come yet',
  held: 'the wait after refused tokens is not over',
}

type LaneReport = Extract<EngineCommand, { type: 'lane.held' | 'lane.released' | 'lane.idled' }>

export interface CommandRunnerParts {
  readonly context: Context
  readonly publisher: EventPublisher
  readonly lifecycle: Lifecycle
  readonly holds: Holds
  readonly attempts: Attempts
  readonly sessions: Sessions
  readonly asker: RequirementAsker
  readonly refresher: Refresher
  readonly tokenAlarms: TokenAlarms
  readonly needs: Needs
  readonly earlyTokenNeed: EarlyTokenNeed
}

export class CommandRunner implements Runner {
  readonly #parts: CommandRunnerParts
  readonly #context: Context

  constructor(parts: CommandRunnerParts) {
    this.#parts = parts
    this.#context = parts.context
  }

  run(command: EngineCommand, lane: Lane | null): void {
    switch (command.type) {
      case 'attempt.requested':
        if (lane !== null) this.#parts.attempts.begin(lane)
        return
      case 'lane.held':
      case 'lane.released':
      case 'lane.idled':
        if (lane !== null) this.#runOfLane(lane, command)
        return
      case 'queue.closed':
        this.#parts.lifecycle.closed()
        return
      case 'identity.changed':
      case 'requirement.changed':
      case 'lanes.hold':
      case 'lanes.release':
      case 'anonymous.drop':
      case 'anonymous.hold':
      case 'anonymous.release':
      case 'anonymous.adopt':
      case 'tokens.waive':
        this.#runOfIdentity(command)
        return
      case 'lane.park':
      case 'lane.unpark':
      case 'lane.signOut':
      case 'lane.signIn':
      case 'need.opened':
      case 'need.announced':
      case 'need.closed':
      case 'source.ask':
      case 'refresh.failed':
      case 'coolDown.started':
      case 'coolDown.ended':
      case 'wait.started':
      case 'wait.ended':
      case 'early.started':
      case 'early.ended':
        this.#runOfToken(command)
    }
  }

  #runOfIdentity(command: IdentityCommand): void {
    switch (command.type) {
      case 'identity.changed':
        this.#context.report('identity.changed', { user: command.user, former: command.former })
        return
      case 'requirement.changed': {
        const { requirement, suspected } = command
        this.#context.report('requirement.changed', { requirement, suspected })
        if (suspected) this.#context.pilot.whenIdle(() => this.#parts.asker.suspect())
        else this.#requirementChanged()
        return
      }
      case 'lanes.hold':
        this.#parts.holds.setOnEvery(
          'requirement-unknown',
          'nobody has said what the server demands',
        )
        return
      case 'lanes.release':
        this.#parts.holds.liftFromEvery('requirement-unknown')
        this.#parts.holds.liftFromOwner(null, 'requirement-unknown')
        return
      case 'anonymous.drop':
        // The hold stays until the operations are dropped: an operation that was released a moment ago must not be
        // sent unsigned (I3).
        this.#parts.holds.setOnOwner(null, 'signed-out', 'nobody is logged in')
        if (this.#context.phase.isBegun)
          this.#context.pilot.whenIdle(() => this.#parts.sessions.sweepAnonymous())
        return
      case 'anonymous.hold':
        this.#parts.holds.setOnOwner(null, 'signed-out', 'nobody is logged in')
        return
      case 'anonymous.release':
        this.#parts.holds.liftFromOwner(null, 'signed-out')
        return
      case 'anonymous.adopt':
        this.#parts.sessions.adopt()
        return
      case 'tokens.waive':
        for (const user of this.#context.pilot.usersWithTokens()) {
          this.#context.pilot.token(user, { type: 'demand.waived' })
        }
        return
    }
  }

  #requirementChanged(): void {
    const { asker, earlyTokenNeed } = this.#parts
    asker.changed()
    this.#context.pilot.whenIdle(() => {
      for (const lane of Array.from(this.#context.lanes.pending())) earlyTokenNeed.check(lane)
    })
  }

  #runOfLane(lane: Lane, command: LaneReport): void {
    const { user } = lane
    switch (command.type) {
      case 'lane.held': {
        const { name: hold, cause, since } = command.hold
        this.#context.report('lane.held', { user, hold, cause, since })
        return
      }
      case 'lane.released':
        this.#context.report('lane.released', { user, hold: command.name })
        return
      case 'lane.idled':
        this.#context.pilot.retire(lane)
        this.#context.lanes.forgetIfBare(lane)
        this.#parts.sessions.emptied(user)
        if (this.#context.lanes.count('pending') === 0) this.#context.report('queue.drained', {})
    }
  }

  #runOfToken(command: TokenCommand): void {
    const { user } = command
    switch (command.type) {
      case 'lane.park':
        this.#parts.holds.setOnOwner(user, 'awaiting-token', PARKED[command.cause])
        return
      case 'lane.unpark':
        this.#parts.holds.liftFromOwner(user, 'awaiting-token')
        return
      case 'lane.signOut':
        this.#parts.holds.setOnOwner(user, 'signed-out', 'the token source denied a token')
        return
      case 'lane.signIn':
        this.#parts.holds.liftFromOwner(user, 'signed-out')
        return
      case 'need.opened':
      case 'need.announced': {
        const { need } = command
        const { reason, refused: generation } = need
        this.#parts.publisher.statusChanged()
        if (command.type === 'need.opened') {
          this.#parts.needs.open(user, need)
          this.#context.boundary.decide(() => ({ out: 'need', user, reason }))
        } else {
          this.#parts.needs.tell(user, need)
          this.#context.report('token.needed', { user, reason, generation })
        }
        return
      }
      case 'need.closed':
        this.#parts.needs.close(user)
        this.#context.boundary.decide(() => ({ out: 'need', user, reason: null }))
        this.#parts.publisher.statusChanged()
        return
      case 'source.ask':
        this.#parts.refresher.ask(user, command.reason)
        return
      case 'refresh.failed':
        this.#parts.refresher.refreshFailed(user)
        return
      case 'coolDown.started':
        this.#parts.tokenAlarms.coolDown(user, command.round)
        return
      case 'coolDown.ended':
        this.#parts.tokenAlarms.end(user, 'coolDown')
        return
      case 'wait.started':
        this.#parts.tokenAlarms.wait(user, command.round)
        return
      case 'wait.ended':
        this.#parts.tokenAlarms.end(user, 'wait')
        return
      case 'early.started':
        this.#parts.tokenAlarms.early(user, command.until)
        return
      case 'early.ended':
        this.#parts.tokenAlarms.end(user, 'early')
    }
  }
}
