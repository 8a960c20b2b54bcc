/**
 * Remembers idempotency keys: for each key of each owner the digest of the body and the first answer.
 * Only answers of success are remembered; a request that failed may be sent again under its key. The
 * oldest keys are forgotten after `windowMs`, or when there are more than `maxKeys`.
 */
import type { Owner } from './owner.ts'

export interface StoredAnswer {
  readonly status: 200
  readonly body: string
}

export type Claim =
  /** The first of its key: apply it, then `settle` with the answer, or `release` if it failed. */
  | { readonly type: 'first'; settle(answer: StoredAnswer): void; release(): void }
  | { readonly type: 'replay'; readonly answer: StoredAnswer }
  | { readonly type: 'in-progress' }
  | { readonly type: 'other-body' }

interface Remembered {
  readonly digest: string
  readonly answer: StoredAnswer
  readonly at: number
}

export class KeyMemory {
  readonly #windowMs: number
  readonly #maxKeys: number
  readonly #now: () => number
  readonly #remembered = new Map<string, Remembered>()
  readonly #inProgress = new Map<string, string>()
  #forgottenEarlyCount = 0

  constructor(windowMs: number, maxKeys: number, now: () => number) {
    this.#windowMs = windowMs
    this.#maxKeys = maxKeys
    this.#now = now
  }

  claim(owner: Owner, key: string, digest: string): Claim {
    this.#forgetOld()
    // No header value holds a NUL, so what follows the last one is the key.
    const name = `${owner ?? ''}\u0000${key}`
    const known = this.#remembered.get(name)
    const digestBefore = known?.digest ?? this.#inProgress.get(name)
    if (digestBefore !== undefined && digestBefore !== digest) return { type: 'other-body' }
    if (known !== undefined) return { type: 'replay', answer: known.answer }
    if (digestBefore !== undefined) return { type: 'in-progress' }
    this.#inProgress.set(name, digest)
    return {
      type: 'first',
      settle: (answer) => {
        this.#inProgress.delete(name)
        this.#remembered.set(name, { digest, answer, at: this.#now() })
        this.#forgetSurplus()
      },
      release: () => {
        this.#inProgress.delete(name)
      },
    }
  }

  summary(): { readonly remembered: number; readonly forgottenEarly: number } {
    return { remembered: this.#remembered.size, forgottenEarly: this.#forgottenEarlyCount }
  }

  // A map keeps the order of insertion, so the oldest stand first.
  #forgetOld(): void {
    const limit = this.#now() - this.#windowMs
    for (const [name, { at }] of this.#remembered) {
      if (at > limit) return
      this.#remembered.delete(name)
    }
  }

  #forgetSurplus(): void {
    for (const name of this.#remembered.keys()) {
      if (this.#remembered.size <= this.#maxKeys) return
      this.#remembered.delete(name)
      this.#forgottenEarlyCount += 1
    }
  }
}
