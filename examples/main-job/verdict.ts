/** The verdict: what a run must show at its end, each thing a line of its own. Pure. */
import type { LogSummary } from '../server/summary.ts'

export interface DocumentEvidence {
  readonly user: string
  readonly document: string
  readonly transactionCount: number
  /** The recorded end, and what the server has. */
  readonly expected: string
  readonly found: string
  /** How many transactions `enqueue` acknowledged. */
  readonly acknowledged: number
}

export interface Evidence {
  readonly documents: readonly DocumentEvidence[]
  readonly summary: LogSummary
  readonly kills: {
    readonly planned: number
    readonly survived: number
    /** Acknowledged operations that were gone after a kill. */
    readonly lost: number
  }
  readonly faults: { readonly planned: number; readonly done: number }
  readonly anonymous: {
    readonly enqueued: readonly string[]
    /** Id to reason, as reported. */
    readonly dropped: ReadonlyMap<string, string>
  }
  /** Whatever must not happen and did: dead letters, errors, a crash, a standstill. */
  readonly problems: readonly string[]
}

export interface Finding {
  readonly ok: boolean
  readonly text: string
}

const mostShown = 5

export function judge(evidence: Evidence): Finding[] {
  return [
    ...evidence.documents.flatMap((document) => [
      sameText(document),
      exactlyOnce(document, evidence.summary),
    ]),
    ownToken(evidence.summary),
    stableKeys(evidence.summary),
    killsSurvived(evidence),
    anonymousDropped(evidence),
    faultsMet(evidence),
    noProblems(evidence),
  ]
}

function sameText({ user, document, expected, found }: DocumentEvidence): Finding {
  const same = expected === found
  const says = same ? 'equals the recorded end' : 'differs from the recorded end'
  const sizes = same ? `${found.length}` : `${found.length} instead of ${expected.length}`
  return { ok: same, text: `${user}/${document}: the server's text ${says} (${sizes} characters)` }
}

/**
 * The server counts a violation whenever an edit does not begin at the index it expects. Without one,
 * and with the right index at the end, each transaction was applied, once, in its place.
 */
function exactlyOnce(
  { user, document, transactionCount, acknowledged }: DocumentEvidence,
  { users, documents }: LogSummary,
): Finding {
  const known = documents.find((one) => one.user === user && one.document === document)
  const counts = users[user]
  const next = known?.next ?? 0
  const disorder = known?.orderViolations ?? 0
  const twice = counts?.appliedTwice ?? 0
  const ok =
    acknowledged === transactionCount && next === transactionCount && disorder + twice === 0
  const how = ok ? 'each once and in order' : `${disorder} out of order, ${twice} twice`
  const requests = `${counts?.applied ?? 0} requests applied, ${counts?.duplicatesSuppressed ?? 0} resent`
  const text = `${user}: ${acknowledged} of ${transactionCount} operations acknowledged, ${next} applied, ${how} (${requests})`
  return { ok, text }
}

function ownToken(summary: LogSummary): Finding {
  const forbidden = total(summary, 'forbidden403')
  const wrong = total(summary, 'appliedUnderWrongToken')
  const again = total(summary, 'refusedAgain')
  return {
    ok: forbidden + wrong + again === 0,
    text: `under a wrong token: ${forbidden} sent, ${wrong} applied; under a token known to be refused: ${again}`,
  }
}

function stableKeys(summary: LogSummary): Finding {
  const reused = total(summary, 'keyReusedWithOtherBody')
  const malformed = total(summary, 'malformed400')
  return {
    ok: reused + malformed === 0,
    text: `keys that came again with another body: ${reused}; malformed requests: ${malformed}`,
  }
}

function killsSurvived({ kills: { planned, survived, lost } }: Evidence): Finding {
  return {
    ok: survived === planned && lost === 0,
    text: `kills survived: ${survived} of ${planned}; acknowledged operations lost by them: ${lost}`,
  }
}

function anonymousDropped({ anonymous, summary }: Evidence): Finding {
  const { enqueued, dropped } = anonymous
  const count = enqueued.filter((id) => dropped.get(id) === 'anonymous').length
  const others = [...dropped.values()].filter((reason) => reason !== 'anonymous').length
  const sent = summary.anonymous.requests
  return {
    ok: enqueued.length > 0 && count === enqueued.length && others === 0 && sent === 0,
    text: `anonymous operations: ${enqueued.length} enqueued, ${count} reported dropped, ${sent} sent; dropped for another reason: ${others}`,
  }
}

function faultsMet({ faults: { planned, done }, summary }: Evidence): Finding {
  const met = [
    `${total(summary, 'refused401')} refused`,
    `${total(summary, 'failuresInjected')} failed`,
    `${total(summary, 'requestsDropped')} requests and ${total(summary, 'repliesDropped')} replies lost`,
    `${total(summary, 'htmlPages')} portal pages`,
  ]
  return { ok: done === planned, text: `faults: ${done} of ${planned} planned; ${met.join(', ')}` }
}

function noProblems({ problems }: Evidence): Finding {
  const shown = problems.slice(0, mostShown)
  const more = problems.length > shown.length ? [`and ${problems.length - shown.length} more`] : []
  const text = [`dead letters and errors: ${problems.length}`, ...shown, ...more]
  return { ok: problems.length === 0, text: text.join('\n       ') }
}

type Counted = keyof LogSummary['anonymous']

export function total({ users, anonymous }: LogSummary, what: Counted): number {
  return Object.values(users).reduce((sum, counts) => sum + counts[what], anonymous[what])
}
