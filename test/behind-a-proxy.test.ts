/** The recipes of docs/behind-a-proxy.md, and what is told where a proxy or a certificate stops a request (Q22). */
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import http, { Agent as HttpAgent, globalAgent } from 'node:http'
import { Agent, type AgentOptions } from 'node:https'
import { join } from 'node:path'
import tls from 'node:tls'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, describe, expect, test } from 'vitest'
import { NotSentError } from '../src/index.ts'
import { BY_COMPANY, COMPANY_CA, SELF_SIGNED } from './support/certificates.ts'
import { closedOrigin, serve } from './support/http-servers.ts'
import { serveSecurely } from './support/https-servers.ts'
import { PROXY_PASSWORD, startProxy } from './support/proxy.ts'
import { Rig } from './support/rig.ts'
import { failure, sendThrough, TOKEN, WAYS } from './support/sending.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const SEND_ONCE = fileURLToPath(new URL('processes/send-once.ts', import.meta.url))

/** `proxyEnv` came with Node 22.21 and 24.5, and the types have it later. */
type ProxiedOptions = AgentOptions & { readonly proxyEnv?: Record<string, string> }

const { setGlobalProxyFromEnv } = http as {
  readonly setGlobalProxyFromEnv?: (proxyEnv: Record<string, string>) => () => void
}
const { setDefaultCACertificates, getCACertificates } = tls as {
  readonly setDefaultCACertificates?: (certificates: readonly string[]) => void
  readonly getCACertificates?: (type: 'default' | 'system') => string[]
}

const undo: (() => void)[] = []

afterEach(() => {
  for (const one of undo.splice(0)) one()
})

function agentWith(options: ProxiedOptions): Agent {
  const agent = new Agent({ keepAlive: true, ...options })
  undo.push(() => agent.destroy())
  return agent
}

const send = sendThrough({})

/** A recipe is skipped, aloud, where Node is older than it. */
const isTooOld = setGlobalProxyFromEnv === undefined
if (isTooOld) process.stdout.write(`skipped: Node ${process.version} has no proxy of its own\n`)

describe('through a proxy', () => {
  test.skipIf(isTooOld)(
    'an agent with proxyEnv tunnels https, and the proxy sees no token',
    async () => {
      const { origin } = await serveSecurely(BY_COMPANY)
      const proxy = await startProxy()
      const agent = agentWith({ ca: COMPANY_CA, proxyEnv: { HTTPS_PROXY: proxy.url } })
      expect(await send(origin, { options: { agent } })).toMatchObject({ status: 200 })
      const { host } = new URL(origin)
      expect(proxy.seen).toEqual([{ line: `CONNECT ${host}`, isSigned: true }])
      expect(proxy.values.join()).not.toContain(TOKEN)
    },
  )

  test.skipIf(isTooOld)('an agent with proxyEnv forwards http', async () => {
    const origin = await serve((_request, response) => void response.end('{}'))
    const proxy = await startProxy()
    const options = { proxyEnv: { HTTP_PROXY: proxy.url } } as object
    const agent = new HttpAgent(options)
    expect(await send(origin, { options: { agent } })).toMatchObject({ status: 200 })
    expect(proxy.seen).toEqual([{ line: `POST ${origin}/notes`, isSigned: true }])
  })

  test.skipIf(isTooOld).each(WAYS)(
    'http.setGlobalProxyFromEnv() holds for %s',
    async (_way, way) => {
      const origin = await serve((_request, response) => void response.end('{}'))
      const proxy = await startProxy()
      undo.push(setGlobalProxyFromEnv?.({ HTTP_PROXY: proxy.url }) ?? (() => undefined))
      expect(await sendThrough(way)(origin)).toMatchObject({ status: 200 })
      expect(proxy.seen).toHaveLength(1)
      expect(globalAgent).toBeDefined()
    },
  )

  test.skipIf(isTooOld).each(WAYS)(
    'what NO_PROXY names goes there directly through %s',
    async (_way, way) => {
      const origin = await serve((_request, response) => void response.end('{}'))
      const proxy = await startProxy()
      const env = { HTTP_PROXY: proxy.url, NO_PROXY: '127.0.0.1' }
      undo.push(setGlobalProxyFromEnv?.(env) ?? (() => undefined))
      expect(await sendThrough(way)(origin)).toMatchObject({ status: 200 })
      expect(proxy.seen).toEqual([])
    },
  )
})

describe('a certificate of a company', () => {
  test('is accepted by an agent with ca', async () => {
    const { origin } = await serveSecurely(BY_COMPANY)
    const agent = agentWith({ ca: COMPANY_CA })
    expect(await send(origin, { options: { agent } })).toMatchObject({ status: 200 })
  })

  test.skipIf(setDefaultCACertificates === undefined).each(WAYS)(
    'is accepted after tls.setDefaultCACertificates() through %s',
    async (_way, way) => {
      const { origin } = await serveSecurely(BY_COMPANY)
      const known = getCACertificates?.('default') ?? []
      undo.push(() => setDefaultCACertificates?.(known))
      setDefaultCACertificates?.([...known, COMPANY_CA])
      expect(await sendThrough(way)(origin)).toMatchObject({ status: 200 })
    },
  )

  test.skipIf(setDefaultCACertificates === undefined)(
    'of the system can be added: the list of the system is one of PEM texts',
    () => {
      const certificates = getCACertificates?.('system') ?? []
      expect(certificates.every((text) => text.startsWith('-----BEGIN CERTIFICATE'))).toBe(true)
    },
  )
})

describe('the environment of a process', () => {
  test.skipIf(isTooOld).each(['node', 'fetch'])(
    'with NODE_USE_ENV_PROXY and NODE_EXTRA_CA_CERTS holds for %s',
    async (way) => {
      const { origin } = await serveSecurely(BY_COMPANY)
      const proxy = await startProxy()
      const certificates = join(temporaryFolder(), 'company.pem')
      writeFileSync(certificates, COMPANY_CA)
      const { stdout } = await promisify(execFile)(
        process.execPath,
        ['--import', import.meta.resolve('tsx'), SEND_ONCE, origin, way],
        {
          env: {
            ...process.env,
            NODE_USE_ENV_PROXY: '1',
            HTTPS_PROXY: proxy.url,
            NODE_EXTRA_CA_CERTS: certificates,
          },
        },
      )
      expect(stdout).toBe('200\n')
      expect(proxy.seen).toHaveLength(1)
    },
  )
})

test.skipIf(isTooOld)('a fetch with a dispatcher of its own goes through that alone', async () => {
  const origin = await serve((_request, response) => void response.end('{}'))
  const proxy = await startProxy()
  // The dispatcher of a proxy that Node itself makes: the package that has the class is no dependency.
  const restore = setGlobalProxyFromEnv?.({ HTTP_PROXY: proxy.url })
  const dispatcher: unknown = Reflect.get(globalThis, Symbol.for('undici.globalDispatcher.1'))
  restore?.()
  const through: typeof fetch = (url, init) => fetch(url, { ...init, dispatcher } as RequestInit)
  expect(await sendThrough({ fetch: through })(origin)).toMatchObject({ status: 200 })
  expect(proxy.seen).toHaveLength(1)
  expect(await sendThrough({ fetch })(origin)).toMatchObject({ status: 200 })
  expect(proxy.seen).toHaveLength(1)
})

/** What an engine tells whose request ended so. */
async function told(error: Error) {
  const rig = await Rig.start()
  await rig.login('alice', TOKEN)
  await rig.enqueue('one')
  rig.last.fail(error)
  await rig.advance()
  const [event] = rig.eventsOf('operation.retrying')
  const [lane] = rig.holdfast.status().lanes
  const text = JSON.stringify([event, lane, rig.journal.lines()])
  expect(text).not.toContain(TOKEN)
  expect(text).not.toContain(PROXY_PASSWORD)
  return { event, lane }
}

/** An error of the transport, told by an engine with this code. */
async function expectTold(sent: Promise<unknown>, code: string): Promise<string> {
  const error = await failure(sent)
  expect(error).toBeInstanceOf(NotSentError)
  const { event, lane } = await told(error)
  expect(event).toMatchObject({ outcome: 'unsent', status: null, error: { code } })
  expect(lane).toMatchObject({
    lastFailure: { code },
    holds: [{ name: 'backing-off', cause: `after attempt 1: ${code}` }],
  })
  return event?.error?.message ?? ''
}

// Q22
describe.each(WAYS)('through %s the code is told', (_way, way) => {
  const sendSo = sendThrough(way)

  test.each([
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'that signs itself', SELF_SIGNED],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'of a chain with an unknown end', `${BY_COMPANY}\n${COMPANY_CA}`],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'of an unknown authority', BY_COMPANY],
  ])('%s of a certificate %s', async (code, _what, cert) => {
    const { origin, seen } = await serveSecurely(cert)
    await expectTold(sendSo(origin), code)
    expect(seen).toEqual([])
  })

  test.skipIf(isTooOld).each([
    [407, 'PROXY_AUTHENTICATION_REQUIRED'],
    [502, 'ERR_PROXY_TUNNEL'],
  ])('of a proxy that answers %i to a tunnel', async (status, code) => {
    const { origin, seen } = await serveSecurely(BY_COMPANY)
    const proxy = await startProxy(status)
    undo.push(setGlobalProxyFromEnv?.({ HTTPS_PROXY: proxy.url }) ?? (() => undefined))
    expect(await expectTold(sendSo(origin), code)).toContain(`the proxy answered ${status}`)
    expect(seen).toEqual([])
  })

  test.skipIf(isTooOld)('ECONNREFUSED of a proxy that is not there', async () => {
    const { origin } = await serveSecurely(BY_COMPANY)
    const proxy = await closedOrigin()
    undo.push(setGlobalProxyFromEnv?.({ HTTPS_PROXY: proxy }) ?? (() => undefined))
    expect(await expectTold(sendSo(origin), 'ECONNREFUSED')).toContain('was not sent')
  })
})

// Q6
test.skipIf(isTooOld)(
  '407 of a proxy to a request that was not tunnelled is a reply: every lane is offline, and the cause says so',
  async () => {
    const origin = await serve((_request, response) => void response.end('{}'))
    const proxy = await startProxy(407)
    undo.push(setGlobalProxyFromEnv?.({ HTTP_PROXY: proxy.url }) ?? (() => undefined))
    const reply = await send(origin)
    expect(reply.status).toBe(407)
    const rig = await Rig.start()
    await rig.login('alice', 'a1')
    await rig.enqueue('one')
    rig.last.reply(reply.status, reply)
    await rig.advance()
    expect(rig.holdfast.status().lanes[0]?.holds).toMatchObject([
      { name: 'offline', cause: 'a captive portal answers with status 407' },
    ])
  },
)
