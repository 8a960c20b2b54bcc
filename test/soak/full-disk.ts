/** The failing write walks upward: a disk that is full a little later each time, of one kind and the other. */
import { Dice } from '../../src/simulation/search/dice.ts'
import { leftOutOnWindows } from '../support/systems.ts'
import { fileLimit } from './file-limit.ts'
import { type FullTotals, pageLimit } from './page-limit.ts'

/** Seeds walk on from where the one before stopped, and begin again where nothing is refused any more. */
const PAGE_LIMITS = 10
const MOST_PAGES = 100
const FILE_LIMITS = leftOutOnWindows('files of a limited size', 'Windows has no ulimit') ? 0 : 2
const MOST_KIB = 800
const KIB_STEP = 8

/** @throws Violation, with the seed. */
export async function fullDisk(
  seed: number,
  most = PAGE_LIMITS + FILE_LIMITS,
): Promise<FullTotals> {
  const dice = new Dice(seed)
  const what = `full disk, seed ${seed}`
  const firstPage = ((seed - 1) * PAGE_LIMITS) % MOST_PAGES
  const firstKib = ((seed - 1) * FILE_LIMITS * KIB_STEP) % MOST_KIB
  const limits = [
    ...Array.from({ length: FILE_LIMITS }, (_, index) => {
      const kib = firstKib + index * KIB_STEP + dice.between(1, KIB_STEP)
      return () => fileLimit(kib, dice, what)
    }),
    ...Array.from(
      { length: PAGE_LIMITS },
      (_, index) => () => pageLimit(firstPage + index + 1, dice, what),
    ),
  ]
  const sums = { full: 0, refused: 0, acknowledged: 0 }
  for (const limited of limits.slice(0, most)) {
    const { refused, acknowledged } = await limited()
    sums.full += 1
    sums.refused += refused
    sums.acknowledged += acknowledged
  }
  return sums
}
