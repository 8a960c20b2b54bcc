/**
 * The alarms of each user's token: the pause after a failure of the source (T6), the wait after refused tokens (T8),
 * and the wait until a token becomes valid (T9). The token machine says when each begins and ends. No alarm outlives
 * the process.
 */
import type { Resumed } from '../part.ts'
import { alarmOf } from '../alarms.ts'
import type { Context } from '../context.ts'
import { Signal } from '../events/signal.ts'
import { jitteredMs } from '../random-draws.ts'
import { SERIES, waitOf } from '../backoff.ts'
import type { Instant, UserId } from '../../model.ts'
import type { Wallet } from './wallet.ts'

const ALARMS = ['coolDown', 'wait', 'early'] as const
type Alarm = (typeof ALARMS)[number]

export interface TokenAlarmsParts {
  readonly context: Context
  readonly wallet: Wallet
}

export class TokenAlarms {
  /** Told after an alarm was armed, has ended or has fired. */
  readonly changed = new Signal()
  /** Told after the machine of the user has heard of the end of a wait. */
  readonly fired = new Signal<UserId>()
  readonly #context: Context
  readonly #parts: TokenAlarmsParts
  /** Monotonic times at which the armed alarms fire, by name. Unknown in a journal that begins later. */
  readonly #endsAt = new Map<string, number>()

  constructor(parts: TokenAlarmsParts) {
    this.#parts = parts
    this.#context = parts.context
  }

  coolDown(user: UserId, round: number): void {
    this.#arm(user, 'coolDown', jitteredMs(this.#context, round, SERIES.tokenSource))
  }

  wait(user: UserId, round: number): void {
    this.#arm(user, 'wait', waitOf(SERIES.refusedTokens, round))
  }

  /** By the corrected clock. */
  early(user: UserId, until: Instant): void {
    this.#arm(user, 'early', Math.max(0, until - this.#parts.wallet.now()))
  }

  end(user: UserId, alarm: Alarm): void {
    this.#context.boundary.disarm(alarmOf(alarm, user))
    this.#ended(user, alarm)
  }

  /** Monotonic time at which this alarm fires; null: it is not armed. */
  endsAt(user: UserId, alarm: Alarm): number | null {
    return this.#endsAt.get(alarmOf(alarm, user)) ?? null
  }

  /** For a journal that begins here: the users are those of the restored machines. */
  restore(_saved: undefined, { alarms }: Resumed): void {
    for (const user of this.#context.pilot.usersWithTokens()) {
      for (const alarm of ALARMS) {
        const name = alarmOf(alarm, user)
        if (alarms.has(name)) this.#context.boundary.rearm(name, () => this.#fired(user, alarm))
      }
    }
  }

  #arm(user: UserId, alarm: Alarm, delayMs: number): void {
    const { boundary } = this.#context
    const name = alarmOf(alarm, user)
    this.#endsAt.set(name, boundary.monotonic + delayMs)
    boundary.arm(name, delayMs, () => this.#fired(user, alarm))
    this.changed.tell()
  }

  #ended(user: UserId, alarm: Alarm): void {
    if (this.#endsAt.delete(alarmOf(alarm, user))) this.changed.tell()
  }

  #fired(user: UserId, alarm: Alarm): void {
    this.#ended(user, alarm)
    this.#tellMachine(user, alarm)
    this.fired.tell(user)
  }

  #tellMachine(user: UserId, alarm: Alarm): void {
    const { lanes, pilot } = this.#context
    const working = (lanes.ofUser(user)?.pending ?? 0) > 0
    switch (alarm) {
      case 'coolDown':
        pilot.token(user, { type: 'alarm.fired', working })
        return
      case 'wait':
        pilot.token(user, { type: 'wait.over', working })
        return
      case 'early':
        this.#parts.wallet.ripened(user)
    }
  }
}
