/**
 * Takes one operation: under its idempotency key, at most once. The answer is remembered in the same
 * step that applies the operation; a real server does both in one transaction, before it answers.
 */
import { createHash } from 'node:crypto'
import type { Context, Handler } from 'hono'
import { breakConnection, problem } from './answers.ts'
import type { ApiEnv } from './api-env.ts'
import type { StoredAnswer } from './idempotency.ts'
import { readOperationBody } from './operation-body.ts'
import type { OperationBody } from './operation-body.ts'
import type { World } from './world.ts'

const maxKeyLength = 255

export function takeOperation(world: World): Handler<ApiEnv> {
  const { log, memory, faults, documents } = world

  return async (context) => {
    const { owner, fault } = context.var
    const malformed = (error: string, message: string) => {
      log.count(owner, 'malformed400')
      return problem(400, error, message)
    }

    const key = context.req.header('idempotency-key') ?? ''
    if (key === '' || key.length > maxKeyLength) {
      return malformed('key_missing', 'Idempotency-Key is required, 1 to 255 characters')
    }
    const text = await context.req.text()
    const body = readOperationBody(text)
    if (body.type === 'malformed') return malformed('malformed', body.reason)

    const claim = memory.claim(owner, key, digestOf(text))
    if (claim.type === 'other-body') {
      log.count(owner, 'keyReusedWithOtherBody')
      return problem(422, 'key_reused', 'this Idempotency-Key came before with another body')
    }
    if (claim.type === 'in-progress') {
      log.count(owner, 'inProgress409')
      return problem(409, 'in_progress', 'a request with this Idempotency-Key is in progress')
    }
    if (claim.type === 'replay') {
      log.count(owner, 'duplicatesSuppressed')
      return faults.losesReply(fault) ? loseReply(context) : replayed(claim.answer)
    }

    try {
      await context.var.latency()
      const answer = apply(context, key, body)
      claim.settle(answer)
      return faults.losesReply(fault) ? loseReply(context) : respond(answer)
    } finally {
      // After `settle` this does nothing; after a failure the key may come again.
      claim.release()
    }
  }

  function apply(
    context: Context<ApiEnv>,
    key: string,
    body: Exclude<OperationBody, { type: 'malformed' }>,
  ): StoredAnswer {
    const { owner, tokenUser, requirement } = context.var
    const entry = { user: owner, key, tokenUser, requirement }
    if (body.type === 'generic') {
      const { operation } = body
      log.applied({ ...entry, document: null, index: null, body: operation, inOrder: true })
      return { status: 200, body: JSON.stringify({ applied: true, kind: operation.kind }) }
    }
    const { document, index } = body.edit
    const { length, inOrder } = documents.apply(owner, body.edit)
    log.applied({ ...entry, document, index, body: null, inOrder })
    return { status: 200, body: JSON.stringify({ applied: true, document, index, length }) }
  }

  function loseReply(context: Context<ApiEnv>): Response {
    log.count(context.var.owner, 'repliesDropped')
    return breakConnection(context)
  }
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('base64')
}

function respond({ status, body }: StoredAnswer, headers?: Readonly<Record<string, string>>) {
  return new Response(body, {
    status,
    headers: { 'Content-Type': 'application/json', ...headers },
  })
}

function replayed(answer: StoredAnswer): Response {
  return respond(answer, { 'Idempotent-Replayed': 'true' })
}
