/** No secret of a token in a journal, an event, an error and what it was caused by, `status()`, or the database. */
import { inspect } from 'node:util'
import { additionsTo, type Invariant } from './invariant.ts'

/** Shows what an object hides too. */
const EVERYTHING = { depth: 12, showHidden: true, customInspect: false, maxStringLength: null }

export const noSecrets: Invariant = (run) => {
  const journal = additionsTo(run.journal)
  const heard = additionsTo(run.heard)
  const settled = settledCallsOf(run.calls)
  const faults = additionsTo(run.faults)
  const lives = additionsTo(run.lives)
  let shown: unknown = null
  return (moment) => {
    const said = new Map<string, string>()
    const lines = journal()
    if (lines.length > 0) said.set('the journal', lines.join('\n'))
    const details = heard().map(({ detail }) =>
      'error' in detail ? inspected(detail) : json(detail),
    )
    if (details.length > 0) said.set('an event', details.join('\n'))
    const errors = [...settled().map(({ error }) => error), ...faults()]
    for (const error of errors) if (error !== null) said.set('an error', inspected(error))
    if (run.status !== shown) said.set('the status', json(run.status))
    shown = run.status
    // Looked through seldom, for its size: a secret that was written stays where it was.
    if (moment === 'end' || lives().length > 0) {
      said.set('the database', Buffer.from(run.bytes()).toString('latin1'))
    }
    return run.tokens
      .secrets()
      .flatMap(partsOf)
      .flatMap((secret) =>
        [...said].filter(([, text]) => text.includes(secret)).map(([where]) => ({ secret, where })),
      )
  }
}

/** Of a JWT also its signature by itself: that is all that makes it a secret. */
function partsOf(secret: string): string[] {
  const [, , signature] = secret.split('.')
  return signature === undefined || signature === '' ? [secret] : [secret, signature]
}

function settledCallsOf<T extends { readonly settledAt: number | null }>(
  calls: readonly T[],
): () => T[] {
  const added = additionsTo(calls)
  let open: T[] = []
  return () => {
    open.push(...added())
    const settled = open.filter(({ settledAt }) => settledAt !== null)
    open = open.filter(({ settledAt }) => settledAt === null)
    return settled
  }
}

function inspected(value: unknown): string {
  return inspect(value, EVERYTHING)
}

function json(value: unknown): string {
  return JSON.stringify(value)
}
