/**
 * The pilot: the running machines, and the only file that makes them and sends them events.
 *
 * Machines of lanes and tokens are made when they are first needed, and stopped when they are idle and empty; a few
 * machines of lanes rest instead. Everything that machines emit is a command. Commands run in the order in which they
 * were emitted: slots go from machine to machine here, every other command goes to the command runner. A command that
 * begins longer work (an attempt, a call of the token source) waits until no command is left, so that it finds the
 * machines at rest.
 */
import { type Actor, type AnyActor, createActor, type Snapshot } from 'xstate'
import type { Hold } from '../../../machines/holds.ts'
import type { IdentityEvent } from '../../../machines/identity.machine.ts'
import type { LaneEvent } from '../../../machines/lane.machine.ts'
import type { QueueEvent } from '../../../machines/queue.machine.ts'
import { isAtRest, waitsForAlarm, type TokenEvent } from '../../../machines/token.machine.ts'
import type { LaneId, Requirement, UserId } from '../../model.ts'
import type { Settings } from '../../options.ts'
import type { Boundary } from '../boundary/boundary.ts'
import type { Lane } from '../lanes/lane.ts'
import type { Lanes } from '../lanes/lanes.ts'
import type { QueueState } from '../status.ts'
import type { Command, EngineCommand, SlotCommand } from './command.ts'
import type { Machines } from './machines.ts'
import { LANE_MEMO_KEYS, QUEUE_MEMO_KEYS } from './memo-keys.ts'
import { memoizeTransitions } from './memoize-transitions.ts'

/**
 * Most machines of idle lanes that are kept: making a machine takes longer than running it, and few lanes get
 * operations again at once.
 */
const MOST_RESTING = 4

/** Commands that begin longer work. */
const BEGINNING_WORK: ReadonlySet<Command['type']> = new Set([
  'attempt.requested',
  'anonymous.adopt',
  'queue.closed',
  'source.ask',
])

export interface PilotParts {
  readonly machines: Machines
  readonly boundary: Boundary
  readonly settings: Settings
  readonly lanes: Lanes
  readonly machineFailed: (thrown: unknown) => void
  /** A replay that begins in the middle. */
  readonly resumeFrom: Pick<SavedMachines, 'identity' | 'queue'> | undefined
}

/** The machines as a journal's summary has them; the machines of lanes are saved with the lanes. */
export interface SavedMachines {
  readonly identity: Snapshot<unknown>
  readonly queue: Snapshot<unknown>
  readonly tokens: readonly { readonly user: UserId; readonly machine: Snapshot<unknown> }[]
}

/** Knows the event that the machine of a user's token was told before it was stopped. Null: no event. */
export interface Reminder {
  arrival(user: UserId): Extract<TokenEvent, { type: 'token.arrived' }> | null
}

/** Runs the commands of the machines. `lane`: the lane whose machine emitted the command; null: another machine did. */
export interface Runner {
  run(command: EngineCommand, lane: Lane | null): void
}

/** The machine of a lane. A machine that has rested may serve the same lane in a new object. */
interface LaneMachine {
  readonly actor: Actor<Machines['lane']>
  lane: Lane
}

export class Pilot {
  readonly #parts: PilotParts
  readonly #identity: Actor<Machines['identity']>
  readonly #queue: Actor<Machines['queue']>
  readonly #lanes = new Map<LaneId, LaneMachine>()
  /** Machines of idle lanes, kept for reuse. Each is back in its initial state, so it is as good as a new one. */
  readonly #resting = new Map<LaneId, LaneMachine>()
  readonly #tokens = new Map<UserId, Actor<Machines['token']>>()
  /** Users whose token machine may have come to rest. */
  readonly #restless = new Set<UserId>()
  #runner: Runner | null = null
  #reminder: Reminder | null = null
  readonly #commands: { readonly command: Command; readonly lane: Lane | null }[] = []
  readonly #work: (() => void)[] = []
  #isDraining = false
  #isWorking = false

  constructor(parts: PilotParts) {
    const { machines, settings, resumeFrom } = parts
    this.#parts = parts
    this.#identity = this.#watch(
      createActor(machines.identity, { input: settings, ...from(resumeFrom?.identity) }),
      () => null,
    )
    this.#queue = this.#watch(
      createActor(memoizeTransitions(machines.queue, QUEUE_MEMO_KEYS), {
        input: { slots: settings.concurrency },
        ...from(resumeFrom?.queue),
      }),
      () => null,
    )
  }

  /** Every other part has been made: the machines begin. */
  start(runner: Runner, reminder: Reminder): void {
    this.#runner = runner
    this.#reminder = reminder
    this.#identity.start()
    this.#queue.start()
  }

  stop(): void {
    for (const { actor } of this.#lanes.values()) actor.stop()
    for (const { actor } of this.#resting.values()) actor.stop()
    for (const actor of this.#tokens.values()) actor.stop()
    this.#identity.stop()
  }

  // The state of the machines.

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

  hasLane({ id }: Lane): boolean {
    return this.#lanes.has(id)
  }

  /** True if the token machine of this user waits for an alarm, after which the token will be sent. */
  tokenWaitsForAlarm(user: UserId): boolean {
    const actor = this.#tokens.get(user)
    return actor !== undefined && waitsForAlarm(actor.getSnapshot())
  }

  usersWithTokens(): Iterable<UserId> {
    return this.#tokens.keys()
  }

  // Events for the machines.

  identity(event: IdentityEvent): void {
    this.#identity.send(event)
    this.#runCommands()
  }

  queue(event: QueueEvent): void {
    if (this.queueState === 'closed') return
    this.#queue.send(event)
    this.#runCommands()
  }

  lane({ id }: Lane, event: LaneEvent): void {
    const machine = this.#lanes.get(id)
    if (machine === undefined) return
    machine.actor.send(event)
    this.#runCommands()
  }

  /** The attempt of this lane is over. */
  attemptEnded(lane: Lane): void {
    const { value, context } = this.#queue.getSnapshot()
    // A slot must be given back for a lane that waits for it, or because the engine closes.
    const slotWanted = value !== 'running' || context.line.length > 0
    this.lane(lane, { type: 'attempt.ended', pending: lane.pending > 0, slotWanted })
  }

  token(user: UserId, event: TokenEvent): void {
    const known = this.#tokens.get(user)
    const actor = known ?? this.makeToken(user)
    if (known === undefined) this.#remind(actor, user, event)
    actor.send(event)
    this.#runCommands()
    this.letRest(user)
  }

  /**
   * Tells a new machine again of the token that the stopped machine knew, unless the event that comes next says the
   * same.
   */
  #remind(actor: Actor<Machines['token']>, user: UserId, event: TokenEvent): void {
    if (event.type === 'token.arrived') return
    const arrival = this.#reminder?.arrival(user) ?? null
    if (arrival === null) return
    // The wallet knows of a refusal before the machine does.
    actor.send(event.type === 'token.refused' ? { ...arrival, refused: false } : arrival)
  }

  // Commands of the machines.

  /** Runs the function when no command is left, after the work that was begun before. */
  whenIdle(run: () => void): void {
    this.#work.push(run)
  }

  /**
   * Runs the emitted commands, and the commands that these cause. A command that is emitted while another runs waits.
   */
  #runCommands(): void {
    if (this.#isDraining) return
    this.#isDraining = true
    const faults: unknown[] = []
    drain(this.#commands, ({ command, lane }) => this.#run(command, lane), faults)
    this.#isDraining = false
    this.#doWork(faults)
    if (faults.length > 0) throw faults[0]
  }

  #run(command: Command, lane: Lane | null): void {
    if (command.type === 'slot.granted') {
      this.#grant(command.lane)
    } else if (isOfSlots(command)) {
      this.queue(command)
    } else if (BEGINNING_WORK.has(command.type)) {
      this.whenIdle(() => this.#runner?.run(command, lane))
    } else {
      this.#runner?.run(command, lane)
    }
  }

  /** A lane whose machine is gone gives its slot back. */
  #grant(id: LaneId): void {
    const machine = this.#lanes.get(id)
    if (machine !== undefined) this.lane(machine.lane, { type: 'slot.granted' })
    else this.queue({ type: 'slot.returned', lane: id })
  }

  #doWork(faults: unknown[]): void {
    if (this.#isWorking) return
    this.#isWorking = true
    drain(this.#work, (run) => run(), faults)
    this.#isWorking = false
  }

  // Start and stop of the machines.

  /** This lane has operations: its machine begins, with these holds. */
  startLane(lane: Lane, holds: readonly Hold[]): void {
    this.makeLane(lane)
    for (const hold of holds) this.lane(lane, { type: 'hold.set', hold })
    this.lane(lane, { type: 'operations.arrived' })
  }

  makeLane(lane: Lane, snapshot?: Snapshot<unknown>): void {
    const rested = snapshot === undefined ? this.#resting.get(lane.id) : undefined
    this.#resting.delete(lane.id)
    if (rested !== undefined) rested.lane = lane
    this.#lanes.set(lane.id, rested ?? this.#newLane(lane, snapshot))
  }

  #newLane(lane: Lane, snapshot?: Snapshot<unknown>): LaneMachine {
    const { machines } = this.#parts
    const input = { lane: lane.id, holds: [] }
    const logic = memoizeTransitions(machines.lane, LANE_MEMO_KEYS)
    const machine: LaneMachine = {
      actor: this.#watch(createActor(logic, { input, ...from(snapshot) }), () => machine.lane),
      lane,
    }
    machine.actor.start()
    return machine
  }

  makeToken(user: UserId, snapshot?: Snapshot<unknown>): Actor<Machines['token']> {
    const { machines, settings } = this.#parts
    const input = { user, hasSource: settings.hasSource }
    const actor = this.#watch(createActor(machines.token, { input, ...from(snapshot) }), () => null)
    this.#tokens.set(user, actor)
    return actor.start()
  }

  /** This lane is idle: its machine is stopped, or rests for a while. */
  retire({ id, user }: Lane): void {
    const machine = this.#lanes.get(id)
    this.#lanes.delete(id)
    if (machine !== undefined) this.#rest(id, machine)
    if (user !== null) this.letRest(user)
  }

  #rest(id: LaneId, machine: LaneMachine): void {
    const { status, value, context } = machine.actor.getSnapshot()
    if (status !== 'active' || value !== 'empty' || context.holds.length > 0) {
      machine.actor.stop()
      return
    }
    this.#resting.set(id, machine)
    for (const [oldest, { actor }] of this.#resting) {
      if (this.#resting.size <= MOST_RESTING) return
      this.#resting.delete(oldest)
      actor.stop()
    }
  }

  /** At the end of this piece of work the token machine of the user is stopped, if nothing needs it then. */
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

  #watch<Watched extends AnyActor>(actor: Watched, laneOf: () => Lane | null): Watched {
    // Unobserved, an actor's error would be thrown at the host.
    actor.subscribe({ error: (error) => this.#parts.machineFailed(error) })
    actor.on('*', (command) => {
      this.#commands.push({ command: command as Command, lane: laneOf() })
    })
    return actor
  }

  // For a journal that begins here.

  save(): SavedMachines {
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
  saveLane({ id }: Lane): Snapshot<unknown> | null {
    return this.#lanes.get(id)?.actor.getPersistedSnapshot() ?? null
  }
}

/** True if the command goes to the queue. */
function isOfSlots(command: Command): command is Exclude<SlotCommand, { type: 'slot.granted' }> {
  return command.type.startsWith('slot.') && command.type !== 'slot.granted'
}

/** The option of `createActor` for a machine that goes on from a summary. */
function from(snapshot: Snapshot<unknown> | undefined): { snapshot?: Snapshot<unknown> } {
  return snapshot === undefined ? {} : { snapshot }
}

/**
 * Runs every item of the list, including items that are added while it runs. A fault in one item keeps no other item
 * from running (E3).
 */
function drain<T>(list: T[], run: (one: T) => void, faults: unknown[]): void {
  for (let next = list.shift(); next !== undefined; next = list.shift()) {
    try {
      run(next)
    } catch (fault) {
      faults.push(fault)
    }
  }
}
