/** Everything that an engine tells a logger and the channels of `diagnostics_channel`, kept for a test. */
import { channel, tracingChannel } from 'node:diagnostics_channel'
import { afterEach } from 'vitest'
import type { AttemptMessage } from '../../src/channels/attempt-message.ts'
import type { SettlementMessage } from '../../src/channels/settlement-channel.ts'
import type { Logger, LogLevel } from '../../src/log/logger.ts'

/** A logger that keeps its lines, each after its level. */
export function keepingLogger(more: Pick<Logger, 'isLevelEnabled'> = {}): {
  readonly logger: Logger
  readonly lines: string[]
} {
  const lines: string[] = []
  const keep = (level: LogLevel) => (message: string) => {
    lines.push(`${level} ${message}`)
  }
  const logger = {
    debug: keep('debug'),
    info: keep('info'),
    warn: keep('warn'),
    error: keep('error'),
    ...more,
  }
  return { logger, lines }
}

type AttemptStep = 'start' | 'end' | 'asyncStart' | 'asyncEnd' | 'error'

const STEPS: readonly AttemptStep[] = ['start', 'end', 'asyncStart', 'asyncEnd', 'error']

const subscriptions: (() => void)[] = []

afterEach(() => {
  for (const end of subscriptions.splice(0)) end()
})

/** Subscribes to both channels until the end of the test. */
export function listenToChannels(): {
  readonly attempts: { readonly step: AttemptStep; readonly message: AttemptMessage }[]
  readonly settlements: SettlementMessage[]
} {
  const attempts: { step: AttemptStep; message: AttemptMessage }[] = []
  const settlements: SettlementMessage[] = []
  const traced = tracingChannel<unknown, AttemptMessage>('holdfast.attempt')
  for (const step of STEPS) {
    const hear = (message: unknown) => {
      attempts.push({ step, message: message as AttemptMessage })
    }
    subscribed(traced[step], hear)
  }
  subscribed(channel('holdfast:settlement'), (message) => {
    settlements.push(message as SettlementMessage)
  })
  return { attempts, settlements }
}

interface Subscribable {
  subscribe(listener: (message: unknown, name: string | symbol) => void): void
  unsubscribe(listener: (message: unknown, name: string | symbol) => void): void
}

/** Subscribes this function to this channel until the end of the test. */
export function subscribed(to: Subscribable, listener: (message: unknown) => void): void {
  to.subscribe(listener)
  subscriptions.push(() => to.unsubscribe(listener))
}
