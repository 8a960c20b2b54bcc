/** 431: a token has grown past what the server reads of headers. A newer token helps, and nothing dies meanwhile (Q7, Q8). */
import { expect, test } from 'vitest'
import { createHoldfast } from '../src/create-holdfast.ts'
import { sqliteStorage } from '../src/sqlite-storage.ts'
import { httpTransport } from '../src/transport/http-transport.ts'
import { serve } from './support/http-servers.ts'
import { note } from './support/rig.ts'

test('operations that a real server answers 431 are all applied once a shorter token comes', async () => {
  const applied: string[] = []
  const baseUrl = await serve((request, response) => {
    applied.push(request.headers.authorization ?? '')
    request.resume().on('end', () => {
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    })
  })
  const holdfast = await createHoldfast({
    storage: sqliteStorage({ file: ':memory:' }),
    transport: httpTransport({ baseUrl }),
    operations: [note],
    requirement: 'required',
    // Only the newer token can end the wait in the time of this test.
    backoff: { baseMs: 300_000, capMs: 300_000, jitter: false },
    maxAttempts: 1,
    patienceMs: 0,
  })
  const refused = new Promise((resolve) => {
    holdfast.on('operation.retrying', resolve)
  })
  await holdfast.login('alice', { token: 'a'.repeat(20_000) })
  const receipts = await Promise.all(
    Array.from({ length: 5 }, (_, n) => holdfast.enqueue(note({ text: `${n}` }))),
  )
  expect(await refused).toMatchObject({ outcome: 'retry', status: 431, error: null })
  expect(holdfast.status().lanes).toMatchObject([
    { lastFailure: { status: 431, code: null }, holds: [{ cause: 'after attempt 1: status 431' }] },
  ])
  await holdfast.updateToken('alice', 'a2')
  const settled = await Promise.all(receipts.map((receipt) => receipt.settled))
  expect(settled.map(({ outcome }) => outcome)).toEqual(Array(5).fill('completed'))
  expect(applied).toEqual(Array(5).fill('Bearer a2'))
  await holdfast.close()
})
