/** Chance. Nothing else in Holdfast draws random numbers, so that a run can be repeated. */
import { randomBytes } from 'node:crypto'

/** An answer that breaks these rules is replaced by one of the machine's own randomness. */
export interface Random {
  /** At least 0, less than 1. */
  fraction(): number
  /** Unguessable and never the same twice; letters, digits, `-` and `_`. */
  nonce(): string
}

/** 128 bits, as a UUID has. */
const NONCE_BYTES = 16

/** Drawn in blocks: a call of the operating system for each nonce would cost more than an insert. */
const BLOCK_BYTES = NONCE_BYTES * 256

/** The randomness of the machine. */
export function systemRandom(): Random {
  let block = Buffer.alloc(0)
  let used = 0
  return {
    fraction: () => Math.random(),
    nonce: () => {
      if (used === block.length) {
        block = randomBytes(BLOCK_BYTES)
        used = 0
      }
      used += NONCE_BYTES
      return block.toString('base64url', used - NONCE_BYTES, used)
    },
  }
}
