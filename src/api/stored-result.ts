/** The result of an operation, as storage keeps it (Q23). */
import type { OutcomeRow } from '../../storage/rows.ts'

/** Left out: the operation has no result. Another program may have changed it: then it is left out too. */
export function storedResult({ result }: OutcomeRow): { readonly result?: unknown } {
  if (result === undefined) return {}
  try {
    return { result: JSON.parse(result) as unknown }
  } catch {
    return {}
  }
}
