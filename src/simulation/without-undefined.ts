/** The object without the properties that are undefined: an option that is undefined is not the same as none. */
export function withoutUndefined<T extends object>(object: T): Partial<T> {
  const entries = Object.entries(object).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as Partial<T>
}
