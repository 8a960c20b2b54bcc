/**
 * What every request for the API passes before its handler, in this order: it is counted, it may be hit
 * by a fault, its token is checked. A 401 or 403 is therefore always given before anything is applied.
 */
import type { Context, MiddlewareHandler } from 'hono'
import {
  breakConnection,
  captivePortal,
  failure,
  problem,
  tokenInvalid,
  tokenMissing,
} from './answers.ts'
import type { ApiEnv } from './api-env.ts'
import type { Fault } from './faults.ts'
import type { Counted } from './log.ts'
import { bearerOf, checkToken } from './token-check.ts'
import type { World } from './world.ts'

export function gateway(world: World): MiddlewareHandler<ApiEnv> {
  const count = (context: Context<ApiEnv>, what: Counted) =>
    world.log.count(context.var.owner, what)

  return async (context, next) => {
    const owner = context.req.param('user') ?? null
    const fault = world.faults.onArrival(owner, context.req.method === 'POST')
    context.set('owner', owner)
    context.set('fault', fault)
    context.set(
      'latency',
      once(() => world.wait(world.latencyMs)),
    )
    count(context, 'requests')

    if (fault.type === 'dropRequest') {
      count(context, 'requestsDropped')
      return breakConnection(context)
    }
    const refusal = injected(context, fault) ?? (await authorise(context))
    if (refusal === undefined) await next()
    await context.var.latency()
    return refusal
  }

  function injected(context: Context<ApiEnv>, fault: Fault): Response | undefined {
    if (fault.type === 'html') {
      count(context, 'htmlPages')
      return captivePortal(context)
    }
    if (fault.type !== 'fail') return undefined
    count(context, 'failuresInjected')
    return failure(fault.status, fault.retryAfter)
  }

  async function authorise(context: Context<ApiEnv>): Promise<Response | undefined> {
    const bearer = bearerOf(context.req.header('authorization'))
    const verified = bearer === undefined ? null : await checkToken(bearer, world.keys, world.now())
    // Nothing is awaited from here on: the checks see one state of the world.
    context.set('requirement', world.requirement)
    context.set('tokenUser', verified?.user ?? null)
    if (bearer === undefined) {
      if (world.requirement === 'off') return undefined
      world.log.refused(context.var.owner)
      return tokenMissing()
    }
    if (verified === null || world.refusals.refuses(verified.user, verified.serial)) {
      world.log.refused(context.var.owner, bearer)
      return tokenInvalid()
    }
    if (verified.user !== context.var.owner) {
      count(context, 'forbidden403')
      return problem(403, 'wrong_user', 'the token is of another user than the path')
    }
    if (context.var.fault.type !== 'refuse') return undefined
    world.refusals.revoke(verified.user, verified.serial)
    world.log.refused(context.var.owner, bearer)
    return tokenInvalid()
  }
}

function once(act: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  return async () => {
    running ??= act()
    await running
  }
}
