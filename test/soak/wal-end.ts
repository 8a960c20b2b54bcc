/** Where the committed part of a WAL ends. Reads only what is new since it was asked last. */
import { closeSync, existsSync, openSync, readSync } from 'node:fs'

/** A place in the life of a WAL: it begins anew, over what it held, when all of that is in the database. */
export interface WalPosition {
  /** How often it has begun; 0: what was in the database before. */
  readonly round: number
  readonly offset: number
}

const WAL_HEADER = 32
const FRAME_HEADER = 24

export class WalEnd {
  readonly #file: string
  #round = 0
  #salt = ''
  #frame = 0
  #at = WAL_HEADER
  #end = 0

  constructor(databaseFile: string) {
    this.#file = `${databaseFile}-wal`
  }

  /** The length of a frame, once there is one. */
  get frameBytes(): number {
    return this.#frame
  }

  position(): WalPosition {
    if (existsSync(this.#file)) {
      const file = openSync(this.#file, 'r')
      try {
        this.#advance(file)
      } finally {
        closeSync(file)
      }
    }
    return { round: this.#round, offset: this.#end }
  }

  #advance(file: number): void {
    const header = Buffer.alloc(WAL_HEADER)
    // A WAL that was emptied has no header.
    const isEmpty = readSync(file, header, 0, WAL_HEADER, 0) < WAL_HEADER
    const salt = isEmpty ? '' : header.toString('hex', 16, 24)
    if (salt !== this.#salt) {
      this.#round += 1
      this.#salt = salt
      if (!isEmpty) this.#frame = FRAME_HEADER + header.readUInt32BE(8)
      this.#at = WAL_HEADER
      this.#end = 0
    }
    if (isEmpty) return
    const frame = Buffer.alloc(FRAME_HEADER)
    while (
      readSync(file, frame, 0, FRAME_HEADER, this.#at) === FRAME_HEADER &&
      frame.toString('hex', 8, 16) === salt
    ) {
      this.#at += this.#frame
      // The last frame of a transaction says how large the database is after it.
      if (frame.readUInt32BE(4) > 0) this.#end = this.#at
    }
  }
}

/** Is `position` in the database, or in the part of the WAL that is whole? */
export function isWithin(position: WalPosition, intact: WalPosition): boolean {
  return (
    position.round < intact.round ||
    (position.round === intact.round && position.offset <= intact.offset)
  )
}
