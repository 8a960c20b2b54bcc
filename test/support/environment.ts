/**
 * The environment of every test, the same on each machine. Each value is one that shows a mistake which the values of most
 * machines hide: UTC hides a date that is read as local time, and the rules of English hide a text that is compared by them.
 */

/** Half an hour beside the full hours, with daylight saving time. */
const TIME_ZONE = 'America/St_Johns'

/** A comma stands in numbers, and `ı` comes before `i`. */
const LOCALE = 'tr-TR'

const ENVIRONMENT = {
  TZ: TIME_ZONE,
  LC_ALL: `${LOCALE.replace('-', '_')}.UTF-8`,
} as const

export const EXPECTED = { timeZone: TIME_ZONE, locale: LOCALE } as const

/** What would change what is printed, or where requests go and whom they trust. */
export const UNWANTED = [
  'NO_COLOR',
  'FORCE_COLOR',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'ALL_PROXY',
  'NO_PROXY',
  'http_proxy',
  'https_proxy',
  'all_proxy',
  'no_proxy',
  'NODE_USE_ENV_PROXY',
  'NODE_TLS_REJECT_UNAUTHORIZED',
  'API_URL',
] as const

/** Before the processes of the tests are started: they inherit it, and so does each process that a test starts. */
export function setEnvironment(environment: NodeJS.ProcessEnv = process.env): void {
  for (const name of UNWANTED) delete environment[name]
  Object.assign(environment, ENVIRONMENT)
}
