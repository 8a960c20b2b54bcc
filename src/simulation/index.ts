/** `holdfast/simulation`: scenarios, replay, and the acceptance suite of storages. */
export { readJournal } from '../journal/read-journal.ts'
export { replay, type ReplayReport } from '../journal/replay.ts'
export { ReplayDivergedError } from '../errors.ts'
export type { Mismatch } from './mismatch.ts'
export { parseScenario } from './parse-scenario.ts'
export { runScenario, type ScenarioResult } from './run-scenario.ts'
export type { Scenario } from './scenario.ts'
export {
  storageContract,
  type StorageContractCase,
  type StorageSubject,
} from './storage-contract.ts'
export { WALL_START, type Life, VirtualTime } from './virtual-time.ts'
export { SeededRandom } from './seeded-random.ts'
