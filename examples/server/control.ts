/**
 * How a test or a demo makes the server misbehave: one plain object, the same in the process and as the
 * body of `POST /control`. What is not named stays as it is; an unknown name is an error.
 */
import { z } from 'zod'
import { rainSchema } from './rain.ts'
import type { World } from './world.ts'

const counted = z.strictObject({ count: z.number().int().nonnegative() })
const userName = z.string().min(1)

export const controlSchema = z.strictObject({
  /** Ends all misbehaviour, before the rest of this object is done. Revoked tokens stay revoked. */
  calm: z.literal(true).optional(),
  /** Must every request carry a token? */
  requirement: z.enum(['required', 'off']).optional(),
  /** 401 to every token, until false. */
  refuseAll: z.boolean().optional(),
  /** 401 to every token of that user, until `acceptUser`. */
  refuseUser: userName.optional(),
  acceptUser: userName.optional(),
  /** 401 for ever to the tokens minted for that user so far; a newer one is taken. */
  revokeUser: userName.optional(),
  /** A new signing key; every token minted so far gets 401. */
  rotateKeys: z.literal(true).optional(),
  /** `Retry-After`: seconds, an HTTP date, or null for none. Default: 1 with 429 and 503, else none. */
  failNext: z
    .strictObject({
      count: z.number().int().nonnegative(),
      status: z.number().int().min(400).max(599),
      retryAfter: z.union([z.number().int().nonnegative(), z.string(), z.null()]).optional(),
    })
    .optional(),
  /** The next replies to operations that succeed are lost: applied, then the connection breaks. */
  dropReplies: counted.optional(),
  /** The next requests break before anything is done. */
  dropRequests: counted.optional(),
  /** The next requests meet a captive portal: 200 with an HTML page. */
  html: counted.optional(),
  /** How long an answer takes. An operation is in progress meanwhile, and applied at the end. */
  latencyMs: z.number().int().min(0).max(600_000).optional(),
  /** Random faults by rate and seed; null ends them. */
  faults: rainSchema.nullable().optional(),
})

export type ControlInput = z.input<typeof controlSchema>
export type ControlChange = z.output<typeof controlSchema>
export type ControlState = ReturnType<typeof controlState>

/** Does what was asked. Rejects without having done anything only if a key cannot be made. */
export async function applyControl(world: World, change: ControlChange): Promise<ControlState> {
  if (change.rotateKeys === true) await world.keys.rotate()
  if (change.calm === true) {
    world.faults.stop()
    world.refusals.lift()
    world.latencyMs = 0
  }
  world.requirement = change.requirement ?? world.requirement
  world.latencyMs = change.latencyMs ?? world.latencyMs
  applyRefusals(world, change)
  applyFaults(world, change)
  return controlState(world)
}

/** What is set now, and how many of the counted faults are left. */
export function controlState({ requirement, latencyMs, keys, refusals, faults }: World) {
  return {
    requirement,
    latencyMs,
    keyId: keys.kid,
    refuseAll: refusals.all,
    refusedUsers: [...refusals.users],
    failNext: faults.failNext,
    dropReplies: faults.dropReplyCount,
    dropRequests: faults.dropRequestCount,
    html: faults.htmlCount,
    faults: faults.rain,
  }
}

function applyRefusals({ refusals, issuer }: World, change: ControlChange): void {
  refusals.all = change.refuseAll ?? refusals.all
  if (change.refuseUser !== undefined) refusals.users.add(change.refuseUser)
  if (change.acceptUser !== undefined) refusals.users.delete(change.acceptUser)
  if (change.revokeUser !== undefined) refusals.revoke(change.revokeUser, issuer.lastSerial)
}

function applyFaults({ faults }: World, change: ControlChange): void {
  faults.dropReplyCount = change.dropReplies?.count ?? faults.dropReplyCount
  faults.dropRequestCount = change.dropRequests?.count ?? faults.dropRequestCount
  faults.htmlCount = change.html?.count ?? faults.htmlCount
  if (change.faults !== undefined) faults.setRain(change.faults)
  if (change.failNext === undefined) return
  const { count, status, retryAfter } = change.failNext
  const usual = status === 429 || status === 503 ? 1 : null
  faults.failNext =
    count === 0
      ? null
      : { count, status, retryAfter: retryAfter === undefined ? usual : retryAfter }
}
