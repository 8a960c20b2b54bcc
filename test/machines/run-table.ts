/**
 * Runs the rows of a hand-written table against a machine. The machine is a parameter, so that a
 * machine from which something has been removed can be run against the same table.
 */
import {
  type AnyStateMachine,
  type ContextFrom,
  createActor,
  type EmittedFrom,
  type EventFromLogic,
  type InputFrom,
  type SnapshotFrom,
} from 'xstate'

export interface Row<Machine extends AnyStateMachine> {
  /** A sentence that states the rule. */
  readonly name: string
  /** What differs from the table's input. */
  readonly input?: Partial<InputFrom<Machine>>
  /** Leads from the initial state to where the row begins. */
  readonly given: readonly EventFromLogic<Machine>[]
  readonly when: EventFromLogic<Machine> | 'start'
  readonly expected: {
    readonly value: SnapshotFrom<Machine>['value']
    /** All of them, in order. */
    readonly commands: readonly EmittedFrom<Machine>[]
    readonly context?: Partial<ContextFrom<Machine>>
  }
}

export interface Table<Machine extends AnyStateMachine> {
  readonly input: InputFrom<Machine>
  readonly rows: readonly Row<Machine>[]
}

/** The rows as arguments of `it.each`, each after its name. */
export function named<Machine extends AnyStateMachine>({
  rows,
}: Table<Machine>): [string, Row<Machine>][] {
  return rows.map((row) => [row.name, row])
}

/** What the machine does in a row, in the shape of `row.expected`. */
export function runRow<Machine extends AnyStateMachine>(
  machine: AnyStateMachine,
  table: Table<Machine>,
  { input, given, when, expected }: Row<Machine>,
): unknown {
  const commands: unknown[] = []
  const failures: unknown[] = []
  const actor = createActor(machine, { input: { ...(table.input as object), ...input } })
  actor.subscribe({ error: (error) => failures.push(error) })
  actor.on('*', (command) => commands.push(command))
  actor.start()
  if (when !== 'start') {
    for (const event of given) actor.send(event)
    commands.length = 0
    actor.send(when)
  }
  if (failures.length > 0) throw new Error('the machine failed', { cause: failures[0] })
  const { value, context } = actor.getSnapshot() as { value: unknown; context: object }
  if (expected.context === undefined) return { value, commands }
  const pinned = Object.keys(expected.context)
  const seen = Object.entries(context).filter(([name]) => pinned.includes(name))
  return { value, commands, context: Object.fromEntries(seen) }
}
