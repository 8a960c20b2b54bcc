/**
 * Reads, and all that may happen around them, as single steps for somebody to order: a real engine on
 * real SQLite in virtual time, and a server that judges a request and answers it when it is told to.
 * What a read may never do is checked as each request leaves; how it ended, by `complaints()`.
 */
import type { Life } from '../../src/simulation/virtual-time.ts'
import { memoryVault } from '../../src/ports/vault.ts'
import type { Clock } from '../../src/ports/clock.ts'
import { echo, positioned } from './kinds.ts'
import { note, Rig, type Sent } from './rig.ts'

export interface Setting {
  readonly hasSource: boolean
  /** The reads wait for the first of the two writes alone, or for all of the lane. */
  readonly after: 'write' | 'lane'
  /** Of the position. */
  readonly delayMs: number
  /** Is it registered before the write that is waited for, or after it? */
  readonly isPositionFirst: boolean
  /** What a refusal takes back: the first token, or also those that have been pushed since. */
  readonly revokes: 'first' | 'all'
  /** How the process ends. */
  readonly restart: 'close' | 'crash'
}

/** What the server waits for until it is told. */
export type Gate = 'write' | 'position' | 'judge' | 'reply'

/** A request that has no answer yet. */
interface Held {
  readonly sent: Sent
  readonly sort: 'write' | 'position' | 'read'
  verdict: number | null
}

/** One read, as the test sees it. */
interface Seen {
  readonly name: string
  readonly user: string
  /** Operations that must have settled before it is sent (R1); some may have no id yet. */
  readonly after: readonly Write[]
  readonly fetches: Sent[]
  readonly ends: unknown[]
  id: string | null
  refusedCount: number
  /** A request of it got no reply. */
  wasBroken: boolean
  /** Its process is gone, or its user. */
  wasCut: 'switched' | 'closed' | 'crashed' | null
}

interface Write {
  readonly user: string
  /** Null until it is stored. */
  id: string | null
}

interface Refusable {
  readonly user: string
  isRefused: boolean
}

/** Who orders the steps, once the world is built. */
export interface Director {
  /** A turn of the event loop is to end. */
  readonly turn: (end: () => void) => void
  /** A request has left. */
  readonly sent: (name: string, held: Held) => void
  /** The token source is asked. */
  readonly asked: (answer: () => string) => Promise<string>
}

export class ReadWorld {
  readonly rig: Rig
  readonly #setting: Setting
  readonly #open = new Set<Gate>()
  readonly #held = new Set<Held>()
  readonly #reads: Seen[] = []
  readonly #complaints: string[] = []
  readonly #writes: Write[] = []
  /** Tokens by what they say: whose, and whether the server refuses them. */
  readonly #tokens = new Map<string, Refusable>()
  /** Tokens that the engine was told about by a 401, and those that it says it holds for refused. */
  readonly #refusedOnce = new Set<string>()
  readonly #knownRefused = new Set<string>()
  readonly #turns: (() => void)[] = []
  #director: Director | null = null
  #life: Life = { isAlive: true }
  /** Has `off` ever been said? Only then may anything be unsigned. */
  #wasOff = false
  #isOff = false

  private constructor(setting: Setting) {
    this.#setting = setting
    this.rig = Rig.prepare({
      operations: [note, positioned],
      vault: memoryVault(),
      answer: (sent) => this.#left(sent),
      ...(setting.hasSource ? { tokenSource: ({ user }) => this.#source(user) } : {}),
    })
  }

  /** Alice is logged in, two writes of hers are in her lane, and she reads. */
  static async make(setting: Setting): Promise<ReadWorld> {
    const world = new ReadWorld(setting)
    await world.#begin()
    await world.rig.login('alice', world.#mint('alice'))
    if (setting.isPositionFirst) await world.#writePosition()
    world.#writes.push({ user: 'alice', id: await world.rig.enqueue('the write') })
    if (!setting.isPositionFirst) await world.#writePosition()
    return world
  }

  /** From now on somebody else orders what happens; null: everything happens at once again. */
  direct(director: Director | null): void {
    this.#director = director
    if (director !== null) return
    const clock = this.rig.time.clock(this.#life)
    for (const turn of this.#turns.splice(0)) clock.atTurnEnd(turn)
  }

  read(): void {
    const name = `r${this.#reads.length + 1}`
    const { user } = this
    const writes = this.#writes.filter((write) => write.user === user)
    const stored = writes.filter(({ id }) => id !== null)
    const after = this.#setting.after === 'lane' ? writes : stored.slice(0, 1)
    const seen: Seen = {
      name,
      user,
      after,
      fetches: [],
      ends: [],
      id: null,
      refusedCount: 0,
      wasBroken: false,
      wasCut: null,
    }
    this.#reads.push(seen)
    const read = this.rig.holdfast.read({
      request: ({ position }) => ({
        method: 'GET',
        path: `/reads/${name}`,
        ...(position === null ? {} : { query: { position } }),
      }),
      ...(this.#setting.after === 'lane' ? {} : { after: after.flatMap(({ id }) => id ?? []) }),
    })
    read.then(
      ({ status }) => seen.ends.push(status),
      (error: { readonly code?: unknown }) => seen.ends.push(error.code),
    )
  }

  /** Enqueues one more, and reads before it can have been stored. */
  writeAndRead(): void {
    const write: Write = { user: this.user, id: null }
    const enqueued = this.rig.holdfast.enqueue(note({ text: 'another' }))
    ignored(enqueued.then(({ id }) => (write.id = id)))
    this.#writes.push(write)
    this.read()
  }

  /** Who is logged in. After a crash that is whoever had been stored by then. */
  get user(): string {
    return this.rig.holdfast.status().identity ?? ''
  }

  /** The server may do this from now on. */
  open(gate: Gate): void {
    this.#open.add(gate)
    this.#pump()
  }

  /** The server looks at the request. */
  judge(held: Held): void {
    held.verdict ??= this.#verdictOn(held.sent)
  }

  /** What it made of the request arrives. */
  deliver(held: Held, how: 'broken' | 'rejected' | null = null): void {
    if (!this.#held.delete(held)) return
    const { sent, sort } = held
    const { token } = sent
    const seen = sort === 'read' ? this.#seenOf(sent) : undefined
    if (how === 'broken') {
      if (seen !== undefined) seen.wasBroken = true
      sent.fail()
    } else if (held.verdict === 401) {
      if (token !== null) this.#refusedOnce.add(token)
      if (seen !== undefined) seen.refusedCount += 1
      sent.reply(401)
    } else if (how === 'rejected') sent.reply(400)
    else echo(sent)
  }

  /** Every read in flight loses its connection. */
  breakNetwork(): void {
    for (const held of this.#held) if (held.sort === 'read') this.deliver(held, 'broken')
  }

  rejectWrite(): void {
    for (const held of this.#held) {
      if (held.sort !== 'write') continue
      this.judge(held)
      this.deliver(held, 'rejected')
    }
  }

  refuse(): void {
    const tokens = [...this.#tokens.values()].filter(({ user }) => user === 'alice')
    const [first] = tokens
    for (const token of this.#setting.revokes === 'all' ? tokens : [first]) {
      if (token !== undefined) token.isRefused = true
    }
  }

  push(): void {
    ignored(this.rig.holdfast.updateToken('alice', this.#mint('alice')))
  }

  demand(requirement: 'off' | 'required'): void {
    this.#isOff = requirement === 'off'
    this.#wasOff ||= this.#isOff
    ignored(this.rig.holdfast.setRequirement(requirement))
  }

  switchUser(): void {
    this.#cut('switched')
    ignored(this.rig.holdfast.login('bob', { token: this.#mint('bob') }))
  }

  async restart(): Promise<void> {
    const director = this.#director
    this.direct(null)
    if (this.#setting.restart === 'crash') {
      this.#cut('crashed')
      this.#life.isAlive = false
      this.rig.crash()
      // Nobody is there to hear the replies.
      this.#held.clear()
    } else {
      this.#cut('closed')
      await this.rig.close()
    }
    await this.#begin()
    this.direct(director)
  }

  /** Virtual time moves on by this much, or not at all. */
  async advance(byMs = 0): Promise<void> {
    await this.rig.advance(byMs)
  }

  /** Lets the engine come to rest. A read that has not ended then must be in flight, or wait for something. */
  async rest(): Promise<void> {
    await this.rig.advance()
    const { tokenNeeds } = this.rig.holdfast.status()
    for (const seen of this.#reads) {
      const isInFlight = [...this.#held].some(({ sent }) => this.#seenOf(sent) === seen)
      const readyAt = this.#newestPosition(seen.user)?.readyAt ?? 0
      const isWaiting =
        this.#pendingOf(seen) > 0 ||
        readyAt > this.rig.time.wall() ||
        tokenNeeds.some(({ user }) => user === seen.user)
      if (seen.ends.length === 0 && seen.wasCut === null && !isInFlight && !isWaiting) {
        this.#complaints.push(`${seen.name} waits for nothing`)
      }
    }
  }

  /** Nothing goes wrong any more: everything is answered, and a token that works is there. */
  async calm(): Promise<void> {
    this.direct(null)
    for (const gate of ['write', 'position', 'judge', 'reply'] as const) this.open(gate)
    await this.rig.advance(1000)
    for (let round = 0; round < 4; round += 1) {
      // A source has the fresh token itself; without one the app is to bring it.
      if (!this.#setting.hasSource) {
        await this.rig.whileResting(this.rig.holdfast.updateToken('alice', this.#good('alice')))
      }
      await this.rig.advance(1000)
      if (this.#reads.every(({ ends }) => ends.length > 0)) break
    }
    // Whoever is still to be heard of is heard of by now.
    await this.rig.advance(60_000)
  }

  /** What is wrong about how the reads ended. */
  complaints(): readonly string[] {
    return [...this.#complaints, ...this.#reads.flatMap((seen) => this.#complaintsAbout(seen))]
  }

  async end(): Promise<void> {
    await this.rig.end()
  }

  async #begin(): Promise<void> {
    const life = { isAlive: true }
    this.#life = life
    await this.rig.open({ clock: this.#clock(life) })
    const hear = () => {
      for (const token of this.#refusedOnce) this.#knownRefused.add(token)
    }
    this.rig.holdfast.on('token.refused', hear)
  }

  /** A clock whose turns end when the director says so. */
  #clock(life: Life): Clock {
    const clock = this.rig.time.clock(life)
    return {
      ...clock,
      atTurnEnd: (run) => {
        if (this.#director === null) {
          clock.atTurnEnd(run)
          return
        }
        this.#turns.push(() => {
          if (life.isAlive) run()
        })
        // In the order of their beginnings, whichever of them is picked.
        this.#director.turn(() => this.#turns.shift()?.())
      },
    }
  }

  async #writePosition(): Promise<void> {
    const { delayMs } = this.#setting
    const { id } = await this.rig.whileResting(
      this.rig.holdfast.enqueue(positioned({ token: 'p1', delayMs })),
    )
    this.#writes.push({ user: 'alice', id })
  }

  #cut(how: 'switched' | 'closed' | 'crashed'): void {
    for (const seen of this.#reads) {
      if (seen.ends.length === 0 && (how !== 'switched' || seen.user !== 'bob')) {
        seen.wasCut ??= how
      }
    }
  }

  #mint(user: string): string {
    const token = `${user}-${this.#tokens.size + 1}`
    this.#tokens.set(token, { user, isRefused: false })
    return token
  }

  /** A token that the server takes: the newest, or a new one. */
  #good(user: string): string {
    const good = [...this.#tokens].findLast(([, one]) => one.user === user && !one.isRefused)
    return good?.[0] ?? this.#mint(user)
  }

  #source(user: string): Promise<string> | string {
    const answer = () => this.#good(user)
    return this.#director === null ? answer() : this.#director.asked(answer)
  }

  #verdictOn({ token }: Sent): number {
    if (token === null) return this.#isOff ? 200 : 401
    return this.#tokens.get(token)?.isRefused === false ? 200 : 401
  }

  /** A request leaves the engine. */
  #left(sent: Sent): void {
    const { kind, path } = sent.request
    const sort = kind === 'read' ? 'read' : kind === 'positioned' ? 'position' : 'write'
    const held: Held = { sent, sort, verdict: null }
    this.#held.add(held)
    if (sort === 'read') this.#checkFetch(sent)
    if (this.#director === null) this.#pump()
    else this.#director.sent(sort === 'read' ? (path.split('?')[0] ?? '') : sort, held)
  }

  #pump(): void {
    for (const held of this.#held) {
      const { sort } = held
      if (sort !== 'read') {
        if (!this.#open.has(sort)) continue
        this.judge(held)
        this.deliver(held)
        continue
      }
      if (this.#open.has('judge')) this.judge(held)
      if (this.#open.has('reply') && held.verdict !== null) this.deliver(held)
    }
  }

  #seenOf({ request }: Sent): Seen | undefined {
    return this.#reads.find(({ name }) => request.path.split('?')[0] === `/reads/${name}`)
  }

  /** As it leaves: what R1 to R4 say of every request of a read. */
  #checkFetch(sent: Sent): void {
    const seen = this.#seenOf(sent)
    const complain = (what: string) => this.#complaints.push(`${seen?.name ?? 'a read'} ${what}`)
    if (seen === undefined) {
      complain('is of nobody')
      return
    }
    const { token, request } = sent
    seen.id ??= request.operations[0] ?? null
    // R1, R3, R4
    if (seen.ends.length > 0) complain(`is sent after it ended (${String(seen.ends[0])})`)
    if (seen.wasCut !== null) complain(`is sent after it was ${seen.wasCut}`)
    if (token === null && !this.#wasOff) complain('is sent unsigned')
    if (token !== null && this.#tokens.get(token)?.user !== seen.user)
      complain(`is sent as ${token}`)
    if (token !== null && this.#knownRefused.has(token))
      complain(`is sent with the refused ${token}`)
    if (token !== null && seen.fetches.some((other) => other.token === token)) {
      complain(`is sent twice with ${token}`)
    }
    const pending = this.#pendingOf(seen)
    if (pending > 0) complain(`does not wait for ${pending} of its writes`)
    const newest = this.#newestPosition(seen.user)
    const position = new URLSearchParams(request.path.split('?')[1] ?? '').get('position')
    if (position !== (newest?.token ?? null)) {
      complain(`names ${position ?? 'no position'}, the newest is ${newest?.token ?? 'none'}`)
    }
    if (newest !== null && newest.readyAt > this.rig.time.wall())
      complain('does not wait its delay')
    seen.fetches.push(sent)
  }

  #pendingOf({ after }: Seen): number {
    const find = this.rig.database.prepare<[string], unknown>(
      'SELECT 1 FROM holdfast_operations WHERE id = ?',
    )
    return after.filter(({ id }) => id !== null && find.get(id) !== undefined).length
  }

  /** What storage holds at this moment. */
  #newestPosition(user: string): { readonly token: string; readonly readyAt: number } | null {
    return (
      this.rig.database
        .prepare<[string], { token: string; readyAt: number }>(
          `SELECT token, ready_at AS readyAt FROM holdfast_positions JOIN holdfast_lanes USING (lane)
           WHERE user = ? AND key = ''`,
        )
        .get(user) ?? null
    )
  }

  #complaintsAbout(seen: Seen): string[] {
    const { name, ends, fetches, wasCut, refusedCount, id } = seen
    const [end] = ends
    const how = `${name} ended ${ends.map(String).join(', ') || 'never'}`
    const complaints: string[] = []
    if (ends.length !== 1 && !(wasCut === 'crashed' && ends.length === 0)) complaints.push(how)
    const allowed =
      end === undefined ||
      end === 200 ||
      (end === 'READ_CANCELLED' && wasCut === 'switched') ||
      (end === 'CLOSED' && wasCut === 'closed') ||
      (end === 'READ_FAILED' && seen.wasBroken) ||
      (end === 'AUTH_REFRESH_FAILED' && this.#setting.hasSource && refusedCount === 2)
    if (!allowed) complaints.push(`${how}, ${wasCut ?? 'not cut'}, refused ${refusedCount} times`)
    const deferrals = this.rig
      .eventsOf('read.deferred')
      .filter((detail) => detail.id === id && id !== null).length
    // R3: once, and once more for each deferral.
    if (end === 200 && fetches.length !== deferrals + 1) {
      complaints.push(`${name}: ${fetches.length} fetches, ${deferrals} deferrals`)
    }
    const completions = this.rig.eventsOf('read.completed').filter((detail) => detail.id === id)
    if (completions.length !== (end === 200 ? 1 : 0))
      complaints.push(`${how}, ${completions.length} told`)
    if (end === 200 && this.#setting.hasSource && refusedCount > 1) {
      complaints.push(`${how}, though refused ${refusedCount} times`)
    }
    return complaints
  }
}

/** A restart may come before it is stored: it rejects then, and nobody here asks. */
function ignored(call: Promise<unknown>): void {
  call.catch(() => undefined)
}
