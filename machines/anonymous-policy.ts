/** What becomes of the operations of the anonymous identity (I3). The identity machine and the engine both ask here. */
import type { Requirement } from '../src/model.ts'

/** The option `anonymous`: what becomes of anonymous operations once the server demands identity verification. */
export type AnonymousPolicy = 'drop' | 'hold' | 'adopt'

/** True if anonymous operations are dropped under this requirement. */
export function dropsAnonymous(policy: AnonymousPolicy, requirement: Requirement): boolean {
  return requirement === 'required' && policy === 'drop'
}

/** True if the next user who logs in gets the anonymous operations under this requirement. */
export function adoptsAnonymous(policy: AnonymousPolicy, requirement: Requirement): boolean {
  return requirement !== 'off' && policy === 'adopt'
}
