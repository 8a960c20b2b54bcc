/**
 * The running machines: the one place that sends them events. It belongs to `engine.ts`; all else
 * tells the machines through `Pilot`. Those of lanes and tokens are made when first needed, and stopped
 * when idle and empty (of lanes, a few rest instead). What they answer goes to `Commands`.
 */
import { type Actor, type AnyActor, createActor, type Snapshot } from 'xstate'
import type { IdentityEvent } from '../../../machines/identity.machine.ts'
import type { LaneEvent } from '../../../machines/lane.machine.ts'
import type { QueueEvent } from '../../../machines/queue.machine.ts'
import { isAtRest, waitsForAlarm, type TokenEvent } from '../../../machines/token.machine.ts'
import type { LaneId, Requirement, UserId } from '../../model.ts'
import type { Settings } from '../../options.ts'
import type { Wallet } from '../../tokens/wallet.ts'
import type { Boundary } from '../boundary/boundary.ts'
import type { Lanes } from '../lanes/lanes.ts'
import type { Lane } from '../lanes/lane.ts'
import type { QueueState } from '../life/status.ts'
import type { Summary } from '../life/summary.ts'
import type { Command } from './run-command.ts'
import type { CommandQueue } from './command-queue.ts'
import type { Machines } from './machines.ts'
import { LANE_MEMO_KEYS, QUEUE_MEMO_KEYS } from './memo-keys.ts'
import { memoizeTransitions } from './memoize-transitions.ts'

/** To make a machine takes longer than to run it, and whoever has just been idle is often the next to send. */
const MOST_RESTING = 4

export interface ActorsParts {
  readonly machines: Machines
  readonly boundary: Boundary
  readonly settings: Settings
  readonly lanes: Lanes
  readonly wallet: Wallet
  readonly commandQueue: CommandQueue
  /** A machine has failed. */
  readonly machineFailed: (thrown: unknown) => void
  /** A replay that begins in the middle. */
  readonly resumeFrom: Pick<Summary, 'identity' | 'queue'> | undefined
}

export class Actors {
  readonly #parts: ActorsParts
  readonly #commandQueue: CommandQueue
  readonly #identity: Actor<Machines['identity']>
  readonly #queue: Actor<Machines['queue']>
  readonly #lanes = new Map<LaneId, Actor<Machines['lane']>>()
  /** Those of lanes that are idle, in the state they were made in: none of them need be told from a new one. */
  readonly #resting = new Map<LaneId, Actor<Machines['lane']>>()
  readonly #tokens = new Map<UserId, Actor<Machines['token']>>()
  /** Users whose token's machine may have come to rest. */
  readonly #restless = new Set<UserId>()

  constructor(parts: ActorsParts) {
    const { machines, settings, resumeFrom } = parts
    this.#parts = parts
    this.#commandQueue = parts.commandQueue
    this.#identity = this.#watch(
      createActor(machines.identity, { input: settings, ...from(resumeFrom?.identity) }),
    )
    this.#queue = this.#watch(
      createActor(memoizeTransitions(machines.queue, QUEUE_MEMO_KEYS), {
        input: { slots: settings.concurrency },
        ...from(resumeFrom?.queue),
      }),
    )
  }

  start(): void {
    this.#identity.start()
    this.#queue.start()
  }

  stop(): void {
    for (const actor of this.#lanes.values()) actor.stop()
    for (const actor of this.#resting.values()) actor.stop()
    for (const actor of this.#tokens.values()) actor.stop()
    this.#identity.stop()
  }

  // What they know.

  get user(): UserId | null {
    return this.#identity.getSnapshot().context.user
  }

  get requirement(): Requirement {
    return this.#identity.getSnapshot().value.requirement
  }

  get queueState(): QueueState {
    return this.#queue.getSnapshot().value
  }

  /** Lanes whose attempt is under way. */
  get sending(): readonly LaneId[] {
    return this.#queue.getSnapshot().context.sending
  }

  /** Must a slot be given back, for a lane that waits for it or because the engine closes? */
  get isSlotWanted(): boolean {
    const { value, context } = this.#queue.getSnapshot()
    return value !== 'running' || context.line.length > 0
  }

  hasLane(lane: Lane): boolean {
    return this.#lanes.has(lane.id)
  }

  /** Will an alarm have the token of this user sent? */
  tokenWaitsForAlarm(user: UserId): boolean {
    const actor = this.#tokens.get(user)
    return actor !== undefined && waitsForAlarm(actor.getSnapshot())
  }

  usersWithTokens(): Iterable<UserId> {
    return this.#tokens.keys()
  }

  // What they are told.

  identity(event: IdentityEvent): void {
    this.#commandQueue.tell(() => this.#identity.send(event))
  }

  queue(event: QueueEvent): void {
    if (this.queueState !== 'closed') this.#commandQueue.tell(() => this.#queue.send(event))
  }

  lane(lane: Lane, event: LaneEvent): void {
    const actor = this.#lanes.get(lane.id)
    if (actor !== undefined) this.#commandQueue.tell(() => actor.send(event))
  }

  token(user: UserId, event: TokenEvent): void {
    const known = this.#tokens.get(user)
    const actor = known ?? this.makeToken(user)
    this.#commandQueue.tell(() => {
      if (known === undefined) this.#remind(actor, user, event)
      actor.send(event)
    })
    this.letRest(user)
  }

  /** One that has been stopped is told again what it knew, unless that is just what it is about to hear. */
  #remind(actor: Actor<Machines['token']>, user: UserId, event: TokenEvent): void {
    if (event.type === 'token.arrived') return
    const arrival = this.#parts.wallet.arrival(user)
    if (arrival === null) return
    // The wallet knows of a refusal before the machine does.
    actor.send(event.type === 'token.refused' ? { ...arrival, refused: false } : arrival)
  }

  // How they come and go.

  makeLane(lane: Lane, snapshot?: Snapshot<unknown>): void {
    const { id: laneId } = lane
    const rested = snapshot === undefined ? this.#resting.get(laneId) : undefined
    this.#resting.delete(laneId)
    this.#lanes.set(laneId, rested ?? this.#newLane(laneId, snapshot))
  }

  #newLane(laneId: LaneId, snapshot?: Snapshot<unknown>): Actor<Machines['lane']> {
    const { machines } = this.#parts
    const input = { lane: laneId, holds: [] }
    const machine = memoizeTransitions(machines.lane, LANE_MEMO_KEYS)
    return this.#watch(createActor(machine, { input, ...from(snapshot) })).start()
  }

  makeToken(user: UserId, snapshot?: Snapshot<unknown>): Actor<Machines['token']> {
    const { machines, settings } = this.#parts
    const input = { user, hasSource: settings.hasSource }
    const actor = this.#watch(createActor(machines.token, { input, ...from(snapshot) }))
    this.#tokens.set(user, actor)
    return actor.start()
  }

  /** This lane is idle: its machine is stopped, or rests for a while. */
  retire({ id: laneId, user }: Lane): void {
    const actor = this.#lanes.get(laneId)
    this.#lanes.delete(laneId)
    if (actor !== undefined) this.#rest(laneId, actor)
    if (user !== null) this.letRest(user)
  }

  #rest(laneId: LaneId, actor: Actor<Machines['lane']>): void {
    const { status, value, context } = actor.getSnapshot()
    if (status !== 'active' || value !== 'empty' || context.holds.length > 0) {
      actor.stop()
      return
    }
    this.#resting.set(laneId, actor)
    for (const [oldest, other] of this.#resting) {
      if (this.#resting.size <= MOST_RESTING) return
      this.#resting.delete(oldest)
      other.stop()
    }
  }

  /** The machine of this user's token is stopped, once all is dealt with, if nobody needs it any more. */
  letRest(user: UserId): void {
    if (this.#restless.size === 0) this.#parts.boundary.lastly(() => this.#stopAtRest())
    this.#restless.add(user)
  }

  #stopAtRest(): void {
    const users = [...this.#restless]
    this.#restless.clear()
    for (const user of users) {
      const actor = this.#tokens.get(user)
      const isNeeded = () => !this.#parts.lanes.isEmpty(user)
      if (actor === undefined || isNeeded() || !isAtRest(actor.getSnapshot())) continue
      actor.stop()
      this.#tokens.delete(user)
    }
  }

  #watch<Watched extends AnyActor>(actor: Watched): Watched {
    // Unobserved, an actor's error would be thrown at the host.
    actor.subscribe({ error: (error) => this.#parts.machineFailed(error) })
    actor.on('*', (command) => this.#commandQueue.enqueue(command as Command))
    return actor
  }

  // For a journal that begins here.

  save(): Pick<Summary, 'identity' | 'queue' | 'tokens'> {
    return {
      identity: this.#identity.getPersistedSnapshot(),
      queue: this.#queue.getPersistedSnapshot(),
      tokens: Array.from(this.#tokens, ([user, actor]) => ({
        user,
        machine: actor.getPersistedSnapshot(),
      })),
    }
  }

  /** Null: the lane is empty, its machine has been stopped. */
  saveLane(lane: Lane): Snapshot<unknown> | null {
    return this.#lanes.get(lane.id)?.getPersistedSnapshot() ?? null
  }
}

/** The option of `createActor` for a machine that goes on from a summary. */
function from(snapshot: Snapshot<unknown> | undefined): { snapshot?: Snapshot<unknown> } {
  return snapshot === undefined ? {} : { snapshot }
}
