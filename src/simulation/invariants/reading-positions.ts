/**
 * The reading positions that replies have told, by owner and key, judged anew: one is stored in the transaction that
 * settles its write as accepted, so that a reply which a death or the disk kept from being recorded has told none.
 */
import type { SeenRequest } from '../scripted-server.ts'
import { additionsTo, isRead } from './invariant.ts'
import { outcomeOf } from './outcome.ts'
import type { RunRecord } from './run-record.ts'

/** Where a reply does not say how long, and the longest that it may say (R1). */
const DEFAULT_DELAY_MS = 500
const LONGEST_DELAY_MS = 60_000

export interface Position {
  readonly token: string
  /** When it was stored. */
  readonly at: number
  /** Until then a read waits that carries it, as long as the wall clock does not jump. */
  readonly readyAt: number
}

/** Positions that may have been lost: all that were stored before `from`, and maybe some until `to`. */
interface Erasure {
  readonly from: number
  readonly to: number
  /** False: maybe they are still there. */
  readonly isSure: boolean
}

export class ReadingPositions {
  readonly #run: RunRecord
  readonly #requests
  readonly #transitions
  readonly #sentOf = new Map<string, SeenRequest[]>()
  readonly #told = new Map<string, Position[]>()

  constructor(run: RunRecord) {
    this.#run = run
    this.#requests = additionsTo(run.requests)
    this.#transitions = additionsTo(run.rows.transitions)
  }

  /** Takes in what has been settled since. */
  look(): void {
    for (const sent of this.#requests()) if (!isRead(sent)) this.#sent(sent)
    for (const { id, from, to, at } of this.#transitions()) {
      if (from === 'pending' && to === 'completed') this.#completed(id, at)
    }
  }

  /** All that were told of this owner under this key, in the order in which they were stored. */
  told(user: string | null, key: string): readonly Position[] {
    return this.#told.get(nameOf(user, key)) ?? []
  }

  /** Those that may be the newest at this moment; null: none. In one instant nobody can tell what came first. */
  possible(user: string | null, key: string, at: number): readonly (Position | null)[] {
    const erasures = this.#erasures(user).filter(({ from }) => from <= at)
    const left = [...erasures]
    let possible: readonly (Position | null)[] = [null]
    const erase = (until: number) => {
      while (left[0] !== undefined && left[0].from <= until) {
        const { isSure, to } = left.shift() as Erasure
        possible = isSure && to < at ? [null] : [...possible, null]
      }
    }
    for (const position of this.told(user, key)) {
      if (position.at > at) break
      erase(position.at)
      const isSure =
        position.at < at &&
        !erasures.some(({ from, to }) => from <= position.at && position.at <= to)
      possible = isSure ? [position] : [...possible, position]
    }
    erase(at)
    return possible
  }

  #sent(sent: SeenRequest): void {
    for (const id of sent.ids) this.#sentOf.set(id, [...(this.#sentOf.get(id) ?? []), sent])
  }

  /** It is what the last reply to it has told; of several members it is that of the envelope. */
  #completed(id: string, at: number): void {
    const last = (this.#sentOf.get(id) ?? [])
      .filter((sent) => isHeard(sent) && (sent.endedAt ?? at) <= at)
      .toSorted((a, b) => (a.endedAt ?? 0) - (b.endedAt ?? 0))
      .at(-1)
    const told = last === undefined ? null : positionIn(last)
    if (last === undefined || told === null) return
    const name = nameOf(last.user, told.key)
    const readyAt = (last.endedAt ?? at) + told.delayMs
    const position = { token: told.token, at, readyAt }
    this.#told.set(name, [...(this.#told.get(name) ?? []), position])
  }

  /** Of who is forgotten nothing is left (I12), and of what a salvage cannot read neither (E2). */
  #erasures(user: string | null): readonly Erasure[] {
    const { calls, turns } = this.#run
    const forgotten = calls
      .filter((call) => call.name === 'forget' && call.user === user)
      .map(({ at, settledAt, error }) => {
        const isSure = settledAt !== null && error === null
        return { from: at, to: isSure ? settledAt : Number.POSITIVE_INFINITY, isSure }
      })
    const salvages = turns
      .filter(({ turn }) => turn === 'salvage')
      .map(({ at }) => ({ from: at, to: at, isSure: false }))
    return [...forgotten, ...salvages].toSorted((a, b) => a.from - b.from)
  }
}

/** Did the client hear the reply? In the instant in which it gives up nobody can tell. */
function isHeard({ reply, endedAt, givenUpAt }: SeenRequest): boolean {
  return reply !== null && (givenUpAt === null || givenUpAt === endedAt)
}

interface Told {
  readonly token: string
  readonly key: string
  readonly delayMs: number
}

function positionIn(sent: SeenRequest): Told | null {
  const { reply } = sent
  if (reply === null || outcomeOf({ ...sent, givenUpAt: null }) !== 'accepted') return null
  // A byte order mark is white space here, and none for JSON (Q6).
  const text = reply.isCut === true ? '' : reply.body.trim()
  if (text === '') return null
  const { ryw } = JSON.parse(text) as {
    readonly ryw?: { readonly token: string; readonly delay?: number; readonly key?: string }
  }
  if (ryw === undefined) return null
  const { token, key = '', delay = DEFAULT_DELAY_MS } = ryw
  return { token, key, delayMs: Math.ceil(Math.min(LONGEST_DELAY_MS, delay)) }
}

function nameOf(user: string | null, key: string): string {
  return JSON.stringify([user, key])
}
