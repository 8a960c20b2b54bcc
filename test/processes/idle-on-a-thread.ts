/**
 * An app whose storage is on a worker thread, and which never closes anything: it enqueues, says that it
 * is stored, and has nothing more to do. Argument: the file.
 */
import { createHoldfast } from '../../src/index.ts'
import { storageOnThread } from '../support/on-thread.ts'
import { note } from './kinds.ts'

const [file = ''] = process.argv.slice(2)
const holdfast = await createHoldfast({
  storage: storageOnThread({ file }),
  transport: { origin: 'https://server.test', send: () => new Promise(() => undefined) },
  operations: [note],
  requirement: 'unknown',
})
// Nothing but the question that is open keeps the process alive from here on.
void holdfast.enqueue(note({ text: 'one' })).then(() => process.stdout.write('stored\n'))
