/** What did not hold, as plain data: it crosses from one process to another, and is printed. */
import { inspect } from 'node:util'
import type { Mismatch } from '../mismatch.ts'

export function plainMismatch({ what, expected, seen }: Mismatch): Mismatch {
  return { what, expected: plainOf(expected), seen: plainOf(seen) }
}

function plainOf(value: unknown): unknown {
  if (value === undefined) return null
  try {
    return JSON.parse(JSON.stringify(value, plainly)) as unknown
  } catch {
    return inspect(value, { depth: 6 })
  }
}

/** What JSON would leave out, or refuse. */
function plainly(_name: string, value: unknown): unknown {
  if (value instanceof Error) {
    const { name, message, code, cause } = value as Error & { readonly code?: unknown }
    return { name, code, message, cause }
  }
  if (value instanceof Set || value instanceof Map) return [...(value as Iterable<unknown>)]
  if (typeof value === 'bigint' || typeof value === 'function') return String(value)
  return value
}
