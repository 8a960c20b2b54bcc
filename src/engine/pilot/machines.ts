/** The machines to run. Tests put other machines in their place. */
import { identityMachine } from '../../../machines/identity.machine.ts'
import { laneMachine } from '../../../machines/lane.machine.ts'
import { queueMachine } from '../../../machines/queue.machine.ts'
import { tokenMachine } from '../../../machines/token.machine.ts'

export interface Machines {
  readonly identity: typeof identityMachine
  readonly token: typeof tokenMachine
  readonly lane: typeof laneMachine
  readonly queue: typeof queueMachine
}

export const MACHINES: Machines = {
  identity: identityMachine,
  token: tokenMachine,
  lane: laneMachine,
  queue: queueMachine,
}
