/**
 * The server of a scenario, as a transport. It processes a request at the moment it is sent and
 * answers after the latency; it remembers the keys of what it applied.
 */
import { NotSentError } from '../errors.ts'
import type { Instant, Requirement } from '../model.ts'
import type { OutgoingRequest, Reply, SendOptions, Transport } from '../ports/transport.ts'
import { echoOf } from './echoes.ts'
import type { Scenario, ScenarioMatch, ServerScript } from './scenario.ts'
import { nameOf } from './operation-names.ts'
import type { ScenarioTokens } from './scenario-tokens.ts'
import type { StoredToken } from './stored-token.ts'
import { type Life, type VirtualTime, WALL_START } from './virtual-time.ts'

export const SCENARIO_ORIGIN = 'https://server.test'

/** What held on the client's side when a request left. */
export interface ClientSide {
  readonly life: number
  readonly wall: Instant
  /** What the server demands, by what the app has said. */
  readonly requirement: Requirement
  /** The operations at the head of its owner's lane, by the database: as many as it carries. */
  readonly head: readonly string[]
  /** What the database knew of its owner's token. */
  readonly token: StoredToken | null
}

/** A request as the server saw it. */
export interface SeenRequest {
  readonly at: number
  readonly user: string | null
  readonly kind: string
  readonly ops: readonly string[]
  /** The ids that these are the names of. */
  readonly ids: readonly string[]
  readonly token: string | null
  readonly key: string
  readonly body: unknown
  readonly record: string | null
  /** The reading position that a read carries (R2). */
  readonly position: string | null
  /** What the transport says of the failure, where no byte of the request left; null: the request left (Q6). */
  unsent: string | null
  /** The status of the reply that arrived; null: none did. */
  status: number | null
  /** When it was over for the client; null: it never heard. */
  endedAt: number | null
  endedWall: Instant | null
  /** The whole reply that arrived. */
  reply: Reply | null
  /** When the client stopped waiting for it; null: it did not. */
  givenUpAt: number | null
  /** Was it applied? Not one whose key was remembered. */
  applied: boolean
  /** What the record that it created is called from now on. */
  created: string | null
  readonly client: ClientSide
}

type ReplyRule = NonNullable<ServerScript['replies']>[number]

interface Rule {
  readonly match?: ScenarioMatch | undefined
  readonly times?: number | undefined
}

/** Who sends: its process, and what held on its side. */
interface Client {
  readonly life: Life
  readonly side: ClientSide
}

/** Looks at the side of the life of this index. */
export type LookAtClient = (
  life: number,
  user: string | null,
  count: number,
) => Omit<ClientSide, 'requirement'>

export interface ServerParts {
  readonly scenario: Scenario
  readonly time: VirtualTime
  readonly tokens: ScenarioTokens
  /** How long the server remembers the keys of a kind, in milliseconds; null: for ever. */
  readonly forgetsAfterMs: (kind: string) => number | null
  readonly look: LookAtClient
}

/** What the server applied under a key, and when. */
interface Remembered {
  readonly reply: Reply
  readonly at: number
}

interface Processed {
  readonly reply: Reply
  readonly lost: boolean
}

const DEFAULT_LATENCY_MS = 10
/** Kinds that create a record. */
const CREATING_KINDS: ReadonlySet<string> = new Set(['create', 'register'])

const JSON_TYPE = { 'content-type': 'application/json' }

export class ScriptedServer {
  readonly requests: SeenRequest[] = []
  /** The operations applied, in order, each as often as it was. */
  readonly applied: string[] = []
  requirement: Requirement
  readonly #time: VirtualTime
  readonly #tokens: ScenarioTokens
  readonly #script: ServerScript
  readonly #forgetsAfterMs: ServerParts['forgetsAfterMs']
  readonly #look: LookAtClient
  readonly #remembered = new Map<string, Remembered>()
  readonly #used = new Map<Rule, number>()
  /** What breaks each connection, and whose it is. */
  readonly #inFlight = new Map<(reason: string) => void, Life>()
  #recordCount = 0
  #isDown = false

  constructor({ scenario, time, tokens, forgetsAfterMs, look }: ServerParts) {
    this.#look = look
    this.#time = time
    this.#tokens = tokens
    this.#forgetsAfterMs = forgetsAfterMs
    this.#script = scenario.server ?? {}
    this.requirement = scenario.config?.requirement ?? 'required'
  }

  /** The way to the server, for one life of a client, and what that believes the server demands. */
  transport(life: Life, index: number, requirement: () => Requirement): Transport {
    return {
      origin: SCENARIO_ORIGIN,
      send: (request, options) => {
        if (!life.isAlive) return new Promise(() => undefined)
        const count = request.operations.length
        const client = {
          ...this.#look(index, request.user, count),
          requirement: requirement(),
        }
        return this.#receive(request, options, { life, side: client })
      },
    }
  }

  /** What is in flight when the network goes down breaks then: its reply is lost. */
  setNetwork(state: 'up' | 'down'): void {
    this.#isDown = state === 'down'
    if (!this.#isDown) return
    const broken = [...this.#inFlight.keys()]
    for (const fail of broken) fail('the network went down')
  }

  /** A client died: nothing it has in flight is ever answered. */
  forgetInFlight(life: Life): void {
    for (const [fail, whose] of this.#inFlight) if (whose === life) this.#inFlight.delete(fail)
  }

  #receive(
    request: OutgoingRequest,
    { token, signal }: SendOptions,
    { life, side }: Client,
  ): Promise<Reply> {
    const seen = this.#see(request, token, side)
    this.requests.push(seen)
    signal.addEventListener('abort', () => {
      if (seen.endedAt === null) seen.givenUpAt = this.#time.now
    })
    const unsent = this.#unsent(seen)
    if (unsent !== null) {
      seen.unsent = unsent
      seen.endedAt = this.#time.now
      seen.endedWall = this.#time.wall()
      const message = `the request was not sent: ${unsent}`
      return Promise.reject(new NotSentError(message, { reason: unsent }))
    }
    const latency = this.#latency(seen)
    const echo = token === null ? '' : echoOf(token, this.requests.length)
    const { reply: made, lost } = this.#process(seen, echo)
    return new Promise((resolve, reject) => {
      const end = (act: () => void) => {
        if (!this.#inFlight.delete(fail) || !life.isAlive) return
        seen.endedAt = this.#time.now
        seen.endedWall = this.#time.wall()
        act()
      }
      const fail = (reason: string) => end(() => reject(new Error(`${reason} ${echo}`)))
      this.#inFlight.set(fail, life)
      this.#time.after(latency, () => {
        if (lost) fail('the connection broke')
        else {
          end(() => {
            const reply = this.#dated(made)
            seen.status = reply.status
            seen.reply = reply
            resolve(reply)
          })
        }
      })
    })
  }

  #see(request: OutgoingRequest, token: string | null, client: ClientSide): SeenRequest {
    const body: unknown = request.body === null ? null : JSON.parse(request.body)
    const { searchParams } = new URL(request.path, SCENARIO_ORIGIN)
    const record =
      (body as { readonly record?: unknown } | null)?.record ?? searchParams.get('record')
    return {
      at: this.#time.now,
      user: request.user,
      kind: request.kind,
      ops: request.operations.map((id) => nameOf(id)),
      ids: request.operations,
      token: token === null ? null : this.#tokens.name(token),
      key: request.headers['idempotency-key'] ?? '',
      body,
      unsent: null,
      record: typeof record === 'string' ? record : null,
      position: searchParams.get('position'),
      status: null,
      endedAt: null,
      endedWall: null,
      reply: null,
      givenUpAt: null,
      applied: false,
      created: null,
      client,
    }
  }

  /** Whatever it refuses, it gives the token back (E6). */
  #process(seen: SeenRequest, echo: string): Processed {
    const refused = this.#refusal(seen)
    if (refused !== null)
      return {
        reply: jsonReply(refused, { error: refused, message: `refused ${echo}` }),
        lost: false,
      }
    const remembered = this.#remember(seen)
    if (remembered !== null) return { reply: remembered, lost: false }
    const rule = this.#take<ReplyRule>(this.#script.replies ?? [], seen)
    if (rule?.lost === 'request') return { reply: jsonReply(0, null), lost: true }
    if (rule?.html === true) return { reply: htmlReply(), lost: false }
    const status = rule?.status ?? 200
    const isApplied = status >= 200 && status < 300
    const answer = this.#answer(seen, rule, isApplied)
    const reply = {
      ...jsonReply(status, status < 400 ? answer : { ...answer, message: echo }, rule?.headers),
      ...(rule?.body !== undefined && { body: rule.body }),
      ...(rule?.echo !== undefined && { body: this.#echo(seen, rule.echo, rule.headers) }),
    }
    if (isApplied) {
      if (seen.key !== '') this.#remembered.set(seen.key, { reply, at: this.#time.now })
      if (seen.kind !== 'read') this.applied.push(...seen.ops)
      seen.applied = true
    }
    return { reply: rule?.cut === true ? cutOff(reply) : reply, lost: rule?.lost === 'reply' }
  }

  /** What was answered under this key; null: nothing that the server still remembers (Q5). */
  #remember({ key, kind }: SeenRequest): Reply | null {
    const remembered = this.#remembered.get(key)
    if (remembered === undefined) return null
    const forgetsAfterMs = this.#forgetsAfterMs(kind) ?? Number.POSITIVE_INFINITY
    return this.#time.now - remembered.at > forgetsAfterMs ? null : remembered.reply
  }

  /** A word about the request that repeats its token, behind so many characters (E1). */
  #echo({ token }: SeenRequest, offset: number, headers: ReplyRule['headers'] = {}): string {
    const secret = token === null ? '' : this.#tokens.secret(token)
    const filler = 'not accepted: '.repeat(Math.ceil(offset / 14)).slice(0, offset)
    const message = `${filler}${secret} and more`
    const isText = Object.values(headers).some((value) => value.startsWith('text/'))
    return isText ? message : JSON.stringify({ message })
  }

  /** The server checks every request first. */
  #refusal({ token, user }: SeenRequest): 401 | 403 | null {
    if (token === null) return this.requirement === 'required' ? 401 : null
    if (!this.#tokens.isAccepted(token, this.#time.now)) return 401
    return this.#tokens.user(token) === user ? null : 403
  }

  /** A record has its number from its creation: what was not applied has created none. */
  #answer(seen: SeenRequest, rule: ReplyRule | undefined, isApplied: boolean): object {
    const ryw = rule?.ryw === undefined ? {} : { ryw: rule.ryw }
    if (seen.kind === 'spawn' && isApplied) {
      return { ok: true, ...ryw, spawn: (seen.body as { readonly notes?: number }).notes ?? 0 }
    }
    if (!CREATING_KINDS.has(seen.kind) || !isApplied) return { ok: true, ...ryw }
    this.#recordCount += 1
    seen.created = `srv-${this.#recordCount}`
    return { ok: true, record: seen.record, id: seen.created, ...ryw }
  }

  /** The server's time is the virtual one. A page of somebody else's has no date. */
  #dated(reply: Reply): Reply {
    if (this.#script.dates !== true || isPage(reply)) return reply
    const date = new Date(WALL_START + this.#time.now).toUTCString()
    return { ...reply, headers: { date, ...reply.headers } }
  }

  #latency(seen: SeenRequest): number {
    const rule = this.#take(this.#script.latencies ?? [], seen)
    return rule?.ms ?? this.#script.latency ?? DEFAULT_LATENCY_MS
  }

  /** Why no byte of this request leaves, or null: it does. Asked before everything else. */
  #unsent(seen: SeenRequest): string | null {
    if (this.#isDown) return 'ENETUNREACH'
    const rules = this.#script.replies ?? []
    if (this.#first(rules, seen)?.unsent === undefined) return null
    return this.#take(rules, seen)?.unsent ?? null
  }

  /** The first rule that matches and has uses left; it is used. */
  #take<R extends Rule>(rules: readonly R[], seen: SeenRequest): R | undefined {
    const rule = this.#first(rules, seen)
    if (rule !== undefined) this.#used.set(rule, (this.#used.get(rule) ?? 0) + 1)
    return rule
  }

  #first<R extends Rule>(rules: readonly R[], seen: SeenRequest): R | undefined {
    return rules.find((candidate) => {
      const used = this.#used.get(candidate) ?? 0
      return used < (candidate.times ?? Number.POSITIVE_INFINITY) && matches(candidate.match, seen)
    })
  }
}

function matches(match: ScenarioMatch | undefined, seen: SeenRequest): boolean {
  const { user, kind, op } = match ?? {}
  return (
    (user === undefined || user === seen.user) &&
    (kind === undefined || kind === seen.kind) &&
    (op === undefined || seen.ops.includes(op))
  )
}

/** The server itself sends no page, whatever its labels say. */
function isPage({ headers, body }: Reply): boolean {
  return headers['content-type']?.startsWith('text/html') === true && body.startsWith('<')
}

function jsonReply(status: number, body: unknown, headers: Record<string, string> = {}): Reply {
  const lowered = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])
  return {
    status,
    headers: { ...JSON_TYPE, ...Object.fromEntries(lowered) },
    body: JSON.stringify(body),
  }
}

/** The half of it that arrives before the connection breaks. The server itself remembers all of it. */
function cutOff(reply: Reply): Reply {
  return { ...reply, body: reply.body.slice(0, reply.body.length / 2), isCut: true }
}

function htmlReply(): Reply {
  return {
    status: 200,
    headers: { 'content-type': 'text/html' },
    body: '<!doctype html><title>Welcome to our network</title>',
  }
}
