/** What a run keeps of the calls of the app: the invariants judge it. */
import { expect, it } from 'vitest'
import { parseScenario } from '../src/simulation/parse-scenario.ts'
import { play } from '../src/simulation/play.ts'

const SCENARIO = `
scenario: 1
name: calls and their results
tokens:
  a1: { user: alice }
steps:
  - { at: 0, login: { user: alice } }
  - { at: 1, enqueue: { id: one, kind: note, payload: { text: x } } }
  - { at: 2, enqueue: { id: two, kind: note, payload: { text: y } } }
  - { at: 3, cancel: two }
  - { at: 4, cancel: two }
  - { at: 5, flush: 50 }
  - { at: 100, logout: keep }
  - { at: 200, forget: alice }
expect:
  rejects: { two: UNKNOWN_OPERATION }
`

it('the record of a run has what each call resolved with', async () => {
  const { record } = await play(parseScenario(SCENARIO, 'calls.yaml'))
  const resultsOf = (wanted: string) =>
    record.calls.filter(({ name }) => name === wanted).map(({ result }) => result)
  expect(resultsOf('login')).toEqual([undefined])
  expect(resultsOf('enqueue')).toEqual(record.acknowledged.map(({ id }) => ({ id })))
  expect(resultsOf('cancel')).toEqual([undefined, undefined])
  expect(record.calls.map(({ error }) => codeOf(error))).toContain('UNKNOWN_OPERATION')
  expect(resultsOf('flush')).toEqual([{ pending: 1, lanes: expect.any(Array) }])
  expect(resultsOf('logout')).toEqual([{ pending: 1 }])
  expect(resultsOf('forget')).toEqual([{ setAside: [] }])
})

function codeOf(error: unknown): unknown {
  return (error as { readonly code?: unknown } | null)?.code
}
