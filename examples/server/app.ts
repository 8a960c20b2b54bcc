/**
 * The routes. `/users/:user` and `/anonymous` are the API, behind the gateway; all the rest is the
 * workbench around it, open to whoever reaches the port, which is why this server is for loopback only.
 */
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import type { Handler } from 'hono'
import { z } from 'zod'
import { problem } from './answers.ts'
import { applyControl, controlSchema, controlState } from './control.ts'
import { gateway } from './gateway.ts'
import type { ApiEnv } from './api-env.ts'
import { takeOperation } from './operations.ts'
import { summarise } from './summary.ts'
import type { World } from './world.ts'

const maxBodyBytes = 1_048_576
const mintSchema = z.strictObject({ user: z.string().min(1), ttlMs: z.number().int().optional() })
const pageSchema = z.object({
  after: z.coerce.number().int().nonnegative().default(0),
  limit: z.coerce.number().int().min(1).max(10_000).default(1_000),
})

export function createApp(world: World): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>()
  app.notFound(() => problem(404, 'not_found', 'no such resource'))
  app.onError((error) => problem(500, 'internal', error.message))
  app.use(
    bodyLimit({
      maxSize: maxBodyBytes,
      onError: () => problem(413, 'too_large', `a body has at most ${maxBodyBytes} bytes`),
    }),
  )
  addApi(app, world)
  addWorkbench(app, world)
  return app
}

function addApi(app: Hono<ApiEnv>, world: World): void {
  app.use('/users/:user/*', gateway(world))
  app.use('/anonymous/*', gateway(world))
  app.post('/users/:user/operations', takeOperation(world))
  app.post('/anonymous/operations', takeOperation(world))
  app.get('/users/:user/documents/:document', readDocument(world))
  app.get('/anonymous/documents/:document', readDocument(world))
}

function readDocument(world: World): Handler<ApiEnv> {
  return (context) => {
    const document = context.req.param('document') ?? ''
    const text = world.documents.text(context.var.owner, document)
    if (text === undefined) return problem(404, 'not_found', 'no such document')
    return context.json({ document, text })
  }
}

function addWorkbench(app: Hono<ApiEnv>, world: World): void {
  app.get('/.well-known/jwks.json', (context) => context.json(world.keys.jwks()))

  app.post('/issuer/token', async (context) => {
    const asked = mintSchema.safeParse(await context.req.json().catch(() => null))
    if (!asked.success) return problem(400, 'malformed', z.prettifyError(asked.error))
    return context.json(await world.issuer.mint(asked.data.user, asked.data.ttlMs))
  })

  app.get('/control', (context) => context.json(controlState(world)))
  app.post('/control', async (context) => {
    const change = controlSchema.safeParse(await context.req.json().catch(() => null))
    if (!change.success) return problem(400, 'malformed', z.prettifyError(change.error))
    return context.json(await applyControl(world, change.data))
  })

  app.get('/documents/:document', (context) => {
    const owner = context.req.query('user') ?? null
    const text = world.documents.text(owner, context.req.param('document'))
    return text === undefined ? problem(404, 'not_found', 'no such document') : context.text(text)
  })

  app.get('/log/summary', (context) => context.json(summarise(world)))
  app.get('/log/applied', (context) => {
    const asked = pageSchema.safeParse(context.req.query())
    if (!asked.success) return problem(400, 'malformed', z.prettifyError(asked.error))
    return context.json(world.log.page(asked.data.after, asked.data.limit))
  })
}
