/**
 * A database that may not grow beyond so many pages: whichever write is the first that finds no room,
 * calls are refused with a code, what was acknowledged stays, and once there is room all goes on.
 */
import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { createHoldfast, type Holdfast, sqliteStorage, type Storage } from '../../src/index.ts'
import type { Dice } from '../../src/simulation/search/dice.ts'
import { HandClock } from '../processes/hand-clock.ts'
import { bundle, note } from '../processes/kinds.ts'
import { FillAccount } from './fill-account.ts'
import { codeOf, fillCalls } from './fill-calls.ts'
import { RememberingServer } from './remembering-server.ts'
import { inScratch } from './scratch.ts'
import { inconsistenciesIn, leftIn, storedNames } from './stored-names.ts'
import { Violation } from './violation.ts'
import { within } from './within.ts'

const ROOM = 1_000_000
/** No wait of the engine is longer. */
const LONG_MS = 300_000

export interface FullTotals {
  readonly full: number
  readonly refused: number
  readonly acknowledged: number
}

/** @throws Violation */
export function pageLimit(pages: number, dice: Dice, what: string): Promise<FullTotals> {
  return inScratch('memory', `${what}, ${pages} pages`, async (folder) => {
    const file = join(folder, 'outbox.db')
    const server = new RememberingServer()
    const account = new FillAccount()
    const database = new SqliteDatabase(file)
    database.pragma(`max_page_count = ${pages}`)
    const clock = new HandClock()
    let holdfast: Holdfast | undefined
    const code = await codeOf(async () => {
      holdfast = await open(sqliteStorage({ database }), server, clock)
    })
    account.hear({ call: 'open', code })
    if (holdfast !== undefined) {
      const told = fillCalls(holdfast, dice, (one) => account.hear(one))
      const { changes } = await within('the calls', told)
      const complaints = [
        ...account.midway(storedNames(file), server.applied),
        ...inconsistenciesIn(file),
      ]
      if (complaints.length > 0) throw new Violation('while it is full', complaints)
      // Either there is room again while it runs, or at the next start.
      if (dice.chance(0.5)) {
        database.pragma(`max_page_count = ${ROOM}`)
        holdfast.resume()
        await pass(holdfast, clock)
      }
      await within('closing', holdfast.close({ deadlineMs: 0 }))
      await within('the changes of identity', changes)
    }
    database.close()
    const later = await open(sqliteStorage({ file }), server, clock)
    await pass(later, clock)
    await later.close({ deadlineMs: 0 })
    const complaints = [...account.final(server.applied), ...server.complaints, ...leftIn(file)]
    if (complaints.length > 0) throw new Violation('once there is room', complaints)
    return { full: 1, refused: account.refusals, acknowledged: account.acknowledgedCount }
  })
}

function open(storage: Storage, transport: RememberingServer, clock: HandClock): Promise<Holdfast> {
  return createHoldfast({
    storage,
    transport,
    clock,
    operations: [note, bundle],
    requirement: 'off',
  })
}

/** Lets time pass until nothing is pending. */
async function pass(holdfast: Holdfast, clock: HandClock): Promise<void> {
  for (let turn = 0; holdfast.status().counts.pending > 0; turn += 1) {
    if (turn > 20_000) throw new Violation('draining', ['drains: it is stuck'])
    if (turn % 20 === 0) clock.pass(LONG_MS)
    await new Promise((resolve) => setImmediate(resolve))
  }
}
