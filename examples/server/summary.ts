/** The verdict in one object, what `GET /log/summary` answers. A good client leaves `violations` at 0. */
import type { DocumentSummary } from './documents.ts'
import type { OwnerCounts } from './log.ts'
import type { World } from './world.ts'

export interface LogSummary {
  /** Keys with another body, wrong tokens, doubles and disorder, of all owners together. */
  readonly violations: number
  readonly users: Readonly<Record<string, OwnerCounts>>
  readonly anonymous: OwnerCounts
  readonly documents: readonly DocumentSummary[]
  readonly keys: { readonly remembered: number; readonly forgottenEarly: number }
}

export function summarise({ log, documents, memory }: World): LogSummary {
  const { users, anonymous } = log.summary()
  const violations = [...Object.values(users), anonymous].reduce(
    (sum, counts) =>
      sum +
      counts.keyReusedWithOtherBody +
      counts.appliedUnderWrongToken +
      counts.appliedTwice +
      counts.orderViolations,
    0,
  )
  return { violations, users, anonymous, documents: documents.summary(), keys: memory.summary() }
}
