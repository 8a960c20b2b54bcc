/**
 * The acceptance suite for an implementation of Storage. It belongs to no test runner:
 *
 *     for (const { name, run } of storageContract) {
 *       test(name, () => run(makeSubject()))
 *     }
 *
 * Nothing in it sleeps, and nothing reads a clock. The names of the cases tell the surprising edges.
 */
import { commitCases } from './storage-contract/commits.ts'
import { countCases } from './storage-contract/counts.ts'
import { endingCases } from './storage-contract/endings.ts'
import { envelopeCases } from './storage-contract/envelopes.ts'
import { letterCases } from './storage-contract/letters.ts'
import { listedLetterCases } from './storage-contract/listed-letters.ts'
import { markCases } from './storage-contract/marks.ts'
import { placeCases } from './storage-contract/places.ts'
import { readingCases } from './storage-contract/reading.ts'
import { replacedPayloadCases } from './storage-contract/replaced-payloads.ts'
import { sessionCases } from './storage-contract/sessions.ts'
import { settlingCases } from './storage-contract/settling.ts'
import { upgradeCases } from './storage-contract/upgrades.ts'
import type { StorageContractCase } from './storage-contract/subject.ts'

export type { StorageContractCase, StorageSubject } from './storage-contract/subject.ts'

export const storageContract: readonly StorageContractCase[] = [
  ...commitCases,
  ...markCases,
  ...placeCases,
  ...countCases,
  ...settlingCases,
  ...upgradeCases,
  ...endingCases,
  ...envelopeCases,
  ...letterCases,
  ...listedLetterCases,
  ...replacedPayloadCases,
  ...readingCases,
  ...sessionCases,
]
