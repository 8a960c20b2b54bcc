/** Every reason for which an operation becomes a dead letter, as a list: a type alone cannot be looked through. */
import type { DeadReason } from './model.ts'

export const DEAD_REASONS = Object.keys({
  rejected: true,
  'attempts-exhausted': true,
  unreadable: true,
  conflict: true,
  'dependency-dead': true,
  'outcome-unknown': true,
} satisfies Record<DeadReason, true>) as readonly DeadReason[]
