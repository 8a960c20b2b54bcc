/**
 * Walks a machine: from its initial state by every event that may come there, until nothing new is
 * reached. What each event does is seen on a real actor, so that its commands are seen too.
 */
import { type AnyStateMachine, createActor, type EmittedFrom, type SnapshotFrom } from 'xstate'
import { getShortestPaths, type TraversalOptions } from 'xstate/graph'

export interface Step<Machine extends AnyStateMachine> {
  readonly before: SnapshotFrom<Machine>
  readonly event: EventOf<Machine>
  readonly after: SnapshotFrom<Machine>
  readonly commands: readonly EmittedFrom<Machine>[]
}

export interface Walk<Machine extends AnyStateMachine> {
  readonly snapshots: readonly SnapshotFrom<Machine>[]
  readonly steps: readonly Step<Machine>[]
  /** Ids of the state nodes that no event sequence leads to. */
  readonly unreached: readonly string[]
}

export interface Bounds<Machine extends AnyStateMachine> {
  readonly input: InputOf<Machine>
  /** What may come next; it must keep the number of snapshots finite. */
  readonly events: (snapshot: SnapshotFrom<Machine>) => readonly EventOf<Machine>[]
}

/** By sentence, what each step must keep to. */
export type Invariants<Machine extends AnyStateMachine> = Readonly<
  Record<string, (step: Step<Machine>) => boolean>
>

type EventOf<Machine extends AnyStateMachine> = Parameters<Machine['transition']>[1]
type InputOf<Machine extends AnyStateMachine> = Parameters<Machine['getInitialSnapshot']>[1]

/** More than any machine here has; a walk that passes it is not bounded. */
const MOST_TRAVERSALS = 200_000

export function walk<Machine extends AnyStateMachine>(
  machine: Machine,
  { input, events }: Bounds<Machine>,
): Walk<Machine> {
  const options = { input, events, limit: MOST_TRAVERSALS } as unknown
  const paths = getShortestPaths(
    machine as AnyStateMachine,
    options as TraversalOptions<SnapshotFrom<AnyStateMachine>, EventOf<AnyStateMachine>, unknown>,
  )
  const snapshots = paths.map(({ state }) => state as SnapshotFrom<Machine>)
  const reached = new Set(snapshots.flatMap(nodesOf))
  return {
    snapshots,
    steps: snapshots.flatMap((before) =>
      events(before).map((event) => take(machine, before, event)),
    ),
    unreached: nodesBelow(machine.root).filter((id) => !reached.has(id)),
  }
}

function take<Machine extends AnyStateMachine>(
  machine: Machine,
  before: SnapshotFrom<Machine>,
  event: EventOf<Machine>,
): Step<Machine> {
  const commands: EmittedFrom<Machine>[] = []
  const failures: unknown[] = []
  const actor = createActor(machine as AnyStateMachine, { snapshot: before })
  actor.subscribe({ error: (error) => failures.push(error) })
  actor.on('*', (command) => commands.push(command as EmittedFrom<Machine>))
  actor.start()
  actor.send(event)
  if (failures.length > 0) {
    throw new Error(`${machine.id} failed on ${JSON.stringify(event)}`, { cause: failures[0] })
  }
  const after = actor.getSnapshot() as SnapshotFrom<Machine>
  actor.stop()
  return { before, event, after, commands }
}

interface Node {
  readonly id: string
  readonly states: Readonly<Record<string, Node>>
}

function nodesBelow({ id, states }: Node): string[] {
  return [id, ...Object.values(states).flatMap(nodesBelow)]
}

function nodesOf(snapshot: unknown): string[] {
  return (snapshot as { readonly _nodes: readonly Node[] })._nodes.map(({ id }) => id)
}
