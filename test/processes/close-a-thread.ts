/** Opens a storage on a worker thread, closes it, says so, and ends, whatever still runs. Argument: the file. */
import { systemClock } from '../../src/index.ts'
import { storageOnThread } from '../support/on-thread.ts'

const [file = ''] = process.argv.slice(2)
const storage = storageOnThread({ file })
await storage.open({
  atTurnEnd: (run) => systemClock.atTurnEnd(run),
  monotonic: () => systemClock.monotonic(),
  wall: () => systemClock.wall(),
  newFingerprintKey: 'fingerprint key',
})
await storage.close()
process.stdout.write('closed\n', () => process.exit())
