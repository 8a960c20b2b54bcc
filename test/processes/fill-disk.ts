/**
 * An app on a disk that gets full: it says what each call came to, and ends by itself. Argument: the
 * settings, as JSON.
 */
import { createHoldfast, type Holdfast, httpTransport, sqliteStorage } from '../../src/index.ts'
import { Dice } from '../../src/simulation/search/dice.ts'
import { codeOf, fillCalls, type Told } from '../soak/fill-calls.ts'
import { bundle, note } from './kinds.ts'

interface Settings {
  readonly file: string
  readonly origin: string
  readonly seed: number
}

const { file, origin, seed } = JSON.parse(process.argv[2] ?? '{}') as Settings
const tell = (told: Told) => void process.stdout.write(`${JSON.stringify(told)}\n`)
let holdfast: Holdfast | undefined

const code = await codeOf(async () => {
  holdfast = await createHoldfast({
    storage: sqliteStorage({ file }),
    transport: httpTransport({ baseUrl: origin }),
    operations: [note, bundle],
    requirement: 'off',
    backoff: { baseMs: 10, capMs: 100 },
  })
})
tell({ call: 'open', code })
if (holdfast !== undefined) {
  const app = holdfast
  const { changes } = await fillCalls(app, new Dice(seed), tell)
  tell({ call: 'close', code: await codeOf(() => app.close({ deadlineMs: 0 })) })
  await changes
  tell({ call: 'end', code: null })
}
