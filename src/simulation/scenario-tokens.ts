/** The tokens of a scenario: what stands for each name on the wire, and whether the server takes it. */
import type { Instant } from '../model.ts'
import type { Scenario, ScenarioToken } from './scenario.ts'
import { WALL_START } from './virtual-time.ts'

export class ScenarioTokens {
  readonly #definitions: ReadonlyMap<string, ScenarioToken>
  readonly #names = new Map<string, string>()
  readonly #secrets = new Map<string, string>()

  constructor(scenario: Scenario) {
    this.#definitions = new Map(Object.entries(scenario.tokens ?? {}))
    for (const [name, definition] of this.#definitions) {
      const secret = mint(name, definition)
      this.#secrets.set(name, secret)
      this.#names.set(secret, name)
    }
  }

  /** What the name stands for. */
  secret(name: string): string {
    const secret = this.#secrets.get(name)
    if (secret === undefined) throw new Error(`no token ${name}`)
    return secret
  }

  name(secret: string): string {
    return this.#names.get(secret) ?? 'unknown'
  }

  /** Every secret, to look for where none may be. */
  secrets(): readonly string[] {
    return [...this.#names.keys()]
  }

  user(name: string): string | null {
    return this.#definitions.get(name)?.user ?? null
  }

  /** When it ends by its own claim, by the wall clock; null: never. */
  expiresAt(name: string): Instant | null {
    const exp = this.#definitions.get(name)?.exp
    return exp === undefined ? null : WALL_START + exp
  }

  /** Before this instant of its own clock the server refuses it; null: there is none. */
  notBefore(name: string): Instant | null {
    const nbf = this.#definitions.get(name)?.nbf
    return nbf === undefined ? null : WALL_START + nbf
  }

  /** Does the server take it at this virtual time? */
  isAccepted(name: string, now: number): boolean {
    const definition = this.#definitions.get(name)
    if (definition === undefined) return false
    const { accepted, exp, nbf } = definition
    if (typeof accepted === 'boolean') return accepted
    if (accepted !== undefined) {
      const { from = 0, until = Number.POSITIVE_INFINITY } = accepted
      return from <= now && now < until
    }
    return (exp === undefined || now < exp) && (nbf === undefined || nbf <= now)
  }
}

/** One with an end or a beginning is a JWT, with `iat` at the start of virtual time; one without is opaque. */
function mint(name: string, { user, exp, nbf }: ScenarioToken): string {
  if (exp === undefined && nbf === undefined) return `opaque-secret-of-${name}`
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const secondsOf = (at: number | undefined) =>
    at === undefined ? undefined : (WALL_START + at) / 1000
  const claims = {
    sub: user,
    iat: WALL_START / 1000,
    exp: secondsOf(exp),
    nbf: secondsOf(nbf),
    jti: name,
  }
  return `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}.${part({ name })}`
}
