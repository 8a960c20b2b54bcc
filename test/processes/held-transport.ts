/** A transport whose next request stops on its way, where it is told to, until it is let go. */
import type { OutgoingRequest, Reply, SendOptions, Transport } from '../../src/index.ts'

type Moment = 'sending' | 'replied'

export class HeldTransport implements Transport {
  readonly origin: string
  readonly #inner: Transport
  readonly #held: () => void
  #moment: Moment | null = null
  #gate = Promise.withResolvers<void>()

  /** `held` hears when a request has stopped. */
  constructor(inner: Transport, held: () => void) {
    this.origin = inner.origin
    this.#inner = inner
    this.#held = held
  }

  hold(moment: Moment): void {
    this.#moment = moment
    this.#gate = Promise.withResolvers<void>()
  }

  release(): void {
    this.#gate.resolve()
  }

  async send(request: OutgoingRequest, options: SendOptions): Promise<Reply> {
    const moment = this.#moment
    this.#moment = null
    if (moment === 'sending') await this.#stop()
    const reply = await this.#inner.send(request, options)
    if (moment === 'replied') await this.#stop()
    return reply
  }

  async #stop(): Promise<void> {
    this.#held()
    await this.#gate.promise
  }
}
