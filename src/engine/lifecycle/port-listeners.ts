/** Listens to the ports: the platform reports sleep and the network, storage reports commits of other processes. */
import type { WatchLoss } from '../../../storage/storage.ts'
import { appCodeFailed, atOnce, failureOf } from '../../app-code.ts'
import type { PlatformEvent } from '../../ports/platform.ts'
import { IGNORED, plain, type Settle } from '../boundary/boundary.ts'
import { failureCodec } from '../boundary/error-codec.ts'
import type { CallServer } from '../call-server.ts'
import type { Context } from '../context.ts'
import type { Connectivity } from '../holds/connectivity.ts'
import type { EventPublisher } from '../events/publisher.ts'
import type { Dispatcher } from '../dispatcher/dispatcher.ts'
import { watchLost } from './watch-lost.ts'

export interface PortListenersParts {
  readonly context: Context
  readonly publisher: EventPublisher
  readonly connectivity: Connectivity
  readonly dispatcher: Dispatcher
  readonly server: CallServer
}

export class PortListeners {
  readonly #context: Context
  readonly #platform: (event: PlatformEvent, settle: Settle<void>) => void
  readonly #foreignCommit: (args: null, settle: Settle<void>) => void
  readonly #watchLost: (why: WatchLoss, settle: Settle<void>) => void
  /** The functions that stop the listening. */
  readonly #stops: (() => void)[] = []

  constructor({ context, publisher, connectivity, dispatcher, server }: PortListenersParts) {
    this.#context = context
    this.#platform = server.serve('platform', plain<PlatformEvent>(), (event, settle) => {
      connectivity.heard(event)
      publisher.statusChanged()
      settle.resolve()
    })
    this.#foreignCommit = server.serveAlways('foreignCommit', plain<null>(), () => {
      if (!context.phase.isClosing) dispatcher.heardOfCommit()
    })
    this.#watchLost = server.serveAlways('watchLost', plain<WatchLoss>(), (why) => {
      if (!context.phase.isClosing) context.report('error', { error: watchLost(why) })
    })
  }

  /** Begins to listen. Returns the error if that is not possible, or null. */
  begin(): Error | null {
    const { ports, boundary } = this.#context
    const error = boundary.pull('listen', failureCodec, () =>
      failureOf(() => {
        this.#stops.push(
          atOnce(ports.platform.subscribe((event) => this.#platform(event, IGNORED))),
          atOnce(
            ports.storage.watch(
              () => this.#foreignCommit(null, IGNORED),
              (why) => this.#watchLost(why, IGNORED),
            ),
          ),
        )
      }),
    )
    return error === null ? null : appCodeFailed('a port, as the engine began to listen,', error)
  }

  /** Stops all listening, even if one of the ports throws. */
  stop(): void {
    const { boundary, report } = this.#context
    const error = boundary.pull('listen.stop', failureCodec, () =>
      this.#stops
        .splice(0)
        .map(failureOf)
        .reduce((first, failure) => first ?? failure, null),
    )
    if (error === null) return
    report('error', {
      error: appCodeFailed('a port, as the engine stopped to listen,', error),
    })
  }
}
