/**
 * The WAL of a run is torn, and the engine opened on what is left: it opens, has what was synced before
 * the tear, sends each operation once and in order to the server as that was then, and goes on.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createHoldfast, sqliteStorage } from '../../src/index.ts'
import { Dice } from '../../src/simulation/search/dice.ts'
import { bundle, note } from '../processes/kinds.ts'
import type { Bundled } from '../processes/protocol.ts'
import { drained } from './drained.ts'
import { judge } from './judge.ts'
import { RememberingServer } from './remembering-server.ts'
import { inScratch } from './scratch.ts'
import { leftIn } from './stored-names.ts'
import { tear, type Torn } from './tear.ts'
import { Violation } from './violation.ts'
import { type After, WAL_USERS, type WalRun, walRun } from './wal-run.ts'
import { isWithin, type WalPosition } from './wal-end.ts'

const TEARS = 50

export interface TornTotals {
  readonly torn: number
  /** Operations, over all tears, that were acknowledged before the tear; and those that could be lost. */
  readonly kept: number
  readonly mayBeLost: number
  readonly applied: number
}

/** One run, torn in many ways. @throws Violation, with the seed. */
export function tornWal(seed: number, most = TEARS): Promise<TornTotals> {
  const dice = new Dice(seed)
  return inScratch('memory', `torn WAL, seed ${seed}`, async (folder) => {
    const run = await walRun(folder, dice)
    const sums = { torn: 0, kept: 0, mayBeLost: 0, applied: 0 }
    for (let count = 1; count <= Math.min(TEARS, most); count += 1) {
      const torn = tear(run.wal, whereToTear(run, dice), dice)
      const what = `tear ${count} (${torn.damage}, intact until ${torn.intactUntil} of ${run.wal.length})`
      const { kept, applied } = await surviveTear(folder, run, torn, what)
      sums.torn += 1
      sums.kept += kept
      sums.mayBeLost += run.acknowledged.length - kept
      sums.applied += applied
    }
    return sums
  })
}

/** Anywhere, and more often close to where a frame begins. */
function whereToTear({ wal, safeUntil, frameBytes }: WalRun, dice: Dice): number {
  const anywhere = dice.between(safeUntil, wal.length)
  if (dice.chance(0.6)) return anywhere
  const frame = Math.floor((anywhere - 32) / frameBytes)
  const close = 32 + frame * frameBytes + dice.of([-1, 0, 1, 23, 24, 25])
  return Math.min(wal.length, Math.max(safeUntil, close))
}

/** Opens the engine on what a tear has left of a run, in `folder`. @throws Violation */
export async function surviveTear(folder: string, run: WalRun, torn: Torn, what: string) {
  const file = join(folder, 'torn.db')
  writeFileSync(file, run.database)
  writeFileSync(`${file}-wal`, torn.bytes)
  const intact = { round: run.end.round, offset: torn.intactUntil }
  const server = new RememberingServer(before(run.applied, intact))
  const holdfast = await createHoldfast({
    storage: sqliteStorage({ file }),
    transport: server,
    operations: [note, bundle],
    requirement: 'off',
    backoff: { baseMs: 1, capMs: 5 },
  })
  const acknowledged: Bundled[] = before(run.acknowledged, intact)
  const kept = acknowledged.length
  for (const [index, user] of WAL_USERS.entries()) {
    if (user === null) await holdfast.logout()
    else await holdfast.login(user)
    const text = `after-${index}`
    const { id } = await holdfast.enqueue(note({ text }))
    acknowledged.push({ id, text })
  }
  await drained(holdfast, what)
  await holdfast.close()
  const cancelled = new Set(before(run.cancelled, intact))
  const complaints = [
    ...judge({
      // A cancelling that may be lost, may also be there.
      acknowledged: acknowledged.filter(
        ({ text }) => !run.takenBack.has(text.split(' ', 1)[0] ?? ''),
      ),
      applied: server.applied,
      mayBe: (name) => run.tried.has(name) || name.startsWith('after-'),
      mustNot: cancelled,
    }),
    ...server.complaints,
    ...leftIn(file),
  ]
  if (complaints.length > 0) throw new Violation(what, complaints)
  return { kept, applied: server.applied.length }
}

function before<What>(list: readonly After<What>[], intact: WalPosition): What[] {
  return list.filter(({ synced }) => isWithin(synced, intact)).map(({ what }) => what)
}
