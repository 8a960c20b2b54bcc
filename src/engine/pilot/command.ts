/** The commands that the machines emit. */
import type { IdentityCommand } from '../../../machines/identity.machine.ts'
import type { LaneCommand } from '../../../machines/lane.machine.ts'
import type { QueueCommand } from '../../../machines/queue.machine.ts'
import type { TokenCommand } from '../../../machines/token.machine.ts'

export type Command = LaneCommand | QueueCommand | IdentityCommand | TokenCommand

/** Commands that go from the lanes to the queue and back. */
export type SlotCommand = Extract<Command, { readonly type: `slot.${string}` }>

/** Commands that the engine runs. */
export type EngineCommand = Exclude<Command, SlotCommand>
