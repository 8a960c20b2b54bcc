/** Nothing here waits by time; but what never comes is a violation too, and this is how it is noticed. */
import { Violation } from './violation.ts'

const PATIENCE_MS = 120_000

export async function within<T>(what: string, promise: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    late.reject(new Violation(what, [`did not come to its end within ${PATIENCE_MS / 1000} s`]))
  }, PATIENCE_MS)
  try {
    return await Promise.race([promise, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
