import type { Answer, Change } from '../../../storage/changes.ts'

/** What is to be stored together with something else, and what is done once it is. */
export interface StoredTogether {
  readonly changes: () => readonly Change[]
  readonly stored: (answers: readonly Answer[]) => void
}

export const NOTHING: StoredTogether = { changes: () => [], stored: () => undefined }
