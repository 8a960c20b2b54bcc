/** A question to storage that the app asks directly, past the engine. */
import { refusalOf } from '../engine/stored/storage-errors.ts'

/** @throws HoldfastError where storage cannot answer. */
export async function query<T>(ask: () => Promise<T>): Promise<T> {
  // Calls on their way to storage are asked for first (see Intake).
  await Promise.resolve()
  try {
    return await ask()
  } catch (thrown) {
    throw refusalOf(thrown)
  }
}
