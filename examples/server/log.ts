/**
 * What the server saw, for the verdict on a client. Counts per owner and a list of all that was applied;
 * it grows with the run. The checks here are the log's own, so that a fault in the API would show.
 */
import type { Owner, ServerRequirement } from './owner.ts'

const noCounts = {
  /** Requests to the API that arrived, operations and reads, whatever became of them. */
  requests: 0,
  /** Operation requests that were applied. */
  applied: 0,
  /** Answered from the memory of keys instead of being applied again. */
  duplicatesSuppressed: 0,
  refused401: 0,
  /** Of these, requests that carried a token which had been answered with 401 before. */
  refusedAgain: 0,
  forbidden403: 0,
  inProgress409: 0,
  malformed400: 0,
  /** Injected failures by status, such as 503. */
  failuresInjected: 0,
  requestsDropped: 0,
  repliesDropped: 0,
  htmlPages: 0,
  /** 422: a key came back with another body. A violation. */
  keyReusedWithOtherBody: 0,
  /** Applied under no token where one was due, or under somebody else's. A violation, of the server. */
  appliedUnderWrongToken: 0,
  /** Applied although that key had been applied: the key was forgotten. A violation. */
  appliedTwice: 0,
  /** Edits whose index was not the next one of their document. A violation. */
  orderViolations: 0,
}

export type OwnerCounts = typeof noCounts
export type Counted = keyof OwnerCounts

export interface AppliedEntry {
  /** 1, 2, 3, … in the order of applying. */
  readonly n: number
  readonly user: Owner
  readonly key: string
  /** The document and index of an edit, null for other operations. */
  readonly document: string | null
  readonly index: number | null
  /** The body of an operation that is no edit, else null. */
  readonly body: object | null
}

export interface AppliedOperation extends Omit<AppliedEntry, 'n'> {
  readonly inOrder: boolean
  /** Whose token the request carried; null: none. */
  readonly tokenUser: string | null
  /** The requirement when the token was checked. */
  readonly requirement: ServerRequirement
}

export interface AppliedPage {
  readonly entries: readonly AppliedEntry[]
  /** The `after` of the next page. */
  readonly next: number
  readonly more: boolean
}

export class ServerLog {
  readonly #counts = new Map<Owner, OwnerCounts>()
  readonly #applied: AppliedEntry[] = []
  readonly #appliedKeys = new Map<Owner, Set<string>>()
  readonly #refusedTokens = new Set<string>()

  count(owner: Owner, what: Counted): void {
    this.#of(owner)[what] += 1
  }

  /** Counts a 401, and whether that very token had been refused before. */
  refused(owner: Owner, token?: string): void {
    this.count(owner, 'refused401')
    if (token === undefined) return
    if (this.#refusedTokens.has(token)) this.count(owner, 'refusedAgain')
    this.#refusedTokens.add(token)
  }

  applied({ inOrder, tokenUser, requirement, ...entry }: AppliedOperation): void {
    const counts = this.#of(entry.user)
    const keys = this.#appliedKeys.get(entry.user) ?? new Set<string>()
    this.#appliedKeys.set(entry.user, keys)
    const mayBeUnsigned = requirement === 'off'
    const wrongToken = tokenUser === null ? !mayBeUnsigned : tokenUser !== entry.user
    counts.applied += 1
    if (keys.has(entry.key)) counts.appliedTwice += 1
    if (wrongToken) counts.appliedUnderWrongToken += 1
    if (!inOrder) counts.orderViolations += 1
    keys.add(entry.key)
    this.#applied.push({ n: this.#applied.length + 1, ...entry })
  }

  /** Counts of each user, and of the anonymous path. */
  summary(): { readonly users: Record<string, OwnerCounts>; readonly anonymous: OwnerCounts } {
    const users = Array.from(this.#counts).filter(([owner]) => owner !== null)
    return {
      users: Object.fromEntries(users.map(([owner, counts]) => [owner, { ...counts }])),
      anonymous: { ...this.#of(null) },
    }
  }

  page(after: number, limit: number): AppliedPage {
    const entries = this.#applied.slice(after, after + limit)
    const next = after + entries.length
    return { entries, next, more: next < this.#applied.length }
  }

  #of(owner: Owner): OwnerCounts {
    const counts = this.#counts.get(owner) ?? { ...noCounts }
    this.#counts.set(owner, counts)
    return counts
  }
}
