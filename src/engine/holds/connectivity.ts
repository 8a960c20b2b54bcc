/**
 * Decides whether the server can be reached. Sets the holds that cover every lane: `offline` (no network, or a
 * captive portal), `suspended`, and the server's own `rate-limited` (Q6, Q7).
 *
 * A captive portal is probed: after the wait of Q7 one lane, in turn, may send its head. Any genuine reply ends the
 * portal; another reply of the portal begins the next wait.
 */
import type { Resumed } from '../part.ts'
import type { DeadlineRow } from '../../../storage/rows.ts'
import type { DeadlineChange } from '../../../storage/changes.ts'
import { appCodeFailed, failureOf } from '../../app-code.ts'
import type { LaneId } from '../../model.ts'
import type { PlatformEvent } from '../../ports/platform.ts'
import { jitteredMs } from '../random-draws.ts'
import { failureCodec } from '../boundary/error-codec.ts'
import type { Context } from '../context.ts'
import type { Holds } from './holds.ts'
import type { Lane } from '../lanes/lane.ts'
import type { Needs } from '../tokens/needs.ts'
import type { BackoffWaits } from './backoff-waits.ts'
import { Suspension } from './suspension.ts'

interface Portal {
  /** How often the portal answered in a row. */
  readonly count: number
  readonly probing: Lane | null
}

/** Connectivity as a journal's summary has it. */
export interface SavedConnectivity {
  readonly replyCount: number
  readonly hasNetwork: boolean
  readonly portal: { readonly count: number; readonly probing: LaneId | null } | null
  readonly lastProbed: number
  readonly limitedUntil: number
  /** When the hold `suspended` ends by itself (monotonic); null: there is no hold. */
  readonly suspendedUntil: number | null
  readonly tellsOfWaking: boolean
}

export interface ConnectivityParts {
  readonly context: Context
  readonly holds: Holds
  readonly waits: BackoffWaits
  readonly needs: Needs
}

export class Connectivity {
  /** Replies of the server itself so far: a sign that a missing reply does not concern every operation (Q8). */
  replyCount = 0
  readonly #context: Context
  readonly #parts: ConnectivityParts
  readonly #suspension: Suspension
  #tellsOfWaking = false
  #hasNetwork = true
  #portal: Portal | null = null
  #lastProbed = -1
  /** Monotonic time at which the hold `rate-limited` ends. */
  #limitedUntil = 0

  constructor(parts: ConnectivityParts) {
    this.#parts = parts
    this.#context = parts.context
    this.#suspension = new Suspension({
      context: parts.context,
      holds: parts.holds,
      ended: () => this.woke(),
    })
  }

  /** True once the platform has reported `resumed`: then it reports each waking (Q18). */
  get tellsOfWaking(): boolean {
    return this.#tellsOfWaking
  }

  /** True unless the platform reports that there is no network. */
  get hasNetwork(): boolean {
    return this.#hasNetwork
  }

  /** Monotonic time at which the hold `rate-limited` ends, while it is set. */
  get limitedUntil(): number {
    return this.#limitedUntil
  }

  /** Monotonic time at which the hold `suspended` ends by itself; null: there is no hold. */
  get suspendedUntil(): number | null {
    return this.#suspension.endsAt
  }

  /** True if a captive portal is being probed, or will be, without any call of the app. */
  get isProbing(): boolean {
    return this.#hasNetwork && this.#portal !== null
  }

  /** Takes over the state of the start. */
  begin(isOnline: boolean, deadlines: readonly DeadlineRow[]): void {
    if (!isOnline) this.#hear('offline')
    this.limitedBefore(deadlines)
  }

  /** Takes over the wait that the server asked of the process that dispatched before this process (Q7). */
  limitedBefore(deadlines: readonly DeadlineRow[]): void {
    const { boundary, settings } = this.#context
    const deadline = deadlines.find(({ origin }) => origin === settings.origin)
    if (deadline === undefined) return
    const leftMs = Math.min(deadline.until - boundary.wall, deadline.waitMs)
    if (leftMs <= 0) return
    this.#limitedUntil = boundary.monotonic + leftMs
    this.#hold()
  }

  heard(event: PlatformEvent): void {
    if (event === 'resumed') this.#tellsOfWaking = true
    this.#hear(event)
  }

  /** The machine is awake, though the platform has not reported it (Q18). */
  woke(): void {
    this.#hear('resumed')
  }

  /** Something has changed: checks whether an operation waits for the end of the hold `suspended`. */
  readonly look = (): void => this.#suspension.look()

  /**
   * The server asked every lane to wait, from now on. Returns the change to store; null: a longer wait is on already.
   */
  limited(waitMs: number): DeadlineChange | null {
    const { boundary, settings } = this.#context
    const until = boundary.monotonic + waitMs
    if (until <= this.#limitedUntil) return null
    this.#limitedUntil = until
    this.#hold()
    return {
      change: 'deadline',
      origin: settings.origin,
      until: boundary.wall + waitMs,
      waitMs,
    }
  }

  /** A reply of the server itself arrived. */
  genuineReply(): void {
    this.replyCount += 1
  }

  /**
   * The wait that a genuine reply asks of every lane is set as a hold by now, so no captive portal stops the lanes
   * any longer.
   */
  portalGone(): void {
    if (this.#portal === null) return
    this.#context.boundary.disarm('portal')
    this.#portal = null
    this.#liftOffline()
  }

  /** A captive portal answered in the server's stead, with this status. */
  portalMet(status: number): void {
    if (this.#portal !== null && this.#portal.probing === null) return
    this.#parts.holds.setOnEvery('offline', `a captive portal answers with status ${status}`)
    this.#waitForProbe((this.#portal?.count ?? 0) + 1)
  }

  /** The probing lane's attempt has ended, with any outcome. */
  attemptEnded(lane: Lane): void {
    if (this.#portal?.probing === lane) this.#waitForProbe(this.#portal.count)
  }

  /** For a journal that begins here. */
  save(): SavedConnectivity {
    const portal = this.#portal
    return {
      replyCount: this.replyCount,
      hasNetwork: this.#hasNetwork,
      portal:
        portal === null
          ? null
          : { count: portal.count, probing: portal.probing === null ? null : portal.probing.id },
      lastProbed: this.#lastProbed,
      limitedUntil: this.#limitedUntil,
      suspendedUntil: this.#suspension.endsAt,
      tellsOfWaking: this.#tellsOfWaking,
    }
  }

  restore(saved: SavedConnectivity, { alarms }: Resumed): void {
    const { boundary, lanes } = this.#context
    this.replyCount = saved.replyCount
    this.#hasNetwork = saved.hasNetwork
    this.#lastProbed = saved.lastProbed
    this.#limitedUntil = saved.limitedUntil
    this.#tellsOfWaking = saved.tellsOfWaking
    this.#suspension.restore(saved.suspendedUntil, alarms)
    if (saved.portal !== null) {
      const { count, probing } = saved.portal
      this.#portal = { count, probing: probing === null ? null : (lanes.get(probing) ?? null) }
    }
    if (alarms.has('portal')) boundary.rearm('portal', () => this.#probe())
    if (alarms.has('rate-limited')) boundary.rearm('rate-limited', () => this.#limitOver())
  }

  /**
   * The network is back, or the machine is awake: lanes that wait because no reply came go on, and the app is told of
   * open needs again.
   */
  #returned(): void {
    this.#parts.waits.cutShort()
    this.#parts.needs.returned()
  }

  #limitOver(): void {
    this.#parts.holds.liftFromEvery('rate-limited')
  }

  #hear(event: PlatformEvent): void {
    switch (event) {
      case 'offline':
        this.#hasNetwork = false
        this.#parts.holds.setExempt(null)
        this.#parts.holds.setOnEvery('offline', 'the network is down')
        return
      case 'online':
        this.#hasNetwork = true
        this.#context.boundary.disarm('portal')
        this.#portal = null
        this.#renewConnections()
        this.#liftOffline()
        this.#returned()
        return
      case 'suspended':
        this.#suspension.begin()
        return
      case 'resumed':
        this.#context.lifetimes.woke()
        this.#renewConnections()
        this.#suspension.end()
        this.#returned()
        return
    }
  }

  /** Connections that were open before the sleep, or on the network before, may be dead, and nothing reports that. */
  #renewConnections(): void {
    const { boundary, ports, report } = this.#context
    const error = boundary.pull('renewConnections', failureCodec, () =>
      failureOf(() => ports.transport.renewConnections?.()),
    )
    if (error === null) return
    report('error', { error: appCodeFailed('renewConnections() of the option transport', error) })
  }

  #liftOffline(): void {
    if (!this.#hasNetwork || this.#portal !== null) return
    this.#parts.holds.liftFromEvery('offline')
    this.#parts.holds.setExempt(null)
  }

  #waitForProbe(count: number): void {
    const { boundary, settings } = this.#context
    this.#portal = { count, probing: null }
    this.#parts.holds.setExempt(null)
    const waitMs = jitteredMs(this.#context, count, settings.backoff)
    boundary.arm('portal', waitMs, () => this.#probe())
  }

  #probe(): void {
    const portal = this.#portal
    if (portal === null) return
    const lane = this.#nextToProbe()
    if (lane === null) {
      // No lane is ready to send: the next lane that sends finds out whether the portal is still there.
      this.#portal = null
      this.#liftOffline()
      return
    }
    this.#portal = { ...portal, probing: lane }
    this.#lastProbed = lane.id
    this.#parts.holds.setExempt({ lane, name: 'offline' })
  }

  /** The next lane in turn, by number, that is held by nothing but the portal. */
  #nextToProbe(): Lane | null {
    if (!this.#hasNetwork) return null
    const ready = [...this.#context.lanes.pending()]
      .filter((lane) => this.#parts.holds.of(lane).every((hold) => hold.name === 'offline'))
      .sort((a, b) => a.id - b.id)
    return ready.find((lane) => lane.id > this.#lastProbed) ?? ready[0] ?? null
  }

  #hold(): void {
    const { boundary } = this.#context
    this.#parts.holds.setOnEvery('rate-limited', 'the server asked to wait')
    const leftMs = Math.max(0, this.#limitedUntil - boundary.monotonic)
    boundary.arm('rate-limited', leftMs, () => this.#limitOver())
  }
}
