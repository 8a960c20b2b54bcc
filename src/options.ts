/** The options of `createHoldfast`, and how they are checked once, at the door. */
import type { Storage } from '../storage/storage.ts'
import type { AnonymousPolicy } from '../machines/anonymous-policy.ts'
import type { UnknownPolicy } from '../machines/identity.machine.ts'
import { cutMs, numberOf } from './checks/numbers.ts'
import { checkedClock, checkedRandom } from './checks/ports.ts'
import { show } from './checks/show.ts'
import { nameOf, secretNameOf, secretWordOf, wordOf } from './checks/texts.ts'
import type { JournalSink } from './journal/lines.ts'
import type { Logger } from './log/logger.ts'
import type { Requirement } from './model.ts'
import { formerOriginsOf } from './origin.ts'
import type { AnyOperationKind } from './operations/define-operation.ts'
import { type Clock, systemClock } from './ports/clock.ts'
import { type Platform, silentPlatform } from './ports/platform.ts'
import { type Random, systemRandom } from './ports/random.ts'
import type { TokenSource } from './ports/token-source.ts'
import type { Transport } from './ports/transport.ts'
import type { Vault } from './ports/vault.ts'

/** How long to wait after an attempt that failed for now (Q7). */
export interface BackoffOptions {
  /** The first wait, in milliseconds. Default: 1000. */
  readonly baseMs?: number
  /** The longest wait, in milliseconds. Default: 300000 (5 min). */
  readonly capMs?: number
  /** Full jitter: a random wait between 0 and the computed one. Default: true. */
  readonly jitter?: boolean
}

/** The options of `createHoldfast()`. At least one of `requirement` and `requirementSource` must be given. */
export type HoldfastOptions<Kinds extends AnyOperationKind = AnyOperationKind> =
  CommonOptions<Kinds> & RequirementOptions

/** How the engine learns the requirement of the server. Without either option nothing would ever be sent. */
interface RequirementOption {
  /**
   * Does the server demand identity verification? `required` and `off` are asserted now; `unknown`
   * means: as last stored, else nothing is sent until `setRequirement()` (I2).
   */
  readonly requirement?: Requirement
  /**
   * Asked at the start, and when a 401 makes the requirement doubtful (I2). A failure, or no answer for
   * 60 s, keeps what is known.
   */
  readonly requirementSource?: RequirementSource
}

type RequirementOptions = RequirementOption &
  (
    | Required<Pick<RequirementOption, 'requirement'>>
    | Required<Pick<RequirementOption, 'requirementSource'>>
  )

/** Each option but `requirement` and `requirementSource`. */
interface CommonOptions<Kinds extends AnyOperationKind> {
  readonly storage: Storage
  readonly transport: Transport
  /** Every kind that is or may still be stored. */
  readonly operations: readonly Kinds[]
  /** Called when a user needs a fresh token (T6). Left out: the app pushes with `updateToken()`. */
  readonly tokenSource?: TokenSource
  /**
   * Calls of the token source in flight at once, over all users (T6): a start with many users must not flood
   * the issuer. The others wait in line. Default: 16.
   */
  readonly maxSourceCalls?: number
  /**
   * Origins that the database may have belonged to before: the server has moved. A database belongs to the origin of the
   * transport that first opened it, and an opening with another one rejects with `ORIGIN_CHANGED` (E6). If the origin of
   * the database is named here, its operations go to the new origin from now on, and tokens for the former one are
   * erased: each user needs a new token (`missing`). All loopback origins count as one. Default: `[]`.
   */
  readonly formerOrigins?: readonly string[]
  /** Keeps tokens over a restart, sealed (T1). Left out: they are kept in memory only. */
  readonly vault?: Vault
  /**
   * The JWT claim that must name the user of each token (T2): its name, such as `sub`, or a path, such as
   * `identity.external_id`. Default: no claim is looked at.
   */
  readonly subjectClaim?: string
  /** What lanes do while the requirement is unknown (I2). Default: `hold`. */
  readonly whileUnknown?: UnknownPolicy
  /** What becomes of anonymous operations under `required` (I3). Default: `drop`. */
  readonly anonymous?: AnonymousPolicy
  /** Does a lane go on after a dead letter? (Q9) Default: `continue`. */
  readonly onDead?: 'continue' | 'hold'
  /** Requests in flight at once, over all lanes (Q3). Default: 4. */
  readonly concurrency?: number
  /** Counted outcomes after which an operation is dead (Q8). Default: 12. */
  readonly maxAttempts?: number
  /** And not before so many milliseconds after its first attempt (Q8). Default: 3600000 (1 h). */
  readonly patienceMs?: number
  /** Operations pending at most, over all lanes (Q16). Default: 1000000. */
  readonly maxPending?: number
  /** The longest payload, in bytes of its JSON (Q16). Default: 262144 (256 KiB). */
  readonly maxPayloadBytes?: number
  /** How long a ready head waits for neighbours to merge with, in milliseconds (Q4). Default: 0. */
  readonly batchWindowMs?: number
  /** Are the ids of completed operations retained too, for `operation(id)`? (7 days, at most 10,000.) Default: false. */
  readonly retainCompleted?: boolean
  readonly backoff?: BackoffOptions
  /** Without a reply for so many milliseconds the outcome is unknown (Q6). Default: 30000. */
  readonly replyTimeoutMs?: number
  /**
   * The network and the power of the machine. Until it tells `resumed` for the first time, waking is noticed by an alarm
   * that comes too late (Q18). Default: always online, never asleep.
   */
  readonly platform?: Platform
  /** Where to record the run, so that it can be replayed. Default: nowhere. */
  readonly journal?: JournalSink
  /** Where to write one line per decision: `console`, a pino logger, electron-log, `consoleLogger()`. Default: nowhere. */
  readonly logger?: Logger
  /**
   * Are user ids replaced in the log by the pseudonyms that a journal with `pseudonyms` has for this database? Messages of
   * errors, which may name a user, are left out then. Default: false.
   */
  readonly logPseudonyms?: boolean
  readonly clock?: Clock
  readonly random?: Random
}

/** The options that decide anything by themselves: plain data, kept in a journal's header. */
export interface Settings {
  readonly requirement: Requirement
  readonly hasRequirementSource: boolean
  readonly hasSource: boolean
  readonly hasVault: boolean
  readonly subjectClaim: string | null
  readonly origin: string
  readonly formerOrigins: readonly string[]
  readonly whileUnknown: UnknownPolicy
  readonly anonymous: AnonymousPolicy
  readonly onDead: 'continue' | 'hold'
  readonly concurrency: number
  readonly maxSourceCalls: number
  readonly maxAttempts: number
  readonly patienceMs: number
  readonly maxPending: number
  readonly maxPayloadBytes: number
  readonly batchWindowMs: number
  readonly retainCompleted: boolean
  readonly backoff: Required<BackoffOptions>
  readonly replyTimeoutMs: number
}

/** Says what the server demands, say from a remote configuration. */
export type RequirementSource = () => Requirement | Promise<Requirement>

/** What the engine reaches the world through. */
export interface Ports {
  readonly storage: Storage
  readonly transport: Transport
  readonly tokenSource: TokenSource | null
  readonly requirementSource: RequirementSource | null
  readonly vault: Vault | null
  readonly platform: Platform
  readonly clock: Clock
  readonly random: Random
}

export interface ResolvedOptions {
  readonly settings: Settings
  readonly ports: Ports
  readonly kinds: readonly AnyOperationKind[]
  readonly journal: JournalSink | null
  readonly logger: Logger | null
  readonly logPseudonyms: boolean
}

/** Checks the options and fills in the defaults. @throws TypeError or RangeError, naming the option. */
export function resolveOptions(options: HoldfastOptions): ResolvedOptions {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError('createHoldfast: options must be an object')
  }
  refuseUnknownOptions(options)
  refuseWrongPorts(options)
  const backoff = backoffOf(options.backoff ?? {})
  const settings: Settings = {
    requirement: secretWordOf('createHoldfast: requirement', requirementOf(options), [
      'unknown',
      'required',
      'off',
    ]),
    hasRequirementSource: options.requirementSource !== undefined,
    hasSource: options.tokenSource !== undefined,
    hasVault: options.vault !== undefined,
    subjectClaim: name('subjectClaim', options.subjectClaim ?? null),
    origin: options.transport.origin,
    formerOrigins: formerOriginsOf(options.formerOrigins ?? []),
    whileUnknown: oneOf('whileUnknown', options.whileUnknown ?? 'hold', ['hold', 'send']),
    anonymous: oneOf('anonymous', options.anonymous ?? 'drop', ['drop', 'hold', 'adopt']),
    onDead: oneOf('onDead', options.onDead ?? 'continue', ['continue', 'hold']),
    concurrency: wholeNumber('concurrency', options.concurrency ?? 4, 1),
    maxSourceCalls: wholeNumber('maxSourceCalls', options.maxSourceCalls ?? 16, 1),
    maxAttempts: wholeNumber('maxAttempts', options.maxAttempts ?? 12, 1),
    patienceMs: duration('patienceMs', options.patienceMs ?? 3_600_000, 0),
    maxPending: wholeNumber('maxPending', options.maxPending ?? 1_000_000, 1),
    maxPayloadBytes: wholeNumber('maxPayloadBytes', options.maxPayloadBytes ?? 262_144, 1),
    batchWindowMs: duration('batchWindowMs', options.batchWindowMs ?? 0, 0),
    retainCompleted: flag('retainCompleted', options.retainCompleted ?? false),
    backoff,
    replyTimeoutMs: duration('replyTimeoutMs', options.replyTimeoutMs ?? 30_000, 1),
  }
  return {
    settings: Object.freeze(settings),
    kinds: kindsOf(options.operations),
    journal: options.journal ?? null,
    logger: options.logger ?? null,
    logPseudonyms: flag('logPseudonyms', options.logPseudonyms ?? false),
    ports: {
      storage: options.storage,
      transport: options.transport,
      tokenSource: options.tokenSource ?? null,
      requirementSource: options.requirementSource ?? null,
      vault: options.vault ?? null,
      platform: options.platform ?? silentPlatform,
      clock: options.clock === undefined ? systemClock : checkedClock(options.clock),
      random: options.random === undefined ? systemRandom() : checkedRandom(options.random),
    },
  }
}

/** Every option there is; a misspelt one would be silently without effect. */
const NAMES: Readonly<Record<keyof HoldfastOptions, true>> = {
  storage: true,
  transport: true,
  formerOrigins: true,
  operations: true,
  requirement: true,
  requirementSource: true,
  tokenSource: true,
  maxSourceCalls: true,
  vault: true,
  subjectClaim: true,
  whileUnknown: true,
  anonymous: true,
  onDead: true,
  concurrency: true,
  maxAttempts: true,
  patienceMs: true,
  maxPending: true,
  maxPayloadBytes: true,
  batchWindowMs: true,
  retainCompleted: true,
  backoff: true,
  replyTimeoutMs: true,
  platform: true,
  journal: true,
  logger: true,
  logPseudonyms: true,
  clock: true,
  random: true,
}

function refuseUnknownOptions(options: HoldfastOptions): void {
  for (const name of Object.keys(options)) {
    if (!(name in NAMES)) throw new TypeError(`createHoldfast: there is no option ${name}`)
  }
}

function kindsOf(operations: readonly AnyOperationKind[]): readonly AnyOperationKind[] {
  if (!Array.isArray(operations)) {
    throw new TypeError('createHoldfast: operations must be an array of defined operations')
  }
  const seen = new Set<string>()
  for (const operation of operations) {
    if (typeof operation?.spec?.request !== 'function') {
      throw new TypeError('createHoldfast: each of operations must come from defineOperation()')
    }
    if (seen.has(operation.kind)) {
      throw new TypeError(`createHoldfast: two operations have the kind ${operation.kind}`)
    }
    seen.add(operation.kind)
  }
  return [...operations]
}

const METHODS = {
  storage: [
    'open',
    'commit',
    'window',
    'find',
    'settled',
    'letters',
    'records',
    'position',
    'lock',
    'reload',
    'watch',
    'tidy',
    'close',
  ],
  transport: ['send'],
  vault: ['seal', 'unseal'],
  platform: ['isOnline', 'subscribe'],
  journal: ['header', 'write'],
  logger: ['debug', 'info', 'warn', 'error'],
  clock: ['wall', 'monotonic', 'after', 'atTurnEnd'],
  random: ['fraction', 'nonce'],
} as const

/** What the engine reaches the world through must be able to do what it will be asked. */
function refuseWrongPorts(options: HoldfastOptions): void {
  for (const option of ['storage', 'transport'] as const) {
    requireMethods(option, options[option], METHODS[option])
  }
  for (const option of ['vault', 'platform', 'journal', 'logger', 'clock', 'random'] as const) {
    if (options[option] !== undefined) requireMethods(option, options[option], METHODS[option])
  }
  if (options.transport.renewConnections !== undefined) {
    requireMethods('transport', options.transport, ['renewConnections'])
  }
  // A URL may hold a password.
  secretNameOf('createHoldfast: transport.origin', options.transport.origin)
  const { tokenSource } = options
  if (tokenSource !== undefined && typeof tokenSource !== 'function') {
    throw new TypeError(
      `createHoldfast: tokenSource must be a function, not a ${typeof tokenSource}`,
    )
  }
}

/** Forgetting it would mean that nothing is ever sent. */
function requirementOf({ requirement, requirementSource }: HoldfastOptions): Requirement {
  if (requirementSource !== undefined && typeof requirementSource !== 'function') {
    throw new TypeError('createHoldfast: requirementSource must be a function')
  }
  if (requirement === undefined && requirementSource === undefined) {
    throw new TypeError(
      "createHoldfast: requirement must be 'unknown', 'required' or 'off', not undefined; or give requirementSource",
    )
  }
  return requirement ?? 'unknown'
}

function backoffOf(backoff: BackoffOptions): Required<BackoffOptions> {
  if (typeof backoff !== 'object') {
    throw new TypeError(`createHoldfast: backoff must be an object, not ${show(backoff)}`)
  }
  const { baseMs = 1000, capMs = 300_000, jitter = true, ...others } = backoff
  const [unknown] = Object.keys(others)
  if (unknown !== undefined) {
    throw new TypeError(`createHoldfast: there is no option backoff.${unknown}`)
  }
  if (typeof jitter !== 'boolean') {
    throw new TypeError(`createHoldfast: backoff.jitter must be true or false, not ${show(jitter)}`)
  }
  return Object.freeze({
    baseMs: cutMs(wholeNumber('backoff.baseMs', baseMs, 1)),
    capMs: cutMs(wholeNumber('backoff.capMs', capMs, 1)),
    jitter,
  })
}

function name<Text extends string | null>(option: string, value: Text): Text {
  if (value !== null) nameOf(`createHoldfast: ${option}`, value)
  return value
}

function requireMethods(option: string, value: unknown, methods: readonly string[]): void {
  const has = (method: string) =>
    typeof value === 'object' && value !== null && typeof Reflect.get(value, method) === 'function'
  const missing = methods.find((method) => !has(method))
  if (missing === undefined) return
  throw new TypeError(`createHoldfast: ${option} must have the method ${missing}()`)
}

function oneOf<const T extends string>(option: string, value: T, allowed: readonly T[]): T {
  return wordOf(`createHoldfast: ${option}`, value, allowed)
}

/** `Infinity` means "never"; it is kept as the longest duration, which storage and journals can hold (Q21). */
function duration(option: string, value: number, least: number): number {
  return cutMs(number(option, value, least))
}

function number(option: string, value: number, least: number): number {
  return numberOf(`createHoldfast: ${option}`, value, least)
}

function wholeNumber(option: string, value: number, least: number): number {
  if (Number.isSafeInteger(number(option, value, least))) return value
  throw new RangeError(`createHoldfast: ${option} must be a whole number, not ${show(value)}`)
}

function flag(option: string, value: boolean): boolean {
  if (typeof value === 'boolean') return value
  throw new TypeError(`createHoldfast: ${option} must be true or false, not ${show(value)}`)
}
