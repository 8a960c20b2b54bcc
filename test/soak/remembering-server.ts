/** A server in this process, as the engine sees one: it remembers keys, and applies each once. */
import type { OutgoingRequest, Reply, Transport } from '../../src/index.ts'
import { type AppliedText, nameOf } from './judge.ts'

export interface Arrived {
  readonly key: string
  readonly body: string
  readonly user: string | null
}

export class RememberingServer implements Transport {
  readonly origin = 'https://server.invalid'
  readonly #bodies = new Map<string, string>()
  readonly #applied: AppliedText[] = []
  readonly #complaints: string[] = []

  /** What came before, in its order. */
  constructor(before: readonly Arrived[] = []) {
    for (const arrived of before) this.take(arrived)
  }

  get applied(): readonly AppliedText[] {
    return this.#applied
  }

  /** What does not hold of stable-key. */
  get complaints(): readonly string[] {
    return this.#complaints
  }

  async send(request: OutgoingRequest): Promise<Reply> {
    this.take(arrivedOf(request))
    return { status: 200, headers: {}, body: '' }
  }

  take({ key, body, user }: Arrived): void {
    const before = this.#bodies.get(key)
    if (before !== undefined) {
      if (before !== body) this.#complaints.push(`stable-key: ${key} came with another body`)
      return
    }
    this.#bodies.set(key, body)
    const { text, texts } = JSON.parse(body) as { text?: string; texts?: readonly string[] }
    for (const one of texts ?? [text ?? '']) this.#applied.push({ user, text: nameOf(one) })
  }
}

export function arrivedOf({ headers, body, user }: OutgoingRequest): Arrived {
  return { key: headers['idempotency-key'] ?? '', body: body ?? '', user }
}
