/** Lists the stored operations for the app, page by page. The lists come from storage itself. They never decide anything. */
import type { LaneId, OperationId } from '../model.ts'
import type { LetterPosition, Storage } from '../../storage/storage.ts'
import { wholeNumberOf } from '../checks/numbers.ts'
import { show } from '../checks/show.ts'
import { ownerOf } from './arguments.ts'
import { type DeadLetterFilter, letterFilterOf } from './letter-filter.ts'
import {
  type DeadLetter,
  describeLetter,
  describePending,
  type PendingOperation,
} from './operation-info.ts'

/** A part of a list, and where the next part begins. */
export interface Page<Item> {
  readonly items: readonly Item[]
  /** To be given as `after`, for the next page; null: this page has the end of the list. */
  readonly next: string | null
}

/** Which part of a list to answer. */
export interface PageOptions {
  /** The maximum number of items, a whole number from 1. Default: 1000. */
  readonly limit?: number
  /** The `next` of the page before. Default, and null: the first page. */
  readonly after?: string | null
}

export interface PendingFilter extends PageOptions {
  /** Only the operations of this user; null: of the anonymous identity. Default: of all owners. */
  readonly user?: string | null
}

/** So many items make one page if the app names no number. */
const PAGE_ITEMS = 1000

/** The pending operations lane by lane, each lane in the order in which it will be sent. */
export async function pendingOperations(
  storage: Storage,
  { user, limit = PAGE_ITEMS, after }: PendingFilter,
): Promise<Page<PendingOperation>> {
  wholeNumberOf('pending: limit', limit, 1)
  if (user !== undefined) ownerOf('pending', user)
  const begin = (after ?? null) === null ? null : spotOf(after)
  const { lanes } = await storage.reload()
  const found: PendingOperation[] = []
  let last: Spot | null = null
  for (const { lane, user: owner, pending } of lanes) {
    const isBefore = begin !== null && lane < begin.lane
    if (isBefore || pending === 0 || (user !== undefined && owner !== user)) continue
    const from = begin?.lane === lane ? begin.place : Number.MIN_SAFE_INTEGER
    // One more than the page has room for tells whether there is another page.
    const rows = await storage.window(lane, from, limit - found.length + 1)
    for (const row of rows) {
      if (found.length === limit) return { items: found, next: last === null ? null : textOf(last) }
      found.push(describePending(row, owner))
      last = { lane, place: row.place }
    }
  }
  return { items: found, next: null }
}

/** The dead letters, the oldest first. */
export async function deadLetters(
  storage: Storage,
  filter: DeadLetterFilter & PageOptions,
): Promise<Page<DeadLetter>> {
  const { limit = PAGE_ITEMS, after } = filter
  wholeNumberOf('deadLetters: limit', limit, 1)
  const letters = await storage.letters({
    ...letterFilterOf('deadLetters', filter),
    ...((after ?? null) === null ? {} : { after: positionOf(after) }),
    limit: limit + 1,
  })
  const shown = letters.slice(0, limit)
  const last = shown.at(-1)
  return {
    items: shown.map((letter) => describeLetter(letter, letter.user)),
    next: last === undefined || letters.length <= limit ? null : textOfPosition(last),
  }
}

/** Where a page of pending operations ends. */
interface Spot {
  readonly lane: LaneId
  readonly place: number
}

function textOf({ lane, place }: Spot): string {
  return `${lane}/${place}`
}

function spotOf(after: unknown): Spot {
  const [, lane, place] = matched('pending', after, /^(\d+)\/(-?\d+)$/)
  return { lane: Number(lane) as LaneId, place: Number(place) }
}

function textOfPosition({ diedAt, lane, place, id }: LetterPosition): string {
  return `${diedAt}/${lane}/${place}/${id}`
}

function positionOf(after: unknown): LetterPosition {
  const [, diedAt, lane, place, id = ''] = matched(
    'deadLetters',
    after,
    /^(-?\d+)\/(\d+)\/(-?\d+)\/(.+)$/,
  )
  return {
    diedAt: Number(diedAt),
    lane: Number(lane) as LaneId,
    place: Number(place),
    id: id as OperationId,
  }
}

function matched(call: string, after: unknown, form: RegExp): readonly string[] {
  const match = typeof after === 'string' ? form.exec(after) : null
  const numbers = match?.slice(1, 4).map(Number) ?? []
  const isSafe = numbers.every((number) => Number.isNaN(number) || Number.isSafeInteger(number))
  if (match !== null && isSafe) return match
  throw new TypeError(`${call}: after must be \`next\` of an earlier page, not ${show(after)}`)
}
