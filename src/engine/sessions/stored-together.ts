import type { Answer, Change } from '../../../storage/changes.ts'

/** Changes to store together with other changes, and the action once they are stored. */
export interface StoredTogether {
  readonly changes: () => readonly Change[]
  readonly stored: (answers: readonly Answer[]) => void
}

export const NOTHING: StoredTogether = { changes: () => [], stored: () => undefined }
