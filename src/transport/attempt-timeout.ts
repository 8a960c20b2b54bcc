/**
 * How long one of several addresses of a name may take to connect. Node gives each but the last 250 ms, and then gives it
 * up: over a slow line (a satellite, a VPN, another continent) no connection ever comes about.
 */
import { getDefaultAutoSelectFamilyAttemptTimeout } from 'node:net'

/** Node's own default. An app that has set another one keeps it. */
const NODES_MS = 250

/** Slow lines connect in this time, and a dead address still leaves most of the 30 s that a reply may take. */
const ATTEMPT_MS = 2500

/** The options of a request. An agent with an option of this name of its own keeps that. */
export function attemptTimeout(): { readonly autoSelectFamilyAttemptTimeout?: number } {
  const isNodes = getDefaultAutoSelectFamilyAttemptTimeout() === NODES_MS
  return isNodes ? { autoSelectFamilyAttemptTimeout: ATTEMPT_MS } : {}
}
