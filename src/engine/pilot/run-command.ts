/**
 * What is done when a machine says so. Commands are short; what begins something longer is handed to
 * `later`.
 */
import type { IdentityCommand } from '../../../machines/identity.machine.ts'
import type { LaneCommand } from '../../../machines/lane.machine.ts'
import type { QueueCommand, QueueEvent } from '../../../machines/queue.machine.ts'
import type { ParkCause, TokenCommand } from '../../../machines/token.machine.ts'
import type { LaneId, UserId } from '../../model.ts'
import type { Needs } from '../../tokens/needs.ts'
import type { Refresher } from '../../tokens/refresher.ts'
import type { TokenAlarms } from '../../tokens/token-alarms.ts'
import type { Core } from '../core.ts'
import type { Holds } from '../lanes/holds.ts'
import type { Lane } from '../lanes/lane.ts'
import type { Sender } from '../sending/sender.ts'
import type { Sessions } from '../sessions/sessions.ts'

export type Command = LaneCommand | QueueCommand | IdentityCommand | TokenCommand

/** The cause that the hold `awaiting-token` shows. */
const PARKED: Readonly<Record<ParkCause, string>> = {
  needed: 'a fresh token is needed',
  early: 'the time of the token has not come yet',
  held: 'the wait after refused tokens is not over',
}

type LaneReport = Extract<Command, { type: 'lane.held' | 'lane.released' | 'lane.idled' }>

export interface CommandRunnerParts {
  readonly core: Core
  readonly holds: Holds
  readonly sender: Sender
  readonly sessions: Sessions
  readonly refresher: Refresher
  readonly tokenAlarms: TokenAlarms
  readonly needs: Needs
  readonly toQueue: (event: QueueEvent) => void
  /** Does it when the machines are at rest. */
  readonly whenIdle: (run: () => void) => void
  readonly hasMachine: (lane: Lane) => boolean
  /** Stops the machine of a lane that is idle. */
  readonly retire: (lane: Lane) => void
  readonly usersWithTokens: () => Iterable<UserId>
  /** The requirement has become doubtful, or has changed. */
  readonly doubtRequirement: () => void
  readonly requirementChanged: () => void
  /** The queue is closed. */
  readonly closed: () => void
  /** What `status()` shows has changed. */
  readonly statusChanged: () => void
}

export class CommandRunner {
  readonly #parts: CommandRunnerParts
  readonly #core: Core

  constructor(parts: CommandRunnerParts) {
    this.#parts = parts
    this.#core = parts.core
  }

  run(command: Command): void {
    switch (command.type) {
      case 'slot.requested':
      case 'slot.withdrawn':
      case 'slot.returned':
      case 'slot.passedOn':
        this.#parts.toQueue(command)
        return
      case 'slot.granted':
        this.#grant(command.lane)
        return
      case 'attempt.requested':
        this.#toLane(command.lane, (lane) =>
          this.#parts.whenIdle(() => this.#parts.sender.begin(lane)),
        )
        return
      case 'lane.held':
      case 'lane.released':
      case 'lane.idled':
        this.#toLane(command.lane, (lane) => this.#runOfLane(lane, command))
        return
      case 'queue.closed':
        this.#parts.whenIdle(() => this.#parts.closed())
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
        this.#core.report('identity.changed', { user: command.user, former: command.former })
        return
      case 'requirement.changed': {
        const { requirement, suspected } = command
        this.#core.report('requirement.changed', { requirement, suspected })
        if (suspected) this.#parts.whenIdle(() => this.#parts.doubtRequirement())
        else this.#parts.requirementChanged()
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
        // Held until it is done: what was released a moment ago must not be sent unsigned (I3).
        this.#parts.holds.setOnOwner(null, 'signed-out', 'nobody is logged in')
        if (this.#core.phase.isBegun)
          this.#parts.whenIdle(() => this.#parts.sessions.sweepAnonymous())
        return
      case 'anonymous.hold':
        this.#parts.holds.setOnOwner(null, 'signed-out', 'nobody is logged in')
        return
      case 'anonymous.release':
        this.#parts.holds.liftFromOwner(null, 'signed-out')
        return
      case 'anonymous.adopt':
        this.#parts.whenIdle(() => this.#parts.sessions.adopt())
        return
      case 'tokens.waive':
        for (const user of this.#parts.usersWithTokens()) {
          this.#core.pilot.token(user, { type: 'demand.waived' })
        }
        return
    }
  }

  #runOfLane(lane: Lane, command: LaneReport): void {
    const { user } = lane
    switch (command.type) {
      case 'lane.held': {
        const { name: hold, cause, since } = command.hold
        this.#core.report('lane.held', { user, hold, cause, since })
        return
      }
      case 'lane.released':
        this.#core.report('lane.released', { user, hold: command.name })
        return
      case 'lane.idled':
        this.#parts.retire(lane)
        this.#core.lanes.forgetIfBare(lane)
        this.#parts.sessions.emptied(user)
        if (this.#core.lanes.count('pending') === 0) this.#core.report('queue.drained', {})
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
        this.#parts.statusChanged()
        if (command.type === 'need.opened') {
          this.#parts.needs.open(user, need)
          this.#core.boundary.decide(() => ({ out: 'need', user, reason }))
        } else {
          this.#parts.needs.tell(user, need)
          this.#core.report('token.needed', { user, reason, generation })
        }
        return
      }
      case 'need.closed':
        this.#parts.needs.close(user)
        this.#core.boundary.decide(() => ({ out: 'need', user, reason: null }))
        this.#parts.statusChanged()
        return
      case 'source.ask':
        this.#parts.whenIdle(() => this.#parts.refresher.ask(user, command.reason))
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

  /** A lane that is not there any more gives its slot back. */
  #grant(laneId: LaneId): void {
    const lane = this.#core.lanes.get(laneId)
    if (lane !== undefined && this.#parts.hasMachine(lane)) {
      this.#core.pilot.lane(lane, { type: 'slot.granted' })
    } else {
      this.#parts.toQueue({ type: 'slot.returned', lane: laneId })
    }
  }

  #toLane(laneId: LaneId, then: (lane: Lane) => void): void {
    const lane = this.#core.lanes.get(laneId)
    if (lane !== undefined) then(lane)
  }
}
