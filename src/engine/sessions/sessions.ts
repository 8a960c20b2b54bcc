/**
 * Who is logged in, what the server demands, and the beginning and end of each user's session. The
 * identity changes at the call, before anything is stored (I1); storing is repeated until it succeeds.
 */
import type { Affected, Answer, Change, EnqueueChange } from '../../../storage/changes.ts'
import type { EnvelopeRow } from '../../../storage/storage.ts'
import { HoldfastError } from '../../errors.ts'
import type { DropReason, LaneId, Requirement, UserId } from '../../model.ts'
import type { Token } from '../../tokens/token.ts'
import type { Wallet } from '../../tokens/wallet.ts'
import { arrive } from '../intake/arrive.ts'
import type { Codec, Settle } from '../boundary/boundary.ts'
import { nonce } from '../boundary/chance.ts'
import type { Core } from '../core.ts'
import { draftRow } from '../intake/draft-row.ts'
import type { LaneLine } from '../lanes/lane-line.ts'
import type { Records } from '../stored/records.ts'
import { notStored } from '../stored/storage-errors.ts'
import type { Waits } from '../lanes/waits.ts'

export interface LoginArgs {
  readonly user: UserId
  readonly token: Token | null
}

export interface LogoutArgs {
  readonly pending: 'keep' | 'flush' | 'discard'
  readonly deadlineMs: number
}

/** What a logout left behind. */
export interface LogoutResult {
  /** Operations of that user that are still to be sent, under that user's token. */
  readonly pending: number
}

export function loginCodec(tokenOf: (facts: Token['facts']) => Token): Codec<LoginArgs> {
  return {
    write: ({ user, token }) => ({ user, token: token?.toJSON() ?? null }),
    read: (json) => {
      const { user, token } = json as unknown as {
        readonly user: UserId
        readonly token: Token['facts'] | null
      }
      return { user, token: token === null ? null : tokenOf(token) }
    },
  }
}

const ANONYMOUS_LANE = { lane: 0 as LaneId, user: null, pending: 0, letters: 0, soloThrough: 0 }

export class Sessions {
  readonly #core: Core
  readonly #wallet: Wallet
  readonly #waits: Waits
  readonly #records: Records
  /** Logouts that wait for their lane to be empty (I7). */
  readonly #flushing = new Map<UserId, () => void>()
  /** Lanes that are being dropped; `again`: something that was in flight then has come back meanwhile. */
  readonly #purging = new Map<LaneLine, 'once' | 'again'>()
  /** Those whose logout discards and adds something, until that is in the lane (I7). */
  readonly #farewells = new Map<UserId, 'owed' | 'storing'>()
  /** Those who have come back before their lane was dropped, until that is stored. */
  readonly #returning = new Set<UserId>()

  constructor(core: Core, wallet: Wallet, waits: Waits, records: Records) {
    this.#core = core
    this.#wallet = wallet
    this.#waits = waits
    this.#records = records
  }

  /** The engine begins: what the last run left to be done at the end of a session is done (I3, T11). */
  begin(): void {
    this.sweepAnonymous()
    this.adopt()
    for (const user of this.#wallet.leaving()) this.emptied(user)
  }

  login({ user, token }: LoginArgs, settle: Settle<void>): void {
    const { pilot } = this.#core
    if (token !== null && isOfAnother(user, token)) {
      settle.reject(mismatch(user))
      return
    }
    const stored = both(settle)
    if (pilot.user !== user) {
      pilot.identity({ type: 'user.loggedIn', user })
      // What others have marked, only the process that dispatches has heard of for sure.
      const isDiscarded = this.#isDiscarding(user) || !pilot.dispatches
      this.#wallet.setDiscarding(user, false)
      if (isDiscarded) this.#comeBack(user)
      this.#farewells.delete(user)
      const wasLeaving = this.#wallet.isLeaving(user)
      if (wasLeaving) this.#wallet.setLeaving(user, false)
      this.#core.lanes.takenBy(user)
      const superseding = this.#supersede(user)
      this.#storeAtLast(
        () => [
          ...superseding.changes(),
          this.#identity(),
          ...(wasLeaving ? [this.#leave(user)] : []),
          ...(isDiscarded ? [this.#discardLane(user)] : []),
        ],
        (answers) => {
          superseding.stored(answers)
          if (isDiscarded) this.#returned(user)
          stored.first()
        },
      )
    } else {
      stored.first()
    }
    if (token === null) stored.second(null)
    else this.#take(user, token, stored.second)
  }

  logout({ pending, deadlineMs }: LogoutArgs, settle: Settle<LogoutResult>): void {
    const { pilot, lanes, boundary } = this.#core
    const { user } = pilot
    if (user === null) {
      settle.resolve({ pending: 0 })
      return
    }
    const farewell = this.#farewellOf(user)
    pilot.identity({ type: 'user.loggedOut' })
    const left = () => settle.resolve({ pending: lanes.ofUser(user)?.pending ?? 0 })
    if (pending === 'discard' && !pilot.dispatches) {
      this.#discardElsewhere(user, farewell, settle)
      return
    }
    if (farewell.length === 0 && lanes.isEmpty(user)) {
      this.#end(user, left)
      return
    }
    if (pending === 'discard' && farewell.length > 0) {
      this.#discardBut(user, farewell, left)
      return
    }
    if (pending === 'discard') {
      this.#discard(user)
      const line = lanes.ofUser(user)
      if (line === undefined || line.pending === 0) this.#end(user, left)
      else this.#purge(line, 'logout', left, this.#endOf(user))
      return
    }
    this.#wallet.setLeaving(user, true)
    const stored = () => {
      if (pending === 'keep') left()
    }
    this.#storeFarewell(user, farewell, () => [this.#identity(), this.#leave(user)], stored)
    if (pending === 'keep') return
    const former = this.#flushing.get(user)
    this.#flushing.set(user, () => {
      former?.()
      left()
    })
    boundary.arm(`logout:${user}`, deadlineMs, () => this.#flushed(user))
  }

  /** I3: what the anonymous identity has pending goes to whoever is logged in; what is in flight, later. */
  adopt(): void {
    const { lanes, pilot, store, settings } = this.#core
    const { user } = pilot
    const mayBe = settings.anonymous === 'adopt' && pilot.requirement !== 'off'
    // What is in flight, only the process that dispatches knows.
    if (user === null || !mayBe || !pilot.dispatches || lanes.isEmpty(null)) return
    // Also where nothing has arrived yet: what is on its way must not be sent from here any more.
    const line = lanes.make(ANONYMOUS_LANE)
    const except = () => line.attempt?.members.map((row) => row.place) ?? []
    if (!lanes.isComing(null) && line.pending <= except().length) return
    line.changeBegun()
    store.commitAtLast(
      () => [{ change: 'adopt', user, except: except() }],
      {},
      (error) => this.#reportFailure(error),
      ([answer]) => {
        if (answer?.applied === true) this.#adopted(user, answer.affected, answer.envelopes ?? [])
        line.changeEnded()
      },
    )
  }

  /**
   * I12: erases all that is stored of a user; who is logged in is logged out first. It is not repeated
   * where it cannot be stored, or it would erase what comes meanwhile: only the end of the session is.
   */
  forget(user: UserId, settle: Settle<void>): void {
    const { boundary, store, lanes, pilot } = this.#core
    if (pilot.user === user) pilot.identity({ type: 'user.loggedOut' })
    const { stored } = this.#wallet.end(user)
    lanes.halt(user)
    const changes: Change[] = [{ change: 'forget', user, at: boundary.wall }, this.#identity()]
    store.commit(changes, {}, (answer) => {
      const line = lanes.resume(user)
      if (answer.ok) {
        const [forgotten] = answer.value
        this.#wallet.forget(user)
        stored()
        this.#forgotten(user, line, forgotten?.applied === true ? forgotten.affected : [])
        settle.resolve()
      } else {
        this.#storeAtLast(() => [this.#identity(), { change: 'endSession', user }], stored)
        settle.reject(answer.error)
      }
      line?.changeEnded()
    })
  }

  #forgotten(user: UserId, line: LaneLine | undefined, dropped: readonly Affected[]): void {
    const { store, pilot, report } = this.#core
    if (line !== undefined) {
      line.removed(dropped.map(placeOf))
      line.letters = 0
      this.#waits.end(line)
      pilot.abandon(line)
      pilot.shrunk(line)
    }
    for (const { id, kind } of dropped) {
      report('operation.dropped', { id, user, kind, reason: 'forgotten' })
    }
    this.#records.changed()
    store.tidy()
  }

  /** The engine is closing: who waits for a logout hears what is left. */
  endAll(): void {
    for (const user of Array.from(this.#flushing.keys())) this.#flushed(user)
  }

  updateToken({ user, token }: LoginArgs, settle: Settle<void>): void {
    if (token === null) settle.resolve()
    else
      this.#take(user, token, (error) => (error === null ? settle.resolve() : settle.reject(error)))
  }

  setRequirement(requirement: Requirement, settle: Settle<void>): void {
    const { pilot } = this.#core
    pilot.identity({ type: 'requirement.learned', requirement })
    const changes = () => [{ change: 'requirement', requirement: pilot.requirement } as const]
    this.#storeAtLast(changes, () => settle.resolve())
  }

  /**
   * Drops what may not stay, each reported: of the anonymous identity under `required` (I3), of who
   * logged out with `discard` (I7), what a login elsewhere has marked (I8). What is in flight is left until its outcome is known; it is swept
   * then, unless the server took it.
   */
  sweep(line: LaneLine): void {
    const { user, pending } = line
    if (pending === 0 || !this.#core.pilot.dispatches) return
    if (line.hasSuperseded) this.#dropMarked(line)
    if (user === null) {
      if (this.#dropsAnonymous) this.#purge(line, 'anonymous', () => undefined)
      return
    }
    const isStoring = this.#farewells.get(user) === 'storing'
    if (isStoring || this.#returning.has(user) || !this.#isDiscarding(user)) return
    this.#purge(line, 'logout', () => undefined)
  }

  sweepAnonymous(): void {
    const line = this.#core.lanes.ofUser(null)
    if (line !== undefined) this.sweep(line)
  }

  /** Nothing of this owner is pending: if they have logged out, their session ends (T11). */
  emptied(user: UserId | null): void {
    const { lanes } = this.#core
    if (user === null || this.#farewells.has(user) || !lanes.isEmpty(user)) return
    this.#wallet.setDiscarding(user, false)
    this.#unmark(user)
    if (this.#wallet.isLeaving(user)) this.#end(user, () => this.#flushed(user))
  }

  /** I7: what the kinds add for the leaving user, in the lane, before the switch. */
  #farewellOf(user: UserId): readonly EnqueueChange[] {
    const { kinds } = this.#core
    const farewell: EnqueueChange[] = []
    for (const { kind, hasOnLogout } of kinds.all()) {
      const payload = hasOnLogout ? kinds.onLogout(kind, { user }) : null
      if (payload === null) continue
      const row = draftRow(this.#core, { kind, payload, expiresInMs: null })
      farewell.push({ change: 'enqueue', user, nonce: nonce(this.#core), ...row })
    }
    return farewell
  }

  #storeFarewell(
    user: UserId,
    farewell: readonly EnqueueChange[],
    also: () => readonly Change[],
    then: () => void,
  ): void {
    const { store, lanes } = this.#core
    const { turn } = lanes
    for (const _ of farewell) lanes.coming(user, 1)
    store.commitAtLast(
      // What was there before is marked first: what is added lies behind it.
      () => [this.#discardLane(user), ...farewell, ...also()],
      {},
      (error) => this.#reportFailure(error),
      ([, ...answers]) => {
        // Not where another logout is at it meanwhile.
        const isDiscarding = this.#farewells.get(user) === 'storing'
        if (isDiscarding) {
          this.#farewells.delete(user)
          this.#wallet.setDiscarding(user, false)
        }
        for (const [index, change] of farewell.entries()) {
          lanes.coming(user, -1)
          const answer = answers[index]
          const put = answer?.applied === true ? answer.affected[0] : undefined
          if (put === undefined) continue
          const { creates = [], deviceScoped = false, ...row } = change
          const { id, lane, place } = put
          const line = lanes.make({ lane, user, pending: 0, letters: 0, soloThrough: 0 })
          if (isDiscarding && index === 0) line.discardThrough = place - 1
          arrive(this.#core, user, { ...row, creates, deviceScoped, id, lane, place }, turn)
        }
        then()
      },
    )
  }

  /** The lane is dropped, but what a logout adds is sent first: the session ends when that is done. */
  #discardBut(user: UserId, farewell: readonly EnqueueChange[], then: () => void): void {
    const { lanes, boundary } = this.#core
    this.#wallet.setLeaving(user, true)
    this.#discard(user)
    this.#farewells.set(user, 'owed')
    const also = () => [this.#identity(), this.#leave(user)]
    const bidFarewell = () => {
      if (this.#farewells.has(user)) this.#farewells.set(user, 'storing')
      this.#storeFarewell(user, farewell, also, then)
    }
    const begin = () => {
      const line = lanes.ofUser(user)
      // Whoever has come back meanwhile keeps what they have.
      const isOver = !this.#wallet.isDiscarding(user)
      if (isOver || line === undefined || line.pending === 0) bidFarewell()
      else this.#purge(line, 'logout', bidFarewell)
    }
    lanes.whenNoneComes(user, () => boundary.lastly(begin))
  }

  /**
   * What is in flight, only the process that dispatches knows (Q17). So it is told to drop what is here now,
   * and does so when it hears of it, or whoever dispatches next.
   */
  #discardElsewhere(
    user: UserId,
    farewell: readonly EnqueueChange[],
    settle: Settle<LogoutResult>,
  ): void {
    this.#discard(user)
    const stored = () => settle.resolve({ pending: farewell.length })
    if (farewell.length === 0) {
      this.#end(user, stored)
      return
    }
    this.#wallet.setLeaving(user, true)
    this.#farewells.set(user, 'storing')
    this.#storeFarewell(user, farewell, () => [this.#identity(), this.#leave(user)], stored)
  }

  /** From now on; in storage, and of the lane, once that is marked. */
  #discard(user: UserId): void {
    this.#returning.delete(user)
    this.#wallet.setDiscarding(user, true)
  }

  #isDiscarding(user: UserId): boolean {
    const { discardThrough = 0 } = this.#core.lanes.ofUser(user) ?? {}
    return this.#wallet.isDiscarding(user) || discardThrough > 0
  }

  /** They keep what is left; `returning` until that is stored. */
  #comeBack(user: UserId): void {
    this.#returning.add(user)
    this.#unmark(user)
  }

  #returned(user: UserId): void {
    if (this.#returning.delete(user)) this.#unmark(user)
  }

  #unmark(user: UserId): void {
    const line = this.#core.lanes.ofUser(user)
    if (line !== undefined) line.discardThrough = 0
  }

  #discardLane(user: UserId): Change {
    return { change: 'discardLane', user, discarding: this.#wallet.isDiscarding(user) }
  }

  /** I8: with the identity, so that nobody finds the one without the other. */
  #supersede(user: UserId): Storing {
    const { boundary, lanes, kinds, pilot } = this.#core
    const isNeeded = [...kinds.all()].some(({ deviceScoped }) => deviceScoped)
    if (!isNeeded) return NOTHING
    if (!pilot.dispatches) return this.#supersedeElsewhere(user)
    for (const { user: owner, attempt, rows, superseded } of lanes.pending()) {
      if (owner === null || owner === user) continue
      // Those that wait are dropped; until that is stored, they are not sent either.
      for (const row of [...(attempt?.members ?? []), ...rows]) {
        if (row.deviceScoped) superseded.add(row.id)
      }
    }
    const inFlight = () =>
      [...lanes.pending()].flatMap((line) => line.attempt?.members.map((row) => row.id) ?? [])
    return {
      changes: () => [{ change: 'supersede', user, except: inFlight(), at: boundary.wall }],
      stored: ([answer]) => this.#superseded(answer?.applied === true ? answer.affected : []),
    }
  }

  /** What is in flight, only the process that dispatches knows: it drops what is marked when it hears of it (Q17). */
  #supersedeElsewhere(user: UserId): Storing {
    const { boundary, lanes, pilot } = this.#core
    return {
      changes: () => [{ change: 'supersede', user, except: 'all', at: boundary.wall }],
      stored: () => {
        // This one has taken over meanwhile, and does not hear of its own marks.
        if (!pilot.dispatches) return
        for (const line of Array.from(lanes.pending())) {
          if (line.user !== null && line.user !== user) this.#dropMarked(line)
        }
      },
    }
  }

  #dropMarked(line: LaneLine): void {
    const { boundary, store } = this.#core
    const { lane } = line
    const except = () => line.attempt?.members.map(placeOf) ?? []
    line.hasSuperseded = false
    line.changeBegun()
    store.commitAtLast(
      () => [
        {
          change: 'purge',
          lane,
          except: except(),
          superseded: true,
          reason: 'superseded',
          at: boundary.wall,
        },
      ],
      {},
      (error) => this.#reportFailure(error),
      ([answer]) => {
        this.#superseded(answer?.applied === true ? answer.affected : [])
        // What is in flight is read again, with its mark.
        line.reordered(line.pending)
        line.changeEnded()
      },
    )
  }

  #superseded(dropped: readonly Affected[]): void {
    const { lanes, report, pilot } = this.#core
    const gone = Map.groupBy(dropped, ({ lane }) => lane)
    const freed: LaneLine[] = []
    // All of it, before a wait ends and the lane goes on.
    for (const [lane, rows] of gone) {
      const line = lanes.get(lane)
      const places = rows.map(placeOf)
      const wasHead = line?.head === undefined || places.includes(line.head.place)
      line?.removed(places)
      if (line !== undefined && wasHead && line.attempt === null) freed.push(line)
    }
    for (const { id, kind, user } of dropped) {
      report('operation.dropped', { id, user, kind, reason: 'superseded' })
    }
    for (const line of freed) this.#waits.end(line)
    for (const lane of gone.keys()) {
      const line = lanes.get(lane)
      if (line !== undefined) pilot.shrunk(line)
    }
    if (dropped.length > 0) this.#records.changed()
  }

  #adopted(user: UserId, adopted: readonly Affected[], envelopes: readonly EnvelopeRow[]): void {
    const { lanes, pilot } = this.#core
    const [first] = adopted
    if (first === undefined) return
    const from = lanes.ofUser(null)
    const line = lanes.make({ lane: first.lane, user, pending: 0, letters: 0, soloThrough: 0 })
    line.reordered(line.pending + adopted.length)
    line.restored(envelopes.filter(({ lane }) => lane === line.lane))
    line.tail = Math.max(line.tail, ...adopted.map(({ place }) => place))
    pilot.arrived(line)
    // What has waited for a record of theirs waits for nothing any more (Q12).
    this.#records.changed()
    if (from === undefined) return
    if (from.attempt === null) from.handedOver()
    from.reordered(from.pending - adopted.length)
    from.restored(envelopes.filter(({ lane }) => lane === from.lane))
    if (from.attempt === null) this.#waits.end(from)
    pilot.shrunk(from)
  }

  get #dropsAnonymous(): boolean {
    const { pilot, settings } = this.#core
    return pilot.requirement === 'required' && settings.anonymous === 'drop'
  }

  #flushed(user: UserId): void {
    this.#core.boundary.disarm(`logout:${user}`)
    this.#flushing.get(user)?.()
    this.#flushing.delete(user)
  }

  #identity(): Change {
    return { change: 'identity', user: this.#core.pilot.user }
  }

  #leave(user: UserId): Change {
    return { change: 'leave', user, leaving: this.#wallet.isLeaving(user) }
  }

  #end(user: UserId, then: () => void): void {
    const { changes, stored } = this.#endOf(user)
    this.#storeAtLast(changes, (answers) => {
      stored(answers)
      then()
    })
  }

  /** Ends the session, and says what is to be stored of it. */
  #endOf(user: UserId): Storing {
    const { stored } = this.#wallet.end(user)
    return {
      changes: () => [this.#discardLane(user), this.#identity(), { change: 'endSession', user }],
      stored: () => {
        stored()
        this.#discarded(user)
      },
    }
  }

  /** The lane is marked: what comes later is not meant, but for what is on its way already. */
  #discarded(user: UserId): void {
    const { lanes } = this.#core
    if (!this.#wallet.isDiscarding(user)) return
    const line = lanes.ofUser(user)
    if (line !== undefined) line.discardThrough = line.tail
    lanes.whenNoneComes(user, () => this.#wallet.setDiscarding(user, false))
  }

  #purge(line: LaneLine, reason: DropReason, then: () => void, also: Storing = NOTHING): void {
    const { boundary, store, report, pilot } = this.#core
    const { lane, user } = line
    const except = () => line.attempt?.members.map(placeOf) ?? []
    // Null: all of it.
    const through = () => {
      const isAll = user === null || this.#wallet.isDiscarding(user)
      return isAll ? null : line.discardThrough
    }
    const isBehind = line.head !== undefined && line.head.place > (through() ?? Infinity)
    const isDone = isBehind || line.pending <= except().length
    if (also === NOTHING && (this.#purging.has(line) || isDone)) {
      if (!isDone) this.#purging.set(line, 'again')
      then()
      return
    }
    this.#purging.set(line, 'once')
    line.changeBegun()
    store.commitAtLast(
      () => [
        { change: 'purge', lane, except: except(), reason, at: boundary.wall, ...upTo(through()) },
        ...also.changes(),
      ],
      {},
      (error) => this.#reportFailure(error),
      (answers) => {
        const [answer] = answers
        also.stored(answers)
        const dropped = answer?.applied === true ? answer.affected : []
        line.removed(dropped.map(({ place }) => place))
        if (line.attempt === null) this.#waits.end(line)
        for (const { id, kind } of dropped) {
          report('operation.dropped', { id, user, kind, reason })
        }
        const isToDoAgain = this.#purging.get(line) === 'again'
        this.#purging.delete(line)
        this.#records.changed()
        pilot.shrunk(line)
        if (isToDoAgain) this.sweep(line)
        line.changeEnded()
        then()
      },
    )
  }

  #take(user: UserId, token: Token, then: (error: Error | null) => void): void {
    this.#wallet.take(user, token, (taken) => then(taken.taken === 'failed' ? taken.error : null))
  }

  /** Repeated until it succeeds; the changes say what is true at each try, so none undoes a later one (I1). */
  #storeAtLast(changes: () => readonly Change[], then: (answers: readonly Answer[]) => void): void {
    this.#core.store.commitAtLast(changes, {}, (error) => this.#reportFailure(error), then)
  }

  #reportFailure(cause: Error): void {
    const error = notStored(cause, 'a change of identity was not stored yet')
    this.#core.report('error', { error })
  }
}

/** What is to be stored together with something else, and what is done once it is. */
interface Storing {
  readonly changes: () => readonly Change[]
  readonly stored: (answers: readonly Answer[]) => void
}

const NOTHING: Storing = { changes: () => [], stored: () => undefined }

function placeOf({ place }: { readonly place: number }): number {
  return place
}

function upTo(through: number | null): { readonly through?: number } {
  return through === null ? {} : { through }
}

function isOfAnother(user: UserId, token: Token): boolean {
  const { subject } = token.facts
  return subject !== null && subject !== user
}

function mismatch(user: UserId): HoldfastError {
  return new HoldfastError(
    'AUTH_USER_MISMATCH',
    `the token given for ${user} names another user in its subject claim`,
  )
}

/** Settles a call that waits for two things: the storing of the identity, and of the token. */
function both(settle: Settle<void>): { first: () => void; second: (error: Error | null) => void } {
  let open = 2
  let failure: Error | null = null
  const done = () => {
    open -= 1
    if (open > 0) return
    if (failure === null) settle.resolve()
    else settle.reject(failure)
  }
  return {
    first: done,
    second: (error) => {
      failure = error
      done()
    },
  }
}
