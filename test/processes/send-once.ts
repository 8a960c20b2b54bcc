/** Sends one request to the origin that is named, through Node's client or its `fetch`, and prints the status. */
import { httpTransport } from '../../src/index.ts'
import type { UserId } from '../../src/model.ts'

const [baseUrl = '', way = ''] = process.argv.slice(2)
const transport = httpTransport({ baseUrl, ...(way === 'fetch' && { fetch }) })
const reply = await transport.send(
  {
    method: 'GET',
    path: '/notes',
    headers: {},
    body: null,
    kind: 'note',
    user: 'alice' as UserId,
    operations: [],
  },
  { token: null, signal: new AbortController().signal },
)
process.stdout.write(`${reply.status}\n`)
