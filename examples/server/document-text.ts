/**
 * One text that is edited in place: a gap buffer of UTF-16 code units, so positions are those of a
 * JavaScript string and half a surrogate pair survives. The gap follows the edits; an edit costs what
 * the gap has to travel. Positions past the end are clamped, as `String.prototype.slice` does.
 */

const firstCapacity = 1_024
const decodeStep = 8_192

export class DocumentText {
  #units = new Uint16Array(firstCapacity)
  #gapStart = 0
  #gapEnd = firstCapacity

  get length(): number {
    return this.#units.length - (this.#gapEnd - this.#gapStart)
  }

  /** Removes `deleted` code units at `position`, then inserts `inserted` there. */
  splice(position: number, deleted: number, inserted: string): void {
    const at = Math.min(position, this.length)
    const gone = Math.min(deleted, this.length - at)
    this.#moveGapTo(at)
    this.#gapEnd += gone
    if (this.#gapEnd - this.#gapStart < inserted.length) this.#grow(inserted.length)
    for (let i = 0; i < inserted.length; i += 1) {
      this.#units[this.#gapStart + i] = inserted.charCodeAt(i)
    }
    this.#gapStart += inserted.length
  }

  toString(): string {
    return (
      decode(this.#units.subarray(0, this.#gapStart)) + decode(this.#units.subarray(this.#gapEnd))
    )
  }

  #moveGapTo(at: number): void {
    const gap = this.#gapEnd - this.#gapStart
    if (at < this.#gapStart) this.#units.copyWithin(at + gap, at, this.#gapStart)
    else this.#units.copyWithin(this.#gapStart, this.#gapEnd, at + gap)
    this.#gapStart = at
    this.#gapEnd = at + gap
  }

  #grow(needed: number): void {
    const units = new Uint16Array((this.length + needed) * 2)
    const behindGap = this.#units.subarray(this.#gapEnd)
    units.set(this.#units.subarray(0, this.#gapStart))
    units.set(behindGap, units.length - behindGap.length)
    this.#gapEnd = units.length - behindGap.length
    this.#units = units
  }
}

function decode(units: Uint16Array): string {
  let text = ''
  for (let i = 0; i < units.length; i += decodeStep) {
    text += String.fromCharCode(...units.subarray(i, i + decodeStep))
  }
  return text
}
