/** Tells the app of the stored records (Q23). The answer comes from storage itself. It never decides anything. */
import { nameOf } from '../checks/texts.ts'
import type { RecordRow } from '../../storage/rows.ts'
import type { Storage } from '../../storage/storage.ts'

/** The server's id of the record with this local id. Null: the record is not made, or is lost, or is unknown. */
export async function serverIdOf(storage: Storage, localId: unknown): Promise<string | null> {
  const local = nameOf('record: the local id', localId)
  const found = await storage.records([local])
  return found.find(isMade)?.remote ?? null
}

/** True if the server has made the record. A record that is to be created anew still has its former id. */
function isMade({ state }: RecordRow): boolean {
  return state === 'made'
}
