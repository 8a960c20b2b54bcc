/** No secret of a token in a journal, an event, an error and what it was caused by, `status()`, or the database. */
import { echoesOf } from '../echoes.ts'
import { additionsTo, type Invariant } from './invariant.ts'

/** So much is gathered before it is looked through: many small searches cost more than a large one. */
const ENOUGH = 65_536

const EXCERPT = 'an excerpt'

/** So many characters of a token are more than chance, in an excerpt that was cut before it was redacted. */
const BEGINNING = 9

export const noSecrets: Invariant = (run) => {
  const secrets = run.tokens
    .secrets()
    .flatMap((secret) => [...new Set([essenceOf(secret), ...echoesOf(secret)])])
  const beginnings = run.tokens.secrets().map((secret) => secret.slice(0, BEGINNING))
  const journal = additionsTo(run.journal)
  const heard = additionsTo(run.heard)
  const excerpts = additionsTo(run.rows.excerpts)
  const settled = settledCallsOf(run.calls)
  const faults = additionsTo(run.faults)
  const lives = additionsTo(run.lives)
  const gathered = new Map<string, string>()
  let size = 0
  let shown: unknown = null
  const gather = (where: string, text: string) => {
    gathered.set(where, `${gathered.get(where) ?? ''}${text}\n`)
    size += text.length
  }
  return (moment) => {
    for (const line of journal()) gather('the journal', line)
    for (const { detail } of heard()) {
      gather('an event', 'error' in detail ? textsIn(detail) : JSON.stringify(detail))
    }
    for (const { error } of settled()) if (error !== null) gather('an error', textsIn(error))
    for (const excerpt of excerpts()) gather(EXCERPT, excerpt)
    for (const fault of faults()) gather('a fault', textsIn(fault))
    if (run.status !== shown) gather('the status', JSON.stringify(run.status))
    shown = run.status
    // Seldom, for its size: what was written stays where it was.
    if (moment === 'end' || lives().length > 0) {
      gather('the database', Buffer.from(run.bytes()).toString('latin1'))
    }
    if (size < ENOUGH && moment === 'rest') return []
    const found = [...gathered].flatMap(([where, text]) => {
      const sought = where === EXCERPT ? beginnings : secrets
      return sought.filter((secret) => text.includes(secret)).map((secret) => ({ where, secret }))
    })
    gathered.clear()
    size = 0
    return found
  }
}

/** Of a JWT its signature: that is all that makes it a secret. */
function essenceOf(secret: string): string {
  const [, , signature] = secret.split('.')
  return signature === undefined || signature === '' ? secret : signature
}

interface Settling {
  readonly settledAt: number | null
}

function settledCallsOf<T extends Settling>(calls: readonly T[]): () => T[] {
  const added = additionsTo(calls)
  let open: T[] = []
  return () => {
    open.push(...added())
    const settled = open.filter(({ settledAt }) => settledAt !== null)
    if (settled.length > 0) open = open.filter(({ settledAt }) => settledAt === null)
    return settled
  }
}

/** Every text in an object and in what it holds or was caused by, also where printing would not show it. */
function textsIn(value: unknown, seen = new Set<unknown>()): string {
  if (typeof value === 'string') return value
  if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1')
  if (typeof value !== 'object' || value === null || seen.has(value)) return ''
  seen.add(value)
  const entries: unknown[] = value instanceof Map || value instanceof Set ? [...value] : []
  for (const key of Reflect.ownKeys(value)) {
    // A stack says what the message says, and costs much to make.
    if (key !== 'stack') entries.push(Reflect.get(value, key))
  }
  return entries.map((entry) => textsIn(entry, seen)).join('\n')
}
