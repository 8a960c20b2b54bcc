/** The name that was probably meant by a misspelt one. */

/** One slip of the pen for so many characters: of two short names each would be near the other. */
const CHARACTERS_PER_SLIP = 3
const MOST_SLIPS = 3

/** To compare two names takes as long as the product of their lengths. */
const LONGEST = 64

/** The end of a message about an unknown name: the nearest of the known ones, or nothing if none is near. */
export function meant(name: string, known: Iterable<string>): string {
  const nearest = nearestOf(name, known)
  return nearest === null ? '' : `; do you mean ${nearest}?`
}

/** Null: none is near. Capital and small letters are the same. */
export function nearestOf(name: string, known: Iterable<string>): string | null {
  let nearest: string | null = null
  let fewest = Number.POSITIVE_INFINITY
  for (const candidate of known) {
    const slips = slipsBetween(name.toLowerCase(), candidate.toLowerCase())
    if (slips < fewest) {
      nearest = candidate
      fewest = slips
    }
  }
  return nearest
}

/** How many characters are wrong, missing, too many or exchanged with their neighbour; infinite: too many. */
function slipsBetween(one: string, other: string): number {
  const shorter = Math.min(one.length, other.length)
  const most = Math.min(MOST_SLIPS, Math.floor(shorter / CHARACTERS_PER_SLIP))
  const longer = Math.max(one.length, other.length)
  if (longer > LONGEST || longer - shorter > most) return Number.POSITIVE_INFINITY
  let before: number[] = []
  let row = Array.from({ length: other.length + 1 }, (_, index) => index)
  for (let i = 1; i <= one.length; i += 1) {
    const next = [i]
    for (let j = 1; j <= other.length; j += 1) {
      const isSame = one[i - 1] === other[j - 1]
      const isExchanged =
        i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1]
      next.push(
        Math.min(
          at(row, j) + 1,
          at(next, j - 1) + 1,
          at(row, j - 1) + (isSame ? 0 : 1),
          isExchanged ? at(before, j - 2) + 1 : Number.POSITIVE_INFINITY,
        ),
      )
    }
    before = row
    row = next
  }
  const slips = at(row, other.length)
  return slips <= most ? slips : Number.POSITIVE_INFINITY
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY
}
