/** What a request for the API carries from the gateway to its handler. */
import type { HttpBindings } from '@hono/node-server'
import type { Fault } from './faults.ts'
import type { Owner, ServerRequirement } from './owner.ts'

export interface ApiEnv {
  Bindings: HttpBindings
  Variables: {
    owner: Owner
    fault: Fault
    /** Whose token came; null: none, which only passes while the requirement is off. */
    tokenUser: string | null
    /** The requirement when the token was checked. */
    requirement: ServerRequirement
    /** The latency of this request: waits once, however often it is called. */
    latency: () => Promise<void>
  }
}
