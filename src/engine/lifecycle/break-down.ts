/**
 * Handles the break-down of storage: after damage and after `STORAGE_GONE` only a new opening helps (E2). The app is
 * told once, every lane is held, and each call that waits for storage fails. Nothing is repeated, so nothing is left
 * to wake the engine.
 */
import { HoldfastError } from '../../errors.ts'
import type { OpenCalls } from '../open-calls.ts'
import { codeOf } from '../boundary/error-codec.ts'
import type { Context } from '../context.ts'
import type { Holds } from '../holds/holds.ts'
import { storageErrorOfOurs } from '../stored/storage-errors.ts'
import type { Flushes } from './flushes.ts'

/**
 * The calls that do not fail here. A flush resolves by itself. A read that has been sent needs no storage; any other
 * read gets its error from storage.
 */
const NOT_FOR_STORAGE: ReadonlySet<string> = new Set(['flush', 'read'])

export interface BreakDownParts {
  readonly context: Context
  readonly holds: Holds
  readonly flushes: Flushes
  readonly openCalls: OpenCalls
}

export class BreakDown {
  readonly #parts: BreakDownParts

  constructor(parts: BreakDownParts) {
    this.#parts = parts
  }

  readonly begin = (cause: Error): void => {
    const { context, holds, flushes, openCalls } = this.#parts
    const ours = storageErrorOfOurs(cause)
    context.report('error', {
      error: ours instanceof HoldfastError ? ours : new HoldfastError('INTERNAL', cause.message),
    })
    holds.setOnEvery('storage-failed', `storage answers ${codeOf(cause)}; only a new opening helps`)
    openCalls.failAll(ours, NOT_FOR_STORAGE)
    flushes.check()
  }
}
