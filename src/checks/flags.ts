import { show } from './show.ts'

/** @throws TypeError unless the value is true or false. */
export function flagOf(what: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value
  throw new TypeError(`${what} must be true or false, not ${show(value)}`)
}
