/**
 * A process that sets a damaged database aside and salvages it, and kills itself at a step on the way: each step is a call
 * to the file system, a look at the clock, or a question for a kind. It prints `done` if it has come to the end. Arguments: the file, the step.
 */
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

const [file = '', step = '0'] = process.argv.slice(2)
let stepsLeft = Number(step)
let hasBegun = false

function pass(): void {
  if (!hasBegun) return
  if (stepsLeft === 0) process.kill(process.pid, 'SIGKILL')
  stepsLeft -= 1
}

for (const name of ['openSync', 'writeSync', 'renameSync', 'rmSync', 'fsyncSync'] as const) {
  const original = fs[name] as (...args: unknown[]) => unknown
  const counted = (...args: unknown[]) => {
    pass()
    return original(...args)
  }
  Object.assign(fs, { [name]: counted })
}
syncBuiltinESMExports()

// Only now: what it imports of the file system is what was put there.
const { SqliteStorage } = await import('../../storage/sqlite/sqlite-storage.ts')
const storage = new SqliteStorage({ file, durability: 'app-crash', onCorrupt: 'set-aside' })
hasBegun = true
await storage.open({
  atTurnEnd: (end) => void setImmediate(end),
  monotonic: () => 0,
  wall: () => {
    pass()
    return 1_767_225_600_000
  },
  newFingerprintKey: 'another fingerprint key',
  // The salvage asks for it in the midst of its transaction, where an envelope is unreadable.
  recordedKinds: new Proxy(
    {},
    {
      getOwnPropertyDescriptor: () => {
        pass()
        return undefined
      },
    },
  ),
})
await storage.close()
process.stdout.write('done\n')
