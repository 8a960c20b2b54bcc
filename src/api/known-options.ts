/**
 * The options of each call of the app. A misspelt option would be silently without effect, say a filter that then names
 * everything: it is refused, as that of `createHoldfast()` is (E1).
 */
import { show, showType } from '../checks/show.ts'
import type {
  DeadlineOptions,
  LoginOptions,
  LogoutOptions,
  ReadOptions,
  RetryOptions,
  SendNowOptions,
} from './call-options.ts'
import type { DeadLetterFilter } from './letter-filter.ts'
import type { ReportOptions } from './report.ts'
import type { PageOptions, PendingFilter } from './stored-operations.ts'

interface OptionsOfCalls {
  readonly login: LoginOptions
  readonly logout: LogoutOptions
  readonly retry: RetryOptions
  readonly retryAll: DeadLetterFilter
  readonly discardAll: DeadLetterFilter
  readonly pending: PendingFilter
  readonly deadLetters: DeadLetterFilter & PageOptions
  readonly read: ReadOptions
  readonly flush: DeadlineOptions
  readonly close: DeadlineOptions
  readonly sendNow: SendNowOptions
  readonly report: ReportOptions
}

const FILTER = { user: true, kind: true, reason: true } as const
const PAGE = { limit: true, after: true } as const
const DEADLINE = { deadlineMs: true } as const

const NAMES: {
  readonly [Call in keyof OptionsOfCalls]: Readonly<Record<keyof OptionsOfCalls[Call], true>>
} = {
  login: { token: true },
  logout: { unsent: true, ...DEADLINE },
  retry: { payload: true },
  retryAll: FILTER,
  discardAll: FILTER,
  pending: { user: true, ...PAGE },
  deadLetters: { ...FILTER, ...PAGE },
  read: {
    request: true,
    after: true,
    key: true,
    needs: true,
    reply: true,
    ...DEADLINE,
    interpret: true,
  },
  flush: DEADLINE,
  close: DEADLINE,
  sendNow: { user: true, ...DEADLINE },
  report: { pseudonyms: true, deadLetters: true },
}

/** @throws TypeError unless the options are an object with known names alone. */
export function optionsOf<Call extends keyof OptionsOfCalls>(
  call: Call,
  options: OptionsOfCalls[Call] | undefined,
): OptionsOfCalls[Call] {
  const given = options ?? ({} as OptionsOfCalls[Call])
  if (options === null || typeof given !== 'object') {
    // It may be a token.
    throw new TypeError(`${call}: the options must be an object, not ${showType(options)}`)
  }
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(NAMES[call], name))
  if (unknown === undefined) return given
  const known = Object.keys(NAMES[call]).join(', ')
  throw new TypeError(`${call}: there is no option ${show(unknown)}, only ${known}`)
}
