/**
 * A process whose files may not grow beyond so many KiB (`ulimit -f`; Node ignores SIGXFSZ, so that a
 * write fails): it ends by itself, and the next one, without the limit, finds what was acknowledged.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { startReferenceServer } from '../../examples/server/reference-server.ts'
import { createHoldfast, httpTransport, sqliteStorage } from '../../src/index.ts'
import type { Dice } from '../../src/simulation/search/dice.ts'
import { bundle, note } from '../processes/kinds.ts'
import { appliedTexts } from './applied-texts.ts'
import { drained } from './drained.ts'
import { FillAccount } from './fill-account.ts'
import type { Told } from './fill-calls.ts'
import type { FullTotals } from './page-limit.ts'
import { inScratch } from './scratch.ts'
import { inconsistenciesIn, leftIn, storedNames } from './stored-names.ts'
import { Violation } from './violation.ts'
import { within } from './within.ts'

const CHILD = fileURLToPath(new URL('../processes/fill-disk.ts', import.meta.url))

/** @throws Violation */
export function fileLimit(kib: number, dice: Dice, what: string): Promise<FullTotals> {
  return inScratch('disk', `${what}, ulimit -f ${kib}`, async (folder) => {
    const file = join(folder, 'outbox.db')
    const server = await startReferenceServer({ requirement: 'off' })
    try {
      const { origin } = server
      const account = new FillAccount()
      const seed = dice.between(1, 1_000_000)
      const isOpened = await fillUntilFull(kib, { file, origin, seed }, account)
      if (isOpened) {
        const complaints = [
          ...account.midway(storedNames(file), appliedTexts(server)),
          ...inconsistenciesIn(file),
        ]
        if (complaints.length > 0) throw new Violation('while it is full', complaints)
      }
      const holdfast = await createHoldfast({
        storage: sqliteStorage({ file }),
        transport: httpTransport({ baseUrl: origin }),
        operations: [note, bundle],
        requirement: 'off',
        backoff: { baseMs: 10, capMs: 100 },
      })
      await drained(holdfast, what)
      await holdfast.close()
      const complaints = [...account.final(appliedTexts(server)), ...leftIn(file)]
      if (server.summary().violations > 0) complaints.push('the server counts violations')
      if (complaints.length > 0) throw new Violation('once there is room', complaints)
      return { full: 1, refused: account.refusals, acknowledged: account.acknowledgedCount }
    } finally {
      await server.close()
    }
  })
}

interface Settings {
  readonly file: string
  readonly origin: string
  readonly seed: number
}

/** Answers whether the file could be opened. */
async function fillUntilFull(
  kib: number,
  settings: Settings,
  account: FillAccount,
): Promise<boolean> {
  const command = `ulimit -f ${kib}; exec "$0" "$@"`
  const child = spawn('bash', ['-c', command, process.execPath, CHILD, JSON.stringify(settings)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  try {
    const closed = once(child, 'close')
    const errors = text(child.stderr)
    let isOpened = false
    let isEnded = false
    createInterface({ input: child.stdout }).on('line', (line) => {
      const told = JSON.parse(line) as Told
      account.hear(told)
      if (told.call === 'open') isOpened = told.code === null
      if (told.call === 'end') isEnded = true
    })
    const [code, signal] = (await within('the process', closed)) as [number | null, string | null]
    if (code !== 0) {
      throw new Violation('the process', [`ended with ${code ?? signal}: ${await errors}`])
    }
    if (isOpened && !isEnded) throw new Violation('the process', ['a call was never answered'])
    return isOpened
  } finally {
    child.kill('SIGKILL')
  }
}
